// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/mixture.hpp"

#include "check.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/op/softmax.hpp"

using namespace smldist;

namespace {

/// Softmax of J blocks of N columns, (B, J, N).
tensor<double> probabilities(const tensor<double>& z, std::size_t J) {
    return op::softmax(z.reshaped({z.shape()[0], J, z.shape()[1] / J}));
}

} // namespace

TEST_CASE("mixture: gradients, both worlds, and the formula") {
    for (const std::size_t J : {1u, 2u, 4u})
        for (const std::size_t N : {2u, 5u}) {
            CAPTURE(J);
            CAPTURE(N);
            const auto z = normal({3, J * N}, 1), a = normal({J}, 2);
            check_op("mixture", {z, a}, [](const auto& in) { return op::mixture(in[0], in[1]); });
            const auto y = op::mixture(z, a), p = probabilities(z, J), w = op::softmax(a);
            for (std::size_t b = 0; b < 3; ++b) {
                double total = 0;
                for (std::size_t n = 0; n < N; ++n) {
                    double sum = 0;
                    for (std::size_t j = 0; j < J; ++j) sum += w[j] * p(b, j, n);
                    CHECK(std::exp(y(b, n)) == doctest::Approx(sum).epsilon(1e-12));
                    total += std::exp(y(b, n));
                }
                CHECK(total == doctest::Approx(1).epsilon(1e-12));
            }
        }
}

TEST_CASE("mixture: under cross entropy the weights move by weight minus responsibility") {
    const std::size_t J = 3, N = 4, B = 5;
    const auto z = normal({B, J * N}, 3), a0 = normal({J}, 4);
    const std::vector<int> labels{0, 3, 1, 1, 2};
    tape<double> t;
    const auto a = t.variable(a0);
    t.backward(loss::cross_entropy(op::mixture(t.input(z), a), labels));
    const auto p = probabilities(z, J), w = op::softmax(a0);
    for (std::size_t j = 0; j < J; ++j) {
        double wanted = 0;
        for (std::size_t b = 0; b < B; ++b) {
            double all = 0;
            const auto y = static_cast<std::size_t>(labels[b]);
            for (std::size_t i = 0; i < J; ++i) all += w[i] * p(b, i, y);
            wanted += (w[j] - w[j] * p(b, j, y) / all) / double(B);
        }
        CHECK((*t.gradient(a))[j] == doctest::Approx(wanted).epsilon(1e-9));
    }
}

TEST_CASE(
    "mixture: one classifier is its log-softmax; identical ones do not change the weights; far logits stay finite") {
    const auto z = normal({3, 4}, 1);
    CHECK(difference(op::mixture(z, tensor<double>{7.0}), op::log_softmax(z), 1e-12) == "");
    tensor<double> twice(shape{3, 8});
    for (std::size_t b = 0; b < 3; ++b)
        for (std::size_t n = 0; n < 8; ++n) twice(b, n) = z(b, n % 4);
    tape<double> t;
    const auto a = t.variable(tensor<double>{0.3, -1.0});
    t.backward(loss::cross_entropy(op::mixture(t.input(twice), a), std::vector<int>{0, 1, 2}));
    for (const double g : *t.gradient(a)) CHECK(g == doctest::Approx(0).scale(1));
    const auto far = op::mixture(tensor<float>{{800, -800, -800, 800}}, tensor<float>{0, 0});
    for (const float v : far) CHECK(std::isfinite(v));
}

TEST_CASE("mixture: refuses invalid arguments") {
    CHECK_RAISES(shape_error, "expected (B, J·N) and (J)",
                 op::mixture(tensor<float>(shape{2, 5}), tensor<float>(shape{2})));
    CHECK_RAISES(shape_error, "(2, 2, 2)", op::mixture(tensor<float>(shape{2, 2, 2}), tensor<float>(shape{2})));
}
