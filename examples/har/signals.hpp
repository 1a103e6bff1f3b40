// SPDX-License-Identifier: BSD-3-Clause
/// SIGHUP, SIGINT and SIGTERM: a run ends after its step in hand, a command that has nothing to save ends at once.
#ifndef HAR_SIGNALS_HPP
#define HAR_SIGNALS_HPP

#include <array>
#include <csignal>
#include <cstddef>

namespace har {

/// Set by SIGHUP, SIGINT and SIGTERM. Training then ends after the step in hand; models and figures are still written.
extern volatile std::sig_atomic_t caught_signal;

/// Signals that ask a run to end set caught_signal. What the caller ignores stays ignored: nohup, background jobs.
void catch_signals();

const char* signal_name(int number);

/// While it lives, SIGHUP, SIGINT and SIGTERM end the program as the system has it, which shells show as 128 + the signal's
/// number; one that was caught before does so now. Those that the caller ignores stay ignored.
class interruptible {
public:
    interruptible();
    ~interruptible();
    interruptible(const interruptible&) = delete;
    interruptible& operator=(const interruptible&) = delete;

private:
    static constexpr std::array signals{SIGHUP, SIGINT, SIGTERM};
    std::array<void (*)(int), signals.size()> before_{};
};

} // namespace har

#endif
