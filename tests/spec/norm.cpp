// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/norm.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("norm: vectors fit the channels; layer-norm may have none") {
    CHECK(spec::batch_norm{}.infer({2, 3}, {3}, {3}, {3}, {3}) == shape{2, 3});
    CHECK_RAISES(shape_error, "weight or bias is (2)", spec::batch_norm{}.infer({2, 3}, {3}, {3}, {2}, {3}));
    CHECK(spec::layer_norm{}.infer({2, 3}, {0}, {0}) == shape{2, 3});
    CHECK_RAISES(shape_error, "op::layer_norm", spec::layer_norm{}.infer({2, 3}, {3}, {0}));
    CHECK(spec::l2_normalize{}.infer({3}) == shape{3});
    CHECK_RAISES(shape_error, "op::l2_normalize", spec::l2_normalize{}.infer({}));
}
