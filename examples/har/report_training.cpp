// SPDX-License-Identifier: BSD-3-Clause
/// Learning curves of the report.
#include <algorithm>
#include <cmath>

#include "html.hpp"
#include "report_sections.hpp"
#include "svg.hpp"

namespace har {

namespace {

constexpr std::size_t points_of_line = 200; // a longer line is thinned out
constexpr std::size_t rows_of_epochs = 600; // of the table of all trainings, as above
constexpr std::size_t few_lines = 3;        // of one name; more are drawn thin

using member = double report_epoch::*;

/// The trainings of one name.
struct group {
    std::string name;
    std::size_t color;
    std::vector<const report_curve*> curves;
};

std::vector<group> groups_of(const report_data& r) {
    std::vector<group> groups;
    std::size_t next = r.methods.size();
    for (const report_curve& c : r.curves) {
        if (c.epochs.empty()) continue;
        auto g = std::find_if(groups.begin(), groups.end(), [&](const group& other) { return other.name == c.name; });
        if (g == groups.end()) {
            const auto m = std::find_if(r.methods.begin(), r.methods.end(),
                                        [&](const report_method& method) { return method.name == c.name; });
            const bool found = m != r.methods.end();
            groups.push_back({c.name, found ? static_cast<std::size_t>(m - r.methods.begin()) : next, {}});
            next += found ? 0 : 1;
            g = groups.end() - 1;
        }
        g->curves.push_back(&c);
    }
    return groups;
}

/// Indices 0, s, 2s, … of n, at most about `most`, with the last and with `kept` (counted from 1; 0: none).
std::vector<std::size_t> thinned(std::size_t n, std::size_t most, std::size_t kept) {
    const std::size_t stride = std::max<std::size_t>(1, (n + most - 1) / std::max<std::size_t>(most, 1));
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < n; ++i)
        if (i % stride == 0 || i + 1 == n || i + 1 == kept) chosen.push_back(i);
    return chosen;
}

/// A panel with one line per training; empty when no epoch has the figure.
std::string panel(const std::vector<group>& groups, member what, double factor, const std::string& title,
                  const std::string& caption, bool first_run_only = false) {
    double low = undefined, high = undefined;
    std::size_t epochs = 0;
    for (const group& g : groups)
        for (const report_curve* c : g.curves)
            for (const report_epoch& e : c->epochs) {
                epochs = std::max(epochs, c->epochs.size());
                const double value = factor * (e.*what);
                if (!std::isfinite(value)) continue;
                low = std::isfinite(low) ? std::min(low, value) : value;
                high = std::isfinite(high) ? std::max(high, value) : value;
            }
    if (!std::isfinite(low)) return "";
    constexpr double left = 56, width = 222, top = 12, bottom = 172;
    const std::vector<double> at = ticks(low, high, 5);
    const axis y{at.front(), at.back(), bottom, top};
    const axis x{0, double(epochs), left, left + width};
    picture p(left + width + 16, bottom + 40, title,
              "One line per training; the mark is the best epoch on the validation people.");
    std::vector<double> whole;
    for (const double e : ticks(0, double(epochs), 6))
        if (e <= double(epochs) && e == std::floor(e)) whole.push_back(e);
    p.x_axis(x, whole, top, bottom, "epoch");
    p.y_axis(y, at, left, left + width);
    for (const group& g : groups) {
        const std::size_t lines = first_run_only ? 1 : g.curves.size();
        std::string marks;
        for (std::size_t k = 0; k < lines; ++k) {
            const report_curve& c = *g.curves[k];
            std::vector<std::pair<double, double>> points;
            for (const std::size_t i : thinned(c.epochs.size(), points_of_line, c.best))
                points.emplace_back(x(double(i + 1)), y(factor * (c.epochs[i].*what)));
            p.path(path_of(points), "l " + color_class(g.color) + (lines > few_lines ? " thin" : ""));
            if (c.best == 0 || c.best > c.epochs.size() || first_run_only) continue;
            const double value = factor * (c.epochs[c.best - 1].*what);
            if (std::isfinite(value)) marks += mark(g.color, x(double(c.best)), y(value), lines > few_lines ? 3 : 4);
        }
        p.path(marks, "o " + color_class(g.color));
    }
    return figure(p, caption);
}

std::string legend(const std::vector<group>& groups) {
    if (groups.size() < 2) return "";
    std::string out = "<ul class=\"legend\">\n";
    for (const group& g : groups)
        out += "<li><svg width=\"24\" height=\"14\" aria-hidden=\"true\"><path class=\"l " + color_class(g.color) +
               "\" d=\"M0 7H24\"/><path class=\"o " + color_class(g.color) + "\" d=\"" + mark(g.color, 12, 7) +
               "\"/></svg>" + escaped(g.name) + "</li>\n";
    return out + "</ul>\n";
}

std::string training_table(const std::vector<group>& groups) {
    html_table table("Macro-F1 of the validation people in per cent.",
                     {"training", "run", "epochs", "best epoch", "first loss", "last loss",
                      "macro-F1 of the best epoch", "macro-F1 of the last epoch"});
    for (const group& g : groups)
        for (const report_curve* c : g.curves) {
            const bool known = c->best > 0 && c->best <= c->epochs.size();
            table.row(escaped(g.name),
                      {c->run.empty() ? "–" : escaped(c->run), grouped(c->epochs.size()),
                       known ? grouped(c->best) : "–", significant(c->epochs.front().loss, 4),
                       significant(c->epochs.back().loss, 4), known ? percent(c->epochs[c->best - 1].macro_f1) : "–",
                       percent(c->epochs.back().macro_f1)});
        }
    return folded("Numbers of every training", table.text());
}

std::string epoch_tables(const std::vector<group>& groups) {
    std::size_t trainings = 0;
    for (const group& g : groups) trainings += g.curves.size();
    const std::size_t most = std::max<std::size_t>(1, rows_of_epochs / std::max<std::size_t>(1, trainings));
    bool complete = true;
    std::string tables;
    for (const group& g : groups)
        for (const report_curve* c : g.curves) {
            html_table table(escaped(g.name) + (c->run.empty() ? "" : ", " + escaped(c->run)),
                             {"epoch", "loss", "macro-F1 (%)", "learning rate"});
            const std::vector<std::size_t> chosen = thinned(c->epochs.size(), most, c->best);
            complete = complete && chosen.size() == c->epochs.size();
            for (const std::size_t i : chosen) {
                const report_epoch& e = c->epochs[i];
                table.row(std::to_string(i + 1) + (i + 1 == c->best ? " (best)" : ""),
                          {significant(e.loss, 4), percent(e.macro_f1), significant(e.learning_rate, 3)});
            }
            tables += table.text();
        }
    return folded(complete ? "Numbers of every epoch" : "Numbers of the epochs (not every epoch is listed)",
                  "<div class=\"panels\">\n" + tables + "</div>\n");
}

} // namespace

std::string training_section(const report_data& r) {
    const std::vector<group> groups = groups_of(r);
    if (groups.empty()) return "";
    std::string panels = panel(groups, &report_epoch::macro_f1, 100, "Validation macro-F1",
                               "<b>Validation macro-F1</b> (%). The mark is the best epoch on the validation people; "
                               "the figures are those of the last epoch.");
    for (const group& g : groups)
        panels += panel({g}, &report_epoch::loss, 1, "Training loss of " + escaped(g.name),
                        "<b>Training loss</b> of " + escaped(g.name) + ".");
    panels += panel(groups, &report_epoch::learning_rate, 1, "Learning rate",
                    "<b>Learning rate</b>, of the first run of each training.", true);
    return section("training", "Training",
                   legend(groups) + "<div class=\"panels\">\n" + panels + "</div>\n" + training_table(groups) +
                       epoch_tables(groups));
}

} // namespace har
