// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/arithmetic.hpp"

#include "../raises.hpp"

using namespace smldist;

TEST_CASE("arithmetic: shapes broadcast; a gate fits its value") {
    CHECK(spec::add{}.infer({2, 3}, {3}) == shape{2, 3});
    CHECK(spec::sub{}.infer({}, {3}) == shape{3});
    CHECK(spec::mul{}.infer({4, 1}, {5}) == shape{4, 5});
    CHECK(spec::div{}.infer({2, 1, 3}, {4, 1}) == shape{2, 4, 3});
    CHECK_RAISES(shape_error, "op::sub: shapes are (2) and (3)", spec::sub{}.infer({2}, {3}));
    CHECK(spec::gate{}.infer({2, 7, 3}, {2, 3}) == shape{2, 7, 3});
    CHECK_RAISES(shape_error, "op::gate: shapes of x and g are (2, 7, 3) and (3)",
                 spec::gate{}.infer({2, 7, 3}, {3}));
}
