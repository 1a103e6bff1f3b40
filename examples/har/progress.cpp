// SPDX-License-Identifier: BSD-3-Clause
#include "progress.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include "terminal.hpp"

namespace har {

using namespace smldist;

std::string bar_line(const bar_state& s, std::size_t columns, bool color) {
    char digits[64];
    const auto formatted = [&digits](const char* format, auto... values) {
        std::snprintf(digits, sizeof digits, format, values...);
        return std::string(digits);
    };
    const std::string head = s.name + formatted(" %zu/%zu", s.epoch, s.epochs),
                      share = formatted("%3d %%", static_cast<int>(100 * s.share)),
                      loss = formatted("  loss %.4f", s.loss),
                      left = s.seconds_left ? "  ETA " + duration_text(*s.seconds_left) : "";
    constexpr std::size_t least = 8, most = 30, around = 4; // " [" and "] "
    const std::size_t used = head.size() + around + share.size() + loss.size() + left.size();
    if (columns >= used + least) {
        const std::size_t width = std::min(most, columns - used);
        const auto full = static_cast<std::size_t>(double(width) * std::clamp(s.share, 0.0, 1.0));
        return head + " [" + (color ? "\x1b[32m" : "") + std::string(full, '#') + std::string(width - full, '.') +
               (color ? "\x1b[0m" : "") + "] " + share + loss + left;
    }
    for (const std::string& line : {head + ' ' + share + loss + left, head + ' ' + share + left, head + ' ' + share})
        if (line.size() <= columns) return line;
    return head.substr(0, columns);
}

progress::progress(job& work, std::string kind, std::string name, std::size_t epochs, bool quiet)
    : work_(work),
      kind_(std::move(kind)),
      name_(std::move(name)),
      epochs_(epochs),
      quiet_(quiet),
      terminal_(is_terminal(STDERR_FILENO)),
      begin_(std::chrono::steady_clock::now()),
      shown_(begin_) {}

void progress::step(const train::step_report& r) {
    if (!begun_)
        work_.begin(kind_, r.epochs, double(r.epoch - 1)); // later epochs than the first are of a resumed training
    begun_ = true;
    work_.advance(double(r.epoch - 1) + double(r.step) / double(r.steps), seconds());
    const auto now = std::chrono::steady_clock::now();
    if (quiet_ || !terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const std::size_t columns = size_of_terminal(STDERR_FILENO).columns; // the last of which stays free
    const std::string line = bar_line({name_, r.epoch, r.epochs, r.loss, work_.share(), work_.seconds_left()},
                                      columns > 1 ? columns - 1 : 1, wants_color());
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
}

void progress::epoch(const train::epoch_report& r) {
    work_.advance(double(r.epoch), seconds());
    if (quiet_) return;
    std::fprintf(stderr, "%s%s epoch %zu/%zu  loss %.4f", terminal_ ? "\r\x1b[K" : "", name_.c_str(), r.epoch,
                 epochs_, r.train.total);
    if (r.train["stage"] > 0 || r.train["soft"] > 0)
        std::fprintf(stderr, " (hard %.4f soft %.4f stage %.4f memory %.4f)  repaired %.1f%%", r.train["hard"],
                     r.train["soft"], r.train["stage"], r.train["memory"], 100 * r.train["repaired"]);
    std::fprintf(stderr, "  lr %.2e  validation macro-F1 %.4f%s  %.1f s  ETA %s\n", r.lr, r.validation.macro_f1,
                 r.best ? " *" : "", r.seconds, duration_text(work_.seconds_left().value_or(0)).c_str());
    if (r.train["repaired"] > 0.3)
        std::fprintf(stderr, "%s: the teacher is wrong on %.0f %% of the batches' windows: it is weak\n",
                     name_.c_str(), 100 * r.train["repaired"]);
}

} // namespace har
