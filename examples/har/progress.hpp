// SPDX-License-Identifier: BSD-3-Clause
/// Progress of a training on stderr.
#ifndef HAR_PROGRESS_HPP
#define HAR_PROGRESS_HPP

#include <chrono>
#include <optional>
#include <string>

#include "job.hpp"
#include "smldist/train/loop.hpp"

namespace har {

/// What the bar shows.
struct bar_state {
    std::string name; ///< of the network in training
    std::size_t epoch = 0, epochs = 0;
    double loss = 0;
    double share = 0; ///< of the whole job, from 0 to 1
    std::optional<double> seconds_left;
};

/// A line of at most `columns` characters; a narrow one leaves out the bar, then the loss, then the rest:
///
///     student 3/40 [##########....................]  34 %  loss 0.8123  ETA 2 min 10 s
std::string bar_line(const bar_state& s, std::size_t columns, bool color);

/// One line an epoch on stderr, and when stderr is a terminal a bar of the whole job, which each step replaces.
class progress {
public:
    /// The next training of the job is of that kind. `work` must outlive this object.
    progress(job& work, std::string kind, std::string name, std::size_t epochs, bool quiet);
    ~progress() { work_.end(); }
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    void step(const smldist::train::step_report& r);
    void epoch(const smldist::train::epoch_report& r);

private:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }

    job& work_;
    std::string kind_, name_;
    std::size_t epochs_;
    bool quiet_, terminal_, begun_ = false;
    std::chrono::steady_clock::time_point begin_, shown_;
};

} // namespace har

#endif
