// SPDX-License-Identifier: BSD-3-Clause
/// What the metrics of targets (metric/regression.hpp, metric/multi_label.hpp) require of their arguments.
#ifndef SMLDIST_METRIC_PREDICTIONS_HPP
#define SMLDIST_METRIC_PREDICTIONS_HPP

#include <cmath>
#include <cstddef>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::metric {
SMLDIST_NAMESPACE_BEGIN

/// Checks a target (N, K) and what was predicted for it. `where` begins the message.
/// Throws     shape_error unless both are (N, K), K at least 1; data_error when there are no windows or a target is not
///            finite; numeric_error when a prediction is not finite.
inline void check_predictions(std::string_view where, const tensor<float>& target, const tensor<float>& predicted) {
    const shape& s = target.shape();
    if (s.rank() != 2 || s[1] == 0 || !(s == predicted.shape()))
        raise<shape_error>(where, "shapes of targets and predictions are ", s.text(), " and ",
                           predicted.shape().text(), ", expected two of (N, K)");
    if (s[0] == 0) raise<data_error>(where, "number of windows is 0, expected at least one");
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (!std::isfinite(target[i]))
            raise<data_error>(where, "target ", i % s[1], " of window ", i / s[1], " is ", target[i],
                              ", expected a finite number");
        if (!std::isfinite(predicted[i]))
            raise<numeric_error>(where, "prediction ", i % s[1], " of window ", i / s[1], " is ", predicted[i],
                                 ", expected a finite number");
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::metric

#endif
