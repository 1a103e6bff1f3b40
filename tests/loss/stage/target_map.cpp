// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/target_map.hpp"

#include "../check.hpp"
#include "smldist/op/linear.hpp"

using namespace smldist;

TEST_CASE("target_map: applies nothing or a factor per channel or any matrix") {
    for (const std::size_t C : {1u, 5u, 24u}) {
        CAPTURE(C);
        const tensor<double> t = normal({7, C}, 1), factor = normal({C}, 2), offset = normal({C}, 3);
        const auto brought = [&](const loss::stage::target_map<double>& map, const tensor<double>& x) {
            auto y = tensor<double>::uninitialized({7, C});
            map(7, C, x.data(), y.data());
            return y;
        };
        const loss::stage::target_map<double> none, scaled(factor, offset);
        CHECK(none.to(C) == C);
        CHECK(none.from(C) == C);
        CHECK(identical(brought(none, t), t));
        CHECK(scaled.to(3) == C);
        CHECK(scaled.from(C) == C);
        tensor<double> wanted = t;
        for (std::size_t i = 0; i < t.size(); ++i) wanted[i] = t[i] * factor[i % C] + offset[i % C];
        CHECK(difference(brought(scaled, t), wanted, 1e-14) == "");

        const tensor<double> directions = normal({C, 9}, 4), wide = normal({7, 9}, 5);
        const auto onto = loss::stage::target_map<double>::onto(directions, offset);
        CHECK(onto.to(3) == C);
        CHECK(onto.from(C) == 9);
        CHECK(difference(brought(onto, wide), op::linear(wide, directions, offset), 1e-13) == "");
    }
}
