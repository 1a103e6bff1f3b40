// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/conv1d.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("conv1d: length of the result, for every kind of padding") {
    const shape w{6, 4, 3};
    CHECK(spec::conv1d{}.infer({2, 9, 4}, w, {0}) == shape{2, 7, 6});
    CHECK(spec::conv1d{.stride = 2, .padding = 1}.infer({2, 9, 4}, w, {6}) == shape{2, 5, 6});
    CHECK(spec::conv1d{.dilation = 4}.infer({2, 9, 4}, w, {0}) == shape{2, 1, 6});
    CHECK(spec::conv1d{.stride = 2, .dilation = 3, .causal = true}.infer({2, 9, 4}, w, {0}) == shape{2, 5, 6});
    CHECK(spec::conv1d{.stride = 2, .padding = 1}.macs({2, 9, 4}, w, {0}) == 2 * 5 * 72);
    CHECK_RAISES(shape_error, "padded length is 9, expected at least 11",
                 spec::conv1d{.dilation = 5}.infer({2, 9, 4}, w, {0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 0, 1, 1",
                 spec::conv1d{.stride = 0}.infer({2, 9, 4}, w, {0}));
    CHECK_RAISES(usage_error, "padding is 1, expected 0",
                 spec::conv1d{.padding = 1, .causal = true}.infer({2, 9, 4}, w, {0}));
    CHECK_RAISES(shape_error, "expected C = 8", spec::conv1d{.groups = 2}.infer({2, 9, 4}, w, {0}));
    CHECK_RAISES(shape_error, "shape of bias is (5)", spec::conv1d{}.infer({2, 9, 4}, w, {5}));
}

TEST_CASE("conv1d: recognises pointwise and depthwise, and pads on the left") {
    CHECK(spec::conv1d{}.is_pointwise({6, 4, 1}));
    CHECK_FALSE(spec::conv1d{}.is_pointwise({6, 4, 3}));
    CHECK_FALSE(spec::conv1d{.stride = 2}.is_pointwise({6, 4, 1}));
    CHECK_FALSE(spec::conv1d{.padding = 1}.is_pointwise({6, 4, 1}));
    CHECK(spec::conv1d{.groups = 6}.is_depthwise({6, 1, 3}));
    CHECK_FALSE(spec::conv1d{.groups = 6}.is_depthwise({12, 1, 3}));
    CHECK_FALSE(spec::conv1d{}.is_depthwise({1, 1, 3}));
    CHECK(spec::conv1d{.padding = 2}.left_padding(3) == 2);
    CHECK(spec::conv1d{.dilation = 4, .causal = true}.left_padding(3) == 8);
}

TEST_CASE("conv_transpose1d: length of the result") {
    const shape w{4, 3, 5};
    CHECK(spec::conv_transpose1d{}.infer({2, 9, 4}, w, {0}) == shape{2, 13, 3});
    CHECK(spec::conv_transpose1d{.stride = 2, .padding = 1, .output_padding = 1}.infer({2, 9, 4}, w, {3}) ==
          shape{2, 20, 3});
    CHECK(spec::conv_transpose1d{.dilation = 3, .groups = 2}.infer({2, 1, 4}, w, {6}) == shape{2, 13, 6});
    CHECK(spec::conv_transpose1d{.stride = 2}.macs({2, 9, 4}, w, {0}) == 2 * 9 * 60);
    CHECK_RAISES(usage_error, "stride, dilation, groups are 0, 1, 1",
                 spec::conv_transpose1d{.stride = 0}.infer({2, 9, 4}, w, {0}));
    CHECK_RAISES(usage_error, "output_padding is 1",
                 spec::conv_transpose1d{.output_padding = 1}.infer({2, 9, 4}, w, {0}));
    CHECK_RAISES(shape_error, "divisible by groups 3", spec::conv_transpose1d{.groups = 3}.infer({2, 9, 4}, w, {0}));
    CHECK_RAISES(shape_error, "length without padding is 13",
                 spec::conv_transpose1d{.padding = 7}.infer({2, 9, 4}, w, {0}));
    CHECK(spec::conv_transpose1d{.groups = 4}.is_depthwise({4, 1, 3}));
    CHECK_FALSE(spec::conv_transpose1d{.groups = 4}.is_depthwise({4, 2, 3}));
}
