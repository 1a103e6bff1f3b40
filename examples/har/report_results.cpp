// SPDX-License-Identifier: BSD-3-Clause
/// Results of the report per activity and per person, and calibration.
#include <algorithm>
#include <cmath>

#include "html.hpp"
#include "report_sections.hpp"
#include "svg.hpp"

namespace har {

using smldist::metric::confusion;
using smldist::metric::reliability_bin;

namespace {

constexpr std::size_t class_length = 18; // characters of a class in a picture
constexpr std::size_t shades = 20;       // of a confusion matrix
constexpr std::size_t many_people = 30;  // from here on the rows are narrow

std::string short_label(const report_data& r, std::size_t n) {
    return n < r.labels.size() && !r.labels[n].empty() ? escaped_within(r.labels[n], class_length)
                                                       : std::to_string(n);
}

double label_pixels(const report_data& r, std::size_t classes) {
    std::size_t longest = 3;
    for (std::size_t n = 0; n < std::min(classes, r.labels.size()); ++n)
        longest = std::max(longest, std::min(class_length, shown_length(r.labels[n])));
    return character_width * double(longest) + 8;
}

double fraction(std::uint64_t part, std::uint64_t whole) { return whole == 0 ? 0 : double(part) / double(whole); }

/// The confusion that takes the largest share of a label's windows, in words.
std::string largest_confusion(const report_data& r, const confusion& c) {
    double largest = 0;
    std::size_t from = 0, to = 0;
    for (std::size_t n = 0; n < c.classes(); ++n)
        for (std::size_t k = 0; k < c.classes(); ++k)
            if (k != n && fraction(c(n, k), c.labelled(n)) > largest) {
                largest = fraction(c(n, k), c.labelled(n));
                from = n;
                to = k;
            }
    if (largest == 0) return c.total() == 0 ? "There are no windows." : "No window is wrong.";
    return "Most frequent mistake: " + percent(largest) + " % of " + label_name(r, from) + " is taken for " +
           label_name(r, to) + ".";
}

std::string confusion_figure(const report_data& r, const report_method& m) {
    const confusion& c = m.counts;
    const std::size_t classes = c.classes();
    const double cell = classes <= 8 ? 44 : classes <= 12 ? 42 : classes <= 20 ? 30 : 24;
    const double left = std::max(label_pixels(r, classes) + 14, 60.0), top = label_pixels(r, classes) * .75 + 26;
    const double right = left + cell * double(classes), bottom = top + cell * double(classes);
    const double overhang = classes == 0 ? 0 : label_pixels(r, classes) * .75; // of the last column's label
    picture p(right + std::max(70.0, overhang), bottom + 10, "Confusion matrix of " + escaped(m.name),
              "Rows are labels, columns are predictions; shade and number are the share of the row in per cent. "
              "The counts are in the table.");
    p.text(left - 10, top - 20, "predicted →", "end soft small");
    p.text(left - 10, top - 6, "label ↓", "end soft small");
    p.text(right + 10, top - 8, "windows", "soft small");
    p.rect(left, top, right - left, bottom - top, "panel");
    std::string squares[shades + 1]; // of equal shade
    for (std::size_t n = 0; n < classes; ++n)
        for (std::size_t k = 0; k < classes; ++k) {
            const double x = left + cell * double(k), y = top + cell * double(n);
            const double shade = std::ceil(double(shades) * fraction(c(n, k), c.labelled(n)));
            if (shade > 0) squares[static_cast<std::size_t>(shade)] += box(x, y, x + cell, y + cell);
        }
    for (std::size_t i = 1; i <= shades; ++i) p.path(squares[i], "heat", double(i) / double(shades));
    const bool counts = cell >= 42; // room for a second line
    for (std::size_t n = 0; n < classes; ++n) {
        const double middle = top + cell * (double(n) + .5);
        p.text(left - 10, middle + 4, short_label(r, n), "end");
        p.text(left + cell * (double(n) + .5) + 3, top - 7, short_label(r, n), "", -45);
        p.text(right + 10, middle + 4, grouped(c.labelled(n)), "soft");
        for (std::size_t k = 0; k < classes; ++k) {
            if (c(n, k) == 0) continue;
            const double s = fraction(c(n, k), c.labelled(n)), x = left + cell * (double(k) + .5);
            const std::string color = s > .5 ? " on" : s < .005 ? " soft" : "";
            p.text(x, middle + (counts ? -1 : 4), s < .005 ? "&lt;1" : fixed(100 * s, 0),
                   "mid" + color + (cell < 30 ? " small" : ""));
            if (counts) p.text(x, middle + 13, grouped(c(n, k)), s > .5 ? "mid small on" : "mid small soft");
        }
    }
    for (std::size_t n = 1; n < classes; ++n) {
        p.line(left, top + cell * double(n), right, top + cell * double(n), "gap");
        p.line(left + cell * double(n), top, left + cell * double(n), bottom, "gap");
    }
    return figure(p, largest_confusion(r, c));
}

std::string confusion_table(const report_data& r, const confusion& c) {
    std::vector<std::string> headings{"label \\ predicted"};
    for (std::size_t n = 0; n < c.classes(); ++n) headings.push_back(label_name(r, n));
    for (const char* name : {"windows", "recall", "precision", "F1"}) headings.emplace_back(name);
    html_table table("Windows; recall, precision and F1 in per cent.", headings);
    for (std::size_t n = 0; n < c.classes(); ++n) {
        std::vector<std::string> cells;
        for (std::size_t k = 0; k < c.classes(); ++k) cells.push_back(grouped(c(n, k)));
        cells.push_back(grouped(c.labelled(n)));
        cells.push_back(c.labelled(n) == 0 ? "–" : percent(c.recall(n)));
        cells.push_back(c.predicted(n) == 0 ? "–" : percent(c.precision(n)));
        cells.push_back(c.occurs(n) ? percent(c.f1(n)) : "–");
        table.row(label_name(r, n), cells);
    }
    return folded("Counts, recall and precision", table.text());
}

std::string per_class_table(const report_data& r) {
    std::vector<std::string> headings{"activity"};
    std::size_t classes = 0;
    for (const report_method& m : r.methods)
        if (m.counts.classes() > 0) {
            headings.push_back(escaped(m.name));
            classes = std::max(classes, m.counts.classes());
        }
    html_table table("F1 of each activity over all runs, in per cent.", headings);
    for (std::size_t n = 0; n < classes; ++n) {
        std::vector<std::string> cells;
        for (const report_method& m : r.methods)
            if (m.counts.classes() > 0)
                cells.push_back(n < m.counts.classes() && m.counts.occurs(n) ? percent(m.counts.f1(n)) : "–");
        table.row(label_name(r, n), cells);
    }
    return table.text();
}

/// The people, worst first by macro-F1 of `m`; those without one last.
std::vector<std::size_t> worst_first(const report_method& m) {
    std::vector<std::size_t> order(m.people.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto key = [&](std::size_t i) { return std::isfinite(m.people[i].macro_f1) ? m.people[i].macro_f1 : 2; };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    return order;
}

std::string people_figure(const report_data& r, std::size_t main, const std::vector<std::size_t>& order) {
    const double row = order.size() > many_people ? 15 : 20;
    std::size_t longest = 3;
    for (const std::string& name : r.people) longest = std::max(longest, std::min(class_length, shown_length(name)));
    const double left = character_width * double(longest) + 16, top = 6, bottom = top + row * double(order.size());
    const axis x{0, 100, left, left + 520};
    const report_method& m = r.methods[main];
    picture p(x.last + 60, bottom + 40, "Macro-F1 per person",
              "One row per person, worst first. The bar is " + escaped(m.name) +
                  ", the marks are the other methods. The numbers are in the table.");
    p.x_axis(x, ticks(0, 100, 6), top, bottom, "macro-F1 (%)");
    for (std::size_t i = 0; i < order.size(); ++i) {
        const std::size_t person = order[i];
        const double y = top + row * double(i), middle = y + row / 2, value = m.people[person].macro_f1;
        const std::string& name = r.people[person];
        p.text(left - 8, middle + 4, name.empty() ? std::to_string(person) : escaped_within(name, class_length),
               "end");
        if (std::isfinite(value)) p.rect(left, y + 2, x(100 * value) - left, row - 4, "f half " + color_class(main));
        p.text(x.last + 10, middle + 4, percent(value));
    }
    for (std::size_t k = 0; k < r.methods.size(); ++k) {
        if (k == main || r.methods[k].people.empty()) continue;
        std::string marks;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const double value = r.methods[k].people[order[i]].macro_f1;
            if (std::isfinite(value))
                marks += mark(k, x(100 * value), top + row * (double(i) + .5), row > 16 ? 4.5 : 3.5);
        }
        p.path(marks, "o " + color_class(k));
    }
    std::string legend;
    for (std::size_t k = 0; k < r.methods.size(); ++k) {
        if (r.methods[k].people.empty()) continue;
        const std::string shape =
            k == main ? "<rect class=\"f half " + color_class(k) + "\" y=\"2\" width=\"14\" height=\"10\"/>"
                      : "<path class=\"o " + color_class(k) + "\" d=\"" + mark(k, 7, 7, 4.5) + "\"/>";
        legend += "<li><svg width=\"14\" height=\"14\" aria-hidden=\"true\">" + shape + "</svg>" +
                  escaped(r.methods[k].name) + "</li>\n";
    }
    return "<ul class=\"legend\">\n" + legend + "</ul>\n" +
           figure(p, "Macro-F1 per person, sorted by " + escaped(m.name) + ", worst first.");
}

std::string people_table(const report_data& r, const std::vector<std::size_t>& order) {
    std::vector<std::string> headings{"person", "windows"};
    for (const report_method& m : r.methods)
        if (!m.people.empty())
            for (const char* figure : {": macro-F1", ": accuracy"}) headings.push_back(escaped(m.name) + figure);
    html_table table("Per cent, over all runs that test the person; worst first.", headings);
    for (const std::size_t i : order) {
        std::size_t windows = 0;
        for (const report_method& m : r.methods)
            if (!m.people.empty()) windows = std::max(windows, m.people[i].windows);
        std::vector<std::string> cells{grouped(windows)};
        for (const report_method& m : r.methods)
            if (!m.people.empty())
                for (const double value : {m.people[i].macro_f1, m.people[i].accuracy})
                    cells.push_back(percent(value));
        table.row(person_name(r, i), cells);
    }
    return folded("Numbers of every person", table.text());
}

/// Mean confidence less accuracy, in words.
std::string tendency(const std::vector<reliability_bin>& bins) {
    double excess = 0, windows = 0;
    for (const reliability_bin& b : bins) {
        excess += double(b.count) * (b.confidence - b.accuracy);
        windows += double(b.count);
    }
    excess = windows > 0 ? excess / windows : 0;
    if (std::abs(excess) < .0005) return "On average as sure as it is right.";
    return "On average " + percent(std::abs(excess)) + " points too " + (excess > 0 ? "sure." : "unsure.");
}

std::string reliability_figure(const report_method& m, std::size_t number) {
    constexpr double left = 40, top = 12, side = 210, counts_top = top + side + 8, counts_height = 34;
    const axis x{0, 100, left, left + side}, y{0, 100, top + side, top};
    const double bottom = counts_top + counts_height;
    picture p(
        left + side + 20, bottom + 40, "Reliability diagram of " + escaped(m.name),
        "Accuracy of the windows in each range of confidence; on the dashed diagonal they are equal. Below, the "
        "number of windows. The numbers are in the table.");
    const std::vector<double> at = ticks(0, 100, 6);
    p.x_axis(x, at, top, bottom, "confidence (%)");
    p.y_axis(y, at, left, left + side);
    std::size_t largest = 1;
    for (const reliability_bin& b : m.bins) largest = std::max(largest, b.count);
    const double width = side / double(m.bins.size());
    std::vector<std::pair<double, double>> points;
    std::string marks;
    for (std::size_t i = 0; i < m.bins.size(); ++i) {
        const reliability_bin& b = m.bins[i];
        if (b.count == 0) continue;
        const double from = left + width * double(i) + .75, high = counts_height * double(b.count) / double(largest);
        p.rect(from, y(100 * b.accuracy), width - 1.5, y.first - y(100 * b.accuracy),
               "f half " + color_class(number));
        p.rect(from, counts_top + counts_height - high, width - 1.5, high, "soft");
        marks += mark(0, x(100 * b.confidence), y(100 * b.accuracy), 3);
    }
    p.line(x.first, y.first, x.last, y.last, "dash");
    p.path(marks, "o " + color_class(number));
    return figure(p, "<b>" + escaped(m.name) + "</b>: calibration error " + percent(m.calibration_error) + " %. " +
                         tendency(m.bins));
}

} // namespace

std::string activity_section(const report_data& r) {
    std::string matrices;
    for (const report_method& m : r.methods)
        if (m.counts.classes() > 0)
            matrices += "<div><h3>" + escaped(m.name) + "</h3>\n" + confusion_figure(r, m) +
                        confusion_table(r, m.counts) + "</div>\n";
    if (matrices.empty()) return "";
    return section(
        "activities", "Activities",
        per_class_table(r) +
            "<p class=\"note\">Rows are labels, columns are predictions. The shade and the number are the share "
            "of the row in per cent; the small number below it is the count.</p>\n<div class=\"panels\">\n" +
            matrices + "</div>\n");
}

std::string people_section(const report_data& r) {
    std::size_t main = best_method(r);
    for (std::size_t k = 0; k < r.methods.size() && r.methods[main].people.empty(); ++k) main = k;
    if (r.methods.empty() || r.methods[main].people.empty()) return "";
    const std::vector<std::size_t> order = worst_first(r.methods[main]);
    return section("people", "People", people_figure(r, main, order) + people_table(r, order));
}

std::string calibration_section(const report_data& r) {
    std::string panels, tables;
    for (std::size_t k = 0; k < r.methods.size(); ++k) {
        const report_method& m = r.methods[k];
        if (m.bins.empty()) continue;
        panels += reliability_figure(m, k);
        html_table table(escaped(m.name) + ": means in per cent.",
                         {"confidence", "windows", "mean confidence", "accuracy"});
        for (std::size_t i = 0; i < m.bins.size(); ++i) {
            const reliability_bin& b = m.bins[i];
            const double bins = double(m.bins.size());
            table.row(fixed(100 * double(i) / bins, 1) + " to " + fixed(100 * double(i + 1) / bins, 1),
                      {grouped(b.count), b.count == 0 ? "–" : percent(b.confidence),
                       b.count == 0 ? "–" : percent(b.accuracy)});
        }
        tables += table.text();
    }
    if (panels.empty()) return "";
    return section(
        "calibration", "Calibration",
        "<p>How far the probabilities can be trusted: of the windows predicted with 80 % confidence, 80 % should "
        "be right. The calibration error is the mean distance of accuracy and confidence.</p>\n"
        "<div class=\"panels\">\n" +
            panels + "</div>\n" + folded("Numbers of every bin", "<div class=\"panels\">\n" + tables + "</div>\n"));
}

} // namespace har
