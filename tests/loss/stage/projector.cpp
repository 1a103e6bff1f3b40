// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/projector.hpp"

#include "../check.hpp"

using namespace smldist;

TEST_CASE("projector: maps the last axis without a bias; shapes and paths of its parameters") {
    generator random(5);
    const loss::stage::projector<float> p(3, 5, random);
    CHECK(p(tensor<float>(shape{2, 7, 3}), mode::eval).shape() == shape{2, 7, 5});
    std::string names;
    walk(p, [&](const std::string& path, const auto& leaf) { names += path + leaf.shape().text() + " "; });
    CHECK(names == "map.weight(5, 3) norm.weight(5) norm.bias(5) norm.running_mean(5) norm.running_var(5) ");
}
