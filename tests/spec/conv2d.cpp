// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/conv2d.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("conv2d: shape of the result and cost") {
    const shape w{6, 4, 3, 2};
    CHECK(spec::conv2d{}.infer({2, 9, 8, 4}, w, {0}) == shape{2, 7, 7, 6});
    CHECK(spec::conv2d{.stride = {2, 1}, .padding = {1, 0}}.infer({2, 9, 8, 4}, w, {6}) == shape{2, 5, 7, 6});
    CHECK(spec::conv2d{.dilation = {4, 2}}.infer({2, 9, 8, 4}, w, {0}) == shape{2, 1, 6, 6});
    CHECK(spec::conv2d{.stride = {2, 1}, .padding = {1, 0}}.macs({2, 9, 8, 4}, w, {0}) == 2 * 5 * 7 * 144);
    CHECK_RAISES(shape_error, "padded image is 9 x 8, expected at least 11 x 2",
                 spec::conv2d{.dilation = {5, 1}}.infer({2, 9, 8, 4}, w, {0}));
    CHECK_RAISES(usage_error, "op::conv2d: stride, dilation, groups are 0, 1, 1",
                 spec::conv2d{.stride = {1, 0}}.infer({2, 9, 8, 4}, w, {0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 0, 1",
                 spec::conv2d{.dilation = {0, 1}}.infer({2, 9, 8, 4}, w, {0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 1, 0",
                 spec::conv2d{.groups = 0}.infer({2, 9, 8, 4}, w, {0}));
    CHECK_RAISES(shape_error, "shape of x is (9, 8, 4)", spec::conv2d{}.infer({9, 8, 4}, w, {0}));
    CHECK_RAISES(shape_error, "shape of weight is (6, 4, 3)", spec::conv2d{}.infer({2, 9, 8, 4}, {6, 4, 3}, {0}));
    CHECK_RAISES(shape_error, "expected C = 8", spec::conv2d{.groups = 2}.infer({2, 9, 8, 4}, w, {0}));
    CHECK_RAISES(shape_error, "O divisible by groups 2",
                 spec::conv2d{.groups = 2}.infer({2, 9, 8, 8}, {5, 4, 3, 2}, {0}));
    CHECK_RAISES(shape_error, "shape of bias is (5)", spec::conv2d{}.infer({2, 9, 8, 4}, w, {5}));
}

TEST_CASE("conv2d: recognises pointwise and depthwise") {
    CHECK(spec::conv2d{}.is_pointwise({6, 4, 1, 1}));
    CHECK_FALSE(spec::conv2d{}.is_pointwise({6, 4, 1, 3}));
    CHECK_FALSE(spec::conv2d{}.is_pointwise({6, 4, 3, 1}));
    CHECK_FALSE(spec::conv2d{.stride = {1, 2}}.is_pointwise({6, 4, 1, 1}));
    CHECK_FALSE(spec::conv2d{.padding = {0, 1}}.is_pointwise({6, 4, 1, 1}));
    CHECK_FALSE(spec::conv2d{.groups = 2}.is_pointwise({6, 4, 1, 1}));
    CHECK(spec::conv2d{.groups = 6}.is_depthwise({6, 1, 3, 3}));
    CHECK_FALSE(spec::conv2d{.groups = 6}.is_depthwise({12, 1, 3, 3}));
    CHECK_FALSE(spec::conv2d{}.is_depthwise({1, 1, 3, 3}));
}
