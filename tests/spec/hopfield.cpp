// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/hopfield.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("hopfield: states and keys, shared or of each sample") {
    const spec::hopfield h{.updates = 3, .eps = 0};
    CHECK(h.infer({5, 4}, {7, 4}, {1}) == shape{5, 4});
    CHECK(h.infer({2, 5, 4}, {7, 4}, {1}) == shape{2, 5, 4});
    CHECK(h.infer({2, 5, 4}, {2, 7, 4}, {1}) == shape{2, 5, 4});
    CHECK(h.infer({5, 4}, {2, 7, 4}, {1}) == shape{2, 5, 4});
    CHECK(h.macs({2, 5, 4}, {7, 4}, {1}) == 2 * 3 * 10 * 28);
    CHECK(h.macs({5, 4}, {2, 7, 4}, {1}) == 2 * 3 * 10 * 28);
    CHECK_RAISES(shape_error, "shapes of state and keys are (5, 4) and (7, 3)", h.infer({5, 4}, {7, 3}, {1}));
    CHECK_RAISES(shape_error, "shapes of state and keys are (3, 5, 4) and (2, 7, 4)",
                 h.infer({3, 5, 4}, {2, 7, 4}, {1}));
    CHECK_RAISES(shape_error, "shape of beta is (2)", h.infer({5, 4}, {7, 4}, {2}));
    CHECK_RAISES(usage_error, "eps is -1", (spec::hopfield{1, -1}.infer({5, 4}, {7, 4}, {1})));
}

TEST_CASE("masked_hopfield: masks that fit") {
    const spec::masked_hopfield h{.updates = 3, .eps = 0};
    for (const shape& mask :
         {shape{0}, shape{7}, shape{1, 7}, shape{5, 7}, shape{1, 1, 7}, shape{2, 1, 7}, shape{2, 5, 7}})
        CHECK(h.infer({2, 5, 4}, {7, 4}, {1}, mask) == shape{2, 5, 4});
    CHECK(h.infer({5, 4}, {2, 7, 4}, {1}, {2, 5, 7}) == shape{2, 5, 4});
    CHECK(h.macs({5, 4}, {2, 7, 4}, {1}, {7}) == 2 * 3 * 10 * 28);
    for (const shape& mask : {shape{}, shape{1}, shape{6}, shape{2, 7}, shape{3, 5, 7}, shape{2, 1, 5, 7}})
        CHECK_RAISES(shape_error, "op::masked_hopfield", h.infer({2, 5, 4}, {7, 4}, {1}, mask));
    CHECK_RAISES(shape_error, "expected (M), (1 or Q, M) or (1 or B, 1 or Q, M)",
                 h.infer({5, 4}, {7, 4}, {1}, {2, 5, 7}));
    CHECK_RAISES(usage_error, "eps is -1", (spec::masked_hopfield{1, -1}.infer({5, 4}, {7, 4}, {1}, {7})));
}
