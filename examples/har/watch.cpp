// SPDX-License-Identifier: BSD-3-Clause
/// watch: the curves of a run in the terminal, while it trains.
#include "watch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <unistd.h>

#include "commands.hpp"
#include "curve_plot.hpp"
#include "options.hpp"
#include "signals.hpp"
#include "smldist/core/printable.hpp"

namespace har {

using namespace smldist;

namespace {

constexpr std::size_t least_rows = 3, most_rows = 15; ///< of a curve

std::string formatted(const char* format, auto... values) {
    char text[160];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

/// As many figures as there is room for.
std::string line_of(const watched_network& n, std::size_t columns) {
    const logged_epoch &last = n.log.epochs.back(), &best = n.log.best();
    std::string line = printable(n.name) + formatted("  epoch %zu", last.epoch) +
                       (n.planned > 0 ? "/" + std::to_string(n.planned) : "");
    for (const std::string& part : {formatted("  loss %.4f", last.loss), formatted("  macro-F1 %.4f", last.macro_f1),
                                    formatted("  best %.4f in epoch %zu", best.macro_f1, best.epoch),
                                    formatted("  %.1f s/epoch", n.log.seconds() / double(n.log.epochs.size()))}) {
        if (line.size() + part.size() > columns) break;
        line += part;
    }
    return line;
}

/// Loss on the left, macro-F1 on the right.
std::vector<std::string> curves_of(const watched_network& n, std::size_t columns, std::size_t rows, bool utf8) {
    std::vector<curve_point> loss, score;
    for (const logged_epoch& e : n.log.epochs) {
        loss.emplace_back(double(e.epoch), e.loss);
        score.emplace_back(double(e.epoch), e.macro_f1);
    }
    const double last = double(std::max(n.planned, n.log.epochs.back().epoch));
    const std::size_t half = (columns - 1) / 2;
    const auto left = plot(loss, 1, last, half, rows, utf8), right = plot(score, 1, last, half, rows, utf8);
    std::vector<std::string> lines;
    for (std::size_t row = 0; row < rows; ++row) lines.push_back(left[row] + ' ' + right[row]);
    return lines;
}

/// Waits a second, or until a signal comes or the terminal has another size.
void wait(const terminal_size& shown) {
    for (int k = 0; k < 20 && caught_signal == 0 && size_of_terminal(STDOUT_FILENO) == shown; ++k)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

} // namespace

std::vector<std::string> frame(const watched_run& run, const terminal_size& size, bool utf8) {
    const std::size_t rows = std::max<std::size_t>(2, size.rows) - 1; // the last line is the cursor's
    std::string head = printable(run.folder) + ": " + run.state;
    if (run.seconds_left) head += ", ETA " + duration_text(*run.seconds_left);
    std::vector<std::string> lines{head};
    lines.insert(lines.end(), run.summary.begin(), run.summary.end());
    if (run.networks.empty()) lines.emplace_back("no epoch yet");

    const std::size_t networks = run.networks.size(), room = rows > lines.size() ? rows - lines.size() : 0;
    // Curves of the last networks, which are those in training, as far as there is room below all their lines.
    std::size_t drawn = room > networks + 1 ? std::min(networks, (room - networks - 1) / least_rows) : 0;
    if (size.columns < 25) drawn = 0;
    const std::size_t height = drawn > 0 ? std::min(most_rows, (room - networks - 1) / drawn) : 0;
    if (drawn > 0) {
        const std::size_t half = (size.columns - 1) / 2;
        lines.push_back(fitted("training loss", half) + " validation macro-F1");
    }
    for (std::size_t i = networks > room ? networks - room : 0; i < networks; ++i) {
        lines.push_back(line_of(run.networks[i], size.columns));
        if (i + drawn < networks) continue;
        for (std::string& line : curves_of(run.networks[i], size.columns, height, utf8))
            lines.push_back(std::move(line));
    }
    if (lines.size() > rows) lines.resize(rows);
    for (std::string& line : lines) {
        line = fitted(line, size.columns);
        line.erase(line.find_last_not_of(' ') + 1);
    }
    return lines;
}

void watch(const options& o) {
    const bool redraws = !o.once && is_terminal(STDOUT_FILENO), utf8 = is_utf8();
    for (const char* start = "\x1b[2J\x1b[H";; start = "\x1b[H") {
        const terminal_size size = size_of_terminal(STDOUT_FILENO);
        const watched_run run = look_at(o.run);
        std::string text = redraws ? start : "";
        for (const std::string& line : frame(run, size, utf8)) text += line + (redraws ? "\x1b[K\n" : "\n");
        if (redraws) text += "\x1b[J";
        std::fputs(text.c_str(), stdout);
        if (std::fflush(stdout) != 0 || !redraws || !run.running || caught_signal != 0) return;
        wait(size);
        if (caught_signal != 0) return;
    }
}

} // namespace har
