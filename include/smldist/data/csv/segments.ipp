// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/segments.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/csv_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

std::string segments_file(const csv_folder& folder, const csv_group& group, const std::string& pattern) {
    const csv_file& file = folder.files[group.files[0]];
    const path_pattern wanted(pattern);
    std::vector<std::string> fitting;
    for (const std::string& path : folder.segment_files) {
        const path_captures captures = wanted.match(path).value_or(path_captures());
        bool fits = true;
        for (const auto& [name, part] : captures) {
            const auto mine = file.captures.find(name);
            fits = fits && (mine == file.captures.end() || mine->second.text == part.text);
        }
        const std::string at = std::filesystem::path(path).parent_path().generic_string();
        if (fits && (!captures.empty() || at.empty() || file.path.starts_with(at + "/"))) fitting.push_back(path);
    }
    if (fitting.size() == 1) return fitting[0];
    raise<data_error>(group.name, "number of segments files is ", fitting.size(), ", expected one that fits \"",
                      pattern, "\"", fitting.empty() ? "" : ": " + fitting[0] + ", " + fitting[1]);
}

/// The columns of a segments file; a place that is not there is `none`.
struct segment_columns {
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
    std::size_t begin = none, end = none, label = none, owner = none;
    bool samples = false; ///< their names say so
};

inline segment_columns find_segment_columns(const csv_dialect& d) {
    segment_columns c;
    if (!d.header && d.columns() >= 3) return {0, 1, 2};
    for (std::size_t k = 0; k < d.columns() && d.header; ++k) {
        const auto words = column_words(d.names[k]);
        const auto has = [&](std::initializer_list<const char*> any) {
            return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
                return std::find(any.begin(), any.end(), word) != any.end();
            });
        };
        c.samples = c.samples || has({"sample", "samples", "index"});
        for (const auto& [place, called] :
             {std::pair(&c.label, has({"label", "activity", "class", "text", "annotation", "name"})),
              std::pair(&c.owner, has({"file", "recording"})),
              std::pair(&c.end, has({"end", "stop", "to", "until", "finish"})),
              std::pair(&c.begin, has({"start", "begin", "from", "time", "timestamp"}))})
            if (called && *place == segment_columns::none) {
                *place = k;
                break;
            }
    }
    return c;
}

std::string unused_segments(const csv_folder& folder) {
    for (std::size_t i = 0; i < std::min<std::size_t>(folder.left_out.size(), 20); ++i) {
        try {
            const csv_dialect d = recognise_dialect(folder.root / folder.left_out[i]);
            const segment_columns c = find_segment_columns(d);
            if (d.header && std::max({c.begin, c.end, c.label}) != segment_columns::none) return folder.left_out[i];
        } catch (const data_error&) {
            continue; // no table
        }
    }
    return "";
}

csv_segments read_segments(const csv_folder& folder, const std::string& path, const csv_group& group,
                           segment_unit how, time_unit unit, csv_words& labels) {
    constexpr std::size_t none = segment_columns::none;
    const auto full = folder.root / path;
    const csv_dialect d = recognise_dialect(full);
    const segment_columns c = find_segment_columns(d);
    if (c.begin == none || c.label == none)
        raise<data_error>(path, "columns lack ", c.begin == none ? "the start" : "the label",
                          " of a segment, expected start, end and label");
    csv_segments found;
    found.samples = how == segment_unit::samples || (how == segment_unit::automatic && c.samples);
    csv_reader in(full, d, {c.begin, c.label, c.end == none ? c.begin : c.end, c.owner == none ? c.begin : c.owner});
    const auto time = [&](std::size_t column) {
        if (found.samples) return in.real(column);
        if (const auto t = read_time_text(in.text(column))) {
            found.of_day = *t < 86400;
            return *t;
        }
        return in.real(column) * seconds_in(unit);
    };
    namespace fs = std::filesystem;
    const std::string& whole = folder.files[group.files[0]].path;
    const std::vector<std::string> owners{whole, fs::path(whole).filename().string(), fs::path(whole).stem().string(),
                                          group.name, fs::path(group.name).filename().string()};
    std::vector<std::size_t> lines;
    while (in.next_row()) {
        if (c.owner != none && std::find(owners.begin(), owners.end(), in.text(3)) == owners.end()) continue;
        const bool open = c.end == none || in.missing(2);
        const csv_segment s{time(0), open ? std::numeric_limits<double>::infinity() : time(2),
                            labels.number(utf8_of(in.text(1)))};
        if (!(s.end >= s.begin)) in.fail(2, "end of a segment is before its start, expected it after");
        if (!found.rows.empty()) {
            csv_segment& before = found.rows.back();
            if (s.begin < before.begin)
                in.fail(0, "segment begins before the previous one, expected ascending starts");
            if (before.end == std::numeric_limits<double>::infinity()) before.end = s.begin;
            if (s.begin < before.end - 1e-9) in.fail(0, "segment begins before the end of the previous one");
        }
        found.rows.push_back(s);
    }
    return found;
}

void label_by(const csv_segments& segments, stamped_signal& device, const std::string& path) {
    device.labels.assign(device.size(), -1);
    if (device.size() == 0) return;
    const double first = device.stamps.front(), last = device.stamps.back();
    const auto inside = [&](double origin) {
        return std::any_of(segments.rows.begin(), segments.rows.end(),
                           [&](const csv_segment& s) { return s.begin + origin <= last && s.end + origin >= first; });
    };
    const double midnight = 86400 * std::floor(first / 86400);
    double origin = 0;
    if (!segments.samples && !inside(0)) origin = segments.of_day && inside(midnight) ? midnight : first;
    std::size_t labelled = 0;
    auto s = segments.rows.begin();
    for (std::size_t i = 0; i < device.size(); ++i) {
        const double at = segments.samples ? double(i) : device.stamps[i] - origin;
        while (s != segments.rows.end() && s->end <= at) ++s;
        if (s == segments.rows.end()) break;
        if (s->begin > at) continue;
        device.labels[i] = s->label;
        ++labelled;
    }
    if (labelled == 0)
        raise<data_error>(path, "number of samples that its ", segments.rows.size(), " segments label is 0 of ",
                          device.size(), ", from ", first, " to ", last, " s, expected at least one");
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data
