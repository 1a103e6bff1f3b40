// SPDX-License-Identifier: BSD-3-Clause
/// Progress of a training on stderr.
#ifndef HAR_PROGRESS_HPP
#define HAR_PROGRESS_HPP

#include <chrono>
#include <string>

#include "smldist/train/loop.hpp"

namespace har {

/// One line an epoch on stderr, and a bar within the epoch when stderr is a terminal.
class progress {
public:
    progress(std::string name, std::size_t epochs, bool quiet);
    void step(const smldist::train::step_report& r);
    void epoch(const smldist::train::epoch_report& r);

private:
    std::string name_;
    std::size_t epochs_;
    bool quiet_, terminal_;
    std::chrono::steady_clock::time_point begin_, shown_;
};

} // namespace har

#endif
