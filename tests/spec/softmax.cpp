// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/softmax.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("softmax: the last axis, blocks, classes and mixtures") {
    CHECK(spec::softmax{}.infer({2, 3}) == shape{2, 3});
    CHECK(spec::log_softmax{}.infer({3}) == shape{3});
    CHECK(spec::log_sum_exp{}.infer({2, 3}) == shape{2});
    CHECK_RAISES(shape_error, "op::log_sum_exp: shape is (2, 0)", spec::log_sum_exp{}.infer({2, 0}));
    CHECK(spec::log_mean_exp{3}.infer({2, 12}) == shape{2, 4});
    CHECK_RAISES(shape_error, "expected (B, J·N) with J = 5", spec::log_mean_exp{5}.infer({2, 12}));
    CHECK(spec::class_log_sum_exp{4, 0.5}.infer({2, 9}, {9}, {0}) == shape{2, 4});
    CHECK_RAISES(usage_error, "kappa is 2", (spec::class_log_sum_exp{4, 2}.infer({2, 9}, {9}, {0})));
    CHECK_RAISES(usage_error, "classes is 0", spec::class_log_sum_exp{}.infer({2, 9}, {9}, {0}));
    CHECK_RAISES(shape_error, "shape of label is (8)", (spec::class_log_sum_exp{4, 0}.infer({2, 9}, {8}, {0})));
    CHECK(spec::mixture{}.infer({2, 12}, {3}) == shape{2, 4});
    CHECK_RAISES(shape_error, "op::mixture", spec::mixture{}.infer({2, 12}, {5}));
}
