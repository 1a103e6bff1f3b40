// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv_recordings.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/csv/import.hpp"
#include "smldist/data/csv/names.hpp"
#include "smldist/data/csv/segments.hpp"
#include "smldist/data/csv/table.hpp"
#include "smldist/data/resample.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Sensors of one recording, before they are on one grid.
struct csv_signals {
    std::size_t group = 0;
    int person = -1;
    std::vector<stamped_signal> devices;
    std::vector<std::size_t> channels; ///< of the result, in the order of the columns of the devices
};

/// One run of csv_recordings.
class csv_importer {
public:
    csv_importer(const std::filesystem::path& path, const csv_options& o) : o_(o), where_(path.string()) {
        if (!(o.max_gap > 0))
            raise<usage_error>("csv_recordings", "longest gap is ", o.max_gap, " s, expected more than 0");
        if (!(o.rate_hz >= 0 && std::isfinite(o.rate_hz)))
            raise<usage_error>("csv_recordings", "rate is ", o.rate_hz, " Hz, expected a positive one or 0");
        label_ = read_place("label", o.label, true);
        person_ = read_place("subject", o.subject, false);
        folder_ = find_csv_files(path, o);
        groups_ = group_files(folder_, o);
        channels_ = choose_channels(folder_, groups_, o);
        choose_places();
        std::size_t bytes = 0;
        std::error_code status;
        for (const csv_file& file : folder_.files)
            bytes += std::filesystem::file_size(folder_.root / file.path, status);
        room_ = budget("csv_recordings", 0, 12 * bytes + (std::size_t(64) << 20));
    }

    csv_recording_set run() {
        const std::size_t n = folder_.left_out.size();
        std::string names;
        for (std::size_t i = 0; i < std::min<std::size_t>(n, 5); ++i)
            names += (i == 0 ? ": " : ", ") + folder_.left_out[i];
        result_.note("files without motion sensors, left out" + names + (n > 5 ? ", ..." : ""), n);
        for (std::size_t g = 0; g < groups_.size(); ++g) read_group(g);
        if (signals_.empty())
            raise<data_error>(where_, "number of recordings with all channels is 0 of ", groups_.size(),
                              ", expected at least one: ", lacking_);
        choose_rate();
        describe();
        for (csv_signals& s : signals_) resample_signals(s);
        name_classes_and_people();
        if (result_.recordings.empty()) raise<data_error>(where_, "number of recordings is 0, expected at least one");
        return std::move(result_);
    }

private:
    /// Decides where labels and people stand when the options leave it open.
    void choose_places() {
        using kind = csv_place::kind;
        const auto& files = folder_.files;
        const auto captured = [&](const char* name) {
            return std::any_of(files.begin(), files.end(),
                               [&](const csv_file& f) { return f.captures.count(name) != 0; });
        };
        /// The name of a recognised column; empty if files call it differently, nothing if none has it.
        const auto column = [&](std::optional<std::size_t> csv_columns::*which) {
            std::optional<std::string> name;
            for (const csv_file& file : files)
                if (const auto place = file.columns.*which)
                    name = !name || *name == file.dialect.names[*place] ? file.dialect.names[*place] : "";
            return name;
        };
        for (const csv_place* const place : {&label_, &person_}) {
            const char* const what = place == &label_ ? "label" : "subject";
            if (place->what == kind::pattern && !captured(what))
                raise<usage_error>(what, "place is \"pattern\", expected {", what, "} in the pattern of the files");
            if (place->what == kind::column && std::none_of(files.begin(), files.end(), [&](const csv_file& f) {
                    return f.column(place->column) < f.dialect.columns();
                }))
                raise<data_error>(where_, "column of the ", what, " is \"", place->column, "\", which no file has");
        }
        if (label_.what == kind::segments && o_.segments.empty())
            raise<usage_error>("label", "place is \"segments\", expected a pattern of the segments files");
        const bool folders = std::all_of(groups_.begin(), groups_.end(),
                                         [](const csv_group& g) { return g.path.find('/') != g.path.npos; });
        by_file_name_ =
            !captured("sensor") && !captured("device") &&
            std::any_of(groups_.begin(), groups_.end(), [](const csv_group& g) { return g.files.size() > 1; });
        if (person_.what == kind::automatic) {
            const auto named = column(&csv_columns::subject);
            person_.column = named.value_or("");
            person_.what = captured("subject") ? kind::pattern
                           : named             ? kind::column
                           : folders           ? kind::folder
                                               : kind::none;
            person_.folder = 1;
            if (person_.what == kind::folder) remark("people are taken from the first folder of each path");
            if (person_.what == kind::none)
                remark(
                    "nobody is named, all recordings count as those of one person: name people by a column, a folder "
                    "or {subject} in the pattern of the files");
        }
        if (label_.what != kind::automatic) return;
        const auto named = column(&csv_columns::label);
        label_.column = named.value_or("");
        label_.what = captured("label")      ? kind::pattern
                      : !o_.segments.empty() ? kind::segments
                      : named                ? kind::column
                                             : kind::file_name;
        if (label_.what == kind::file_name)
            remark("labels are taken from the names of the recordings, without the number or date at their end");
    }

    void read_group(std::size_t g) {
        const csv_group& group = groups_[g];
        const auto [sources, lacking] = find_channels(folder_, group, channels_);
        if (!lacking.empty()) {
            result_.note("recordings that lack a channel, left out");
            if (lacking_.empty()) lacking_ = group.name + " lacks " + lacking;
            return;
        }
        const int label = words_.number(place_in_path(folder_, group, label_, "label"));
        const int person = people_.number(place_in_path(folder_, group, person_, "subject"));
        std::vector<std::size_t> used; // files of the channels
        for (const csv_source& s : sources)
            if (std::find(used.begin(), used.end(), s.file) == used.end()) used.push_back(s.file);
        std::vector<csv_signals> runs;
        for (const std::size_t f : used) {
            auto parts = read_file(f, sources);
            if (used.size() > 1 && parts.size() > 1)
                raise<data_error>(folder_.files[f].path,
                                  "time steps back, or the person changes, within a file, expected "
                                  "one recording: ",
                                  group.name, " has several files");
            if (runs.empty()) {
                runs = std::move(parts);
                continue;
            }
            if (parts.empty()) runs.clear();
            if (runs.empty()) break;
            std::move(parts[0].devices.begin(), parts[0].devices.end(), std::back_inserter(runs[0].devices));
            runs[0].channels.insert(runs[0].channels.end(), parts[0].channels.begin(), parts[0].channels.end());
        }
        for (csv_signals& run : runs) {
            run.group = g;
            if (person_.what != csv_place::kind::column) run.person = person;
            if (label_.what == csv_place::kind::segments) {
                const std::string path = segments_file(folder_, group, o_.segments);
                label_by(read_segments(folder_, path, group, o_.segment, unit_, words_), run.devices[0], path);
            } else if (label_.what != csv_place::kind::column) {
                run.devices[0].labels.assign(run.devices[0].size(), label);
            } else if (std::all_of(run.devices.begin(), run.devices.end(),
                                   [](const stamped_signal& d) { return d.labels.empty(); })) {
                result_.note("recordings without the column of the label, unlabelled");
            }
            signals_.push_back(std::move(run));
        }
        if (runs.empty()) {
            result_.note("recordings without samples, left out");
            if (lacking_.empty()) lacking_ = group.name + " has no row with all axes of a sensor";
        }
    }

    /// The place of a column for a purpose: as the options name it, or as it was recognised.
    std::optional<std::size_t> column_of(const csv_file& file, const std::string& named,
                                         std::optional<std::size_t> recognised) const {
        if (named.empty()) return recognised;
        const std::size_t k = file.column(named);
        return k < file.dialect.columns() ? std::optional(k) : std::nullopt;
    }

    csv_rows read_rows(const csv_file& file, std::vector<std::size_t> columns) {
        using kind = csv_place::kind;
        csv_request wanted{std::move(columns), {}, {}, {}, o_.unit};
        if (o_.time != "none") wanted.time = column_of(file, o_.time, file.columns.time);
        if (!wanted.time && !o_.time.empty() && o_.time != "none")
            raise<data_error>(file.path, "columns lack the time \"", o_.time, "\"");
        if (label_.what == kind::column) wanted.label = column_of(file, label_.column, file.columns.label);
        if (person_.what == kind::column) wanted.person = column_of(file, person_.column, file.columns.subject);
        csv_rows rows = read_csv_rows(folder_.root / file.path, file, wanted, words_, people_, room_);
        if (rows.cut_off) result_.note("last lines that end within a row, left out");
        if (rows.unit != time_unit::automatic) unit_ = rows.unit;
        times_.insert({wanted.time ? file.dialect.names[*wanted.time] : "none", rows.unit});
        if (!rows.stamps.empty()) result_.since_1970 = rows.stamps[0] > 946684800 && rows.stamps[0] < 4102444800;
        return rows;
    }

    /// The sensors of a file that a group needs, for each of its recordings.
    std::vector<csv_signals> read_file(std::size_t f, const std::vector<csv_source>& sources) {
        const csv_file& file = folder_.files[f];
        std::vector<std::size_t> channels, columns;
        for (std::size_t c = 0; c < sources.size(); ++c)
            if (sources[c].file == f) {
                channels.push_back(c);
                columns.push_back(sources[c].column);
            }
        for (const std::size_t column : columns)
            if (file.column_after(column) < file.dialect.columns())
                result_.note("columns whose name occurs again, of which the first is read");
        csv_rows rows = read_rows(file, columns);
        std::size_t bytes = rows.bytes();
        convert_units(file, sources, channels, rows);
        if (rows.stamps.empty()) {
            const double hz = o_.rate_hz > 0 && file.dialect.rate_hz == 0 ? o_.rate_hz : file.dialect.rate_hz;
            if (!(hz > 0) && rows.size > 0)
                raise<data_error>(file.path,
                                  "no column is a time, expected one such as \"timestamp\", or the rate of the rows "
                                  "in Hz");
            room_.take(rows.size * sizeof(double), "its times");
            bytes += rows.size * sizeof(double);
            rows.stamps.resize(rows.size);
            for (std::size_t i = 0; i < rows.size; ++i) rows.stamps[i] = double(i) / hz;
        }
        if (o_.clock == csv_clock::own && rows.size > 0) {
            const double first = *std::min_element(rows.stamps.begin(), rows.stamps.end());
            for (double& t : rows.stamps) t -= first;
        }
        // Runs of one person without a long step back, and the order of the rows in time.
        std::vector<csv_signals> runs;
        for (std::size_t first = 0, last = 0; first < rows.size; first = last) {
            double latest = rows.stamps[first];
            bool ordered = true;
            for (last = first + 1; last < rows.size; ++last) {
                if (!rows.person.empty() && rows.person[last] != rows.person[first]) break;
                if (rows.stamps[last] < latest - o_.max_gap) break;
                ordered = ordered && rows.stamps[last] >= latest;
                latest = std::max(latest, rows.stamps[last]);
            }
            if (first > 0)
                result_.note(rows.person.empty() || rows.person[first] == rows.person[first - 1]
                                 ? "recordings begun at a step back in time"
                                 : "recordings begun at a change of the person");
            std::vector<std::size_t> order(last - first);
            std::iota(order.begin(), order.end(), first);
            std::size_t moved = 0;
            if (!ordered) {
                std::stable_sort(order.begin(), order.end(),
                                 [&](std::size_t a, std::size_t b) { return rows.stamps[a] < rows.stamps[b]; });
                for (std::size_t i = 0; i < order.size(); ++i) moved += order[i] != first + i;
                result_.note("rows moved to their time", moved);
            }
            csv_signals run;
            run.channels = channels;
            if (!rows.person.empty()) run.person = rows.person[first];
            for (std::size_t c = 0; c < channels.size();) {
                std::size_t n = 1;
                const std::string sensor = channels_[channels[c]].sensor();
                while (c + n < channels.size() && channels_[channels[c + n]].sensor() == sensor) ++n;
                run.devices.push_back(sensor_of(file, sensor, rows, order, c, n, moved));
                c += n;
            }
            const bool all =
                std::all_of(run.devices.begin(), run.devices.end(), [](const auto& d) { return d.size() > 0; });
            if (all) runs.push_back(std::move(run));
        }
        room_.give_back(bytes);
        return runs;
    }

    /// The samples of one sensor in the rows `order`, with what was found in them.
    stamped_signal sensor_of(const csv_file& file, const std::string& sensor, const csv_rows& rows,
                             const std::vector<std::size_t>& order, std::size_t column, std::size_t width,
                             std::size_t moved) {
        stamped_signal s;
        s.channels = width;
        room_.take(order.size() * (width * sizeof(float) + sizeof(double) + sizeof(int)), "its samples");
        s.samples.reserve(order.size() * width);
        s.stamps.reserve(order.size());
        csv_stream facts{file.path, sensor, order.size()};
        facts.unordered = moved;
        for (const std::size_t i : order) {
            const float* const row = rows.values.data() + i * rows.width + column;
            if (std::any_of(row, row + width, [](float v) { return std::isnan(v); })) {
                ++facts.missing;
                continue;
            }
            const double t = rows.stamps[i];
            if (!s.stamps.empty()) {
                const double step = t - s.stamps.back();
                facts.repeated += step == 0;
                if (step > o_.max_gap) {
                    ++facts.gaps;
                    facts.longest_gap = std::max(facts.longest_gap, step);
                }
            }
            s.samples.insert(s.samples.end(), row, row + width);
            s.stamps.push_back(t);
            if (!rows.label.empty()) s.labels.push_back(rows.label[i]);
        }
        if (!s.stamps.empty()) {
            facts.begin = s.stamps.front();
            facts.end = s.stamps.back();
        }
        facts.rate_hz = rate_without_gaps(s.stamps, o_.max_gap);
        if (facts.missing < order.size()) result_.note("rows without a value of " + sensor, facts.missing);
        result_.note("steps in time longer than the longest gap", facts.gaps);
        result_.streams.push_back(std::move(facts));
        return s;
    }

    /// Brings samples to the unit of their channel, which is the first one stated unless the options say it.
    void convert_units(const csv_file& file, const std::vector<csv_source>& sources,
                       const std::vector<std::size_t>& channels, csv_rows& rows) {
        for (std::size_t k = 0; k < channels.size(); ++k) {
            csv_channel& channel = channels_[channels[k]];
            const std::string& stated = sources[channels[k]].unit;
            if (channel.unit.empty()) channel.unit = stated;
            if (stated.empty() || stated == channel.unit) continue;
            const auto factor = unit_factor(stated, channel.unit);
            if (!factor)
                raise<data_error>(file.path, "unit of ", channel.name, " is ", stated, ", expected ", channel.unit,
                                  " or one that can be converted to it");
            result_.note("files whose " + channel.name + " was converted from " + stated + " to " + channel.unit);
            for (std::size_t i = 0; i < rows.size; ++i) {
                float& v = rows.values[i * rows.width + k];
                v = static_cast<float>(double(v) * *factor);
            }
        }
    }

    void choose_rate() {
        const double fastest = result_.rate_found();
        rate_ = o_.rate_hz;
        if (rate_ > 0) return;
        if (!(fastest > 0)) {
            double longest = 0;
            for (const csv_stream& s : result_.streams) longest = std::max(longest, s.longest_gap);
            if (longest > 0)
                raise<data_error>(where_, "no step in time is within the longest gap of ", o_.max_gap, " s (one is ",
                                  longest, " s), expected a longer one");
            raise<data_error>(where_, "sampling rate cannot be found from so few samples, expected a rate in Hz");
        }
        rate_ = fastest >= 10 ? std::round(fastest) : std::round(10 * fastest) / 10;
    }

    /// Fills the facts of the signals.
    void describe() {
        result_.info = info_of(channels_, rate_);
        const bool units = !result_.info.units.empty();
        if (!result_.info.devices.empty() && o_.channels.empty() && by_file_name_)
            remark(
                "sensors of several devices are taken from the names of the files: if these name people, say so by "
                "{subject} in the pattern of the files");

        csv_options& u = result_.understood = o_;
        u.channels.clear();
        u.units.clear();
        u.bodies.clear();
        for (const csv_channel& channel : channels_) {
            u.channels.push_back(channel.name);
            u.units.push_back(channel.unit);
            u.bodies.push_back(channel.body);
        }
        if (std::all_of(u.bodies.begin(), u.bodies.end(), [&](const auto& b) { return b == u.bodies[0]; }))
            u.bodies.clear();
        if (!units) u.units.clear();
        u.label = text_of(label_);
        u.subject = text_of(person_);
        // Files of several forms are recognised one by one the next time too.
        if (times_.size() == 1) std::tie(u.time, u.unit) = *times_.begin();
        u.rate_hz = rate_;
        const csv_file& file = folder_.files[groups_[signals_[0].group].files[0]];
        result_.program = file.columns.form;
        if (file.columns.guessed)
            remark("columns have no names: the first three numbers are taken for an accelerometer, three more for a "
                   "gyroscope");
        if (!units) remark("no file states the units of its columns");
        std::size_t repeated = 0, rows = 0;
        for (const csv_stream& s : result_.streams) {
            repeated += s.repeated;
            rows += s.rows;
        }
        if (50 * repeated > rows && o_.smooth == 0) {
            remark("stamps come in bursts, " + std::to_string(100 * repeated / rows) +
                   " % equal the one before: smooth = 50 spreads the samples evenly");
            u.smooth = 50;
        }
    }

    void resample_signals(csv_signals& s) {
        const csv_group& group = groups_[s.group];
        std::vector<double> begins;
        auto parts = resample_within(s.devices, {rate_, o_.max_gap, o_.smooth, 0}, s.person, room_, &begins);
        if (parts.empty())
            raise<data_error>(group.name, "its files share no time, from ", s.devices[0].stamps.front(), " to ",
                              s.devices[0].stamps.back(), " s and from ", s.devices.back().stamps.front(), " to ",
                              s.devices.back().stamps.back(),
                              " s, expected overlapping ones: clock \"own\" counts from the "
                              "first sample of each file");
        std::size_t bytes = 0;
        for (const stamped_signal& d : s.devices) bytes += d.bytes();
        s.devices.clear();
        room_.give_back(bytes);
        std::vector<std::size_t> place(s.channels.size()); // column of each channel
        for (std::size_t k = 0; k < s.channels.size(); ++k) place[s.channels[k]] = k;
        const bool in_order = std::is_sorted(s.channels.begin(), s.channels.end());
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (!in_order) {
                tensor<float> ordered = tensor<float>::uninitialized(parts[i].samples.shape());
                const std::size_t C = place.size();
                for (std::size_t t = 0; t < parts[i].labels.size(); ++t)
                    for (std::size_t c = 0; c < C; ++c) ordered[t * C + c] = parts[i].samples[t * C + place[c]];
                parts[i].samples = std::move(ordered);
            }
            make_room(result_.recordings, room_, "the recordings");
            result_.recordings.push_back(std::move(parts[i]));
            result_.origins.push_back({group.name, begins[i]});
        }
    }

    /// Numbers classes and people in the order of their names.
    void name_classes_and_people() {
        csv_numbering classes = number_labels(words_, o_.label_map), people = number_people(people_);
        const bool nameless = std::any_of(result_.recordings.begin(), result_.recordings.end(),
                                          [](const recording& r) { return r.subject < 0; });
        const int most = people.number.empty() ? 0 : *std::max_element(people.number.begin(), people.number.end());
        for (recording& r : result_.recordings) {
            for (int& label : r.labels) label = label < 0 ? -1 : classes.number[static_cast<std::size_t>(label)];
            r.subject = r.subject < 0 ? most + 1 : people.number[static_cast<std::size_t>(r.subject)];
        }
        if (nameless && !people_.texts().empty()) remark("rows without a person count as those of one more");
        if (nameless && !people.names.empty()) people.names.push_back("unknown");
        result_.info.subjects = std::move(people.names);
        result_.info.labels = std::move(classes.names);
        if (result_.info.labels.empty()) result_.info.labels.push_back("unlabelled");
    }

    void remark(std::string text) { result_.remarks.push_back(std::move(text)); }

    csv_options o_;
    std::string where_;
    csv_place label_, person_;
    csv_folder folder_;
    std::vector<csv_group> groups_;
    std::vector<csv_channel> channels_;
    budget room_;
    csv_words words_, people_;
    std::vector<csv_signals> signals_;
    std::string lacking_;                               ///< why the first recording was left out
    time_unit unit_ = time_unit::automatic;             ///< of the last file with a time
    std::set<std::pair<std::string, time_unit>> times_; ///< columns of the time, with their units
    double rate_ = 0;
    bool by_file_name_ = false; ///< files of a folder are one recording, no pattern says so
    csv_recording_set result_;
};

} // namespace detail

double csv_recording_set::rate_found() const {
    std::map<std::string, std::vector<double>> rates; // by sensor
    for (const csv_stream& s : streams)
        if (s.rate_hz > 0) rates[s.sensor].push_back(s.rate_hz);
    double fastest = 0;
    for (auto& [sensor, list] : rates) {
        const auto middle = list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2);
        std::nth_element(list.begin(), middle, list.end());
        fastest = std::max(fastest, *middle);
    }
    return fastest;
}

csv_recording_set csv_recordings(const std::filesystem::path& path, const csv_options& o) {
    return detail::csv_importer(path, o).run();
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
