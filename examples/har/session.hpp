// SPDX-License-Identifier: BSD-3-Clause
/// What the commands share: data, exit codes, progress on stderr.
#ifndef HAR_SESSION_HPP
#define HAR_SESSION_HPP

#include <chrono>
#include <string>

#include "failure.hpp"
#include "smldist/core/normaliser.hpp"
#include "smldist/data/window.hpp"
#include "smldist/io/json.hpp"
#include "smldist/metric/evaluation.hpp"
#include "smldist/train/loop.hpp"

namespace har {

/// Loads the dataset that `--data` names: UCI HAR as published, any other in windows of about 2.56 s with half overlap.
/// UCI HAR and HAPT have their official split; elsewhere every third person, in ascending order, is for test. What a
/// loader mended or left out is said on stderr. Throws usage_error for an unknown name, data_error for its content.
smldist::data::train_test load_data(const std::string& spec, std::uint64_t seed, bool quiet);

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

/// A line on the classes that macro-F1 leaves out, or nothing.
std::string left_out(const smldist::metric::confusion& counts);
/// {"accuracy": …, "macro_f1": …, "absent_classes": …, "worst_subject_f1": …, …}
smldist::io::json figures(const smldist::metric::evaluation& e);

} // namespace har

#endif
