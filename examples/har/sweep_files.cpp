// SPDX-License-Identifier: BSD-3-Clause
#include "sweep_files.hpp"

#include <cmath>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "smldist/core/error.hpp"
#include "smldist/io/file.hpp"

namespace har {

using namespace smldist;

namespace {

constexpr std::size_t most_bytes = std::size_t(256) << 20;
constexpr std::uint64_t most_windows = 10'000'000; // of one person, label and prediction

io::json json_of(const named_values& values) {
    io::json j(io::json::object{});
    for (const auto& [name, value] : values) j.set(name, value);
    return j;
}

named_values named_values_of(const io::json& j) {
    named_values values;
    for (const auto& [name, value] : j.as_object()) values.emplace_back(name, value.as_string());
    return values;
}

io::json json_of(const metric::confusion& counts) {
    io::json::array rows;
    for (std::size_t n = 0; n < counts.classes(); ++n) {
        io::json::array row;
        for (std::size_t k = 0; k < counts.classes(); ++k) row.emplace_back(counts(n, k));
        rows.emplace_back(std::move(row));
    }
    return rows;
}

metric::confusion confusion_of(const io::json& j, std::size_t classes) {
    metric::confusion counts(classes);
    const auto expect = [&](const io::json::array& list) {
        if (list.size() != classes)
            raise<data_error>("confusion", "number of classes is ", list.size(), ", expected ", classes);
    };
    expect(j.as_array());
    for (std::size_t n = 0; n < classes; ++n) {
        const io::json::array& row = j.as_array()[n].as_array();
        expect(row);
        for (std::size_t k = 0; k < classes; ++k) {
            const std::size_t windows = row[k].as_size();
            if (windows > most_windows)
                raise<data_error>("confusion", "number of windows is ", windows, ", expected at most ", most_windows);
            for (std::size_t i = 0; i < windows; ++i) counts.add(static_cast<int>(n), static_cast<int>(k));
        }
    }
    return counts;
}

/// An array of numbers; `n` of them.
std::vector<double> numbers(const io::json& j, std::size_t n) {
    std::vector<double> values;
    for (const io::json& value : j.as_array()) values.push_back(value.as_double());
    if (values.size() != n) raise<data_error>("list", "number of values is ", values.size(), ", expected ", n);
    return values;
}

/// The JSON of a file, made into a T by `read`, whose data_error then names the file.
template <class F> auto read_json(const std::string& file, F read) {
    const auto bytes = io::read_file(file, most_bytes);
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.ends_with('\n')) text.remove_suffix(1);
    try {
        return read(io::json::parse(text, {32, most_bytes / 8, 2 * most_bytes}));
    } catch (const data_error& e) { raise<data_error>(file, e.what()); }
}

} // namespace

std::string sweep_plan::text() const {
    io::json::array all;
    for (const setting& s : settings) {
        io::json one;
        one.set("name", s.name);
        one.set("description", s.description);
        one.set("settings", json_of(s.axes));
        one.set("folds", s.folds);
        one.set("runs", io::json::array(s.runs.begin(), s.runs.end()));
        all.push_back(std::move(one));
    }
    io::json j;
    j.set("data", data);
    j.set("seed", seed);
    j.set("seeds", seeds);
    j.set("settings", std::move(all));
    return j.dump() + "\n";
}

sweep_plan read_plan(const std::string& folder) {
    std::error_code none;
    if (!std::filesystem::exists(folder + "/sweep.json", none))
        raise<usage_error>("har collect", "folder ", folder, " holds no sweep (sweep.json), expected one");
    return read_json(folder + "/sweep.json", [](const io::json& j) {
        sweep_plan plan;
        plan.data = j.as_string("data");
        plan.seed = j.as_size("seed");
        plan.seeds = j.as_size("seeds");
        for (const io::json& one : j.as_array("settings")) {
            sweep_plan::setting s{one.as_string("name"),
                                  one.as_string("description"),
                                  named_values_of(one.at("settings")),
                                  one.as_size("folds"),
                                  {}};
            for (const io::json& id : one.as_array("runs")) s.runs.push_back(id.as_string());
            if (s.folds == 0 || s.runs.size() / s.folds != plan.seeds || s.runs.size() % s.folds != 0)
                raise<data_error>("runs", "number of ", s.name, " is ", s.runs.size(), ", expected ", s.folds, " × ",
                                  plan.seeds);
            plan.settings.push_back(std::move(s));
        }
        return plan;
    });
}

std::string sweep_row::text() const {
    io::json j;
    j.set("id", id);
    j.set("version", version);
    j.set("setting", setting);
    j.set("settings", json_of(axes));
    j.set("fold", fold);
    j.set("folds", folds);
    j.set("seed", seed);
    if (!failure.empty()) {
        j.set("failure", failure);
        j.set("options", options);
        return j.dump() + "\n";
    }
    const metric::confusion counts = record.counts();
    j.set("accuracy", counts.accuracy());
    j.set("macro_f1", counts.macro_f1());
    j.set("calibration_error", record.calibration_error());
    j.set("seconds", record.cost.seconds);
    j.set("epochs", record.cost.epochs);
    j.set("best_epoch", best_epoch);
    j.set("parameters", record.cost.parameters);
    j.set("macs", record.cost.macs);
    j.set("model_bytes", record.cost.bytes);
    if (!teacher.is_null()) j.set("teacher", teacher);
    j.set("labels", io::json::array(labels.begin(), labels.end()));
    j.set("confusion", json_of(counts));
    j.set("majority", majority);
    io::json::array tested, bins, epochs;
    for (const auto& [person, its] : record.people) {
        io::json one;
        one.set("subject", person);
        one.set("person", people.at(person));
        one.set("windows", its.total());
        one.set("accuracy", its.accuracy());
        one.set("macro_f1", its.macro_f1());
        one.set("confusion", json_of(its));
        tested.push_back(std::move(one));
    }
    for (const auto& bin : record.bins) bins.emplace_back(io::json::array{bin.count, bin.confidence, bin.accuracy});
    for (const report_epoch& e : history) epochs.emplace_back(io::json::array{e.loss, e.macro_f1, e.learning_rate});
    j.set("people", std::move(tested));
    j.set("reliability", std::move(bins));
    j.set("history", std::move(epochs));
    j.set("options", options);
    return j.dump() + "\n";
}

std::string row_file(const std::string& folder, const std::string& id) { return folder + "/rows/" + id + ".jsonl"; }

sweep_row read_row(const std::string& file) {
    return read_json(file, [](const io::json& j) {
        sweep_row row;
        row.id = j.as_string("id");
        row.version = j.as_string("version");
        row.setting = j.as_string("setting");
        row.axes = named_values_of(j.at("settings"));
        row.fold = j.as_size("fold");
        row.folds = j.as_size("folds");
        row.seed = j.as_size("seed");
        row.options = j.as_string("options");
        if (j.find("failure") != nullptr) {
            row.failure = j.as_string("failure");
            return row;
        }
        for (const io::json& label : j.as_array("labels")) row.labels.push_back(label.as_string());
        const std::size_t majority = j.as_size("majority");
        if (majority >= row.labels.size())
            raise<data_error>("majority", "class is ", majority, ", expected less than ", row.labels.size());
        row.majority = static_cast<int>(majority);
        row.best_epoch = j.as_size("best_epoch");
        row.record.fold = row.fold;
        row.record.seed = row.seed;
        row.record.cost = {j.as_size("parameters"), j.as_size("macs"), j.as_size("model_bytes"), j.as_size("epochs"),
                           j.as_double("seconds")};
        for (const io::json& one : j.as_array("people")) {
            const auto person = static_cast<int>(one.as_int("subject"));
            row.people.emplace(person, one.as_string("person"));
            row.record.people.emplace(person, confusion_of(one.at("confusion"), row.labels.size()));
        }
        for (const io::json& bin : j.as_array("reliability")) {
            const auto values = numbers(bin, 3);
            row.record.bins.push_back({bin.as_array()[0].as_size(), values[1], values[2]});
        }
        for (const io::json& epoch : j.as_array("history")) {
            const auto values = numbers(epoch, 3);
            row.history.push_back({values[0], values[1], values[2]});
        }
        if (row.record.people.empty() || row.record.bins.empty())
            raise<data_error>("row", "numbers of people and of bins are ", row.record.people.size(), " and ",
                              row.record.bins.size(), ", expected at least one of each");
        if (const io::json* teacher = j.find("teacher")) row.teacher = *teacher;
        return row;
    });
}

} // namespace har
