// SPDX-License-Identifier: BSD-3-Clause
/// The trainings that a command will do, known before the first.
#ifndef HAR_PLAN_HPP
#define HAR_PLAN_HPP

#include <cstddef>
#include <string>
#include <vector>

#include "job.hpp"
#include "options.hpp"

namespace har {

/// Of the windows, for the work that a network has with one; the default stands in for what is not known.
struct window_size {
    std::size_t length = 128, channels = 9, student_channels = 9, classes = 6;
};

/// The name of network `k`, from 0, of several that are trained alike: NAME, NAME_2, NAME_3, …
std::string member_name(const std::string& name, std::size_t k);

/// Of `har train`, and of the --teachers networks of a validation's teacher.
std::vector<planned_training> plan_training(const options& o, const window_size& w);

/// Of `har distill`. `teachers`: the architectures of given ones; empty when they are trained.
std::vector<planned_training> plan_distillation(const options& o, const window_size& w,
                                                const std::vector<smldist::model::network_config>& teachers);

/// Of `har validate`: `repetitions` (folds times seeds) times the methods, in their order; kinds are METHOD/NETWORK. `methods`
/// includes "teacher" where one is trained.
std::vector<planned_training> plan_validation(const options& o, const window_size& w,
                                              const std::vector<std::string>& methods, std::size_t repetitions);

} // namespace har

#endif
