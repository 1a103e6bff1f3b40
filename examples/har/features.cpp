// SPDX-License-Identifier: BSD-3-Clause
/// features: the hand-made features of each window of a dataset, as CSV.
#include "smldist/data/features.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "commands.hpp"
#include "datasets.hpp"
#include "options.hpp"
#include "output_file.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json.hpp"

namespace har {

using namespace smldist;

namespace {

/// Appends a line for each window.
void add_rows(std::string& csv, const std::string& split, const data::windows& w, const data::feature_table& table) {
    std::vector<std::string> labels;
    for (const std::string& label : w.info.labels) labels.push_back(csv_field(label));
    const std::size_t F = table.names.size();
    for (std::size_t i = 0; i < w.size(); ++i) {
        csv += split + "," + csv_field(w.info.subject_name(w.subject[i])) + "," +
               labels[static_cast<std::size_t>(w.label[i])];
        for (std::size_t f = 0; f < F; ++f) {
            char digits[32];
            csv += ',';
            csv.append(digits, std::to_chars(digits, digits + sizeof digits, table.values(i, f)).ptr);
        }
        csv += '\n';
    }
}

} // namespace

void features(const options& o) {
    check_output_file(o.out, o.force);
    std::string csv;
    io::json j;
    std::size_t windows = 0, count = 0;
    std::vector<int> people;
    {
        const interruptible nothing_to_save;
        const auto set = load_data(o, {});
        if (set.train.empty() && set.test.empty())
            raise<data_error>("--data", "number of windows left is 0, expected at least one");
        for (const auto& [split, w] :
             {std::pair<subjects, const data::windows&>{subjects::train, set.train}, {subjects::test, set.test}}) {
            const std::string name(name_of(split));
            j.set(name + "_windows", w.size());
            windows += w.size();
            if (w.empty()) continue;
            const auto table = data::features(w);
            if (csv.empty()) {
                csv = "split,person,label";
                for (const std::string& feature : table.names) csv += "," + csv_field(feature);
                csv += '\n';
                count = table.names.size();
            }
            add_rows(csv, name, w, table);
            const auto more = w.subjects();
            people.insert(people.end(), more.begin(), more.end());
        }
        std::sort(people.begin(), people.end());
        people.erase(std::unique(people.begin(), people.end()), people.end());
        j.set("classes", set.train.classes());
    }
    io::write_file_atomically(o.out, csv); // a signal now ends the command after the file is complete
    std::printf("wrote %s: %zu windows of %zu people, %zu features\n", o.out.c_str(), windows, people.size(), count);
    j.set("people", people.size());
    j.set("features", count);
    j.set("file", o.out);
    if (o.json) std::printf("%s\n", j.dump().c_str());
}

} // namespace har
