// SPDX-License-Identifier: BSD-3-Clause
/// Runs gnuplot, if it is installed.
#ifndef HAR_GNUPLOT_HPP
#define HAR_GNUPLOT_HPP

#include <string>

namespace har {

/// How a run of gnuplot ended.
struct outcome {
    int status = -1;     ///< of gnuplot; -1 when it cannot be started
    std::string message; ///< the last line that it wrote on stderr
};

/// Runs `gnuplot SCRIPT` in `folder`.
outcome gnuplot(const std::string& folder, const std::string& script);

} // namespace har

#endif
