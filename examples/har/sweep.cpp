// SPDX-License-Identifier: BSD-3-Clause
/// sweep: a grid of settings, each in every fold with every seed; or a share of these runs.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "commands.hpp"
#include "datasets.hpp"
#include "folds.hpp"
#include "grid.hpp"
#include "html.hpp"
#include "networks.hpp"
#include "recipe.hpp"
#include "share.hpp"
#include "smldist/core/error.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json_scanner.hpp"
#include "smldist/io/sha256.hpp"
#include "sweep_files.hpp"
#include "trainings.hpp"

namespace har {

using namespace smldist;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t most_runs = 200000;

/// The ID of what depends on the text.
std::string id_of(const std::string& text) { return io::sha256().update(text).hex().substr(0, 16); }

/// What tells windows from others.
std::string digest_of(const data::windows& w) {
    const auto bytes = [](const auto& list) { return std::as_bytes(std::span(list.data(), list.size())); };
    return io::sha256().update(bytes(w.x)).update(bytes(w.label)).update(bytes(w.subject)).hex();
}

/// What trainings cost.
class cost_estimate {
public:
    /// Of --preset with --epochs: multiply-accumulates of one window in all epochs, forward only.
    std::uint64_t of(const options& o) {
        std::string key = o.preset + " " + std::to_string(o.width);
        for (const auto& row : o.network.backbone.rows) key += ";" + model::text(row);
        const auto [at, fresh] = macs_.emplace(key, 0);
        if (fresh) {
            options plain = o;
            choose_head(plain.network, "linear");
            constexpr std::size_t length = 128, channels = 9, classes = 6; // the same for all
            at->second =
                model::trace(network(architecture(plain, o.preset, channels, classes), generator(0)), length).macs();
        }
        return epochs_for(o.preset, o.training.epochs) * at->second;
    }

private:
    std::map<std::string, std::uint64_t> macs_;
};

/// A setting with what is the same in all its folds and seeds.
struct prepared_setting {
    const grid_setting* given;
    std::size_t data;    ///< which of the datasets
    std::string text;    ///< the training's options
    std::string teacher; ///< those of the teacher's training; empty without one
    std::uint64_t cost, teacher_cost;
    const std::string& method() const { return given->values.method; }
};

struct run {
    std::string id;
    const prepared_setting* setting;
    std::size_t fold; ///< from 0
    std::uint64_t seed;
};

/// Runs that share a teacher, or one run without.
struct run_group {
    std::string teacher; ///< ID of its training, which may be that of a run; empty without one
    std::vector<run> runs;
    std::uint64_t cost = 0;
};

/// The datasets of a grid, of which the last one asked for is kept.
class datasets_in_turn {
public:
    /// The number of the dataset of these options.
    std::size_t number(const options& o) {
        const std::string text = data_text(o);
        const auto [at, fresh] = known_.emplace(text, sets_.size());
        if (fresh) sets_.push_back(o);
        return at->second;
    }
    std::size_t size() const { return sets_.size(); }
    const data::windows& windows(std::size_t n) {
        if (!loaded_ || loaded_->first != n) {
            loaded_.reset(); // before the next: memory for one
            loaded_.emplace(n, load_data(sets_[n], {subjects::all}).test);
        }
        return loaded_->second;
    }

private:
    std::map<std::string, std::size_t> known_;
    std::vector<options> sets_;
    std::optional<std::pair<std::size_t, data::windows>> loaded_;
};

class sweep_work {
public:
    sweep_work(const options& o, const grid& g)
        : o_(o), share_(share_of(o.shard)), out_(o.out), several_(g.settings.size() > 1) {
        if (out_.empty()) raise<usage_error>("--out", "folder is \"\", expected a name");
        for (const grid_setting& s : g.settings) settings_.push_back(prepare(s));
        folds_.resize(data_.size());
        digests_.resize(data_.size());
        std::uint64_t count = 0;
        for (std::size_t d = 0; d < data_.size(); ++d)
            for (const prepared_setting& s : settings_)
                if (s.data == d) {
                    named(s.given->name, [&] {
                        folds_[d] = folds_of(s.given->values, data_.windows(d));
                        if (digests_[d].empty()) digests_[d] = digest_of(data_.windows(d));
                        data_.windows(d).info.find_channels(s.given->values.student_channels);
                    });
                    count += folds_[d].size() * o.seeds;
                }
        if (count > most_runs)
            raise<usage_error>(o.input, "number of runs is ", count, ", expected at most ", most_runs);
        make_groups();
        make_folder();
    }

    void run_share() {
        const std::vector<std::size_t> shares = distributed(costs(), share_.count);
        std::set<std::string> ids;
        for (std::size_t g = 0; g < groups_.size(); ++g)
            if (shares[g] == share_.number)
                for (const run& r : groups_[g].runs) ids.insert(r.id);
        remove_half_written(ids);
        const std::size_t mine = ids.size();
        const auto there = static_cast<std::size_t>(
            std::count_if(ids.begin(), ids.end(), [&](const std::string& id) { return has_row(id); }));
        total_ = mine - there;
        if (!o_.quiet)
            std::fprintf(stderr, "sweep: share %zu of %zu%s: %zu of %zu runs, of which %zu are done\n", share_.number,
                         share_.count, share_.said_by.empty() ? "" : (" (" + share_.said_by + ")").c_str(), mine,
                         runs_.size(), there);
        for (std::size_t g = 0; g < groups_.size(); ++g)
            if (shares[g] == share_.number && !do_group(groups_[g])) break;
        std::printf("share %zu of %zu: %zu runs, %zu done before, %zu now, of which %zu failed\n", share_.number,
                    share_.count, mine, there, done_, failed_);
        if (!o_.json) return;
        io::json j;
        j.set("share", share_.number);
        j.set("shares", share_.count);
        j.set("runs", mine);
        j.set("done_before", there);
        j.set("done", done_);
        j.set("failed", failed_);
        std::printf("%s\n", j.dump().c_str());
    }

private:
    /// Calls `check`; if it refuses an option, and there is more than one setting, the message names the setting.
    template <class F> void named(const std::string& setting, F check) const {
        try {
            check();
        } catch (const usage_error& e) {
            if (!several_) throw;
            raise<usage_error>(o_.input, "setting ", setting, ": ", e.what());
        }
    }

    /// Checks a setting's options and finds out what is the same in all its runs.
    prepared_setting prepare(const grid_setting& s) {
        const options& o = s.values;
        prepared_setting p{&s, 0, "", "", 0, 0};
        named(s.name, [&] { check_method(o, o.method, "--method"); });
        p.data = data_.number(o);
        p.text = training_text(options_for(o, o.method), distils(o.method));
        p.cost = costs_.of(o);
        if (!distils(o.method)) return p;
        const options teacher = options_for(o, "teacher");
        p.teacher = training_text(teacher, false);
        if (teacher.teachers > 1) p.teacher += "teachers=" + std::to_string(teacher.teachers) + "\n";
        p.teacher_cost = costs_.of(teacher) * teacher.teachers;
        return p;
    }

    /// The groups in the order of the work: dataset, seed, fold, setting; so that methods are soon compared on the same people.
    void make_groups() {
        std::map<std::string, std::size_t> places;
        for (std::size_t d = 0; d < data_.size(); ++d)
            for (std::uint64_t s = 0; s < o_.seeds; ++s)
                for (std::size_t fold = 0; fold < folds_[d].size(); ++fold)
                    for (const prepared_setting& setting : settings_) {
                        if (setting.data != d) continue;
                        const run r{run_id(setting.text, setting, fold, o_.seed + s), &setting, fold, o_.seed + s};
                        if (!runs_.emplace(r.id, r).second) continue; // differs in options that change nothing
                        const std::string teacher =
                            setting.teacher.empty() ? "" : run_id(setting.teacher, setting, fold, o_.seed + s);
                        const auto [at, fresh] = places.emplace(teacher.empty() ? r.id : teacher, groups_.size());
                        if (fresh) groups_.emplace_back();
                        run_group& g = groups_[at->second];
                        if (!teacher.empty() && g.teacher.empty()) {
                            g.teacher = teacher;
                            g.cost += setting.teacher_cost;
                        }
                        g.runs.push_back(r);
                        g.cost += setting.cost;
                    }
    }

    std::string run_id(const std::string& text, const prepared_setting& s, std::size_t fold,
                       std::uint64_t seed) const {
        return id_of(text + "fold=" + std::to_string(fold + 1) + "\nfolds=" + std::to_string(folds_[s.data].size()) +
                     "\nseed=" + std::to_string(seed) + "\ndata-seed=" + std::to_string(o_.seed) +
                     "\nwindows=" + digests_[s.data] + "\n");
    }

    std::vector<std::uint64_t> costs() const {
        std::vector<std::uint64_t> all;
        for (const run_group& g : groups_) all.push_back(g.cost);
        return all;
    }

    sweep_plan plan() const {
        sweep_plan p{settings_[0].given->values.data, o_.seed, o_.seeds, {}};
        for (const prepared_setting& s : settings_) {
            const options& o = s.given->values;
            if (o.data != p.data) p.data.clear();
            sweep_plan::setting one{s.given->name,
                                    distils(o.method)
                                        ? o.preset + " distilled from " + teachers_text(o) + " by " + o.method
                                        : o.preset + " trained with labels",
                                    s.given->axes,
                                    folds_[s.data].size(),
                                    {}};
            for (std::uint64_t seed = 0; seed < o_.seeds; ++seed)
                for (std::size_t fold = 0; fold < one.folds; ++fold)
                    one.runs.push_back(run_id(s.text, s, fold, o_.seed + seed));
            p.settings.push_back(std::move(one));
        }
        return p;
    }

    /// Makes the folder and writes the plan, unless another process has. Throws usage_error when it is of another sweep,
    /// io_error.
    void make_folder() const {
        const std::string file = out_ + "/sweep.json";
        std::error_code none;
        if (!fs::exists(file, none) && fs::exists(out_, none) && holds_run(out_))
            raise<usage_error>("--out", "folder ", out_, " holds a run, expected a sweep or none");
        for (const char* part : {"/rows", "/runs"}) {
            std::error_code code;
            fs::create_directories(out_ + part, code);
            if (code) raise<io_error>("--out", "cannot make folder ", out_, part, ": ", code.message());
        }
        const std::string text = plan().text();
        if (fs::exists(file, none) && !o_.force) {
            const auto bytes = io::read_file(file);
            const bool same = std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == text;
            if (same && fs::exists(out_ + "/config.toml", none)) return;
            if (!same)
                raise<usage_error>("--out", "folder ", out_, " holds the sweep of another grid (", out_,
                                   "/config.toml) or of other data, expected that of ", o_.input,
                                   ": choose another folder, or give --force to go on with this grid");
        }
        io::write_file_atomically(file, text); // first: it tells the folder of a sweep from that of a run
        io::write_file_atomically(out_ + "/config.toml", o_.config_text);
    }

    bool has_row(const std::string& id) const {
        std::error_code none;
        return fs::exists(row_file(out_, id), none);
    }

    /// Removes what killed processes left of the rows of these runs, which are this process's.
    void remove_half_written(const std::set<std::string>& ids) const {
        std::error_code code;
        for (fs::directory_iterator entry(out_ + "/rows", code), end; !code && entry != end; entry.increment(code)) {
            const std::string name = entry->path().filename().string();
            const std::size_t mark = name.find(".jsonl" + std::string(io::temporary_mark));
            std::error_code none;
            if (mark != name.npos && ids.contains(name.substr(0, mark))) fs::remove(entry->path(), none);
        }
        if (code) raise<io_error>("--out", "folder ", out_, "/rows cannot be read: ", code.message());
    }

    std::string folder_of(const std::string& id) const { return out_ + "/runs/" + id; }

    /// Whether the network of that ID is trained and still there.
    bool is_trained(const std::string& id) const {
        std::error_code none;
        return fs::exists(folder_of(id) + "/metrics.json", none); // written last
    }

    /// Does the runs of a group that have no row. Returns whether to go on: no signal has come.
    bool do_group(const run_group& g) {
        std::string no_teacher; // why there is none
        for (const run& r : g.runs) {
            if (caught_signal != 0) return false;
            if (has_row(r.id)) continue;
            const bool student = distils(r.setting->method());
            if (student && no_teacher.empty() && !is_trained(g.teacher) &&
                !train(r, "teacher", g.teacher, g, no_teacher))
                return false;
            if (student && !no_teacher.empty()) {
                write_failure(r, "teacher: " + no_teacher);
                continue;
            }
            std::string failure;
            if (!train(r, r.setting->method(), r.id, g, r.id == g.teacher ? no_teacher : failure)) return false;
        }
        if (!o_.keep_models) {
            for (const run& r : g.runs) remove(r.id);
            if (!g.teacher.empty()) remove(g.teacher);
        }
        return true;
    }

    /// Trains the network of that ID with the options and in the fold of `r`, and writes its row if it is a run of the grid.
    /// `failure`: why it diverged. Returns whether to go on.
    bool train(const run& r, const std::string& method, const std::string& id, const run_group& g,
               std::string& failure) {
        options one = options_for(r.setting->given->values, method);
        one.seed = r.seed;
        one.out = folder_of(id);
        std::error_code none;
        one.resume = fs::exists(one.out + "/config.toml", none); // of a run that was ended
        one.force = !one.resume;
        one.config_text = one.run_text = method == "teacher" ? r.setting->teacher : r.setting->text;
        const auto& folds = folds_[r.setting->data];
        try {
            experiment e(
                one, [&] { return data::test_on(data_.windows(r.setting->data), folds[r.fold]); },
                "run " + std::to_string(done_ + 1) + "/" + std::to_string(total_) + " " + r.setting->given->name +
                    " fold " + std::to_string(r.fold + 1) + "/" + std::to_string(folds.size()) + " seed " +
                    std::to_string(r.seed) + ": " + (method == "teacher" ? "teacher " : ""));
            train_method(e, method, folder_of(g.teacher));
            if (e.stopped || e.trained.empty()) return false;
            if (o_.keep_models || id == g.teacher) e.save();
            remove_checkpoints(one.out);
            const auto at = runs_.find(id);
            if (at != runs_.end() && !has_row(id)) write_row(at->second, e);
        } catch (const interrupted&) { return false; } catch (const numeric_error& error) {
            failure = error.what();
            if (const auto at = runs_.find(id); at != runs_.end() && !has_row(id)) write_failure(at->second, failure);
        }
        return true;
    }

    sweep_row row_of(const run& r) const {
        sweep_row row;
        row.id = r.id;
        row.version = SMLDIST_VERSION_STRING;
        row.setting = r.setting->given->name;
        row.axes = r.setting->given->axes;
        row.options = r.setting->text;
        row.fold = r.fold + 1;
        row.folds = folds_[r.setting->data].size();
        row.seed = r.seed;
        return row;
    }

    void write_row(const run& r, const experiment& e) {
        sweep_row row = row_of(r);
        const trained_network& net = e.trained.back();
        row.record = record_of(row.fold, row.seed, e.set.test, net);
        row.labels = e.set.test.info.labels;
        for (std::size_t n = row.labels.size(); n < e.set.test.classes(); ++n)
            row.labels.push_back(std::to_string(n));
        for (const auto& [person, counts] : row.record.people)
            row.people.emplace(person, e.set.test.info.subject_name(person));
        row.majority = majority(e.set.train, e.set.test).at(0);
        row.history = curve_of(net, "").epochs;
        row.best_epoch = net.best_epoch;
        const io::json* teacher = e.result.find("teachers");
        if (!teacher) teacher = e.result.find("teacher");
        if (teacher) {
            row.teacher.set("accuracy", teacher->as_double("accuracy"));
            row.teacher.set("macro_f1", teacher->as_double("macro_f1"));
        }
        write(row);
    }

    void write_failure(const run& r, const std::string& failure) {
        sweep_row row = row_of(r);
        row.failure = failure;
        ++failed_;
        if (!o_.quiet) std::fprintf(stderr, "sweep: a run failed, the others go on: %s\n", failure.c_str());
        write(row);
    }

    void write(const sweep_row& row) {
        io::write_file_atomically(row_file(out_, row.id), row.text());
        ++done_;
    }

    void remove(const std::string& id) const {
        std::error_code none;
        if (fs::exists(folder_of(id), none)) remove_run(folder_of(id));
    }

    const options& o_;
    share share_;
    std::string out_;
    bool several_; ///< settings
    cost_estimate costs_;
    datasets_in_turn data_;
    std::vector<prepared_setting> settings_;
    std::vector<std::vector<std::vector<int>>> folds_; ///< of each dataset
    std::vector<std::string> digests_;                 ///< of its windows
    std::vector<run_group> groups_;
    std::map<std::string, run> runs_; ///< by ID
    std::size_t total_ = 0, done_ = 0, failed_ = 0;
};

} // namespace

void sweep(const options& o, const grid& g) { sweep_work(o, g).run_share(); }

} // namespace har
