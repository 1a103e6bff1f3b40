// SPDX-License-Identifier: BSD-3-Clause
/// The pictures of a run.
#ifndef HAR_PICTURES_HPP
#define HAR_PICTURES_HPP

#include <string>
#include <utility>
#include <vector>

#include "report.hpp"
#include "smldist/metric/confusion.hpp"

namespace har {

/// Draws into the run's folder `path`, as SVG, when gnuplot is installed:
///
///     learning_curves.svg   one panel for the training loss of each curve, as each has a loss of its own, and one for
///                           the validation macro-F1 of all
///     confusion.NAME.svg    of each matrix; its numbers are in confusion.NAME.csv: label, predicted, windows, share
///                           of the label's windows
///     stage_bands.svg       when the folder has a stage_bands.csv with rows
///
/// plot.gp draws them again; it holds the numbers of the curves. Every curve has at least one epoch. Returns one line that
/// says what became of the pictures: "pictures: …" when all are there, otherwise one that says why not. Throws
/// io_error when a file cannot be written.
std::string draw(const std::string& path, const std::vector<report_curve>& curves,
                 const std::vector<std::pair<std::string, smldist::metric::confusion>>& matrices,
                 const std::vector<std::string>& labels);

} // namespace har

#endif
