// SPDX-License-Identifier: BSD-3-Clause
#include "own_recordings.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <system_error>

#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/data/resample.hpp"

namespace har {

using namespace smldist;

namespace {

constexpr std::string_view prefix = "csv-";
/// What predict has no use for: it reads no labels, and takes window and units from the model.
constexpr std::array<std::string_view, 9> of_training{"label", "segments",   "segment", "label-map", "window",
                                                      "hop",   "label-rule", "units",   "bodies"};

/// "-" stands for an empty entry of a list, which would be left out.
std::string parse_entry(std::string_view word) { return word == "-" ? "" : std::string(word); }
std::string show_entry(const std::string& entry) { return entry.empty() ? "-" : entry; }

/// The settings of csv- options, named as in recordings.toml.
std::vector<setting> without_prefix(const std::vector<setting>& settings) {
    std::vector<setting> own;
    for (const setting& s : settings)
        if (s.name.starts_with(prefix)) {
            own.push_back(s);
            own.back().name.erase(0, prefix.size());
        }
    return own;
}

/// The description of an option as lines that begin with #, without its default.
std::string comment(std::string description) {
    std::replace(description.begin(), description.end(), '\n', ' ');
    if (const std::size_t at = description.find("--csv-"); at != description.npos) description.erase(at, 6);
    if (const std::size_t at = description.rfind("; default "); at != description.npos)
        description.replace(at, description.npos, "]");
    if (const std::size_t at = description.rfind(" [default "); at != description.npos) description.resize(at);
    std::istringstream words(description);
    std::string text, line = "#";
    for (std::string word; words >> word; line += " " + word)
        if (line.size() + 1 + word.size() > 100) {
            text += line + "\n";
            line = "#";
        }
    return text + line + "\n";
}

std::string number(double v, const char* format) {
    char text[64];
    std::snprintf(text, sizeof text, format, v);
    return text;
}

/// "a, b, c and 5 more", printable.
std::string listed(const std::vector<std::string>& names, std::size_t most = 10) {
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) text += (i == 0 ? "" : ", ") + printable(names[i]);
    return names.size() <= most ? text : text + " and " + std::to_string(names.size() - most) + " more";
}

/// A sensor over all files.
struct sensor_summary {
    std::vector<double> rates;
    std::size_t rows = 0, gaps = 0, repeated = 0, unordered = 0, missing = 0;
    double longest_gap = 0;

    double median() const {
        std::vector<double> r = rates;
        if (r.empty()) return 0;
        std::sort(r.begin(), r.end());
        return r[r.size() / 2];
    }
};

std::map<std::string, sensor_summary> by_sensor(const data::csv_recording_set& set) {
    std::map<std::string, sensor_summary> sensors;
    for (const data::csv_stream& s : set.streams) {
        sensor_summary& all = sensors[s.sensor];
        if (s.rate_hz > 0) all.rates.push_back(s.rate_hz);
        all.rows += s.rows;
        all.gaps += s.gaps;
        all.repeated += s.repeated;
        all.unordered += s.unordered;
        all.missing += s.missing;
        all.longest_gap = std::max(all.longest_gap, s.longest_gap);
    }
    return sensors;
}

std::string time_text(const data::csv_recording_set& set) {
    const data::csv_options& u = set.understood;
    if (u.time == "none") return "none: rows are evenly spaced";
    static const std::map<data::time_unit, const char*> words{{data::time_unit::seconds, "seconds"},
                                                              {data::time_unit::milliseconds, "milliseconds"},
                                                              {data::time_unit::microseconds, "microseconds"},
                                                              {data::time_unit::nanoseconds, "nanoseconds"},
                                                              {data::time_unit::text, "dates or times of day"}};
    const auto unit = words.find(u.unit);
    std::string text = u.time.empty() ? "a column of each file" : "column \"" + printable(u.time) + "\"";
    text += std::string(", ") + (unit == words.end() ? "in an unknown unit" : unit->second);
    if (u.unit != data::time_unit::text) text += set.since_1970 ? " since 1970" : " since some moment";
    if (!set.since_1970 || set.streams.empty()) return text;
    double begin = set.streams[0].begin, end = set.streams[0].end;
    for (const data::csv_stream& s : set.streams) {
        begin = std::min(begin, s.begin);
        end = std::max(end, s.end);
    }
    return text + ", " + data::iso_time(begin).substr(0, 19) + " to " + data::iso_time(end).substr(0, 19) + " UTC";
}

/// The entries of a list with one per channel, for other channels; an empty list stays empty.
std::vector<std::string> chosen(const std::vector<std::string>& list, const std::vector<std::size_t>& channels) {
    std::vector<std::string> some;
    if (list.empty()) return some;
    for (const std::size_t c : channels) some.push_back(c < list.size() ? list[c] : "");
    return some;
}

/// Brings evenly spaced recordings to another rate.
void resample(data::csv_recording_set& set, double rate_hz) {
    for (data::recording& r : set.recordings) {
        const std::size_t n = r.labels.size();
        if (n < 2) continue; // nothing between
        data::stamped_signal s{r.samples.size() / n, {r.samples.begin(), r.samples.end()}, {}, std::move(r.labels)};
        for (std::size_t i = 0; i < n; ++i) s.stamps.push_back(double(i) / set.info.rate_hz);
        data::resample_options how{rate_hz};
        how.max_gap = 2 / set.info.rate_hz;
        how.device_hz = set.info.rate_hz;
        r = std::move(data::resample({s}, how, r.subject).at(0));
    }
    set.info.rate_hz = rate_hz;
}

} // namespace

std::string own_path(const std::string& data) { return data.starts_with("csv=") ? data.substr(4) : ""; }

void own_recordings_options(declarer& d, options& o, bool labelled) {
    data::csv_options& c = o.csv;
    d.group(std::string(labelled ? "Recordings of your own" : "Inputs with a time") +
            ", where they are not recognised; also in recordings.toml, without csv-");
    d.word("csv-files", c.files, "PATTERN",
           "Paths of the files below the folder: * is any text, **/ any folders, {subject}, {label}, {recording}, "
           "{sensor} and {device} say what the text there means, {subject#} is digits. Files that differ only in "
           "{sensor} or {device} are one recording. \"\" takes all .csv, .tsv and .txt.",
           true);
    d.words("csv-channels", c.channels, ',', "NAMES",
            labelled ? "Channels, in order; NAME_x, NAME_y, NAME_z are one sensor. None takes what the files have."
                     : "Channels that --csv-columns and --csv-tables are about; none: the model's.");
    d.words("csv-columns", c.columns, ';', "NAMES",
            "Column of each channel, with ; between them; none finds them by the channels' names.");
    d.words<std::string>("csv-tables", c.tables, ',', "NAMES", parse_entry, show_entry,
                         "File of each channel by its name without folder and extension; - is any file.");
    if (labelled) {
        d.words<std::string>("csv-units", c.units, ',', "UNITS", parse_entry, show_entry,
                             "Unit wanted of each channel: m/s^2, g, rad/s, deg/s, uT are converted; - leaves it.");
        d.words<std::string>(
            "csv-bodies", c.bodies, ',', "NAMES", parse_entry, show_entry,
            "Body part or device that carries each channel's sensor; augmentation turns each on its own.");
    }
    d.word("csv-time", c.time, "COLUMN",
           "Column of the time; none: rows are evenly spaced at --csv-rate. \"\" finds it.", true);
    d.choice("csv-unit", c.unit, "Unit of the time; text: dates or times of day.");
    d.choice(
        "csv-clock", c.clock,
        "What the times of several files of a recording count from: a shared moment, or each its own beginning.");
    if (labelled) {
        d.word(
            "csv-label", c.label, "PLACE",
            "Where labels are: \"column NAME\", \"folder N\" below PATH, \"file name\", pattern for {label} in the "
            "pattern, segments or none. \"\" finds them.",
            true);
        d.word(
            "csv-segments", c.segments, "PATTERN",
            "Paths of files with columns start, end and label of activities; their folders are recordings, or hold "
            "them.",
            true);
        d.choice("csv-segment", c.segment, "What start and end count.");
        d.words("csv-label-map", c.label_map, ',', "RULES",
                "OLD=NEW renames a label or merges it with NEW, OLD= makes its samples unlabelled.");
    }
    d.word(
        "csv-subject", c.subject, "PLACE",
        "Where people are named: \"column NAME\", \"folder N\" below PATH, pattern for {subject} in the pattern, or "
        "none for one person. \"\" finds them.",
        true);
    d.real("csv-rate", c.rate_hz, {0, 1e5},
           labelled ? "Rate in Hz to resample to; 0 takes the rate found."
                    : "Rate in Hz of rows without a time; 0: the model's.");
    d.real("csv-max-gap", c.max_gap, {0, 3600, true}, "Seconds without samples that end a recording.");
    d.whole("csv-smooth", c.smooth, 0, 100000,
            "Samples on either side over which times are averaged, for devices that deliver samples in bursts.");
    if (!labelled) return;
    d.whole("csv-window", o.windows.length, 0, 1000000,
            "Samples in a window; 0: a multiple of 16, about 2.56 s, or those of the model that is evaluated.");
    d.whole("csv-hop", o.windows.hop, 0, 1000000, "Samples from one window to the next; 0: half a window.");
    d.choice("csv-label-rule", o.windows.rule,
             "What gives a window its label: the majority of its samples, the last one, or one for all (constant).");
}

std::string toml_beside(const std::string& path) {
    std::error_code status;
    std::filesystem::path file(path);
    if (std::filesystem::is_regular_file(file, status)) return file.replace_extension(".toml").string();
    if (std::filesystem::is_directory(file, status)) return (file / "recordings.toml").string();
    std::filesystem::path folder;
    for (const auto& part : file) {
        if (part.string().find_first_of("*?{") != std::string::npos) break;
        folder /= part;
    }
    return ((folder.empty() ? "." : folder) / "recordings.toml").string();
}

void apply_toml_beside(const std::string& data, const std::vector<setting>& settings) {
    const std::string file = own_path(data).empty() ? "" : toml_beside(own_path(data));
    std::error_code status;
    if (file.empty() || !std::filesystem::exists(file, status)) return;
    const std::vector<setting> own = without_prefix(settings);
    std::string pattern = own_path(data); // of the command line, which says where labels and people stand
    for (const setting& s : own)
        if (s.name == "files" && s.given()) pattern += s.now().at(0);
    for (config_section& section : read_config(file)) {
        if (section.name != "csv")
            raise<usage_error>(file + ":" + std::to_string(section.line), "section is [", section.name,
                               "], expected [csv]");
        std::erase_if(section.entries, [&](const config_entry& e) {
            if ((e.name == "label" || e.name == "subject") && pattern.find("{" + e.name) != pattern.npos) return true;
            const bool declared =
                std::any_of(own.begin(), own.end(), [&](const setting& s) { return s.name == e.name; });
            return !declared && std::find(of_training.begin(), of_training.end(), e.name) != of_training.end();
        });
        apply(file, section, own, "train");
    }
}

std::string toml_of(const data::csv_options& csv, const data::cut_options& windows) {
    options o;
    o.csv = csv;
    o.windows = windows;
    CLI::App app;
    std::vector<setting> settings;
    declarer d(app, settings);
    own_recordings_options(d, o);
    std::string text = "# How har reads the recordings beside this file. Change what was misunderstood.\n[csv]\n";
    for (const setting& s : without_prefix(settings))
        text += "\n" + comment(app.get_option("--" + std::string(prefix) + s.name)->get_description()) +
                config_line(s.entry());
    return text;
}

data::csv_recording_set recordings_for(const io::model_facts& model, const std::string& path, data::csv_options csv) {
    if (!csv.channels.empty()) {
        std::vector<std::size_t> places;
        for (const std::string& name : model.channels) {
            const auto at = std::find(csv.channels.begin(), csv.channels.end(), name);
            if (at != csv.channels.end())
                places.push_back(static_cast<std::size_t>(at - csv.channels.begin()));
            else if (!csv.columns.empty() || !csv.tables.empty())
                raise<usage_error>("--csv-channels", "channels are ", listed(csv.channels), ", expected also ", name,
                                   " of the model");
        }
        const bool all = places.size() == model.channels.size();
        csv.columns = all ? chosen(csv.columns, places) : std::vector<std::string>();
        csv.tables = all ? chosen(csv.tables, places) : std::vector<std::string>();
        csv.units = all ? chosen(csv.units, places) : std::vector<std::string>();
    }
    csv.channels = model.channels;
    csv.bodies.clear(); // matter only for augmentation
    if (model.units.size() == model.channels.size()) csv.units = model.units;
    if (csv.units.size() != csv.channels.size()) csv.units.clear();
    const double stated_hz = csv.rate_hz; // of rows without a time
    if (csv.time != "none" && model.rate_hz > 0) csv.rate_hz = model.rate_hz;
    if (csv.rate_hz == 0) csv.rate_hz = model.rate_hz;
    data::csv_recording_set set = data::csv_recordings(path, csv);
    if (set.understood.time == "none" && stated_hz > 0 && stated_hz != csv.rate_hz) {
        csv.rate_hz = stated_hz;
        set = data::csv_recordings(path, csv);
    }
    if (model.rate_hz > 0 && set.info.rate_hz != model.rate_hz) resample(set, model.rate_hz);
    return set;
}

void report_rate(const std::string& where, const data::csv_recording_set& set, double model_hz) {
    const double fastest = set.rate_found(); // a sensor that is slower by nature is no fault
    if (!(fastest > 0) || !(model_hz > 0)) return;
    if (fastest < 0.8 * model_hz)
        std::fprintf(stderr,
                     "%s: samples come at %.4g Hz, too few for a model of %.4g Hz: its answers may be wrong\n",
                     where.c_str(), fastest, model_hz);
    else if (fastest > 1.05 * model_hz)
        std::fprintf(stderr, "%s: samples come at %.4g Hz and were resampled to the model's %.4g Hz\n", where.c_str(),
                     fastest, model_hz);
}

std::string understood_text(const data::recording_set& set, const data::csv_recording_set& own) {
    const auto line = [](const std::string& name, const std::string& text) {
        return name + std::string(10 - name.size(), ' ') + text + "\n";
    };
    std::set<std::string> files;
    for (const data::csv_stream& s : own.streams) files.insert(s.file);
    std::string out = line("files", std::to_string(files.size()) +
                                        (own.program.empty() ? "" : ", as " + own.program + " writes them"));
    out += line("time", time_text(own));
    for (const auto& [name, s] : by_sensor(own)) {
        std::string text = name + ": " + number(s.median(), "%.4g Hz");
        if (!s.rates.empty()) {
            const auto [low, high] = std::minmax_element(s.rates.begin(), s.rates.end());
            if (*high > 1.02 * *low) text += number(*low, " (%.4g to ") + number(*high, "%.4g)");
        }
        text += ", " + std::to_string(s.rows) + " rows";
        if (s.gaps > 0)
            text += ", " + std::to_string(s.gaps) + (s.gaps == 1 ? " gap of " : " gaps of up to ") +
                    number(s.longest_gap, "%.3g s");
        if (s.repeated > 0) text += ", " + std::to_string(s.repeated) + " repeated stamps";
        if (s.unordered > 0) text += ", " + std::to_string(s.unordered) + " rows out of order";
        if (s.missing > 0) text += ", " + std::to_string(s.missing) + " rows without a value";
        out += line("sensor", text);
    }
    out += line("rate", number(set.info.rate_hz, "all are resampled to %.6g Hz"));
    out += line("labels", (own.understood.label.empty() ? "" : "by " + printable(own.understood.label) + ": ") +
                              listed(set.info.labels));
    std::set<int> numbers;
    for (const data::recording& r : set.recordings) numbers.insert(r.subject);
    std::vector<std::string> people;
    for (const int n : numbers) people.push_back(set.info.subject_name(n));
    out += line("people", (own.understood.subject.empty() ? "" : "by " + printable(own.understood.subject) + ": ") +
                              listed(people));
    return out;
}

io::json understood_json(const data::csv_recording_set& set) {
    io::json::array files, remarks;
    for (const data::csv_stream& s : set.streams) {
        io::json one;
        one.set("file", printable(s.file));
        one.set("sensor", printable(s.sensor));
        one.set("rows", s.rows);
        one.set("begin", s.begin);
        one.set("end", s.end);
        one.set("rate_hz", s.rate_hz);
        one.set("gaps", s.gaps);
        one.set("longest_gap_seconds", s.longest_gap);
        one.set("repeated_stamps", s.repeated);
        one.set("unordered_rows", s.unordered);
        one.set("rows_without_value", s.missing);
        files.push_back(std::move(one));
    }
    for (const std::string& text : set.remarks) remarks.emplace_back(printable(text));
    io::json j;
    j.set("program", set.program);
    j.set("time", time_text(set));
    j.set("label", printable(set.understood.label));
    j.set("subject", printable(set.understood.subject));
    j.set("streams", std::move(files));
    j.set("guesses", std::move(remarks));
    return j;
}

} // namespace har
