// SPDX-License-Identifier: BSD-3-Clause
/// The figures of a model as they are reported.
#ifndef HAR_FIGURES_HPP
#define HAR_FIGURES_HPP

#include <cstddef>
#include <string>

#include "smldist/io/json.hpp"
#include "smldist/metric/evaluation.hpp"
#include "smldist/model/network.hpp"

namespace har {

/// A line on the classes that macro-F1 leaves out, or nothing.
std::string left_out(const smldist::metric::confusion& counts);
/// {"accuracy": …, "macro_f1": …, "absent_classes": …, "worst_subject_f1": …, …}
smldist::io::json figures(const smldist::metric::evaluation& e);
/// The figures of a network with its size, for windows of `length` samples.
smldist::io::json figures(const smldist::model::network<float>& net, std::size_t length,
                          const smldist::metric::evaluation& e);

/// Prints one row for each network of a run's result.
void print_table(const smldist::io::json& result);

} // namespace har

#endif
