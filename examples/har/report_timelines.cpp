// SPDX-License-Identifier: BSD-3-Clause
/// Timelines of the report: labels and predictions of recordings.
#include <algorithm>
#include <cmath>

#include "html.hpp"
#include "report_sections.hpp"
#include "svg.hpp"

namespace har {

namespace {

constexpr double left = 84, width = 800, band = 26, wrong_height = 12; // pixels
constexpr std::size_t columns = 800; // a recording of more steps is drawn with this number of columns

/// The most frequent value of [first, last), the one that is reached first in a tie.
int most_frequent(const std::vector<int>& list, std::size_t first, std::size_t last) {
    int winner = -1;
    std::ptrdiff_t most = 0;
    const auto begin = list.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = list.begin() + static_cast<std::ptrdiff_t>(last);
    for (auto i = begin; i != end; ++i)
        if (*i != winner)
            if (const auto n = std::count(begin, end, *i); n > most) {
                most = n;
                winner = *i;
            }
    return winner;
}

/// The list, or the most frequent values of `columns` equal parts of it.
std::vector<int> drawn(const std::vector<int>& list) {
    if (list.size() <= columns) return list;
    std::vector<int> out(columns);
    for (std::size_t i = 0; i < columns; ++i)
        out[i] = most_frequent(list, i * list.size() / columns, (i + 1) * list.size() / columns);
    return out;
}

/// A stretch of one class on the page.
struct stretch {
    int value;
    double from, to; // pixels
};

std::vector<stretch> stretches(const std::vector<int>& list) {
    std::vector<stretch> out;
    const axis x{0, double(list.size()), left, left + width};
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (out.empty() || out.back().value != list[i]) out.push_back({list[i], x(double(i)), 0});
        out.back().to = x(double(i + 1));
    }
    return out;
}

/// The class that hatches a color that is used for the second, third or fourth time.
std::string hatch(std::size_t n) {
    const std::size_t round = n / svg_colors % 4;
    return round == 0 ? "" : std::string("k").append(std::to_string(round));
}

void draw_band(picture& p, const report_data& r, const std::vector<int>& list, double y) {
    const std::vector<stretch> all = stretches(list);
    p.rect(left, y, width, band, "panel");
    for (std::size_t n = 0; n < r.labels.size(); ++n) {
        std::string boxes;
        for (const stretch& s : all)
            if (s.value == static_cast<int>(n)) boxes += box(s.from, y, s.to, y + band);
        p.path(boxes, "f " + color_class(n));
        if (!hatch(n).empty()) p.path(boxes, hatch(n));
    }
    for (const stretch& s : all) { // names where they fit
        if (s.value < 0) continue;
        const auto n = static_cast<std::size_t>(s.value);
        const std::string& name = r.labels[n];
        const double room = (s.to - s.from - 8) / character_width;
        const double length = double(shown_length(name)), middle = (s.from + s.to) / 2;
        if (name.empty() || length > room) continue;
        if (!hatch(n).empty())
            p.rect(middle - length * character_width / 2 - 3, y + 5, length * character_width + 6, band - 10,
                   "paper");
        p.text(middle, y + band / 2 + 4, escaped(name), hatch(n).empty() ? "mid on" : "mid");
    }
}

bool wrong(const report_timeline& t, std::size_t i) { return t.label[i] >= 0 && t.predicted[i] != t.label[i]; }

/// Time in a unit that suits the length.
struct time_unit {
    double seconds;
    const char* name;
};
time_unit unit_of(double seconds) {
    return seconds < 180 ? time_unit{1, "s"} : seconds < 3 * 3600 ? time_unit{60, "min"} : time_unit{3600, "h"};
}

std::string timeline_figure(const report_data& r, const report_timeline& t, const std::string& name,
                            const std::string& caption) {
    const std::size_t steps = t.label.size();
    const double true_top = 16, predicted_top = true_top + band + 4, wrong_top = predicted_top + band + 4;
    const double sure_top = wrong_top + wrong_height + 8;
    const double bottom = t.probability.empty() ? wrong_top + wrong_height : sure_top + 36;
    picture p(left + width + 20, bottom + 40, "Timeline of " + name,
              "Above the labels, below the predictions, over time. " + caption);
    const time_unit unit = unit_of(t.seconds * double(steps));
    const double length = t.seconds * double(steps) / unit.seconds;
    std::vector<double> at;
    for (const double value : ticks(0, length, 9))
        if (value <= length) at.push_back(value);
    p.x_axis({0, length, left, left + width}, at, true_top, bottom, std::string("time (") + unit.name + ")");
    p.text(left - 8, true_top + band / 2 + 4, "label", "end");
    draw_band(p, r, drawn(t.label), true_top);
    p.text(left - 8, predicted_top + band / 2 + 4, "predicted", "end");
    draw_band(p, r, drawn(t.predicted), predicted_top);
    p.text(left - 8, wrong_top + 10, "mistakes", "end");
    std::string boxes;
    const std::size_t parts = std::min(steps, columns);
    const axis part{0, double(parts), left, left + width};
    for (std::size_t k = 0; k < parts; ++k) {
        const std::size_t first = k * steps / parts, last = (k + 1) * steps / parts;
        double mistakes = 0;
        for (std::size_t i = first; i < last; ++i) mistakes += wrong(t, i) ? 1 : 0;
        if (mistakes == 0) continue;
        const double from = part(double(k)), to = part(double(k + 1)), foot = wrong_top + wrong_height;
        const double head = foot - wrong_height * mistakes / double(last - first);
        boxes += box(from, head, to, foot);
    }
    p.path(boxes, "bad");
    if (!t.probability.empty()) {
        const axis y{0, 1, bottom, sure_top};
        p.text(left - 8, (sure_top + bottom) / 2 + 4, "probability", "end");
        for (const double value : {0.0, 1.0}) p.line(left, y(value), left + width, y(value), "grid");
        p.text(left + width + 4, sure_top + 4, "1", "small soft");
        p.text(left + width + 4, bottom + 3, "0", "small soft");
        const std::size_t points = std::min(steps, columns / 2);
        std::vector<std::pair<double, double>> line;
        for (std::size_t i = 0; i < points; ++i) {
            const std::size_t first = i * steps / points, last = (i + 1) * steps / points;
            double sum = 0;
            for (std::size_t k = first; k < last; ++k) sum += t.probability[k];
            line.emplace_back(left + width * double(first + last) / 2 / double(steps), y(sum / double(last - first)));
        }
        p.path(path_of(line), "l sure");
    }
    return figure(p, caption);
}

std::string timeline_table(const report_data& r, const report_timeline& t) {
    html_table table(
        "Time per activity; found is the share of the label's time that is predicted right, in per cent.",
        {"activity", "label", "predicted", "found", "mean probability of the predictions (%)"});
    for (std::size_t n = 0; n < r.labels.size(); ++n) {
        std::size_t labelled = 0, predicted = 0, both = 0;
        double probability = 0;
        for (std::size_t i = 0; i < t.label.size(); ++i) {
            const bool is = t.label[i] == static_cast<int>(n), said = t.predicted[i] == static_cast<int>(n);
            labelled += is ? 1u : 0u;
            predicted += said ? 1u : 0u;
            both += is && said ? 1u : 0u;
            if (said && !t.probability.empty()) probability += t.probability[i];
        }
        if (labelled + predicted == 0) continue;
        table.row(label_name(r, n),
                  {duration(t.seconds * double(labelled)), duration(t.seconds * double(predicted)),
                   labelled == 0 ? "–" : percent(double(both) / double(labelled)),
                   predicted == 0 || t.probability.empty() ? "–" : percent(probability / double(predicted))});
    }
    return folded("Time per activity", table.text());
}

std::string legend(const report_data& r) {
    std::vector<bool> occurs(r.labels.size());
    for (const report_timeline& t : r.timelines)
        for (const std::vector<int>* list : {&t.label, &t.predicted})
            for (const int n : *list)
                if (n >= 0) occurs[static_cast<std::size_t>(n)] = true;
    std::string out = "<ul class=\"legend\">\n";
    for (std::size_t n = 0; n < r.labels.size(); ++n) {
        if (!occurs[n]) continue;
        const std::string box = " y=\"1\" width=\"20\" height=\"12\"/>";
        out += "<li><svg width=\"20\" height=\"14\" aria-hidden=\"true\"><rect class=\"f " + color_class(n) + "\"" +
               box + (hatch(n).empty() ? "" : "<rect class=\"" + hatch(n) + "\"" + box) + "</svg>" +
               label_name(r, n) + "</li>\n";
    }
    return out + "</ul>\n";
}

} // namespace

std::string timeline_section(const report_data& r) {
    std::string body;
    for (const report_timeline& t : r.timelines) {
        if (t.label.empty()) continue;
        std::size_t labelled = 0, mistakes = 0;
        for (std::size_t i = 0; i < t.label.size(); ++i) {
            labelled += t.label[i] >= 0 ? 1u : 0u;
            mistakes += wrong(t, i) ? 1u : 0u;
        }
        std::string caption =
            duration(t.seconds * double(t.label.size())) + " in " + counted(t.label.size(), "step", "steps") + ". ";
        caption += labelled == 0 ? "No step has a label."
                                 : percent(double(labelled - mistakes) / double(labelled)) + " % of " +
                                       counted(labelled, "labelled step is", "labelled steps are") + " right.";
        if (t.label.size() > columns)
            caption += " Every column of the picture stands for several steps: it shows their most frequent class, "
                       "their share of mistakes and their mean probability.";
        const std::string name = t.recording.empty() ? "recording" : escaped(t.recording);
        body += "<h3>" + name + (t.person.empty() ? "" : ", person " + escaped(t.person)) + "</h3>\n" +
                timeline_figure(r, t, name, caption) + timeline_table(r, t);
    }
    return body.empty() ? "" : section("timelines", "Timelines", legend(r) + body);
}

} // namespace har
