// SPDX-License-Identifier: BSD-3-Clause
/// collect: tables and a report of the rows of a sweep, in the order of the grid however they came about.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "html.hpp"
#include "options.hpp"
#include "own_recordings.hpp"
#include "report.hpp"
#include "results.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/io/file.hpp"
#include "sweep_files.hpp"

namespace har {

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// A setting with its rows.
struct collected {
    const sweep_plan::setting* plan;
    method_results results;
    std::vector<const sweep_row*> rows; ///< with results, in the order of seeds and folds
    std::vector<std::string> labels;    ///< of the classes
};

/// The answers of `majority` in the run of a row.
run_record guesses(const sweep_row& row) {
    run_record guess{row.fold, row.seed, {}, {}, {}};
    for (const auto& [person, counts] : row.record.people) {
        metric::confusion& its = guess.people.try_emplace(person, counts.classes()).first->second;
        for (std::size_t n = 0; n < counts.classes(); ++n)
            for (std::uint64_t i = 0; i < counts.labelled(n); ++i) its.add(static_cast<int>(n), row.majority);
    }
    return guess;
}

/// Whether both runs tested the same windows, as far as one can see.
bool same_windows(const sweep_row& a, const sweep_row& b) {
    if (a.labels != b.labels || a.people != b.people) return false;
    for (const auto& [person, counts] : a.record.people)
        for (std::size_t n = 0; n < counts.classes(); ++n)
            if (counts.labelled(n) != b.record.people.at(person).labelled(n)) return false;
    return true;
}

/// The text as a field of a CSV file.
std::string field(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == text.npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
}

class collection {
public:
    explicit collection(const std::string& folder) : folder_(folder), plan_(read_plan(folder)) {
        read_rows();
        for (const sweep_plan::setting& s : plan_.settings) {
            collected c{&s, {s.name, s.description, 0}, {}, {}};
            for (std::size_t k = 0; k < s.runs.size(); ++k) {
                const auto at = rows_.find(s.runs[k]);
                const std::string name = s.name + " fold " + std::to_string(k % s.folds + 1) + " seed " +
                                         std::to_string(plan_.seed + k / s.folds);
                if (at == rows_.end())
                    missing_.push_back(name);
                else if (!at->second.failure.empty())
                    failed_.emplace_back(name, at->second.failure);
                else
                    c.rows.push_back(&at->second);
            }
            runs_ += s.runs.size();
            if (!c.rows.empty()) c.labels = c.rows[0]->labels;
            c.results = results_of(c, c.rows);
            settings_.push_back(std::move(c));
        }
        compare_all();
    }

    /// Says on stderr what the results do not depend on.
    void tell() const {
        double seconds = 0;
        std::vector<std::string> versions;
        std::set<std::string> used;
        for (const sweep_plan::setting& s : plan_.settings) used.insert(s.runs.begin(), s.runs.end());
        std::size_t others = 0;
        for (const auto& [id, row] : rows_) {
            if (!used.contains(id)) ++others;
            if (!used.contains(id)) continue;
            seconds += row.record.cost.seconds;
            if (std::find(versions.begin(), versions.end(), row.version) == versions.end())
                versions.push_back(row.version);
        }
        std::fprintf(stderr, "rows: %s of training in all\n", duration(seconds).c_str());
        if (versions.size() > 1)
            std::fprintf(stderr, "rows: made by versions %s of smldist\n", listed(versions).c_str());
        if (others > 0) std::fprintf(stderr, "rows: %zu of runs that are not in this grid are left out\n", others);
    }

    std::string table() const {
        std::size_t columns = method_results::name_columns;
        for (const collected& c : settings_) columns = std::max(columns, c.plan->name.size());
        std::string text = method_results::table_head(columns);
        if (guess_) text += guess_->line(columns);
        for (const collected& c : settings_)
            if (!c.rows.empty()) text += c.results.line(columns);
        text += "mean ± standard deviation over folds and seeds, in per cent\n";
        for (const report_comparison& c : comparisons_) text += sentence(c) + "\n";
        if (!missing_.empty())
            text += std::to_string(missing_.size()) + " of " + counted(runs_, "run", "runs") +
                    " missing: " + listed(missing_) + "\n";
        if (!failed_.empty()) {
            text += std::to_string(failed_.size()) + " of " + counted(runs_, "run", "runs") + " failed:\n";
            for (const auto& [name, why] : failed_) text += "  " + name + ": " + why + "\n";
        }
        return text;
    }

    io::json json() const {
        io::json::array settings, comparisons, missing, failures;
        const auto add = [&](const method_results& m, const data::signal_info& info, io::json its) {
            const io::json figures = m.runs() > 0 ? m.json(info) : io::json(io::json::object{});
            for (const auto& [name, value] : figures.as_object()) its.set(name, value);
            settings.push_back(std::move(its));
        };
        if (guess_) add(*guess_, info_of(settings_[*first_].labels), {});
        for (const collected& c : settings_) {
            io::json its;
            its.set("name", c.plan->name);
            its.set("description", c.plan->description);
            io::json axes(io::json::object{});
            for (const auto& [name, value] : c.plan->axes) axes.set(name, value);
            its.set("settings", std::move(axes));
            add(c.results, info_of(c.labels), std::move(its));
        }
        for (const report_comparison& c : comparisons_) comparisons.push_back(json_of(c));
        for (const std::string& name : missing_) missing.emplace_back(name);
        for (const auto& [name, why] : failed_) {
            io::json one;
            one.set("run", name);
            one.set("failure", why);
            failures.push_back(std::move(one));
        }
        io::json j;
        j.set("data", plan_.data);
        j.set("runs", runs_);
        j.set("settings", std::move(settings));
        j.set("comparisons", std::move(comparisons));
        j.set("missing", std::move(missing));
        j.set("failures", std::move(failures));
        return j;
    }

    /// A line for each run that has ended.
    std::string csv() const {
        std::string text = "setting";
        for (const auto& [name, value] : plan_.settings.at(0).axes) text += "," + field(name);
        text += ",fold,seed,accuracy,macro_f1,worst_person_macro_f1,calibration_error,windows,failure\n";
        for (const sweep_plan::setting& s : plan_.settings)
            for (const std::string& id : s.runs) {
                const auto at = rows_.find(id);
                if (at == rows_.end()) continue;
                const sweep_row& row = at->second;
                text += field(s.name);
                for (const auto& [name, value] : s.axes) text += "," + field(value);
                text += "," + std::to_string(row.fold) + "," + std::to_string(row.seed);
                if (row.failure.empty()) {
                    const metric::confusion counts = row.record.counts();
                    double worst = 1;
                    for (const auto& [person, its] : row.record.people) worst = std::min(worst, its.macro_f1());
                    for (const double figure :
                         {counts.accuracy(), counts.macro_f1(), worst, row.record.calibration_error()})
                        text += "," + io::json(figure).dump();
                    text += "," + std::to_string(counts.total()) + ",\n";
                } else {
                    text += ",,,,,," + field(row.failure) + "\n";
                }
            }
        return text;
    }

    /// The page, of the settings whose classes are those of the first one that has results.
    report_data report() const {
        report_data r;
        r.title = "smldist: sweep" + (plan_.data.empty() ? "" : " on " + plan_.data.substr(0, plan_.data.find('=')));
        r.facts = {{"settings", std::to_string(plan_.settings.size())},
                   {"seeds", std::to_string(plan_.seeds) + " from " + std::to_string(plan_.seed)},
                   {"folds", std::to_string(plan_.settings[*first_].folds) + ", by person"},
                   {"runs", std::to_string(runs_) + ", of which " + std::to_string(missing_.size()) +
                                " are missing and " + std::to_string(failed_.size()) + " failed"}};
        if (!plan_.data.empty()) r.facts.insert(r.facts.begin(), {"data", plan_.data});
        r.labels = settings_[*first_].labels;
        r.people = people_;
        std::vector<int> numbers;
        for (std::size_t k = 0; k < people_.size(); ++k) numbers.push_back(static_cast<int>(k));
        if (guess_) r.methods.push_back(guess_->report(numbers));
        for (const collected& c : settings_) {
            if (c.rows.empty() || c.labels != r.labels) continue;
            r.methods.push_back(c.results.report(numbers));
            for (const sweep_row* row : c.rows)
                r.curves.push_back({c.plan->name,
                                    "fold " + std::to_string(row->fold) + ", seed " + std::to_string(row->seed),
                                    row->history, row->best_epoch});
        }
        r.comparisons = comparisons_;
        return r;
    }

private:
    /// Reads all rows. Throws data_error when there is none with results, and for a file that is not the row of its name.
    void read_rows() {
        std::error_code code;
        for (fs::directory_iterator entry(folder_ + "/rows", code), end; !code && entry != end;
             entry.increment(code)) {
            const fs::path file = entry->path();
            if (file.extension() != ".jsonl") continue; // one that is being written
            sweep_row row = read_row(file.string());
            if (row.id != file.stem().string())
                raise<data_error>(file.string(), "ID of the row is ", row.id, ", expected that of the file's name");
            rows_.emplace(row.id, std::move(row));
        }
        if (code) raise<io_error>("collect", "cannot read folder ", folder_, "/rows: ", code.message());
        // People of all rows, in the order of their numbers in the data.
        std::set<std::pair<int, std::string>> all;
        for (const sweep_plan::setting& s : plan_.settings)
            for (const std::string& id : s.runs)
                if (const auto at = rows_.find(id); at != rows_.end())
                    all.insert(at->second.people.begin(), at->second.people.end());
        if (all.empty())
            raise<data_error>("collect", "number of runs with results in ", folder_,
                              "/rows is 0, expected at least one");
        for (const auto& [number, name] : all)
            if (numbers_.emplace(name, static_cast<int>(people_.size())).second) people_.push_back(name);
    }

    /// A run with people by their numbers here, and without seconds, which differ from machine to machine.
    run_record record_of(const sweep_row& row, run_record run) const {
        std::map<int, metric::confusion> people;
        for (const auto& [person, counts] : run.people)
            people.try_emplace(numbers_.at(row.people.at(person)), counts.classes()).first->second.merge(counts);
        run.people = std::move(people);
        run.cost.seconds = 0;
        return run;
    }

    method_results results_of(const collected& c, const std::vector<const sweep_row*>& rows) const {
        method_results m(c.plan->name, c.plan->description, c.labels.size());
        for (const sweep_row* row : rows) {
            if (row->labels != c.labels)
                raise<data_error>(row_file(folder_, row->id), "classes are not those of the other runs of ",
                                  c.plan->name, ": was the dataset changed?");
            m.add(record_of(*row, row->record));
        }
        return m;
    }

    /// Each setting against the first one that has results, in the runs of both; that one against guessing.
    void compare_all() {
        for (std::size_t k = 0; k < settings_.size() && !first_; ++k)
            if (!settings_[k].rows.empty()) first_ = k;
        const collected& first = settings_[*first_];
        guess_.emplace("majority", "the most frequent class of the training people", first.labels.size());
        for (const sweep_row* row : first.rows) guess_->add(record_of(*row, guesses(*row)));
        comparisons_ = compare(*guess_, first.results);
        for (std::size_t k = *first_ + 1; k < settings_.size(); ++k) {
            std::vector<const sweep_row*> of_first, of_other;
            for (const sweep_row* a : first.rows)
                for (const sweep_row* b : settings_[k].rows)
                    if (a->fold == b->fold && a->seed == b->seed && same_windows(*a, *b)) {
                        of_first.push_back(a);
                        of_other.push_back(b);
                    }
            if (of_first.empty()) continue;
            for (auto& c : compare(results_of(first, of_first), results_of(settings_[k], of_other)))
                comparisons_.push_back(std::move(c));
        }
    }

    data::signal_info info_of(const std::vector<std::string>& labels) const {
        data::signal_info info;
        info.labels = labels;
        info.subjects = people_;
        return info;
    }

    std::string folder_;
    sweep_plan plan_;
    std::map<std::string, sweep_row> rows_; ///< by ID
    std::vector<std::string> people_;
    std::map<std::string, int> numbers_; ///< places in people_
    std::vector<collected> settings_;
    std::optional<std::size_t> first_; ///< setting with results
    std::optional<method_results> guess_;
    std::vector<report_comparison> comparisons_;
    std::vector<std::string> missing_;
    std::vector<std::pair<std::string, std::string>> failed_; ///< names and reasons
    std::size_t runs_ = 0;
};

} // namespace

void collect(const options& o) {
    const interruptible nothing_to_save;
    const collection all(o.input);
    const std::string figures = all.json().dump() + "\n";
    io::write_file_atomically(o.input + "/collect.json", figures);
    io::write_file_atomically(o.input + "/collect.csv", all.csv());
    io::write_file_atomically(o.input + "/report.html", report_html(all.report()));
    std::printf("%s", all.table().c_str());
    if (o.json) std::printf("%s", figures.c_str());
    if (o.quiet) return;
    all.tell();
    std::fprintf(stderr, "report: %s/report.html\n", o.input.c_str());
}

} // namespace har
