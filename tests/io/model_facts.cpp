// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/io/model_facts.hpp"

#include <doctest/doctest.h>

#include "smldist/core/budget.hpp"

using namespace smldist;

TEST_CASE("model_facts: a new one names the version and has neither channels nor labels") {
    const io::model_facts facts;
    CHECK(facts.created_by == "smldist " SMLDIST_VERSION_STRING);
    CHECK(facts.normaliser.kind == normaliser_kind::none);
    CHECK(facts.channels.empty());
    CHECK(facts.labels.empty());
}

TEST_CASE("load_options: unbounded gives what the default refuses") {
    constexpr std::size_t much = std::size_t(1) << 40;
    budget small("model file", 1000, io::load_options{}.memory);
    CHECK_THROWS_AS(small.take(much, "a test"), data_error);
    budget large("model file", 1000, io::load_options::unbounded().memory);
    large.take(much, "a test");
    CHECK(large.used() >= much);
}
