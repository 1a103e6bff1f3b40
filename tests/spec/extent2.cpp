// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/extent2.hpp"

#include "../raises.hpp"

using namespace smldist;
using spec::extent2;

TEST_CASE("extent2: one number stands for both axes") {
    const extent2 both = 3;
    CHECK(both == extent2(3, 3));
    CHECK_FALSE(both == extent2(3, 2));
    CHECK(extent2() == extent2(1));
    CHECK(extent2(3, 2).area() == 6);
    CHECK(extent2(3, 2).smaller() == 2);
    CHECK(extent2(2, 3).smaller() == 2);
}

TEST_CASE("extent2: places of a window") {
    CHECK(spec::window_places("here", {2, 7, 6, 4}, {3, 2}, 0, 1) == extent2(5, 5));
    CHECK(spec::window_places("here", {2, 7, 6, 4}, 3, {1, 0}, {2, 3}) == extent2(4, 2));
    CHECK(spec::window_places("here", {2, 7, 6, 4}, {7, 6}, 0, 1) == extent2(1, 1));
    CHECK_RAISES(shape_error, "here: padded image is 7 x 6, expected at least 8 x 1",
                 spec::window_places("here", {2, 7, 6, 4}, {8, 1}, 0, 1));
    CHECK_RAISES(shape_error, "padded image is 7 x 8, expected at least 1 x 9",
                 spec::window_places("here", {2, 7, 6, 4}, {1, 9}, {0, 1}, 1));
    CHECK_RAISES(shape_error, "padded image is 2 x 8", spec::window_places("here", {2, 0, 6, 4}, 1, 1, 1));
    CHECK_RAISES(shape_error, "padded image is 9 x 2", spec::window_places("here", {2, 7, 0, 4}, 1, 1, 1));
}

TEST_CASE("extent2: an image has four axes") {
    spec::check_image("here", {2, 7, 6, 4});
    CHECK_RAISES(shape_error, "here: shape of x is (7, 6, 4), expected (B, H, W, C)",
                 spec::check_image("here", {7, 6, 4}));
}
