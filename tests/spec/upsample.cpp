// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/upsample.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("upsample: shape of the result, by size or by scale") {
    CHECK(spec::upsample{.size = {7}}.infer({2, 5, 3}) == shape{2, 7, 3});
    CHECK(spec::upsample{.scale = 2.5}.infer({2, 5, 3}) == shape{2, 12, 3});
    CHECK(spec::upsample{.scale = 0.5, .linear = true}.infer({2, 5, 4, 3}) == shape{2, 2, 2, 3});
    CHECK(spec::upsample{.size = {4, 9}, .linear = true, .align_corners = true}.infer({2, 5, 4, 3}) ==
          shape{2, 4, 9, 3});
}

TEST_CASE("upsample: what does not fit is refused") {
    CHECK_RAISES(usage_error, "size and scale are () and 0, expected either", spec::upsample{}.infer({2, 5, 3}));
    CHECK_RAISES(usage_error, "size and scale are (7) and 2",
                 (spec::upsample{.size = {7}, .scale = 2}.infer({2, 5, 3})));
    CHECK_RAISES(usage_error, "and -1", spec::upsample{.scale = -1}.infer({2, 5, 3}));
    CHECK_RAISES(usage_error, "and 1025", spec::upsample{.scale = 1025}.infer({2, 5, 3}));
    CHECK_RAISES(usage_error, "and nan", spec::upsample{.scale = double(NAN)}.infer({2, 5, 3}));
    CHECK_RAISES(usage_error, "align_corners is true without linear",
                 (spec::upsample{.scale = 2, .align_corners = true}.infer({2, 5, 3})));
    CHECK_RAISES(shape_error, "shape of x is (5, 3)", spec::upsample{.scale = 2}.infer({5, 3}));
    CHECK_RAISES(shape_error, "shape of x is (2, 0, 3)", spec::upsample{.scale = 2}.infer({2, 0, 3}));
    CHECK_RAISES(shape_error, "size is (7), expected one extent for each of the 2 axes",
                 spec::upsample{.size = {7}}.infer({2, 5, 4, 3}));
    CHECK_RAISES(shape_error, "shape of the result is (2, 0, 3)", spec::upsample{.scale = 0.1}.infer({2, 5, 3}));
    CHECK_RAISES(shape_error, "shape of the result is (2, 0, 3)", spec::upsample{.size = {0}}.infer({2, 5, 3}));
}
