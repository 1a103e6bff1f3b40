// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/step.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <vector>

using namespace smldist;

TEST_CASE("step: finish adds bias and residual, then applies the function") {
    const std::vector<double> want_of_one{1,
                                          1,
                                          1,
                                          1.0 / 6 + 0.5,
                                          1.0 / 6 + 0.5,
                                          1.0507009873554805,
                                          0.8413447460685429,
                                          1 / (1 + std::exp(-1.0)),
                                          std::tanh(1.0),
                                          std::exp(1.0),
                                          0,
                                          1 / (1 + std::exp(-1.0)),
                                          std::log1p(std::exp(1.0)),
                                          1,
                                          1};
    for (std::size_t f = 0; f < names_of<activation>().size(); ++f) {
        CAPTURE(names_of<activation>()[f]);
        for (const std::size_t columns : {1u, 3u, 8u, 21u}) {
            CAPTURE(columns);
            const std::size_t step = columns + 2;
            std::vector<float> y(2 * step, 0.25f), bias(columns, 0.25f), residual(2 * step, 0.5f);
            runtime::finish(static_cast<activation>(f), 2, columns, y.data(), step, bias.data(), residual.data());
            for (std::size_t i = 0; i < y.size(); ++i)
                CHECK(double(y[i]) == doctest::Approx(i % step < columns ? want_of_one[f] : 0.25).epsilon(1e-6));
        }
    }
}

TEST_CASE("step: a frame finds operands") {
    const float input[] = {1, 2, 3, 4}, weights[] = {5, 6};
    float arena[] = {7, 8, 9};
    const runtime::frame f{input, weights, arena, 2};
    CHECK(*f.read({runtime::place::input, 1, 2}, 1) == 4);
    CHECK(*f.read({runtime::place::weights, 1, 0}, 1) == 6);
    CHECK(*f.write({runtime::place::arena, 0, 2}, 1) == 9);
    CHECK(f.read({}) == nullptr);
}
