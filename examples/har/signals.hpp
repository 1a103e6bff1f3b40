// SPDX-License-Identifier: BSD-3-Clause
/// Commands that have nothing to save end at once when a signal asks them to.
#ifndef HAR_SIGNALS_HPP
#define HAR_SIGNALS_HPP

#include <array>
#include <csignal>
#include <cstddef>

#include "failure.hpp"

namespace har {

/// While it lives, SIGHUP, SIGINT and SIGTERM end the program as the system has it, which shells show as 128 + the signal's
/// number; one that was caught before does so now. Those that the caller ignores stay ignored.
class interruptible {
public:
    interruptible() {
        for (std::size_t i = 0; i < signals.size(); ++i)
            if ((before_[i] = std::signal(signals[i], SIG_DFL)) == SIG_IGN) std::signal(signals[i], SIG_IGN);
        if (caught_signal != 0) std::raise(caught_signal);
    }
    ~interruptible() {
        for (std::size_t i = 0; i < signals.size(); ++i)
            if (before_[i] != SIG_ERR) std::signal(signals[i], before_[i]);
    }
    interruptible(const interruptible&) = delete;
    interruptible& operator=(const interruptible&) = delete;

private:
    static constexpr std::array signals{SIGHUP, SIGINT, SIGTERM};
    std::array<void (*)(int), signals.size()> before_{};
};

} // namespace har

#endif
