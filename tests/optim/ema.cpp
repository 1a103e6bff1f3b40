// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/optim/ema.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "allocations.hpp"
#include "counted.hpp"

using namespace smldist;

namespace {

counted make(double w, double r, std::int32_t label) {
    counted m;
    m.weight.value = tensor<double>{w, 2 * w};
    m.running.value = tensor<double>{r};
    m.labels.value = tensor<std::int32_t>{label};
    return m;
}

} // namespace

TEST_CASE("ema: frozen parameters are copied unchanged and stay frozen") {
    optim::ema<counted> average(make(1, 5, 0), 0.5);
    average.update(make(3, 5, 0));
    counted now = make(4, 6, 0);
    freeze(now);
    average.update(now);
    CHECK(is_frozen(average.model));
    CHECK(identical(average.model.weight.value, now.weight.value));
    unfreeze(now);
    average.update(now);
    CHECK_FALSE(is_frozen(average.model));
}

TEST_CASE("ema: averages parameters with a ramp, copies buffers") {
    optim::ema<counted> average(make(1, 5, 0), 0.5);
    double wanted = 1;
    for (int t = 0; t < 20; ++t) {
        const double now = std::sin(t), d = std::min(0.5, double(1 + t) / (10 + t));
        average.update(make(now, t, t + 3));
        wanted = d * wanted + (1 - d) * now;
        CHECK(average.model.weight.value[0] == doctest::Approx(wanted).epsilon(1e-14));
        CHECK(average.model.weight.value[1] == doctest::Approx(2 * wanted).epsilon(1e-14));
        CHECK(average.model.running.value[0] == t);
        CHECK(average.model.labels.value[0] == t + 3);
    }
    CHECK(average.updates == 20);
}

TEST_CASE("ema: averages frozen parameters too, and does not change the model") {
    counted now = make(3, 0, 0);
    now.weight.trainable = false;
    optim::ema<counted> average(make(1, 0, 0), 0);
    average.update(now);
    CHECK(average.model.weight.value[0] == 3); // without memory: the last
    CHECK(now.weight.value[0] == 3);
}

TEST_CASE("ema: an update does not allocate once it has run") {
    const counted now = make(2, 0, 0);
    optim::ema<counted> average(make(1, 0, 0));
    average.update(now);
    const std::size_t before = allocations();
    for (int i = 0; i < 5; ++i) average.update(now);
    CHECK(allocations() == before);
}

TEST_CASE("ema: errors") {
    for (const double decay : {-0.1, 1.0, std::nan("")})
        CHECK_THROWS_AS(optim::ema<counted>(make(1, 0, 0), decay), usage_error);
}
