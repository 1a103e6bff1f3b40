// SPDX-License-Identifier: BSD-3-Clause
/// inspect: what a dataset holds and what looks wrong with it, before any training.
#include "smldist/data/inspect.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "commands.hpp"
#include "datasets.hpp"
#include "options.hpp"
#include "own_recordings.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/io/json.hpp"
#include "text.hpp"

namespace har {

using namespace smldist;
using data::remark_kind;

namespace {

constexpr std::size_t line_width = 100, column_width = 24, people_in_block = 12, lines_of_kind = 6;
constexpr const char* unlabelled = "(unlabelled)";

/// printf into a string.
[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
    char buffer[512];
    va_list values;
    va_start(values, format);
    std::vsnprintf(buffer, sizeof buffer, format, values);
    va_end(values);
    return buffer;
}

std::string left_cell(const std::string& text, std::size_t columns) {
    return left_aligned(shortened(text, columns), columns);
}
std::string right_cell(const std::string& text, std::size_t columns) {
    return right_aligned(shortened(text, columns), columns);
}

/// Room for the longest of the names and for the heading.
std::size_t column_for(const std::vector<std::string>& names, const std::string& heading) {
    std::size_t longest = characters(heading);
    for (const std::string& name : names) longest = std::max(longest, characters(name));
    return std::min(longest, column_width);
}

/// The text in lines of at most line_width, the first after "- ".
std::string item(const std::string& text) {
    std::string out = "- ";
    std::size_t column = 2;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        if (column > 2 && column + 1 + characters(word) > line_width) {
            out += "\n  ";
            column = 2;
        } else if (column > 2) {
            out += ' ';
            ++column;
        }
        out += word;
        column += characters(word);
        at = end + 1;
    }
    return out + "\n";
}

std::string count(std::size_t n, const char* one, const char* several) {
    return std::to_string(n) + " " + (n == 1 ? one : several);
}

std::string percentage(double share) { return print("%.3g %%", 100 * share); }

/// A set and its report, as text and as JSON.
class presentation {
public:
    presentation(const data::recording_set& set, const data::recording_report& report)
        : set_(set), info_(set.info), report_(report) {}

    std::string text() const { return totals() + channels() + sensors() + classes() + remarks(); }
    io::json json() const;

private:
    std::string totals() const;
    std::string channels() const;
    std::string sensors() const;
    std::string classes() const;
    std::string class_block(std::size_t first, std::size_t end, std::size_t names, std::size_t column) const;
    std::string remarks() const;
    std::string sentence(const data::remark& r) const;

    double seconds(std::size_t samples) const { return 60 * report_.minutes(samples); }
    /// How long so many samples last, or their number if the rate is unknown.
    std::string duration(std::size_t samples) const {
        return report_.rate_hz > 0 ? print("%.1f s", seconds(samples)) : count(samples, "sample", "samples");
    }
    std::string unit(std::size_t c) const { return c < info_.units.size() ? info_.units[c] : ""; }
    std::string person(std::size_t p) const { return info_.subject_name(report_.people[p].subject); }
    /// "recording 12 (person anna, walking, 30.0 s)", counted from 1; with the label if it has only one.
    std::string recording(std::size_t i) const {
        const data::recording& r = set_.recordings[i];
        const int label = r.labels.front();
        const auto other = std::find_if(r.labels.begin(), r.labels.end(), [&](int n) { return n != label; });
        return "recording " + std::to_string(i + 1) + " (person " + info_.subject_name(r.subject) + ", " +
               (label < 0 || other != r.labels.end() ? "" : info_.labels[static_cast<std::size_t>(label)] + ", ") +
               duration(r.labels.size()) + ")";
    }

    const data::recording_set& set_;
    const data::signal_info& info_;
    const data::recording_report& report_;
};

std::string presentation::totals() const {
    const auto& r = report_;
    return count(r.people.size(), "person", "people") + ", " + count(info_.labels.size(), "class", "classes") + ", " +
           count(r.recordings, "recording", "recordings") + " of " + duration(r.shortest) +
           (r.shortest == r.longest ? "" : " to " + duration(r.longest)) + "\n" +
           (r.rate_hz > 0 ? print("%.1f min at %g Hz", r.minutes(r.samples), r.rate_hz)
                          : count(r.samples, "sample", "samples") + " at an unknown rate") +
           ", labelled " + percentage(double(r.labelled) / double(r.samples)) + "\n";
}

std::string presentation::channels() const {
    std::vector<std::string> names;
    for (std::size_t c = 0; c < report_.channels.size(); ++c) names.push_back(info_.channel_name(c));
    const std::size_t column = column_for(names, "channel");
    std::string out = "\n" + left_cell("channel", column) + "  " + left_cell("unit", 6) + right_cell("min", 11) +
                      right_cell("max", 11) + right_cell("mean", 11) + right_cell("sd", 11) + "\n";
    for (std::size_t c = 0; c < names.size(); ++c) {
        const auto& f = report_.channels[c];
        out += left_cell(names[c], column) + "  " + left_cell(unit(c), 6);
        for (const double v : {double(f.smallest), double(f.largest), f.mean, f.deviation})
            out += print(" %#10.4g", v);
        std::string words;
        const auto add = [&](remark_kind kind, const char* word) {
            if (report_.has(kind, c)) words += std::string(words.empty() ? "  " : ", ") + word;
        };
        add(remark_kind::not_finite, "not finite");
        add(remark_kind::constant_channel, "constant");
        add(remark_kind::constant_in_recordings, "partly constant");
        add(remark_kind::stuck_channel, "stuck");
        add(remark_kind::saturated_channel, "saturated");
        out += words + "\n";
    }
    return out;
}

std::string presentation::sensors() const {
    if (report_.sensors.empty()) return "";
    std::vector<std::string> names;
    for (const auto& f : report_.sensors) names.push_back(f.name);
    const std::size_t column = column_for(names, "sensor");
    std::string out = "\n" + left_cell("sensor", column) + "  " + left_cell("kind", 13) + " " + left_cell("unit", 6) +
                      right_cell("|v| at rest", 13) + right_cell("99.9 % below", 14) + "  looks like\n";
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto& f = report_.sensors[i];
        out += left_cell(f.name, column) + "  " + left_cell(std::string(name_of(f.kind)), 13) + " " +
               left_cell(unit(info_.triples[i][0]), 6) +
               (f.rest_windows > 0 ? print("%#13.4g", f.at_rest) : right_cell("-", 13)) + print("%#14.4g", f.large) +
               (f.look == data::sensor_look::unknown ? "" : "  " + std::string(name_of(f.look))) + "\n";
    }
    return out;
}

/// The columns of the people first … end - 1, each `column` wide, after a column of names.
std::string presentation::class_block(std::size_t first, std::size_t end, std::size_t names,
                                      std::size_t column) const {
    const auto cell = [&](std::size_t samples, std::size_t columns) {
        return right_cell(samples == 0          ? "-"
                          : report_.rate_hz > 0 ? print("%.1f", report_.minutes(samples))
                                                : std::to_string(samples),
                          columns);
    };
    std::string out = "\n" + left_cell(report_.rate_hz > 0 ? "minutes" : "samples", names) + right_cell("all", 9) +
                      right_cell("people", 8) + " ";
    for (std::size_t p = first; p < end; ++p) out += " " + right_cell(person(p), column);
    const auto row = [&](const std::string& name, std::size_t all, const std::string& people, auto of_person) {
        out += "\n" + left_cell(name, names) + cell(all, 9) + right_cell(people, 8) + " ";
        for (std::size_t p = first; p < end; ++p) out += " " + cell(of_person(p), column);
    };
    for (std::size_t n = 0; n < info_.labels.size(); ++n)
        row(info_.labels[n], report_.samples_of_class(n), std::to_string(report_.people_of_class(n)),
            [&](std::size_t p) { return report_.class_by_person[n][p]; });
    if (report_.labelled < report_.samples)
        row(unlabelled, report_.samples - report_.labelled, "",
            [&](std::size_t p) { return report_.people[p].samples - report_.people[p].labelled; });
    row("all", report_.samples, std::to_string(report_.people.size()),
        [&](std::size_t p) { return report_.people[p].samples; });
    return out + "\n";
}

std::string presentation::classes() const {
    const std::size_t P = report_.people.size();
    const std::size_t names = column_for(info_.labels, report_.labelled < report_.samples ? unlabelled : "minutes");
    std::size_t column = report_.rate_hz > 0 ? 5 : 7;
    for (std::size_t p = 0; p < P; ++p) column = std::max(column, std::min<std::size_t>(characters(person(p)), 12));
    const std::size_t room = std::min(people_in_block, (line_width - names - 9 - 8 - 1) / (column + 1));
    const std::size_t blocks = (P + room - 1) / room, in_block = (P + blocks - 1) / blocks;
    std::string out;
    for (std::size_t p = 0; p < P; p += in_block) out += class_block(p, std::min(p + in_block, P), names, column);
    return out;
}

std::string presentation::sentence(const data::remark& r) const {
    const std::size_t i = r.index;
    const auto channel = [&] { return "channel " + info_.channel_name(i); };
    const auto in_unit = [&](double v, std::size_t c) {
        return print("%.4g", v) + (unit(c).empty() ? "" : " " + unit(c));
    };
    switch (r.kind) {
    case remark_kind::unknown_rate:
        return "State the sampling rate: without it no duration is known.";
    case remark_kind::not_finite:
        return "Repair " + channel() + ": " + count(report_.channels[i].not_finite, "sample is", "samples are") +
               " NaN or infinite; no window is cut from such data.";
    case remark_kind::constant_channel:
        return "Leave out " + channel() + ": it is " + in_unit(report_.channels[i].mean, i) + " throughout.";
    case remark_kind::constant_in_recordings: {
        std::vector<std::string> names;
        for (const std::size_t k : report_.channels[i].constant_in) names.push_back(recording(k));
        return "Check " + channel() + ", which does not change in " + count(names.size(), "recording", "recordings") +
               ": " + listed(names, 3) + ".";
    }
    case remark_kind::stuck_channel:
        return "Check " + channel() + ": it keeps one value for up to " +
               duration(report_.channels[i].longest_constant) + ".";
    case remark_kind::saturated_channel: {
        const auto& f = report_.channels[i];
        return "Check the range of " + channel() + ": " + percentage(f.at_smallest) + " of its samples stay at " +
               in_unit(double(f.smallest), i) + ", " + percentage(f.at_largest) + " at " +
               in_unit(double(f.largest), i) + ".";
    }
    case remark_kind::wrong_unit: {
        const auto& f = report_.sensors[i];
        const std::string said = "Check the unit of " + f.name + ", " + unit(info_.triples[i][0]) + ": ";
        if (f.kind == data::sensor_kind::gyroscope)
            return said + print("99.9 %% of the samples are below %.4g, ", f.large) +
                   (f.look == data::sensor_look::turns_in_degrees ? "too fast for rad/s." : "too slow for deg/s.");
        return said + print("its length at rest is %.4g, which looks like ", f.at_rest) +
               std::string(name_of(f.look)) + ".";
    }
    case remark_kind::odd_rest:
        return "Check " + report_.sensors[i].name + ": its length at rest is " +
               in_unit(report_.sensors[i].at_rest, info_.triples[i][0]) +
               ", neither gravity (1 g, 9.81 m/s²) nor nearly 0.";
    case remark_kind::duplicate: {
        const auto [earlier, later] = report_.duplicates[i];
        const bool same = set_.recordings[earlier].labels == set_.recordings[later].labels;
        return "Leave out " + recording(later) + ": its samples equal those of " + recording(earlier) +
               (same ? "." : ", but its labels do not.");
    }
    case remark_kind::unlabelled:
        return "Add labels: no sample has one.";
    case remark_kind::few_people:
        return "Record more people: training, validation and test need people of their own, and there " +
               std::string(report_.people.size() == 1 ? "is " : "are ") + std::to_string(report_.people.size()) + ".";
    case remark_kind::absent_class:
        return "Record class " + info_.labels[i] + " or leave it out: no sample has it.";
    case remark_kind::short_class:
        return "Record more of class " + info_.labels[i] + ": there are only " +
               duration(report_.samples_of_class(i)) + " of it.";
    case remark_kind::class_of_one_person: {
        const auto& by_person = report_.class_by_person[i];
        const auto only = std::find_if(by_person.begin(), by_person.end(), [](std::size_t n) { return n > 0; });
        return "Record class " + info_.labels[i] + " with more people: only person " +
               person(static_cast<std::size_t>(only - by_person.begin())) +
               " has it, so it cannot be both learned and tested.";
    }
    case remark_kind::person_without_class: {
        std::vector<std::string> names;
        for (std::size_t n = 0; n < info_.labels.size(); ++n)
            if (report_.class_by_person[n][i] == 0 && report_.people_of_class(n) > 0)
                names.push_back(info_.labels[n]);
        return "Mind that person " + person(i) + " has no " + listed(names, 4) + ".";
    }
    }
    return "";
}

std::string presentation::remarks() const {
    std::string out =
        "\n" +
        (report_.remarks.empty() ? "nothing to remark" : count(report_.remarks.size(), "remark", "remarks") + ":") +
        "\n";
    for (std::size_t i = 0; i < report_.remarks.size();) {
        const remark_kind kind = report_.remarks[i].kind;
        std::size_t end = i;
        while (end < report_.remarks.size() && report_.remarks[end].kind == kind) ++end;
        const std::size_t shown = end - i > lines_of_kind + 1 ? i + lines_of_kind : end;
        for (std::size_t k = i; k < shown; ++k) out += item(sentence(report_.remarks[k]));
        if (shown < end) out += item("… and " + std::to_string(end - shown) + " more like this (--json has all).");
        i = end;
    }
    return out;
}

io::json presentation::json() const {
    const auto& r = report_;
    io::json j;
    j.set("rate_hz", r.rate_hz);
    j.set("samples", r.samples);
    j.set("minutes", r.minutes(r.samples));
    j.set("labelled_minutes", r.minutes(r.labelled));
    j.set("labelled_samples", r.labelled);
    j.set("recordings", r.recordings);
    j.set("shortest_samples", r.shortest);
    j.set("longest_samples", r.longest);
    io::json::array people, classes, channels, sensors, duplicates, repairs, remarks;
    for (std::size_t p = 0; p < r.people.size(); ++p) {
        io::json one;
        one.set("person", person(p));
        one.set("recordings", r.people[p].recordings);
        one.set("minutes", r.minutes(r.people[p].samples));
        one.set("labelled_minutes", r.minutes(r.people[p].labelled));
        people.push_back(std::move(one));
    }
    for (std::size_t n = 0; n < info_.labels.size(); ++n) {
        io::json one;
        one.set("class", info_.labels[n]);
        one.set("samples", r.samples_of_class(n));
        one.set("minutes", r.minutes(r.samples_of_class(n)));
        one.set("people", r.people_of_class(n));
        io::json::array by_person;
        for (const std::size_t samples : r.class_by_person[n]) by_person.emplace_back(samples);
        one.set("samples_by_person", std::move(by_person));
        classes.push_back(std::move(one));
    }
    for (std::size_t c = 0; c < r.channels.size(); ++c) {
        const auto& f = r.channels[c];
        io::json one;
        one.set("channel", info_.channel_name(c));
        one.set("unit", unit(c));
        one.set("min", f.smallest);
        one.set("max", f.largest);
        one.set("mean", f.mean);
        one.set("sd", f.deviation);
        one.set("share_at_min", f.at_smallest);
        one.set("share_at_max", f.at_largest);
        one.set("not_finite", f.not_finite);
        one.set("longest_constant_samples", f.longest_constant);
        io::json::array constant_in;
        for (const std::size_t i : f.constant_in) constant_in.emplace_back(i + 1);
        one.set("constant_in_recordings", std::move(constant_in));
        channels.push_back(std::move(one));
    }
    for (std::size_t i = 0; i < r.sensors.size(); ++i) {
        const auto& f = r.sensors[i];
        io::json one;
        one.set("sensor", f.name);
        one.set("kind", std::string(name_of(f.kind)));
        one.set("unit", unit(info_.triples[i][0]));
        one.set("length_at_rest", f.at_rest);
        one.set("rest_windows", f.rest_windows);
        one.set("length_quantile_999", f.large);
        one.set("looks_like", std::string(name_of(f.look)));
        sensors.push_back(std::move(one));
    }
    for (const auto& [earlier, later] : r.duplicates)
        duplicates.emplace_back(io::json::array{io::json(earlier + 1), io::json(later + 1)});
    for (const auto& repair : set_.repairs) {
        io::json one;
        one.set("what", printable(repair.what));
        one.set("count", repair.count);
        repairs.push_back(std::move(one));
    }
    for (const auto& each : r.remarks) {
        io::json one;
        one.set("kind", std::string(name_of(each.kind)));
        one.set("text", sentence(each));
        remarks.push_back(std::move(one));
    }
    j.set("people", std::move(people));
    j.set("classes", std::move(classes));
    j.set("channels", std::move(channels));
    j.set("sensors", std::move(sensors));
    j.set("duplicates", std::move(duplicates));
    j.set("repairs", std::move(repairs));
    j.set("remarks", std::move(remarks));
    return j;
}

/// Writes how the files were understood where the options say, unless that file exists. Returns what became of it.
std::string write_toml(const options& o, const data::csv_recording_set& own) {
    const std::string file = o.toml.empty() ? toml_beside(own_path(o.data)) : o.toml;
    std::error_code status;
    if (o.toml == "none") return "";
    if (std::filesystem::exists(file, status))
        return file +
               (o.toml.empty() ? " was read, and is left as it is\n" : " is there already, and is left as it is\n");
    std::ofstream out(file, std::ios::binary);
    out << toml_of(own.understood, o.windows);
    out.close();
    if (!out) {
        const std::string why = std::generic_category().message(errno);
        if (!o.toml.empty()) raise<io_error>(file, "cannot be written: ", why);
        return file + " cannot be written, " + why + ": --toml FILE writes elsewhere\n";
    }
    return "wrote " + file + ": change there what was misunderstood\n";
}

} // namespace

void inspect(const options& o) {
    const interruptible nothing_to_save;
    recorded_set recorded = load_recordings(o);
    data::recording_set& set = recorded.set;
    if (!o.quiet) report_repairs(recorded);
    for (auto* names : {&set.info.channels, &set.info.labels, &set.info.units, &set.info.subjects})
        for (std::string& name : *names) name = printable(name);
    std::string text;
    if (recorded.own) text = understood_text(set, *recorded.own) + "\n";
    const data::recording_report report = data::inspect(set);
    const presentation shown(set, report);
    text += shown.text();
    if (recorded.own)
        if (const std::string written = write_toml(o, *recorded.own); !written.empty()) text += "\n" + written;
    std::printf("%s", text.c_str());
    if (!o.json) return;
    io::json j = shown.json();
    if (recorded.own) j.set("files", understood_json(*recorded.own));
    std::printf("%s\n", j.dump().c_str());
}

} // namespace har
