// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/elementwise.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("elementwise: the shape stays, bounds are checked") {
    CHECK(spec::elementwise<activation::selu>::name == "selu");
    CHECK(spec::elementwise<activation::tanh>{}.infer({2, 3}) == shape{2, 3});
    CHECK(spec::clamp{-1, 1}.infer({4}) == shape{4});
    CHECK(spec::clamp{1, 1}.infer({4}) == shape{4});
    CHECK_RAISES(usage_error, "bounds are 2 and 1", spec::clamp{2, 1}.infer({4}));
    CHECK(spec::affine{}.infer({}) == shape{});
    CHECK(spec::leaky_relu{}.infer({2, 3}) == shape{2, 3});
    CHECK(spec::pow{0.5}.infer({2, 3}) == shape{2, 3});
    CHECK(spec::dropout{0.1}.infer({5}) == shape{5});
    CHECK(spec::pattern_dropout{}.infer({5}) == shape{5});
}
