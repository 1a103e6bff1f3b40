// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/shapes.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("resolve_axis: from the front, from the back, and outside") {
    const shape s{2, 3, 4};
    CHECK(spec::resolve_axis("f", s, 0) == 0);
    CHECK(spec::resolve_axis("f", s, 2) == 2);
    CHECK(spec::resolve_axis("f", s, -1) == 2);
    CHECK(spec::resolve_axis("f", s, -3) == 0);
    CHECK_RAISES(shape_error, "f: axis is 3, expected one of 3 axes; got shape (2, 3, 4)",
                 spec::resolve_axis("f", s, 3));
    CHECK_RAISES(shape_error, "axis is -4", spec::resolve_axis("f", s, -4));
    CHECK_RAISES(shape_error, "axis is 0", spec::resolve_axis("f", {}, 0));
}

TEST_CASE("broadcast: extents equal or 1, matched from the back") {
    CHECK(spec::broadcast("f", {2, 3, 4}, {4}) == shape{2, 3, 4});
    CHECK(spec::broadcast("f", {3, 1}, {1, 4}) == shape{3, 4});
    CHECK(spec::broadcast("f", {}, {2}) == shape{2});
    CHECK(spec::broadcast("f", {1, 1}, {}) == shape{1, 1});
    CHECK(spec::broadcast("f", {0, 3}, {1}) == shape{0, 3});
    CHECK(spec::broadcast("f", {5, 2, 1, 3}, {2, 1}) == shape{5, 2, 2, 3});
    CHECK_RAISES(shape_error, "f: shapes are (2, 3) and (2)", spec::broadcast("f", {2, 3}, {2}));
    CHECK_RAISES(shape_error, "f: shapes are (0) and (2)", spec::broadcast("f", {0}, {2}));
}

TEST_CASE("check_last_axis and infer_norm: refuse invalid shapes") {
    CHECK_NOTHROW(spec::check_last_axis("f", {2, 1}));
    CHECK_RAISES(shape_error, "f: shape is (), expected", spec::check_last_axis("f", {}));
    CHECK_RAISES(shape_error, "f: shape is (3, 0), expected", spec::check_last_axis("f", {3, 0}));
    CHECK(spec::infer_norm("f", {5, 3}, {3}, {3}) == shape{5, 3});
    CHECK(spec::infer_norm("f", {3}, {3}, {3}) == shape{3});
    CHECK_RAISES(shape_error, "shape of x is (3)", spec::infer_norm("f", {3}, {3}, {3}, 2));
    CHECK_RAISES(shape_error, "shape of x is (0, 3)", spec::infer_norm("f", {0, 3}, {3}, {3}));
    CHECK_RAISES(shape_error, "weight or bias is (2)", spec::infer_norm("f", {5, 3}, {3}, {2}));
    CHECK_RAISES(shape_error, "weight or bias is (1, 3)", spec::infer_norm("f", {5, 3}, {1, 3}, {3}));
}
