// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/fit.hpp"

#include "tiny.hpp"

using namespace smldist;

TEST_CASE("fit: gives the bits of a supervised training with the same options") {
    train::training_options o;
    o.epochs = 2;
    network by_fit = make(student_config()), by_hand = by_fit;
    const sets& s = few();
    const auto result = train::fit(by_fit, s.train, s.validation, s.normal, o);
    train::supervised labels;
    const auto wanted = train::training(by_hand, labels, s.train, s.validation, s.normal, o).run();
    CHECK(same_bits(by_fit, by_hand));
    CHECK(same_bits(result.best, wanted.best));
    REQUIRE(result.history.size() == 2);
    CHECK(result.history[1].train.total == wanted.history[1].train.total);
    o.epochs = 0;
    CHECK_THROWS_AS(train::fit(by_fit, s.train, s.validation, s.normal, o), usage_error);
}
