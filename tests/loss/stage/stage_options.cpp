// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/stage_options.hpp"

#include <limits>

#include "../check.hpp"

using namespace smldist;
using loss::stage::stage_options;

TEST_CASE("stage_options: the defaults and plain ones are in range") {
    CHECK_NOTHROW(stage_options().check());
    CHECK_NOTHROW(stage_options::frequency_aware().check());
    CHECK_NOTHROW(stage_options::plain().check());
    CHECK(stage_options::plain().alpha == 0);
    CHECK(stage_options::plain().eta == 0);
}

TEST_CASE("stage_options: every enumerator has a name") {
    CHECK(name_of(loss::stage::standardise::sample) == "sample");
    CHECK(name_of(loss::stage::phase_free::attention) == "attention");
    CHECK(name_of(loss::stage::channel_match::all) == "all");
}

TEST_CASE("stage_options: values out of range are refused") {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const auto refuses = [](double stage_options::*member, double value, const char* part) {
        stage_options o;
        o.*member = value;
        CHECK_RAISES(usage_error, part, o.check());
    };
    for (const double bad : {-0.1, 1.5, nan}) {
        CAPTURE(bad);
        refuses(&stage_options::alpha, bad, "alpha is ");
    }
    for (const double bad : {-1.0, nan, inf}) {
        CAPTURE(bad);
        refuses(&stage_options::eta, bad, "eta is ");
    }
    for (const double bad : {0.0, -1.0, nan, inf}) {
        CAPTURE(bad);
        refuses(&stage_options::temperature, bad, "temperature is ");
        refuses(&stage_options::delta, bad, "delta is ");
    }
    for (const double bad : {0.0, -1.0, 1.5, nan}) {
        CAPTURE(bad);
        refuses(&stage_options::explained, bad, "explained is ");
    }
    stage_options o;
    o.weights.split = 1;
    CHECK_RAISES(usage_error, "split is 1", o.check());
}
