// SPDX-License-Identifier: BSD-3-Clause
/// The trainings of a command, and how long they take.
#ifndef HAR_JOB_HPP
#define HAR_JOB_HPP

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace har {

/// A training that a command will do. Trainings of one kind take the same time per epoch.
struct planned_training {
    std::string kind; ///< for example "student", or of a validation "smldist/student"
    std::size_t epochs = 0;
    double work = 1; ///< multiply-accumulates of one window in a step: compares kinds that were not timed yet
};

/// Planned and done trainings. What is left is estimated from the time per epoch of each kind so far; a kind without one
/// gets that of the others in proportion to its work.
class job {
public:
    explicit job(std::vector<planned_training> plan = {}) : left_(plan.begin(), plan.end()) {}

    /// A training begins after `done` epochs, 0 unless it is resumed. What was planned before the next one of this kind is
    /// not done any more; a kind that is not planned is added.
    void begin(const std::string& kind, std::size_t epochs, double done = 0);
    /// So many epochs of it are done, after so many seconds. Epochs count in fractions.
    void advance(double done, double seconds);
    void end();

    /// Estimated seconds until the last training ends; none before any time is known.
    std::optional<double> seconds_left() const;
    /// Seconds of the trainings so far as a share of all, from 0 to 1; 0 before any time is known.
    double share() const;

private:
    struct time {
        double epochs = 0, seconds = 0;
    };
    struct running {
        planned_training what;
        double first = 0, done = 0; ///< epochs
        double seconds = 0;
    };
    /// The trainings of a kind so far; those of all kinds with work for epochs.
    time time_of(const std::string& kind) const;
    time time_of_work() const;

    std::deque<planned_training> left_; ///< without the one that runs
    std::optional<running> now_;
    std::map<std::string, time> ended_;
    time ended_work_;
};

} // namespace har

#endif
