// SPDX-License-Identifier: BSD-3-Clause
/// The file of a sweep: options that all runs share, and axes whose values are combined.
///
///     data = "uci_har=UCI HAR Dataset"         # options of har sweep, as a configuration has them
///     epochs = 40
///     folds = 5
///     seeds = 3
///     [grid]                                   # options as lists: the axes
///     method = ["labels", "smldist", "rkd"]
///     lr = [1e-3, 4e-3]
///
/// Settings are all combinations of values, in the order of the file: the first axis changes slowest. The options may also
/// stand in a section [sweep].
#ifndef HAR_GRID_HPP
#define HAR_GRID_HPP

#include <string>
#include <utility>
#include <vector>

#include "options.hpp"
#include "settings.hpp"

namespace har {

inline constexpr std::size_t most_settings = 10000; ///< of a grid

/// One combination.
struct grid_setting {
    std::string name;                                      ///< "method=labels lr=0.001"; "all" without axes
    std::vector<std::pair<std::string, std::string>> axes; ///< names and values
    options values;
};

struct grid {
    std::vector<grid_setting> settings; ///< at least one
    std::string text;                   ///< the file with the effective options, without those that change no result
};

/// Reads the file. `settings` are bound to `values`, which then have what all runs share; options of the command line win, also
/// over an axis, which then is none. Recordings of one's own are read as the file beside them says.
/// Throws     usage_error naming file, line, name and value: as read_config and apply; for an axis that is no list, is empty,
///            has a value twice, or cannot be one (folds, seeds, what changes no result); for more than most_settings.
grid read_grid(const std::string& file, options& values, const std::vector<setting>& settings);

} // namespace har

#endif
