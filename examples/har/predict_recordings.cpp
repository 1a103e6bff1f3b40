// SPDX-License-Identifier: BSD-3-Clause
/// predict --input of recordings with times of their own: a file, a folder or a pattern.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "commands.hpp"
#include "options.hpp"
#include "own_recordings.hpp"
#include "settings.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/data/csv_recordings.hpp"
#include "smldist/io/json_scanner.hpp"
#include "window_answers.hpp"

namespace har {

using namespace smldist;

namespace {

/// Times as the files write them.
class clock_text {
public:
    explicit clock_text(const data::csv_recording_set& set) : unit_(set.understood.unit), dated_(set.since_1970) {
        begin_ = set.origins[0].begin;
        for (std::size_t i = 0; i < set.origins.size(); ++i) {
            begin_ = std::min(begin_, set.origins[i].begin);
            end_ = std::max(end_, set.origins[i].begin + double(set.recordings[i].labels.size()) / set.info.rate_hz);
        }
    }

    std::string operator()(double seconds) const {
        if (unit_ == data::time_unit::text) {
            const std::string iso = data::iso_time(seconds);
            return dated_ ? iso : iso.substr(11, 12);
        }
        char text[64];
        if (unit_ == data::time_unit::nanoseconds) { // of which a double since 1970 has no single ones
            std::snprintf(text, sizeof text, "%.0f000", seconds * 1e6);
            return text;
        }
        const bool whole = unit_ != data::time_unit::seconds && unit_ != data::time_unit::automatic;
        std::snprintf(text, sizeof text, whole ? "%.0f" : "%.3f", seconds / data::seconds_in(unit_));
        return text;
    }
    double read(const std::string& option, const std::string& word) const {
        constexpr double day = 86400;
        if (const auto t = data::read_time_text(word)) // a time of day is one of the first day
            return dated_ && *t < day ? *t + day * std::floor(begin_ / day) : *t;
        return read_real(option, word, {-1e19, 1e19}) * data::seconds_in(unit_);
    }

    /// "A to B" of all samples.
    std::string span() const { return (*this)(begin_) + " to " + (*this)(end_); }

private:
    data::time_unit unit_;
    bool dated_;
    double begin_ = 0, end_ = 0;
};

/// The recordings of --input, without labels.
data::csv_recording_set read_input(const options& o, const io::model_facts& facts) {
    data::csv_options how = o.csv;
    how.label = "none";
    how.segments.clear();
    how.label_map.clear();
    if (how.subject.empty() && o.subject.empty()) how.subject = "none";
    return recordings_for(facts, o.input, std::move(how));
}

/// Says on stderr what a person should know of the input.
void remark(const options& o, const data::csv_recording_set& set, double model_hz) {
    if (o.quiet) return;
    for (const auto& r : set.repairs)
        std::fprintf(stderr, "%s: %zu %s\n", o.input.c_str(), r.count, printable(r.what).c_str());
    report_rate(o.input, set, model_hz);
}

/// The number of the person of --subject, if one is asked for. Throws data_error that lists the people.
std::optional<int> person_of(const options& o, const data::csv_recording_set& set) {
    if (o.subject.empty()) return std::nullopt;
    if (set.understood.subject == "none")
        raise<data_error>("--subject", "person is ", io::quote(o.subject), ", but no column or folder of ", o.input,
                          " names people");
    std::string known;
    std::vector<int> seen;
    for (const data::recording& r : set.recordings) {
        if (std::find(seen.begin(), seen.end(), r.subject) != seen.end()) continue;
        seen.push_back(r.subject);
        const std::string name = set.info.subject_name(r.subject);
        if (name == o.subject) return r.subject;
        known += (known.empty() ? "" : ", ") + printable(name);
    }
    raise<data_error>("--subject", "person is ", io::quote(o.subject), ", expected one of ", known);
}

/// A recording, or its part between --from and --to.
struct part {
    std::span<const float> samples;
    double begin = 0;
};

part part_between(const data::recording& r, double begin, double rate, double from, double to) {
    const std::size_t n = r.labels.size(), C = r.samples.size() / std::max<std::size_t>(n, 1);
    const auto place = [&](double t) { // seconds since 1970 in a double are exact to some 1e-7
        return static_cast<std::size_t>(std::clamp(std::ceil((t - begin) * rate - 1e-3), 0.0, double(n)));
    };
    const std::size_t first = place(from), last = std::max(first, place(to));
    return {std::span(r.samples.data() + first * C, (last - first) * C), begin + double(first) / rate};
}

} // namespace

void predict_recordings(const options& o, const model::loaded<float>& m) {
    const std::size_t L = m.facts.window, C = m.facts.channels.size();
    const std::size_t hop = o.decisions.hop > 0 ? o.decisions.hop : m.facts.hop;
    const data::csv_recording_set set = read_input(o, m.facts);
    const double rate = set.info.rate_hz;
    remark(o, set, m.facts.rate_hz);
    const auto person = person_of(o, set);
    const clock_text clock(set);
    const double infinity = std::numeric_limits<double>::infinity();
    const double from = o.from.empty() ? -infinity : clock.read("from", o.from);
    const double to = o.to.empty() ? infinity : clock.read("to", o.to);
    const bool several = std::any_of(set.origins.begin(), set.origins.end(), [&](const data::csv_origin& origin) {
        return origin.name != set.origins[0].name;
    });

    const answers say(m.facts.labels);
    std::vector<std::string> lines; // nothing is said before all is known
    std::size_t short_ones = 0;
    bool found = false; // samples between --from and --to
    for (std::size_t i = 0; i < set.recordings.size(); ++i) {
        if (person && set.recordings[i].subject != *person) continue;
        const part chosen = part_between(set.recordings[i], set.origins[i].begin, rate, from, to);
        const std::span<const float> samples = chosen.samples;
        if (samples.empty()) continue;
        found = true;
        short_ones += samples.size() / C < L;
        const auto at = [&, first = chosen.begin](std::size_t sample) {
            return clock(first + double(sample) / rate);
        };
        const std::string name = printable(set.origins[i].name);
        const predictions all = answer_windows(m, samples, hop, o.json, [&](std::size_t window) {
            const auto values = samples.subspan(window * hop * C, L * C);
            refuse(name + " at " + at(window * hop), values, m.facts.channels);
        });
        const std::string lead = several ? csv_field(name) + "," : "";
        const auto add = [&](io::json&& j) {
            if (several) j.set("recording", name);
            lines.push_back((lines.empty() ? "" : ",") + j.dump());
        };
        if (o.merge) {
            for (const segment& s : merged(all, L, hop))
                if (o.json)
                    add(say.object(s, io::json(at(s.begin)), io::json(at(s.end))));
                else
                    lines.push_back(lead + say.line(s, at(s.begin), at(s.end)));
            continue;
        }
        for (std::size_t w = 0; w < all.size(); ++w) {
            if (!o.json) {
                lines.push_back(lead + say.line(at(w * hop), all.label(w), all.of(w)));
                continue;
            }
            io::json j = say.object(w * hop, all.label(w), all.of(w));
            j.set("time", at(w * hop));
            if (!all.energy.empty()) j.set("energy", all.energy[w]);
            add(std::move(j));
        }
    }
    if (short_ones > 0 && !o.quiet)
        std::fprintf(stderr, "%s: %zu recordings are shorter than a window of %.4g s and have no answer\n",
                     o.input.c_str(), short_ones, double(L) / rate);
    if (!found)
        raise<data_error>(o.input, "number of samples ", person ? "of this person " : "",
                          "from --from to --to is 0, expected times in ", clock.span());
    if (lines.empty())
        raise<data_error>(o.input, "number of windows of ", double(L) / rate,
                          " s without a gap is 0, expected at least one");
    output out;
    const std::string lead = several ? "recording," : "";
    if (o.json)
        out.add(o.merge ? "{\"segments\":[" : "{\"windows\":[");
    else
        out.add(lead + (o.merge ? "begin,end,label,probability\n" : say.header("time")));
    for (const std::string& line : lines) out.add(line);
    if (o.json) out.add("]}\n");
    out.flush();
}

} // namespace har
