// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/pool2d.hpp"

#include "../raises.hpp"

using namespace smldist;

namespace {

template <class S> void check(std::string_view where) {
    CHECK(S{}.infer({2, 9, 8, 4}) == shape{2, 4, 4, 4});
    CHECK(S{.kernel_size = 3, .stride = {2, 1}, .padding = {1, 0}}.infer({2, 9, 8, 4}) == shape{2, 5, 6, 4});
    CHECK_RAISES(usage_error, where, S{.kernel_size = {0, 1}}.infer({2, 9, 8, 4}));
    CHECK_RAISES(usage_error, "kernel_size and stride are 0 and 2", S{.kernel_size = {1, 0}}.infer({2, 9, 8, 4}));
    CHECK_RAISES(usage_error, "kernel_size and stride are 2 and 0", S{.stride = {1, 0}}.infer({2, 9, 8, 4}));
    CHECK_RAISES(usage_error, "padding is 0 x 2, expected at most half of kernel_size 2 x 2",
                 S{.padding = {0, 2}}.infer({2, 9, 8, 4}));
    CHECK_RAISES(usage_error, "padding is 2 x 0", S{.padding = {2, 0}}.infer({2, 9, 8, 4}));
    CHECK_RAISES(shape_error, "shape of x is (2, 9, 8), expected (B, H, W, C)", S{}.infer({2, 9, 8}));
    CHECK_RAISES(shape_error, "padded image is 1 x 8, expected at least 2 x 2", S{}.infer({2, 1, 8, 4}));
}

} // namespace

TEST_CASE("pool2d: shape of the result and errors") {
    check<spec::max_pool2d>("op::max_pool2d");
    check<spec::avg_pool2d>("op::avg_pool2d");
}
