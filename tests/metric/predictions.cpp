// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/metric/predictions.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "raises.hpp"

using namespace smldist;
using metric::check_predictions;

TEST_CASE("check_predictions: two finite matrices of one shape, with rows") {
    const tensor<float> t{{1, 2}, {3, 4}};
    CHECK_NOTHROW(check_predictions("here", t, t));
    CHECK_RAISES(shape_error, "here: shapes of targets and predictions are (2, 2) and (2, 1), expected two of (N, K)",
                 check_predictions("here", t, tensor<float>(shape{2, 1})));
    CHECK_RAISES(shape_error, "are (2) and (2)", check_predictions("here", tensor<float>{1, 2}, tensor<float>{1, 2}));
    const tensor<float> flat(shape{2, 0}), none(shape{0, 2});
    CHECK_RAISES(shape_error, "are (2, 0) and (2, 0)", check_predictions("here", flat, flat));
    CHECK_RAISES(data_error, "here: number of windows is 0, expected at least one",
                 check_predictions("here", none, none));
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        tensor<float> wrong = t;
        wrong(1, 0) = bad;
        CHECK_RAISES(data_error, "here: target 0 of window 1 is ", check_predictions("here", wrong, t));
        CHECK_RAISES(numeric_error, "here: prediction 0 of window 1 is ", check_predictions("here", t, wrong));
    }
}
