// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/table.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/csv_reader.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The number of lines of a file, at least.
inline std::size_t count_lines(const std::filesystem::path& path) {
    const byte_source from = read_from(path);
    std::vector<char> chunk(std::size_t(1) << 16);
    std::size_t lines = 1;
    for (std::size_t n = 1; n > 0;) {
        n = from(chunk.data(), chunk.size());
        const auto end = chunk.begin() + static_cast<std::ptrdiff_t>(n);
        lines += static_cast<std::size_t>(std::count(chunk.begin(), end, '\n'));
    }
    return lines;
}

/// Brings stamps that are numbers to seconds; returns their unit.
inline time_unit to_seconds(const csv_file& file, const csv_request& wanted, std::vector<double>& stamps) {
    time_unit unit = wanted.unit;
    if (unit == time_unit::automatic && wanted.time == file.columns.time) unit = file.columns.unit;
    if (unit == time_unit::automatic) unit = recognise_time_unit(stamps);
    if (unit == time_unit::automatic && stamps.size() > 1)
        raise<data_error>(file.path, "unit of the time \"", file.dialect.names[*wanted.time],
                          "\" is unknown (first stamps ", stamps[0], ", ", stamps[1],
                          "), expected steps as of 1.5 to 1500 samples per second in s, ms, us or ns: give the unit");
    for (double& t : stamps) t *= seconds_in(unit);
    return unit;
}

csv_rows read_csv_rows(const std::filesystem::path& path, const csv_file& file, const csv_request& wanted,
                       csv_words& labels, csv_words& people, budget& room) {
    csv_rows rows;
    rows.width = wanted.samples.size();
    std::vector<std::size_t> places = wanted.samples;
    const auto add = [&](std::optional<std::size_t> place) {
        if (place) places.push_back(*place);
        return places.size() - 1;
    };
    const std::size_t time = add(wanted.time), label = add(wanted.label), person = add(wanted.person);
    const bool text = wanted.time && (wanted.unit == time_unit::text ||
                                      (wanted.unit == time_unit::automatic && !file.dialect.rows.empty() &&
                                       read_time_text(file.dialect.rows[0][*wanted.time])));
    const std::size_t lines = count_lines(path);
    room.take(lines * (rows.width * sizeof(float) + (wanted.time ? sizeof(double) : 0) +
                       (wanted.label ? sizeof(int) : 0) + (wanted.person ? sizeof(int) : 0)),
              "its rows");
    rows.values.reserve(lines * rows.width);
    if (wanted.time) rows.stamps.reserve(lines);
    if (wanted.label) rows.label.reserve(lines);
    if (wanted.person) rows.person.reserve(lines);

    csv_reader in(path, file.dialect, places);
    double midnight = 0;
    const auto stamp = [&] {
        if (!text) return in.real(time);
        const std::string word = in.text(time);
        const auto t = read_time_text(word);
        if (!t) in.fail(time, "time is '", excerpt(word), "', expected a date or time of day");
        // Times of day start again at midnight.
        if (!rows.stamps.empty() && *t < 86400 && *t + midnight < rows.stamps.back() - 43200) midnight += 86400;
        return *t + midnight;
    };
    std::string last_label, last_person;
    const auto number = [](csv_words& words, std::string&& word, std::string& last, const std::vector<int>& list) {
        if (!list.empty() && word == last) return list.back();
        last = std::move(word);
        const bool none = last == "NaN" || last == "nan" || last == "NA" || last == "N/A";
        return none ? -1 : words.number(last);
    };
    for (; in.next_row(); ++rows.size) {
        for (std::size_t c = 0; c < rows.width; ++c)
            rows.values.push_back(in.missing(c) ? std::numeric_limits<float>::quiet_NaN() : in.number(c));
        if (wanted.time) rows.stamps.push_back(stamp());
        if (wanted.label) rows.label.push_back(number(labels, in.text(label), last_label, rows.label));
        if (wanted.person) rows.person.push_back(number(people, in.text(person), last_person, rows.person));
    }
    rows.cut_off = in.cut_off();
    rows.unit = text ? time_unit::text : wanted.time ? to_seconds(file, wanted, rows.stamps) : time_unit::automatic;
    return rows;
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data
