// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/norm.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("norm: vectors fit the channels; layer-norm may have none") {
    CHECK(spec::batch_norm{}.infer({2, 3}, {3}, {3}, {3}, {3}) == shape{2, 3});
    CHECK_RAISES(shape_error, "weight or bias is (2)", spec::batch_norm{}.infer({2, 3}, {3}, {3}, {2}, {3}));
    CHECK(spec::layer_norm{}.infer({2, 3}, {0}, {0}) == shape{2, 3});
    CHECK_RAISES(shape_error, "op::layer_norm", spec::layer_norm{}.infer({2, 3}, {3}, {0}));
    CHECK(spec::group_norm{.groups = 3}.infer({2, 4, 5, 6}, {6}, {6}) == shape{2, 4, 5, 6});
    CHECK(spec::group_norm{}.infer({2, 3}, {0}, {0}) == shape{2, 3});
    CHECK_RAISES(usage_error, "groups is 0", spec::group_norm{.groups = 0}.infer({2, 3}, {0}, {0}));
    CHECK_RAISES(shape_error, "divisible by 4 groups", spec::group_norm{.groups = 4}.infer({2, 6}, {6}, {6}));
    CHECK_RAISES(shape_error, "op::group_norm", spec::group_norm{}.infer({2, 3}, {3}, {0}));
    CHECK(spec::l2_normalize{}.infer({3}) == shape{3});
    CHECK_RAISES(shape_error, "op::l2_normalize", spec::l2_normalize{}.infer({}));
}
