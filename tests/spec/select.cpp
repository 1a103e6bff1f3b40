// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/select.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("select: shapes and errors") {
    CHECK(spec::where{}.infer({3, 1}, {2, 1, 4}, {}) == shape{2, 3, 4});
    CHECK_RAISES(shape_error, "op::where: shapes are (2) and (3)", spec::where{}.infer({2}, {3}, {}));
    CHECK_RAISES(shape_error, "op::where: shapes are (2) and (3)", spec::where{}.infer({1}, {2}, {3}));

    CHECK(spec::embedding{}.infer({2, 5}, {7, 3}) == shape{2, 5, 3});
    CHECK(spec::embedding{}.infer({}, {7, 3}) == shape{3});
    CHECK_RAISES(shape_error, "op::embedding: shape of weight is (7), expected (N, D)",
                 spec::embedding{}.infer({2}, {7}));
    CHECK_RAISES(shape_error, "shape of weight is (16777217, 1), expected (N, D) with N at most 2^24",
                 spec::embedding{}.infer({2}, {(std::size_t(1) << 24) + 1, 1}));

    CHECK(spec::gather{1}.infer({2, 3, 4}, {1, 9, 4}) == shape{1, 9, 4});
    CHECK(spec::gather{}.infer({2, 3}, {2, 0}) == shape{2, 0});
    CHECK_RAISES(shape_error, "op::gather: axis is 2", spec::gather{2}.infer({2, 3}, {2, 3}));
    CHECK_RAISES(shape_error,
                 "op::gather: shape of index is (2), expected extents of at most (2, 3) except for axis 1",
                 spec::gather{}.infer({2, 3}, {2}));
    CHECK_RAISES(shape_error, "shape of index is (3, 3)", spec::gather{}.infer({2, 3}, {3, 3}));
    CHECK_RAISES(shape_error, "shape of index is (1)", spec::gather{}.infer({(std::size_t(1) << 24) + 1}, {1}));
}
