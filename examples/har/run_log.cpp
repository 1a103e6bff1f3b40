// SPDX-License-Identifier: BSD-3-Clause
#include "run_log.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <tuple>

#include "smldist/core/error.hpp"
#include "smldist/io/json.hpp"

namespace har {

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// Calls f for every line that ends with a line break.
template <class F> void each_line(std::string_view text, F f) {
    for (std::size_t end = 0; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1))
        f(text.substr(0, end));
}

void add(std::vector<logged_epoch>& epochs, const logged_epoch& e) {
    if (e.epoch == 0 || !std::isfinite(e.loss) || !std::isfinite(e.macro_f1) || !std::isfinite(e.seconds)) return;
    while (!epochs.empty() && epochs.back().epoch >= e.epoch) epochs.pop_back();
    epochs.push_back(e);
}

std::string contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Where a network comes in a run.
auto place(const std::string& name) {
    const int kind = name == "teacher" ? 0 : name == "student_alone" ? 1 : name.starts_with("student_stage") ? 2 : 3;
    return std::tuple(kind, name.size(), name); // stages by number
}

} // namespace

const logged_epoch& network_log::best() const {
    return *std::max_element(epochs.begin(), epochs.end(),
                             [](const logged_epoch& a, const logged_epoch& b) { return a.macro_f1 < b.macro_f1; });
}

double network_log::seconds() const {
    double sum = 0;
    for (const logged_epoch& e : epochs) sum += e.seconds;
    return sum;
}

std::vector<logged_epoch> parse_jsonl_log(std::string_view text) {
    std::vector<logged_epoch> epochs;
    each_line(text, [&](std::string_view line) {
        try {
            const auto j = io::json::parse(line);
            add(epochs, {j.as_size("epoch"), j.as_double("loss"), j.as_double("validation_macro_f1"),
                         j.as_double("seconds")});
        } catch (const data_error&) {} // skipped
    });
    return epochs;
}

std::vector<logged_epoch> parse_csv_log(std::string_view text) {
    std::vector<logged_epoch> epochs;
    std::map<std::string, std::size_t, std::less<>> columns;
    each_line(text, [&](std::string_view line) {
        std::vector<std::string_view> fields;
        for (std::size_t at = 0; at <= line.size();) {
            const std::size_t end = std::min(line.find(',', at), line.size());
            fields.push_back(line.substr(at, end - at));
            at = end + 1;
        }
        if (columns.empty()) {
            for (std::size_t c = 0; c < fields.size(); ++c) columns.emplace(fields[c], c);
            return;
        }
        bool whole = fields.size() == columns.size();
        const auto number = [&](std::string_view name) {
            const auto column = columns.find(name);
            double value = 0;
            if (column == columns.end() || column->second >= fields.size()) return whole = false, value;
            const std::string_view field = fields[column->second];
            const auto read = std::from_chars(field.data(), field.data() + field.size(), value);
            if (read.ec != std::errc() || read.ptr != field.data() + field.size()) whole = false;
            return value;
        };
        const double epoch = number("epoch");
        const logged_epoch e{epoch >= 1 && epoch < 1e15 ? static_cast<std::size_t>(epoch) : 0, number("loss"),
                             number("validation_macro_f1"), number("seconds")};
        if (whole) add(epochs, e);
    });
    return epochs;
}

std::vector<network_log> read_logs(const fs::path& folder) {
    std::map<std::string, network_log> logs;
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
        const std::string file = entry->path().filename().string();
        std::error_code none;
        if (!entry->is_regular_file(none)) continue;
        for (const auto& [ending, parse] :
             {std::pair(std::string_view(".log.jsonl"), &parse_jsonl_log), {".log.csv", &parse_csv_log}}) {
            if (!file.ends_with(ending)) continue;
            const std::string name = file.substr(0, file.size() - ending.size());
            auto epochs = parse(contents(entry->path()));
            network_log& log = logs[name];
            log.name = name;
            log.changed = std::max(log.changed, entry->last_write_time(none));
            if (epochs.size() > log.epochs.size()) log.epochs = std::move(epochs);
        }
    }
    std::vector<network_log> found;
    for (auto& [name, log] : logs)
        if (!log.epochs.empty()) found.push_back(std::move(log));
    std::sort(found.begin(), found.end(),
              [](const network_log& a, const network_log& b) { return place(a.name) < place(b.name); });
    return found;
}

} // namespace har
