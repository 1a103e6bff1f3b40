// SPDX-License-Identifier: BSD-3-Clause
/// validate: every person is tested once per seed, by networks that never saw this person.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "datasets.hpp"
#include "folds.hpp"
#include "plan.hpp"
#include "recipe.hpp"
#include "results.hpp"
#include "smldist/core/error.hpp"
#include "smldist/data/split.hpp"
#include "smldist/io/json_scanner.hpp"
#include "text.hpp"
#include "trainings.hpp"

namespace har {

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// The methods in the order of their work: the teacher before those that distil it. Throws usage_error for a method that there
/// is not, or that is listed twice, and for options that do not fit it.
std::vector<std::string> methods_of(const options& o) {
    std::vector<std::string> methods = o.methods;
    if (methods.empty()) raise<usage_error>("--methods", "number of methods is 0, expected at least one");
    for (std::size_t i = 0; i < methods.size(); ++i) {
        const std::string& m = methods[i];
        if (std::find(methods.begin(), methods.begin() + static_cast<std::ptrdiff_t>(i), m) !=
            methods.begin() + static_cast<std::ptrdiff_t>(i))
            raise<usage_error>("--methods", "name ", io::quote(m), " is listed twice, expected once");
        check_method(o, m, "--methods");
    }
    if (std::any_of(methods.begin(), methods.end(), distils)) methods.insert(methods.begin(), "teacher");
    return methods;
}

/// Whether a validation names the folder of one training so: foldNN_seedN.
bool is_place(std::string_view name) {
    constexpr std::string_view fold = "fold", seed = "_seed";
    const std::size_t middle = name.find(seed);
    return name.starts_with(fold) && middle != name.npos && middle >= fold.size() + 2 &&
           is_number(name.substr(fold.size(), middle - fold.size())) && is_number(name.substr(middle + seed.size()));
}

/// Folders in `out` of the trainings of an earlier validation. Links are not followed. Throws io_error.
std::vector<std::string> earlier_trainings(const std::string& out) {
    std::vector<std::string> methods = method_names(), found;
    methods.insert(methods.begin(), {"teacher", "labels"});
    for (const std::string& method : methods) {
        const std::string folder = out + "/" + method;
        std::error_code code;
        if (!fs::is_directory(fs::symlink_status(folder, code))) continue;
        for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
            const std::string name = entry->path().filename().string();
            std::error_code unknown;
            if (is_place(name) && fs::is_directory(entry->symlink_status(unknown)))
                found.push_back(folder + "/" + name);
        }
        if (code) raise<io_error>("--out", "folder ", folder, " cannot be read: ", code.message());
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::string counted(std::size_t n, const std::string& what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string two_digits(std::size_t n) { return (n < 10 ? "0" : "") + std::to_string(n); }

/// What has been trained and tested so far.
class validation {
public:
    explicit validation(const options& o)
        : o_(o),
          methods_(methods_of(o)),
          folder_(o.out, o.force, o.resume),
          earlier_(o.resume ? std::vector<std::string>() : earlier_trainings(o.out)),
          windows_((check_earlier(), load_data(o, {subjects::all}).test)) {
        folds_ = folds_of(o, windows_);
        const std::size_t classes = windows_.classes();
        results_.emplace_back("majority", "the most frequent class of the training people", classes);
        for (const std::string& m : methods_)
            results_.emplace_back(m,
                                  m == "labels"    ? o.preset + " trained with labels"
                                  : m == "teacher" ? teachers_text(o) + " trained with labels"
                                                   : o.preset + " distilled from the teacher",
                                  classes);
        if (o.quiet) return;
        std::fprintf(stderr, "data: %zu windows of %zu people, %s, %s: %s\n", windows_.size(),
                     windows_.subjects().size(), counted(folds_.size(), "fold").c_str(),
                     counted(o.seeds, "seed").c_str(),
                     counted(folds_.size() * o.seeds * methods_.size(), "training").c_str());
    }

    void run() {
        folder_.keep("config.toml", o_.config_text);
        window_size size{windows_.length(), windows_.channels(), windows_.channels(), windows_.classes()};
        if (!o_.student_channels.empty() && std::any_of(methods_.begin(), methods_.end(), distils))
            size.student_channels = windows_.info.find_channels(o_.student_channels).size();
        work_ = std::make_shared<job>(plan_validation(o_, size, methods_, folds_.size() * o_.seeds));
        for (std::size_t s = 0; s < o_.seeds; ++s)
            for (std::size_t fold = 0; fold < folds_.size(); ++fold) {
                for (std::size_t m = 0; m < methods_.size(); ++m)
                    if (caught_signal != 0 || !train_one(fold, o_.seed + s, m)) return;
                const auto [train, test] = data::test_on(windows_, folds_[fold]);
                results_[0].add(fold + 1, o_.seed + s, test, majority(train, test));
            }
        complete_ = true;
    }

    /// Whether a training has finished.
    bool has_results() const { return !curves_.empty(); }

    /// Writes the figures and the report of the trainings that have finished. `failure`: of the next one, or empty.
    void finish(const std::string& failure = "") {
        if (!complete_ && folder_.replaces())
            raise<interrupted>(o_.out, "ended by ", signal_name(caught_signal),
                               " before the first epoch was complete; the folder keeps the earlier run");
        folder_.replace();
        const report_data page = report();
        const io::json figures = json(page, failure);
        if (has_results()) folder_.write("report.html", report_html(page));
        folder_.write("validation.json", figures.dump() + "\n"); // last: it says that the validation is complete
        if (complete_)
            for (const std::string& place : places_) remove_checkpoints(place);
        std::printf("%s", method_results::table_head().c_str());
        for (const method_results& m : results_)
            if (!m.people().empty()) std::printf("%s", m.line().c_str());
        std::printf("mean ± standard deviation over %s and %s%s, in per cent\n",
                    counted(folds_.size(), "fold").c_str(), counted(o_.seeds, "seed").c_str(),
                    complete_ ? "" : ", as far as they have finished");
        for (const report_comparison& c : page.comparisons) std::printf("%s\n", sentence(c).c_str());
        if (!o_.quiet && has_results()) std::fprintf(stderr, "report: %s/report.html\n", o_.out.c_str());
        if (o_.json) std::printf("%s\n", figures.dump().c_str());
    }

private:
    /// Throws usage_error when a training of an earlier validation would be lost unasked.
    void check_earlier() const {
        if (o_.force) return;
        for (const std::string& place : earlier_)
            if (holds_run(place))
                raise<usage_error>("--out", "folder ", place, " holds a run, expected none below ", o_.out,
                                   ": choose another folder, or give --force to replace the earlier validation");
    }

    /// With the first model of this validation in the folder `place`: the earlier one goes.
    void begin(const std::string& place) {
        folder_.replace();
        for (const std::string& training : earlier_) {
            if (training == place) continue; // replaces itself
            remove_run(training);
            std::error_code not_empty;
            fs::remove(fs::path(training).parent_path(), not_empty);
        }
        earlier_.clear();
    }

    /// Trains and tests one method in one fold. Returns whether to go on.
    bool train_one(std::size_t fold, std::uint64_t seed, std::size_t m) {
        const std::string& method = methods_[m];
        const std::string place = "fold" + two_digits(fold + 1) + "_seed" + std::to_string(seed);
        options one = options_for(o_, method);
        one.seed = seed;
        one.out = o_.out + "/" + method + "/" + place;
        places_.push_back(one.out);
        experiment run(
            one, [&] { return data::test_on(windows_, folds_[fold]); },
            method + " fold " + std::to_string(fold + 1) + "/" + std::to_string(folds_.size()) + " seed " +
                std::to_string(seed) + ": ");
        const bool done = one.resume && is_complete(one.out); // its checkpoint gives its result once more
        run.work = work_;
        run.kind = method + "/";
        run.folder.outer = &folder_;
        run.folder.on_begin = [&] { begin(one.out); };
        try {
            train_method(run, method, o_.out + "/teacher/" + place);
        } catch (const interrupted&) { return false; }
        if (run.trained.empty()) return false;
        if (!done) run.save();
        if (run.stopped) return false;
        results_[m + 1].add(fold + 1, seed, run.set.test, run.trained.back());
        const std::string where = "fold " + std::to_string(fold + 1) + ", seed " + std::to_string(seed);
        const bool together = run.trained.back().history.empty(); // it is what the networks before it answer
        for (const trained_network& net : run.trained) {
            if (together ? net.history.empty() : &net != &run.trained.back()) continue;
            curves_.push_back(curve_of(net, where));
            curves_.back().name = method;
        }
        if (m + 1 == methods_.size() && timelines_.empty())
            timelines_ = timelines(run.set.test, run.trained.back().probabilities, hop_seconds(o_, windows_));
        return true;
    }

    report_data report() const {
        report_data r;
        r.title = "smldist: validation on " + o_.data.substr(0, o_.data.find('='));
        const std::vector<int> people = windows_.subjects();
        r.facts = {
            {"data", o_.data},
            {"people", std::to_string(people.size())},
            {"windows", std::to_string(windows_.size()) + " of " + std::to_string(windows_.length()) +
                            " samples and " + std::to_string(windows_.channels()) + " channels"},
            {"folds", std::to_string(folds_.size()) + (o_.folds == 0 ? ", one person each" : ", by person")},
            {"validation", std::to_string(validation_people(o_, people.size() - folds_[0].size())) +
                               " of the training people of each fold; the figures are those of the last epoch"},
            {"seeds", std::to_string(o_.seeds) + " from " + std::to_string(o_.seed)}};
        r.labels = windows_.info.labels;
        for (const int person : people) r.people.push_back(windows_.info.subject_name(person));
        for (const method_results& m : results_)
            if (!m.people().empty()) r.methods.push_back(m.report(people));
        // Each method against the first one that was asked for; that one against guessing.
        const std::size_t first = methods_[0] == "teacher" ? 2 : 1;
        for (std::size_t m = first; m < results_.size(); ++m)
            for (auto& c : compare(m == first ? results_[0] : results_[first], results_[m]))
                r.comparisons.push_back(std::move(c));
        r.curves = curves_;
        r.timelines = timelines_;
        return r;
    }

    io::json json(const report_data& page, const std::string& failure) const {
        io::json::array methods, folds, comparisons;
        for (const method_results& m : results_)
            if (!m.people().empty()) methods.push_back(m.json(windows_.info));
        for (const auto& fold : folds_) {
            io::json::array names;
            for (const int person : fold) names.emplace_back(windows_.info.subject_name(person));
            folds.emplace_back(std::move(names));
        }
        for (const report_comparison& c : page.comparisons) comparisons.push_back(json_of(c));
        io::json j;
        j.set("data", o_.data);
        j.set("seed", o_.seed);
        j.set("seeds", o_.seeds);
        j.set("windows", windows_.size());
        j.set("folds", std::move(folds));
        j.set("methods", std::move(methods));
        j.set("comparisons", std::move(comparisons));
        if (!complete_ && failure.empty()) {
            j.set("interrupted", true);
            j.set("signal", signal_name(caught_signal));
        }
        if (!failure.empty()) j.set("failure", failure);
        return j;
    }

    const options& o_;
    std::vector<std::string> methods_;
    run_folder folder_;
    std::vector<std::string> earlier_; ///< folders of the trainings of an earlier validation
    std::vector<std::string> places_;  ///< of those of this one
    data::windows windows_;
    std::vector<std::vector<int>> folds_;
    std::vector<method_results> results_; ///< guessing, then the methods
    std::vector<report_curve> curves_;
    std::vector<report_timeline> timelines_;
    std::shared_ptr<job> work_;
    bool complete_ = false;
};

} // namespace

void validate(const options& o) {
    if (already_complete(o)) {
        for (const std::string& place : earlier_trainings(o.out)) remove_checkpoints(place);
        return;
    }
    validation v(o);
    try {
        v.run();
    } catch (const numeric_error& e) {
        if (v.has_results()) v.finish(e.what());
        throw;
    }
    v.finish();
}

} // namespace har
