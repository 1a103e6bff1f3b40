// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/reshape.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("reshape: as many elements, equal extents, parts inside") {
    CHECK(spec::reshape{{3, 4}}.infer({2, 6}) == shape{3, 4});
    CHECK_RAISES(shape_error, "shape is (2, 6), expected as many elements as (5)", spec::reshape{{5}}.infer({2, 6}));
    CHECK(spec::flatten{}.infer({2, 3, 4}) == shape{2, 12});
    CHECK_RAISES(shape_error, "op::flatten", spec::flatten{}.infer({}));
    CHECK(spec::concat{1}.infer({2, 3}, {2, 5}) == shape{2, 8});
    CHECK_RAISES(shape_error, "except for axis 1", spec::concat{}.infer({2, 3}, {4, 3}));
    CHECK(spec::slice{0, 1, 3}.infer({4, 2}) == shape{2, 2});
    CHECK_RAISES(shape_error, "part is [1, 5), expected inside [0, 4)", (spec::slice{0, 1, 5}.infer({4, 2})));
}

TEST_CASE("reshape: axes in another order, each once") {
    CHECK(spec::permute{{2, 0, 1}}.infer({2, 3, 4}) == shape{4, 2, 3});
    CHECK(spec::permute{}.infer({}) == shape{});
    CHECK_RAISES(shape_error, "op::permute: axes are (0, 1), expected each axis of (2, 3, 4) once",
                 spec::permute{{0, 1}}.infer({2, 3, 4}));
    CHECK_RAISES(shape_error, "axes are (0, 1, 1)", spec::permute{{0, 1, 1}}.infer({2, 3, 4}));
    CHECK_RAISES(shape_error, "axes are (0, 1, 3)", spec::permute{{0, 1, 3}}.infer({2, 3, 4}));
}

TEST_CASE("reshape: padding, listed from the last axis on") {
    CHECK(spec::pad{{1}, {2}}.infer({2, 3}) == shape{2, 6});
    CHECK(spec::pad{{0, 1}, {0, 5}}.infer({2, 3, 4}) == shape{2, 9, 4});
    CHECK(spec::pad{}.infer({2}) == shape{2});
    CHECK(spec::pad{}.infer({}) == shape{});
    CHECK_RAISES(shape_error, "op::pad: amounts are (1, 1) before and (0, 0) after, expected at most one of each",
                 spec::pad{{1, 1}, {0, 0}}.infer({3}));
    CHECK_RAISES(shape_error, "amounts are (1) before and () after", spec::pad{{1}, {}}.infer({3}));
}
