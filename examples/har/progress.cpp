// SPDX-License-Identifier: BSD-3-Clause
#include "progress.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace har {

using namespace smldist;

progress::progress(std::string name, std::size_t epochs, bool quiet)
    : name_(std::move(name)),
      epochs_(epochs),
      quiet_(quiet),
      begin_(std::chrono::steady_clock::now()),
      shown_(begin_) {
    const char* term = std::getenv("TERM");
    terminal_ = isatty(STDERR_FILENO) != 0 && !(term && std::string_view(term) == "dumb");
}

void progress::step(const train::step_report& r) {
    const auto now = std::chrono::steady_clock::now();
    if (quiet_ || !terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const double done = (double(r.epoch - 1) + double(r.step) / double(r.steps)) / double(r.epochs);
    const double elapsed = std::chrono::duration<double>(now - begin_).count();
    std::string bar(30, '.');
    std::fill_n(bar.begin(), static_cast<std::ptrdiff_t>(30 * done), '#');
    const char* no_color = std::getenv("NO_COLOR");
    const bool color = !(no_color && *no_color);
    std::fprintf(stderr, "\r%s [%s%s%s] epoch %zu/%zu loss %.4f ETA %.0f s \x1b[K", name_.c_str(),
                 color ? "\x1b[32m" : "", bar.c_str(), color ? "\x1b[0m" : "", r.epoch, r.epochs, r.loss,
                 elapsed * (1 - done) / done);
}

void progress::epoch(const train::epoch_report& r) {
    if (quiet_) return;
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const double left = elapsed * double(epochs_ - r.epoch) / double(r.epoch);
    std::fprintf(stderr, "%s%s epoch %zu/%zu  loss %.4f", terminal_ ? "\r\x1b[K" : "", name_.c_str(), r.epoch,
                 epochs_, r.train.total);
    if (r.train["stage"] > 0 || r.train["soft"] > 0)
        std::fprintf(stderr, " (hard %.4f soft %.4f stage %.4f memory %.4f)  repaired %.1f%%", r.train["hard"],
                     r.train["soft"], r.train["stage"], r.train["memory"], 100 * r.train["repaired"]);
    std::fprintf(stderr, "  lr %.2e  validation macro-F1 %.4f%s  %.1f s  ETA %.0f s\n", r.lr, r.validation.macro_f1,
                 r.best ? " *" : "", r.seconds, left);
    if (r.train["repaired"] > 0.3)
        std::fprintf(stderr, "%s: the teacher is wrong on %.0f %% of the batches' windows: it is weak\n",
                     name_.c_str(), 100 * r.train["repaired"]);
}

} // namespace har
