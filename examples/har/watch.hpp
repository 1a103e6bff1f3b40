// SPDX-License-Identifier: BSD-3-Clause
/// What har watch shows of a run.
#ifndef HAR_WATCH_HPP
#define HAR_WATCH_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "run_log.hpp"
#include "terminal.hpp"

namespace har {

/// One network of what is shown.
struct watched_network {
    std::string name;
    std::size_t planned = 0; ///< epochs; 0: unknown
    network_log log;
};

/// A run, or a validation.
struct watched_run {
    std::string folder;
    bool running = false;
    std::string state;                  ///< "running (process 123)", "finished", …
    std::optional<double> seconds_left; ///< of a run that is running
    std::vector<std::string> summary;   ///< of a validation: a line per method
    std::vector<watched_network> networks;
};

/// Throws usage_error when there is no run in the folder: neither a log nor a process that has it.
watched_run look_at(const std::string& folder);

/// One line about the run, then of each network one line and, as far as there is room, its curves. No line is longer than the
/// terminal is wide, and there is one less than it is high.
std::vector<std::string> frame(const watched_run& run, const terminal_size& size, bool utf8);

} // namespace har

#endif
