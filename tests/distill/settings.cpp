// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/settings.hpp"

#include <doctest/doctest.h>

#include "smldist/data/normaliser.hpp"
#include "train/tiny.hpp"

using namespace smldist;

TEST_CASE("distill_options: a wrong value is named") {
    distill::distill_options o;
    CHECK_NOTHROW(o.check());
    o.memory_weight = -1;
    CHECK_THROWS_WITH_AS(o.check(), "distill_options: weights are 1, 0.1, -1, expected at least 0", usage_error);
    o.memory_weight = 0;
    o.stage_share = 1;
    CHECK_THROWS_WITH_AS(o.check(), "distill_options: stage_share is 1, expected 0 < stage_share < 1", usage_error);
}

TEST_CASE("recommended: the settings are in range and use the library's default normaliser") {
    const distill::settings s = distill::recommended();
    CHECK_NOTHROW(s.teacher.check());
    CHECK_NOTHROW(s.student.check());
    CHECK_NOTHROW(s.losses.check());
    CHECK(s.normaliser == normaliser_kind::shared);
    CHECK(s.losses.stage.alpha == 0);
    CHECK(s.losses.stage.eta == 0);
    CHECK(data::fit_normaliser(few().train) == data::fit_normaliser(few().train, s.normaliser));
}
