// SPDX-License-Identifier: BSD-3-Clause
#include "signals.hpp"

namespace har {

volatile std::sig_atomic_t caught_signal = 0;

void catch_signals() {
    for (const int s : {SIGHUP, SIGINT, SIGTERM})
        if (std::signal(s, SIG_IGN) != SIG_IGN)
            std::signal(s, [](int caught) {
                if (caught_signal == 0) caught_signal = caught;
            });
    for (const int s : {SIGPIPE, SIGXFSZ}) std::signal(s, SIG_IGN); // the write fails, which has its own exit code
}

const char* signal_name(int number) { return number == SIGHUP ? "SIGHUP" : number == SIGINT ? "SIGINT" : "SIGTERM"; }

interruptible::interruptible() {
    for (std::size_t i = 0; i < signals.size(); ++i)
        if ((before_[i] = std::signal(signals[i], SIG_DFL)) == SIG_IGN) std::signal(signals[i], SIG_IGN);
    if (caught_signal != 0) std::raise(caught_signal);
}

interruptible::~interruptible() {
    for (std::size_t i = 0; i < signals.size(); ++i)
        if (before_[i] != SIG_ERR) std::signal(signals[i], before_[i]);
}

} // namespace har
