// SPDX-License-Identifier: BSD-3-Clause
/// predict --input: the answers for a file as a whole, or none.
#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "commands.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "own_recordings.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/data/csv/columns.hpp"
#include "smldist/data/csv_reader.hpp"
#include "smldist/io/json_scanner.hpp"
#include "window_answers.hpp"

namespace har {

using namespace smldist;

namespace {

/// Whether a table has all channels of a model by their names, as columns or as axes of its sensors.
bool has_channels(const data::csv_dialect& d, const data::csv_columns& c, const std::vector<std::string>& channels) {
    return std::all_of(channels.begin(), channels.end(), [&](const std::string& name) {
        return std::find(d.names.begin(), d.names.end(), name) != d.names.end() ||
               std::any_of(c.sensors.begin(), c.sensors.end(), [&](const data::csv_sensor& sensor) {
                   return name.size() > 2 && name.substr(0, name.size() - 2) == sensor.name &&
                          std::string_view("_x_y_z").find(name.substr(name.size() - 2)) % 2 == 0;
               });
    });
}

/// Whether the input is to be read as a recording with a time of its own, or several, instead of as lines of samples that are
/// evenly spaced at the model's rate.
bool is_recording(const options& o, const std::vector<std::string>& channels) {
    std::error_code status;
    if (!std::filesystem::is_regular_file(o.input, status)) {
        if (std::filesystem::exists(o.input, status) && !std::filesystem::is_directory(o.input, status) &&
            !(o.csv == data::csv_options()))
            raise<usage_error>(
                "--input", o.input,
                " is no file but a pipe or device, which is read as lines of samples: expected no --csv "
                "options");
        const bool pattern = o.input.find_first_of("*?{") != o.input.npos;
        return std::filesystem::is_directory(o.input, status) ||
               (pattern && !std::filesystem::exists(o.input, status)); // a pipe can be read only once
    }
    if (!(o.csv == data::csv_options())) return true;
    try {
        const data::csv_dialect d = data::recognise_dialect(std::filesystem::path(o.input));
        const data::csv_columns c = data::recognise_columns(d, std::filesystem::path(o.input).stem().string());
        if (!c.time) return false;
        if (!has_channels(d, c, channels)) return !c.guessed && !c.sensors.empty(); // which says what it lacks
        if (c.unit != data::time_unit::automatic) return true;
        std::vector<double> stamps;
        for (const auto& row : d.rows) {
            double value = 0;
            if (data::read_time_text(row[*c.time])) return true;
            if (data::detail::csv_number(row[*c.time], d.decimal, value)) stamps.push_back(value);
        }
        return data::recognise_time_unit(stamps) != data::time_unit::automatic;
    } catch (const data_error&) { return false; } // the strict reader says what is wrong
}

/// A file of samples: no two copies of them, and none of its bytes.
struct samples {
    std::vector<float> values; ///< (n, C)
    std::size_t first_line = 0;
};

samples read_samples(const options& o, const std::vector<std::string>& channels) {
    data::csv_reader in(o.input, channels);
    samples s;
    while (in.next_row()) {
        if (s.values.empty()) {
            s.first_line = in.line();
            tell_ignored(in, o.quiet);
        }
        for (std::size_t c = 0; c < channels.size(); ++c) s.values.push_back(in.number(c));
    }
    if (in.line() == 0) raise<data_error>(o.input, "file is empty, expected samples");
    return s;
}

/// The part of the samples between --from and --to, which count samples here.
void keep_between(const options& o, samples& s, std::size_t channels) {
    const auto number = [&](const char* option, const std::string& word, std::size_t otherwise) {
        return word.empty() ? otherwise : static_cast<std::size_t>(read_whole(option, word, 0, INT64_MAX));
    };
    const std::size_t n = s.values.size() / channels;
    const std::size_t from = number("from", o.from, 0), to = std::min(number("to", o.to, n), n);
    if (from >= to)
        raise<data_error>(o.input, "number of samples from ", from, " to ", to, " is 0 of ", n,
                          ", expected at least one");
    s.values.erase(s.values.begin() + static_cast<std::ptrdiff_t>(to * channels), s.values.end());
    s.values.erase(s.values.begin(), s.values.begin() + static_cast<std::ptrdiff_t>(from * channels));
    s.first_line += from;
}

} // namespace

void predict(const options& o) {
    const interruptible nothing_to_save;
    const auto m = load_model(o.model);
    if (is_recording(o, m.facts.channels)) return predict_recordings(o, m);
    if (!o.subject.empty())
        raise<usage_error>("--subject", "person is ", io::quote(o.subject), ", but no column of ", o.input,
                           " is a time, so it is read as the samples of one person");
    const std::size_t L = m.facts.window, C = m.facts.channels.size();
    const std::size_t hop = o.decisions.hop > 0 ? o.decisions.hop : m.facts.hop;
    samples s = read_samples(o, m.facts.channels);
    const std::size_t first_line = s.first_line;
    if (!o.from.empty() || !o.to.empty()) keep_between(o, s, C);
    const std::size_t before = s.first_line - first_line; // samples that were left out
    const std::size_t n = s.values.size() / C;
    if (n < L) raise<data_error>(o.input, "number of samples is ", n, ", expected at least one window of ", L);
    const predictions all = answer_windows(m, s.values, hop, o.json, [&](std::size_t i) {
        refuse(o.input, s.first_line + i * hop, before + i * hop, std::span(s.values).subspan(i * hop * C, L * C),
               m.facts.channels);
    });

    const answers say(m.facts.labels);
    output out;
    if (o.merge) {
        out.add(o.json ? "{\"segments\":[" : "first_sample,end_sample,label,probability\n");
        const char* between = "";
        for (const segment& g : merged(all, L, hop)) {
            const std::string from = std::to_string(before + g.begin), to = std::to_string(before + g.end);
            out.add(o.json ? between + say.object(g, io::json(before + g.begin), io::json(before + g.end)).dump()
                           : say.line(g, from, to));
            between = ",";
        }
        if (o.json) out.add("]}\n");
        out.flush();
        return;
    }
    out.add(o.json ? "{\"windows\":[" : say.header());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto p = all.of(i);
        if (!o.json) {
            out.add(say.line(before + i * hop, all.label(i), p));
            continue;
        }
        io::json j = say.object(before + i * hop, all.label(i), p);
        if (!all.energy.empty()) j.set("energy", all.energy[i]);
        out.add((i == 0 ? "" : ",") + j.dump());
    }
    if (o.json) out.add("]}\n");
    out.flush();
}

} // namespace har
