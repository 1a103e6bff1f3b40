// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/import.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

csv_place read_place(const std::string& option, const std::string& text, bool label) {
    csv_place place;
    using kind = csv_place::kind;
    if (text.empty()) return place;
    if (text == "none") place.what = kind::none;
    if (text == "pattern") place.what = kind::pattern;
    if (label && text == "segments") place.what = kind::segments;
    if (label && text == "file name") place.what = kind::file_name;
    if (text.starts_with("column ") && text.size() > 7) {
        place.what = kind::column;
        place.column = text.substr(7);
    }
    if (text.starts_with("folder ")) {
        const char* const end = text.data() + text.size();
        const auto [stop, status] = std::from_chars(text.data() + 7, end, place.folder);
        if (status == std::errc() && stop == end && place.folder > 0) place.what = kind::folder;
    }
    if (place.what == kind::automatic)
        raise<usage_error>(option, "place is \"", text, "\", expected \"column NAME\", \"folder N\" with N from 1, ",
                           label ? "\"file name\", \"segments\", " : "", "\"pattern\" or \"none\"");
    return place;
}

std::string text_of(const csv_place& place) {
    switch (place.what) {
    case csv_place::kind::automatic:
        return "";
    case csv_place::kind::column:
        return place.column.empty() ? "" : "column " + place.column;
    case csv_place::kind::folder:
        return "folder " + std::to_string(place.folder);
    case csv_place::kind::file_name:
        return "file name";
    case csv_place::kind::pattern:
        return "pattern";
    case csv_place::kind::segments:
        return "segments";
    case csv_place::kind::none:
        return "none";
    }
    return "";
}

/// The folder of a path with wildcards and the pattern behind it.
inline std::pair<std::filesystem::path, std::string> split_pattern(const std::filesystem::path& path) {
    std::filesystem::path root;
    std::string pattern;
    for (const auto& part : path) {
        const std::string text = part.string();
        if (pattern.empty() && text.find_first_of("*?{") == text.npos)
            root /= part;
        else
            pattern += (pattern.empty() ? "" : "/") + text;
    }
    return {root.empty() ? "." : root, pattern};
}

inline bool is_table_name(const std::filesystem::path& path) {
    std::string extension = path.extension().string();
    for (char& c : extension)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return (extension == ".csv" || extension == ".tsv" || extension == ".txt") &&
           !path.filename().string().starts_with('.');
}

csv_folder find_csv_files(const std::filesystem::path& path, const csv_options& o) {
    namespace fs = std::filesystem;
    csv_folder found;
    std::error_code status;
    std::string pattern = o.files;
    std::vector<std::string> paths; // below the root
    const bool single = fs::is_regular_file(path, status);
    if (single) {
        found.root = path.parent_path().empty() ? "." : path.parent_path();
        paths.push_back(path.filename().string());
    } else {
        found.root = path;
        if (!fs::is_directory(path, status)) {
            auto [root, rest] = split_pattern(path);
            if (rest.empty() || !fs::is_directory(root, status))
                raise<data_error>(path.string(), "file or folder is missing");
            if (!pattern.empty())
                raise<usage_error>("csv_recordings", "path has a pattern, \"", rest,
                                   "\", and so have the options, \"", pattern, "\", expected one");
            found.root = root;
            pattern = rest;
        }
        for (fs::recursive_directory_iterator at(found.root, status), end; !status && at != end;
             at.increment(status)) {
            std::error_code unknown;
            if (at->is_regular_file(unknown))
                paths.push_back(at->path().lexically_relative(found.root).generic_string());
        }
        if (status) raise<io_error>(found.root.string(), "folder cannot be read: ", status.message());
        std::sort(paths.begin(), paths.end());
    }
    std::optional<path_pattern> wanted;
    if (!pattern.empty()) wanted.emplace(pattern);
    const std::optional<path_pattern> segments =
        o.segments.empty() ? std::nullopt : std::optional<path_pattern>(o.segments);
    std::exception_ptr first_fault;
    for (const std::string& relative : paths) {
        if (segments && segments->match(relative)) {
            found.segment_files.push_back(relative);
            continue;
        }
        csv_file file{relative, {}, {}, {}};
        if (wanted) {
            auto captures = wanted->match(relative);
            if (!captures && !single) continue;
            if (captures) file.captures = std::move(*captures);
        } else if (!single && !is_table_name(relative)) {
            continue;
        }
        try {
            file.dialect = recognise_dialect(found.root / relative);
        } catch (const data_error&) {
            if (!first_fault) first_fault = std::current_exception();
            found.left_out.push_back(relative);
            continue;
        }
        file.columns = recognise_columns(file.dialect, file.table());
        const bool named = std::any_of(o.columns.begin(), o.columns.end(), [&](const std::string& name) {
            return file.column(name) < file.dialect.columns();
        });
        if (file.columns.sensors.empty() && !named)
            found.left_out.push_back(relative);
        else
            found.files.push_back(std::move(file));
    }
    if (!found.files.empty()) return found;
    if (first_fault && found.left_out.size() == 1) std::rethrow_exception(first_fault);
    raise<data_error>(path.string(), "number of files with motion sensors is 0 of ", found.left_out.size(),
                      pattern.empty() ? " tables" : " files that fit the pattern",
                      ", expected at least one: a time and columns such as acc_x, acc_y, acc_z");
}

/// Whether a file is named after what it holds, not after a recording: "Raw Data", "Accelerometer".
inline bool is_general_name(const std::string& stem) {
    std::vector<std::string> words = column_words(stem);
    const std::string name = sensor_name(words, false);
    return name == "acc" || name == "user_acc" || name == "gyro" || name == "gravity" || name == "mag" ||
           joined_words(words) == "raw data" || joined_words(words) == "data";
}

/// The path that names a group: of its file without extension, or of its folder if it has several files or one with a
/// general name. {sensor} and {device} are left out.
inline std::string path_of(const csv_folder& folder, const csv_group& group) {
    const csv_file& file = folder.files[group.files[0]];
    std::filesystem::path path;
    if (group.name == file.folder() || (is_general_name(file.stem()) && !file.folder().empty())) {
        path = file.folder();
    } else if (group.name != ".") {
        const std::filesystem::path whole = std::filesystem::path(group.name).replace_extension();
        for (const auto& part : whole) {
            std::string text = part.string();
            for (const std::string place : {"{sensor}", "{device}"})
                if (const std::size_t at = text.find(place); at != text.npos) text.erase(at, place.size());
            if (text.find_first_not_of("-_ .") != text.npos) path /= text;
        }
    }
    std::error_code unknown;
    if (path.empty()) path = std::filesystem::canonical(folder.root, unknown).filename();
    return path.generic_string();
}

std::vector<csv_group> group_files(const csv_folder& folder, const csv_options&) {
    std::map<std::string, std::vector<std::size_t>> groups;
    bool by_pattern = false;
    for (const csv_file& file : folder.files)
        by_pattern = by_pattern || file.captures.count("sensor") != 0 || file.captures.count("device") != 0;
    bool together = !by_pattern, several = false; // whether the files of a folder are one recording
    std::map<std::string, std::set<std::string>> sensors;
    for (std::size_t i = 0; i < folder.files.size() && together; ++i) {
        auto& seen = sensors[folder.files[i].folder()];
        several = several || !seen.empty();
        for (const csv_sensor& sensor : folder.files[i].columns.sensors)
            together = together && seen.insert(sensor.name).second;
    }
    together = together && several;
    for (std::size_t i = 0; i < folder.files.size(); ++i) {
        const csv_file& file = folder.files[i];
        std::string key = together ? file.folder() : file.path;
        std::vector<std::pair<std::size_t, std::string>> replaced;
        for (const char* const name : {"sensor", "device"})
            if (const auto at = file.captures.find(name); at != file.captures.end())
                replaced.push_back({at->second.at, name});
        std::sort(replaced.rbegin(), replaced.rend()); // from the end, so that places stay valid
        for (const auto& [at, name] : replaced) key.replace(at, file.captures.at(name).text.size(), "{" + name + "}");
        groups[key].push_back(i);
    }
    std::vector<csv_group> all;
    for (auto& [name, files] : groups) all.push_back({name.empty() ? "." : name, std::move(files)});
    for (csv_group& group : all) group.path = path_of(folder, group);
    return all;
}

std::string place_in_path(const csv_folder& folder, const csv_group& group, const csv_place& place,
                          const std::string& capture) {
    using kind = csv_place::kind;
    const csv_file& file = folder.files[group.files[0]];
    if (place.what == kind::pattern) {
        const auto at = file.captures.find(capture);
        return at == file.captures.end() ? "" : at->second.text;
    }
    std::vector<std::string> parts;
    for (const auto& part : std::filesystem::path(place.what == kind::folder ? file.folder() : group.path))
        parts.push_back(part.string());
    if (place.what == kind::file_name) return parts.empty() ? "" : without_number(parts.back());
    if (place.what != kind::folder) return "";
    if (place.folder > parts.size())
        raise<data_error>(file.path, capture, " is expected in folder ", place.folder, " of its path, but it has ",
                          parts.size());
    return parts[place.folder - 1];
}

int csv_channel::axis() const {
    const std::size_t n = name.size();
    if (n < 3 || name[n - 2] != '_') return -1;
    return name[n - 1] == 'x' ? 0 : name[n - 1] == 'y' ? 1 : name[n - 1] == 'z' ? 2 : -1;
}

std::string csv_channel::sensor() const { return axis() < 0 ? name : name.substr(0, name.size() - 2); }

/// What precedes the kind of a sensor in its name: "watch" of "watch_user_acc".
inline std::string body_of(const std::string& sensor) {
    for (const std::string_view kind : {"user_acc", "acc", "gyro", "gravity", "mag"})
        if (sensor.ends_with(kind)) {
            std::string before = sensor.substr(0, sensor.size() - kind.size());
            if (before.ends_with('_')) before.pop_back();
            return before;
        }
    return "";
}

inline std::size_t kind_rank(const std::string& sensor) {
    std::size_t rank = 0;
    for (const std::string_view kind : {"user_acc", "acc", "gyro", "gravity", "mag"}) {
        if (sensor.ends_with(kind)) break;
        ++rank;
    }
    return rank == 0 ? 1 : rank == 1 ? 0 : rank; // acc before user_acc
}

std::vector<csv_channel> choose_channels(const csv_folder& folder, const std::vector<csv_group>& groups,
                                         const csv_options& o) {
    std::vector<csv_channel> chosen;
    const std::size_t n = o.channels.size();
    const auto entry = [&](const std::vector<std::string>& list, std::size_t c) {
        return list.empty() ? "" : list[c];
    };
    for (const auto& [what, list] : {std::pair("columns", &o.columns), std::pair("tables", &o.tables),
                                     std::pair("units", &o.units), std::pair("bodies", &o.bodies)})
        if (!list->empty() && list->size() != n)
            raise<usage_error>("csv_recordings", "number of ", what, " is ", list->size(),
                               ", expected one per channel: ", n);
    for (std::size_t c = 0; c < n; ++c) {
        for (std::size_t other = 0; other < c; ++other)
            if (o.channels[other] == o.channels[c])
                raise<usage_error>("csv_recordings", "channel ", o.channels[c], " is listed twice, expected once");
        csv_channel channel{o.channels[c], entry(o.tables, c), entry(o.columns, c), spelled_unit(entry(o.units, c)),
                            entry(o.bodies, c)};
        if (channel.body.empty()) channel.body = body_of(channel.sensor());
        chosen.push_back(std::move(channel));
    }
    if (n > 0) return chosen;
    std::map<std::string, std::size_t> count;
    for (const csv_group& group : groups) {
        std::set<std::string> has;
        for (const std::size_t f : group.files)
            for (const csv_sensor& sensor : folder.files[f].columns.sensors)
                has.insert(folder.files[f].prefix() + sensor.name);
        for (const std::string& name : has) ++count[name];
    }
    std::vector<std::string> sensors;
    for (const auto& [name, times] : count)
        if (2 * times >= groups.size()) sensors.push_back(name);
    std::stable_sort(sensors.begin(), sensors.end(), [](const std::string& a, const std::string& b) {
        return std::pair(body_of(a), kind_rank(a)) < std::pair(body_of(b), kind_rank(b));
    });
    for (const std::string& sensor : sensors)
        for (const char* const axis : {"_x", "_y", "_z"})
            chosen.push_back({sensor + axis, "", "", "", body_of(sensor)});
    if (chosen.empty())
        raise<data_error>(folder.root.string(), "no sensor occurs in at least half of the ", groups.size(),
                          " recordings, expected channels by name");
    return chosen;
}

std::pair<std::vector<csv_source>, std::string> find_channels(const csv_folder& folder, const csv_group& group,
                                                              const std::vector<csv_channel>& channels) {
    std::vector<csv_source> places;
    for (const csv_channel& channel : channels) {
        std::vector<csv_source> found;
        for (const std::size_t f : group.files) {
            const csv_file& file = folder.files[f];
            if (!channel.table.empty() && channel.table != file.table()) continue;
            const std::size_t by_name = file.column(channel.column.empty() ? channel.name : channel.column);
            const int axis = channel.axis();
            for (const csv_sensor& sensor : file.columns.sensors) {
                const bool named = axis >= 0 && channel.column.empty() && by_name == file.dialect.columns() &&
                                   file.prefix() + sensor.name == channel.sensor();
                for (std::size_t a = 0; a < 3; ++a)
                    if (sensor.columns[a] == by_name || (named && static_cast<int>(a) == axis))
                        found.push_back({f, sensor.columns[a], sensor.unit});
            }
            const auto same = [&](const csv_source& s) { return s.file == f; };
            if (by_name < file.dialect.columns() && std::none_of(found.begin(), found.end(), same))
                found.push_back({f, by_name, ""});
        }
        if (found.empty()) return {{}, channel.name};
        if (found.size() > 1)
            raise<data_error>(group.name, "channel ", channel.name, " stands in ", folder.files[found[0].file].path,
                              " and ", folder.files[found[1].file].path, ", expected one file: say which in tables");
        places.push_back(std::move(found[0]));
    }
    return {std::move(places), ""};
}

signal_info info_of(const std::vector<csv_channel>& channels, double rate_hz) {
    signal_info info;
    info.rate_hz = rate_hz;
    std::map<std::string, std::size_t> bodies, found;
    std::map<std::string, std::array<std::size_t, 3>> axes;
    for (std::size_t c = 0; c < channels.size(); ++c) {
        info.channels.push_back(channels[c].name);
        info.units.push_back(channels[c].unit);
        const int axis = channels[c].axis();
        if (axis < 0) continue;
        axes[channels[c].sensor()][static_cast<std::size_t>(axis)] = c;
        ++found[channels[c].sensor()];
    }
    for (const csv_channel& channel : channels) { // sensors in the order of their channels
        const auto at = found.find(channel.sensor());
        if (at == found.end() || at->second != 3) continue;
        info.triples.push_back(axes[channel.sensor()]);
        info.devices.push_back(bodies.emplace(channel.body, bodies.size()).first->second);
        found.erase(at);
    }
    if (bodies.size() < 2) info.devices.clear();
    if (std::all_of(info.units.begin(), info.units.end(), [](const auto& unit) { return unit.empty(); }))
        info.units.clear();
    return info;
}

std::string without_number(std::string name) {
    const std::string whole = name;
    const std::size_t end = name.find_last_not_of("0123456789-_ .:()TZ");
    if (end == name.npos) return whole;
    name.resize(end + 1);
    // Letters T and Z belong to a date only behind a digit.
    for (std::size_t at = name.size(); at < whole.size() && (whole[at] == 'T' || whole[at] == 'Z'); ++at)
        name += whole[at];
    return name;
}

} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::data
