// SPDX-License-Identifier: BSD-3-Clause
/// What is known of a run from its folder: its logs, config.toml, figures, and whether a process has it.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <system_error>
#include <utility>

#include "config_file.hpp"
#include "folder_lock.hpp"
#include "networks.hpp"
#include "plan.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json.hpp"
#include "watch.hpp"

namespace har {

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// What config.toml says of the trainings that a run plans.
struct recipe_of_run {
    std::string command; ///< empty: unknown
    options o;
};

recipe_of_run recipe_in(const std::string& folder) {
    recipe_of_run r;
    try {
        for (const config_section& section : read_config(folder + "/config.toml")) {
            r.command = section.name;
            options& o = r.o = standard_options(section.name);
            std::map<std::string, std::vector<std::string>> values;
            for (const config_entry& entry : section.entries)
                for (const config_value& value : entry.values) values[entry.name].push_back(value.text);
            const auto word = [&](const char* name, std::string& to) {
                if (!values[name].empty()) to = values[name][0];
            };
            const auto number = [&](const char* name, auto& to) {
                if (values[name].empty()) return;
                const std::string& text = values[name][0];
                std::from_chars(text.data(), text.data() + text.size(), to);
            };
            word("preset", o.preset);
            word("teacher-preset", o.teacher_preset);
            o.teacher_files = values["teacher"];
            number("teachers", o.teachers);
            number("epochs", o.training.epochs);
            number("teacher-epochs", o.teacher_epochs);
            number("width", o.width);
            number("folds", o.folds);
            number("seeds", o.seeds);
            number("seed", o.seed);
            if (!values["baseline"].empty()) o.baseline = values["baseline"][0] == "true";
            if (!values["compat"].empty()) o.compat = parse_enum<compatibility>(values["compat"][0]);
            if (!values["methods"].empty()) o.methods = values["methods"];
        }
    } catch (const error&) { r.command.clear(); } // the run has not written it yet, or it is none of har's
    return r;
}

/// A training: of a validation in a folder of its own.
struct training {
    std::string place; ///< folder; empty: the run's
    planned_training what;
    std::string network; ///< the name of its log
};

std::string place_of(std::size_t fold, std::uint64_t seed) {
    return "fold" + std::string(fold < 10 ? "0" : "") + std::to_string(fold) + "_seed" + std::to_string(seed);
}

/// The trainings of a run in their order, as far as they are known: not those of a validation of one person at a time, whose
/// number is not in config.toml.
std::vector<training> trainings_of(const recipe_of_run& r) {
    std::vector<training> found;
    try {
        options o = r.o;
        std::vector<planned_training> plan;
        if (r.command == "train") plan = plan_training(o, {});
        if (r.command == "distill" || r.command == "demo") {
            const auto teacher = architecture(o, o.teacher_preset, window_size().channels, window_size().classes);
            plan = plan_distillation(o, {}, {o.teacher_files.size(), teacher});
        }
        for (const planned_training& p : plan) found.push_back({"", p, p.kind});
        if (r.command != "validate") return found;
        if (std::any_of(o.methods.begin(), o.methods.end(), [](const auto& m) { return m != "labels"; }))
            o.methods.insert(o.methods.begin(), "teacher");
        plan = plan_validation(o, {}, o.methods, 1);
        for (std::uint64_t seed = o.seed; seed < o.seed + o.seeds; ++seed)
            for (std::size_t fold = 1; fold <= o.folds; ++fold)
                for (const planned_training& p : plan) {
                    const std::size_t slash = p.kind.find('/');
                    found.push_back(
                        {p.kind.substr(0, slash) + "/" + place_of(fold, seed), p, p.kind.substr(slash + 1)});
                }
    } catch (const error&) { found.clear(); } // its config.toml is not of this version
    return found;
}

/// The folders METHOD/PLACE of a validation that have logs, and these.
std::map<std::string, std::vector<network_log>> logs_below(const std::string& folder) {
    std::map<std::string, std::vector<network_log>> found;
    std::error_code code;
    const auto folders_in = [&code](const fs::path& at) {
        std::vector<std::string> names;
        for (fs::directory_iterator entry(at, code), end; !code && entry != end; entry.increment(code)) {
            std::error_code none;
            if (fs::is_directory(entry->symlink_status(none))) names.push_back(entry->path().filename().string());
        }
        return names;
    };
    for (const std::string& method : folders_in(folder))
        for (const std::string& place : folders_in(fs::path(folder) / method)) {
            if (!place.starts_with("fold") || place.find("_seed") == place.npos) continue;
            auto logs = read_logs(fs::path(folder) / method / place);
            if (!logs.empty()) found.emplace(method + "/" + place, std::move(logs));
        }
    return found;
}

/// How a run ended that no process has, by its figures.
std::string ending(const std::string& folder) {
    for (const char* file : {"/metrics.json", "/validation.json"}) {
        try {
            const auto bytes = io::read_file(folder + file);
            const auto figures = io::json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
            if (const auto* signal = figures.find("signal")) return "stopped by " + printable(signal->as_string());
            if (const auto* failure = figures.find("failure")) return "failed: " + printable(failure->as_string());
            return "finished";
        } catch (const error&) {} // there is none, or it is not har's
    }
    return "ended without figures";
}

/// Estimated seconds until all trainings have ended.
std::optional<double> seconds_left(const std::vector<training>& all,
                                   const std::map<std::string, std::vector<network_log>>& logs) {
    std::vector<planned_training> plan;
    for (const training& t : all) plan.push_back(t.what);
    job work(plan);
    std::optional<fs::file_time_type> last;
    for (const training& t : all) {
        const auto place = logs.find(t.place);
        if (place == logs.end()) continue;
        for (const network_log& log : place->second) {
            if (log.name != t.network) continue;
            work.begin(t.what.kind, t.what.epochs);
            work.advance(double(log.epochs.back().epoch), log.seconds());
            if (!last || log.changed > *last) last = log.changed;
        }
    }
    auto left = work.seconds_left();
    if (left && last) { // the epoch in hand
        const double since = std::chrono::duration<double>(fs::file_time_type::clock::now() - *last).count();
        *left = std::max(0.0, *left - std::max(0.0, since));
    }
    return left;
}

std::size_t planned_epochs(const std::vector<training>& all, const std::string& place, const std::string& network) {
    for (const training& t : all)
        if (t.place == place && t.network == network) return t.what.epochs;
    return 0;
}

/// Shows the place of a validation that is in training, or was last, and counts the others.
void show_validation(watched_run& run, const std::vector<training>& all, const recipe_of_run& recipe,
                     const std::map<std::string, std::vector<network_log>>& logs) {
    const auto changed = [](const auto& entry) {
        fs::file_time_type last = entry.second.front().changed;
        for (const network_log& log : entry.second) last = std::max(last, log.changed);
        return last;
    };
    const auto latest = std::max_element(logs.begin(), logs.end(),
                                         [&](const auto& a, const auto& b) { return changed(a) < changed(b); });
    const std::string current = latest->first.substr(latest->first.find('/') + 1);

    std::vector<std::string> methods = recipe.o.methods; // in the order of their work
    for (const auto& [at, its] : logs) methods.push_back(at.substr(0, at.find('/')));
    methods.insert(methods.begin(), "teacher");
    std::vector<std::string> shown;
    for (const std::string& method : methods) {
        if (std::find(shown.begin(), shown.end(), method) != shown.end()) continue;
        shown.push_back(method);
        std::size_t trained = 0;
        double sum = 0;
        for (const auto& entry : logs) {
            if (!entry.first.starts_with(method + "/")) continue;
            const network_log& last = entry.second.back();
            const bool in_hand = run.running && entry.first == latest->first;
            if (!in_hand) {
                ++trained;
                sum += last.epochs.back().macro_f1;
            }
            if (entry.first != method + "/" + current) continue;
            for (const network_log& log : entry.second) {
                const std::string name = entry.second.size() > 1 ? method + " " + log.name : method;
                run.networks.push_back({name, planned_epochs(all, entry.first, log.name), log});
            }
        }
        const std::size_t planned = recipe.o.folds * recipe.o.seeds;
        if (trained == 0) continue;
        char text[200];
        std::snprintf(text, sizeof text, "%s: %zu%s%s trainings, validation macro-F1 %.4f on average",
                      printable(method).c_str(), trained, all.empty() ? "" : " of ",
                      all.empty() ? "" : std::to_string(planned).c_str(), sum / double(trained));
        run.summary.emplace_back(text);
    }
    for (watched_network& n : run.networks) n.name += ", " + current;
}

} // namespace

watched_run look_at(const std::string& folder) {
    watched_run run;
    run.folder = folder;
    const auto process = running_process(folder); // before the logs, which are whole when it has ended
    run.running = process.has_value();
    std::map<std::string, std::vector<network_log>> logs;
    if (auto own = read_logs(folder); !own.empty()) logs.emplace("", std::move(own));
    const bool validation = logs.empty();
    if (validation) logs = logs_below(folder);
    if (logs.empty() && !run.running)
        raise<usage_error>("har watch", "folder ", folder,
                           " has no log, expected the folder of a run or validation with NAME.log.jsonl or "
                           "NAME.log.csv, which --log jsonl or csv writes");
    run.state = !run.running ? ending(folder) : process->empty() ? "running" : "running (process " + *process + ")";
    if (logs.empty()) return run;
    const recipe_of_run recipe = recipe_in(folder);
    const std::vector<training> all = trainings_of(recipe);
    if (run.running && !all.empty()) run.seconds_left = seconds_left(all, logs);
    if (validation)
        show_validation(run, all, recipe, logs);
    else
        for (const network_log& log : logs.begin()->second)
            run.networks.push_back({log.name, planned_epochs(all, "", log.name), log});
    return run;
}

} // namespace har
