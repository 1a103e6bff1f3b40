// SPDX-License-Identifier: BSD-3-Clause
/// The pictures of a run.
#ifndef HAR_PICTURES_HPP
#define HAR_PICTURES_HPP

#include <string>
#include <utility>
#include <vector>

#include "smldist/metric/confusion.hpp"

namespace har {

/// Learning curves of every log and a confusion matrix of every evaluation, in the run's folder `path`, as SVG when
/// gnuplot is installed. Returns one line that says what became of the pictures.
std::string draw(const std::string& path, const std::vector<std::string>& logs,
                 const std::vector<std::pair<std::string, smldist::metric::confusion>>& matrices,
                 const std::vector<std::string>& labels);

} // namespace har

#endif
