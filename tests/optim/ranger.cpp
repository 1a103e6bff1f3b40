// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/ranger.hpp"

#include "pair.hpp"

using namespace smldist;

TEST_CASE("ranger: ten steps as the formula") {
    each_case("ranger", [](const std::string& name, const io::json& o) {
        check_steps(name, optim::ranger<double>(0.05, o.as_double("weight_decay")), start_model());
    });
}

TEST_CASE("ranger: consists of RAdam in Lookahead") {
    const auto r = optim::ranger<float>(0.02, 0.3);
    CHECK(r.options.k == 6);
    CHECK(r.options.alpha == 0.5);
    CHECK(r.inner.options.lr == 0.02);
    CHECK(r.inner.options.beta1 == 0.95);
    CHECK(r.inner.options.beta2 == 0.999);
    CHECK(r.inner.options.eps == 1e-5);
    CHECK(r.inner.options.weight_decay == 0.3);
    CHECK(r.inner.options.decoupled);
    CHECK(r.inner.options.threshold == 5);
    CHECK(optim::ranger<float>().inner.options.lr == 1e-3);
    CHECK_THROWS_AS(optim::ranger<float>(-1), usage_error);
    CHECK_THROWS_AS(optim::ranger<float>(1, -1), usage_error);
}
