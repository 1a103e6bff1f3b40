// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/linear.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("linear and matmul: shapes and cost") {
    CHECK(spec::linear{}.infer({2, 3, 4}, {5, 4}, {5}) == shape{2, 3, 5});
    CHECK(spec::linear{}.macs({2, 3, 4}, {5, 4}, {0}) == 120);
    CHECK_RAISES(shape_error, "expected a last extent of 3", spec::linear{}.infer({2, 4}, {5, 3}, {0}));
    const spec::matmul plain{}, both{true, true};
    CHECK(plain.infer({2, 3}, {3, 4}) == shape{2, 4});
    CHECK(plain.infer({5, 2, 3}, {3, 4}) == shape{5, 2, 4});
    CHECK(both.infer({3, 2}, {5, 4, 3}) == shape{5, 2, 4});
    CHECK(both.macs({3, 2}, {5, 4, 3}) == 120);
    CHECK(plain.infer({2, 1, 4, 5}, {3, 5, 6}) == shape{2, 3, 4, 6});
    CHECK(plain.macs({2, 1, 4, 5}, {3, 5, 6}) == 2 * 3 * 4 * 6 * 5);
    CHECK_RAISES(shape_error, "inner extents are 3 and 4", plain.infer({2, 3}, {4, 3}));
    CHECK_RAISES(shape_error, "op::matmul: shapes are (2) and (3)", plain.infer({2, 4, 4}, {3, 4, 4}));
    CHECK_RAISES(shape_error, "shape is (4), expected rank 2 or more", plain.infer({4}, {4, 4}));
}
