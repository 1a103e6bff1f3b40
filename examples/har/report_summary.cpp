// SPDX-License-Identifier: BSD-3-Clause
/// Summary, comparisons and cost of the report.
#include <algorithm>
#include <cmath>
#include <limits>

#include "html.hpp"
#include "report_sections.hpp"
#include "svg.hpp"

namespace har {

namespace {

constexpr double plot_width = 470, row_height = 26; // pixels
constexpr std::size_t method_length = 20;           // characters of a method in a picture

std::string with_sd(const report_spread& s) {
    return percent(s.mean) + (std::isfinite(s.sd) ? " ± " + percent(s.sd) : "");
}

/// The tested person with the lowest macro-F1; the number of people when none has one.
std::size_t worst_person(const report_method& m) {
    std::size_t worst = m.people.size();
    for (std::size_t i = 0; i < m.people.size(); ++i)
        if (std::isfinite(m.people[i].macro_f1) &&
            (worst == m.people.size() || m.people[i].macro_f1 < m.people[worst].macro_f1))
            worst = i;
    return worst;
}

/// A column of the summary: what is shown, and what decides which row is best. Values with
/// the same first digit after the point, as they are shown, are equally good.
struct summary_column {
    std::vector<std::string> cells;
    std::vector<double> values; // undefined: does not take part
    bool high_is_best;
};

void emphasise_best(summary_column& c) {
    double best = undefined;
    std::size_t taking_part = 0;
    for (const double value : c.values)
        if (std::isfinite(value)) {
            ++taking_part;
            if (!std::isfinite(best) || (c.high_is_best ? value > best : value < best)) best = value;
        }
    if (taking_part < 2) return;
    for (std::size_t i = 0; i < c.cells.size(); ++i)
        if (percent(c.values[i]) == percent(best)) c.cells[i] = "<strong>" + c.cells[i] + "</strong>";
}

std::string summary_table(const report_data& r) {
    summary_column accuracy{{}, {}, true}, f1{{}, {}, true}, worst{{}, {}, true}, error{{}, {}, false},
        parameters{{}, {}, false}, macs{{}, {}, false};
    for (const report_method& m : r.methods) {
        accuracy.cells.push_back(with_sd(m.accuracy));
        accuracy.values.push_back(m.accuracy.mean);
        f1.cells.push_back(with_sd(m.macro_f1));
        f1.values.push_back(m.macro_f1.mean);
        const std::size_t w = worst_person(m);
        const double lowest = w < m.people.size() ? m.people[w].macro_f1 : undefined;
        worst.cells.push_back(w < m.people.size() ? percent(lowest) + " (" + person_name(r, w) + ")" : "–");
        worst.values.push_back(lowest);
        error.cells.push_back(percent(m.calibration_error));
        error.values.push_back(m.calibration_error);
        const auto size = [](summary_column& c, std::size_t n) {
            c.cells.push_back(grouped(n));
            c.values.push_back(n == 0 ? undefined : double(n));
        };
        size(parameters, m.cost.parameters);
        size(macs, m.cost.macs);
    }
    for (summary_column* c : {&accuracy, &f1, &worst, &error, &parameters, &macs}) emphasise_best(*c);
    html_table table(std::string("Mean ± standard deviation over the runs, in per cent") +
                         (r.methods.size() > 1 ? "; the best of a column is marked." : "."),
                     {"method", "accuracy", "<span class=\"word\">macro-F1</span>", "macro-F1 of the worst person",
                      "calibration error", "parameters", "MACs per window"});
    for (std::size_t i = 0; i < r.methods.size(); ++i)
        table.row(escaped(r.methods[i].name), {accuracy.cells[i], f1.cells[i], worst.cells[i], error.cells[i],
                                               parameters.cells[i], macs.cells[i]});
    return table.text();
}

std::string summary_sentence(const report_data& r) {
    const report_method& m = r.methods[best_method(r)];
    if (!std::isfinite(m.macro_f1.mean)) return "";
    std::string out = "<p><b>" + escaped(m.name) + "</b> ";
    out += r.methods.size() > 1 ? "has the highest macro-F1: " : "reaches a macro-F1 of ";
    out += percent(m.macro_f1.mean) + " %";
    if (std::isfinite(m.macro_f1.sd) && m.runs.size() > 1)
        out += ", with a standard deviation of " + percent(m.macro_f1.sd) + " points over " +
               counted(m.runs.size(), "run", "runs");
    out += ".";
    const std::size_t w = worst_person(m);
    if (w < m.people.size() && m.people.size() > 1)
        out += " It is weakest on person " + person_name(r, w) + ", with " + percent(m.people[w].macro_f1) + " %.";
    return out + "</p>\n";
}

/// One dot per run, and the mean.
std::string runs_figure(const report_data& r) {
    double low = 1, high = 0;
    std::size_t runs = 0;
    for (const report_method& m : r.methods)
        for (const report_run& run : m.runs)
            if (std::isfinite(run.macro_f1)) {
                low = std::min(low, run.macro_f1);
                high = std::max(high, run.macro_f1);
                ++runs;
            }
    if (runs < 2) return "";
    const std::vector<double> at = ticks(100 * low, 100 * high, 7);
    std::size_t longest = 0;
    for (const report_method& m : r.methods)
        longest = std::max(longest, std::min(method_length, shown_length(m.name)));
    const double left = 20 + character_width * double(longest);
    const axis x{at.front(), at.back(), left, left + plot_width};
    const double bottom = 8 + row_height * double(r.methods.size());
    picture p(left + plot_width + 30, bottom + 40, "Macro-F1 of every run",
              "One row per method, one dot per run, a vertical bar at the mean. The numbers are in the tables.");
    p.x_axis(x, at, 4, bottom, "macro-F1 (%)");
    for (std::size_t i = 0; i < r.methods.size(); ++i) {
        const report_method& m = r.methods[i];
        const double y = 8 + row_height * (double(i) + .5);
        p.text(left - 12, y + 4, escaped_within(m.name, method_length), "end");
        std::string dots;
        for (std::size_t k = 0; k < m.runs.size(); ++k) // in five lines, so that equal runs can be told apart
            if (std::isfinite(m.runs[k].macro_f1))
                dots += mark(0, x(100 * m.runs[k].macro_f1), y + 3 * (double((2 * k + 2) % 5) - 2), 2.5);
        p.path(dots, "f half " + color_class(i));
        if (std::isfinite(m.macro_f1.mean)) {
            const double mean = std::clamp(x(100 * m.macro_f1.mean), x.first, x.last);
            p.line(mean, y - 9, mean, y + 9, "thick");
        }
    }
    return figure(p, "Macro-F1 of every run. A dot is one fold and seed, the bar is the mean.");
}

std::string runs_table(const report_data& r) {
    html_table table("Per cent.", {"method", "fold", "seed", "accuracy", "macro-F1"});
    bool any = false;
    for (const report_method& m : r.methods)
        for (const report_run& run : m.runs) {
            table.row(escaped(m.name), {std::to_string(run.fold), std::to_string(run.seed), percent(run.accuracy),
                                        percent(run.macro_f1)});
            any = true;
        }
    return any ? folded("Every run", table.text()) : "";
}

std::string p_value(double p) {
    if (!std::isfinite(p)) return "";
    return p < 0.001 ? "p &lt; 0.001" : "p = " + fixed(p, 3);
}

std::string in_words(const report_comparison& c) {
    if (!std::isfinite(c.difference)) return escaped(c.a) + " and " + escaped(c.b) + " have no figures to compare.";
    const bool swapped = c.difference < 0;
    const std::string &winner = swapped ? c.b : c.a, &loser = swapped ? c.a : c.b;
    const double low = swapped ? -c.high : c.low, high = swapped ? -c.low : c.high;
    const std::string points = percent(std::abs(c.difference)), p = p_value(c.p);
    const std::string evidence =
        std::isfinite(low) && std::isfinite(high) ? ", 95 % interval " + percent(low) + " to " + percent(high) : "";
    const std::string end = evidence + (p.empty() ? "" : " (" + p + ")") + ".";
    const std::string name_a = "<b>" + escaped(winner) + "</b>", name_b = "<b>" + escaped(loser) + "</b>";
    if (low > 0) return name_a + " beats " + name_b + " by " + points + " points of macro-F1" + end;
    return name_a + " is " + points + " points of macro-F1 above " + name_b + ", which may be chance" + end;
}

std::string comparison_figure(const report_data& r) {
    double low = 0, high = 0;
    std::size_t longest = 0;
    for (const report_comparison& c : r.comparisons) {
        for (const double value : {c.difference, c.low, c.high})
            if (std::isfinite(value)) {
                low = std::min(low, value);
                high = std::max(high, value);
            }
        longest = std::max(longest, std::min(method_length, shown_length(c.a)) +
                                        std::min(method_length, shown_length(c.b)) + 6);
    }
    const std::vector<double> at = ticks(100 * low, 100 * high, 7);
    const double left = 20 + character_width * double(longest);
    const axis x{at.front(), at.back(), left, left + plot_width - 50};
    const double bottom = 8 + row_height * double(r.comparisons.size());
    picture p(
        x.last + 30, bottom + 40, "Differences of macro-F1",
        "One row per pair of methods: the mean difference and its 95 % interval. The numbers are in the table.");
    p.x_axis(x, at, 4, bottom, "difference of macro-F1 (points)");
    p.line(x(0), 4, x(0), bottom, "ink");
    for (std::size_t i = 0; i < r.comparisons.size(); ++i) {
        const report_comparison& c = r.comparisons[i];
        const double y = 8 + row_height * (double(i) + .5);
        p.text(left - 12, y + 4, escaped_within(c.a, method_length) + " − " + escaped_within(c.b, method_length),
               "end");
        if (std::isfinite(c.low) && std::isfinite(c.high)) {
            p.line(x(100 * c.low), y, x(100 * c.high), y, "l c0");
            for (const double end : {c.low, c.high}) p.line(x(100 * end), y - 5, x(100 * end), y + 5, "l c0");
        }
        if (std::isfinite(c.difference)) p.path(mark(0, x(100 * c.difference), y, 4.5), "f c0");
    }
    return figure(p,
                  "Mean difference and 95 % interval. An interval that holds 0 leaves open which method is better.");
}

} // namespace

std::string summary_section(const report_data& r) {
    if (r.methods.empty()) return "";
    std::string notes;
    for (const report_method& m : r.methods)
        if (!m.description.empty())
            notes += "<li><b>" + escaped(m.name) + "</b>: " + escaped(m.description) + "</li>\n";
    if (!notes.empty()) notes = "<ul class=\"note\">\n" + notes + "</ul>\n";
    return section("summary", "Summary",
                   summary_sentence(r) + summary_table(r) + notes + runs_figure(r) + runs_table(r));
}

std::string comparison_section(const report_data& r) {
    if (r.comparisons.empty()) return "";
    std::string words = "<ul>\n";
    html_table table(
        "Paired bootstrap of the same windows: macro-F1 of the first less that of the second, in points.",
        {"pair", "difference", "95 % interval", "p"});
    for (const report_comparison& c : r.comparisons) {
        words += "<li>" + in_words(c) + "</li>\n";
        const bool interval = std::isfinite(c.low) && std::isfinite(c.high);
        table.row(escaped(c.a) + " − " + escaped(c.b),
                  {percent(c.difference), interval ? percent(c.low) + " to " + percent(c.high) : "–",
                   c.p < 0.001 ? "&lt; 0.001" : fixed(c.p, 3)});
    }
    return section("comparisons", "Comparisons", words + "</ul>\n" + comparison_figure(r) + table.text());
}

std::string cost_section(const report_data& r) {
    if (r.methods.empty()) return "";
    html_table table("Epochs and time are those of one training; a MAC is one multiplication with one addition.",
                     {"method", "parameters", "MACs per window", "model file (bytes)", "epochs", "training time"});
    for (const report_method& m : r.methods) {
        const auto or_dash = [](std::size_t n) { return n == 0 ? std::string("–") : grouped(n); };
        table.row(escaped(m.name), {grouped(m.cost.parameters), grouped(m.cost.macs), or_dash(m.cost.bytes),
                                    or_dash(m.cost.epochs), m.cost.seconds == 0 ? "–" : duration(m.cost.seconds)});
    }
    return section("cost", "Cost", table.text());
}

} // namespace har
