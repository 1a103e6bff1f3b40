// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/supervised_contrastive.hpp"

#include <limits>

#include "allocations.hpp"
#include "check.hpp"

using namespace smldist;
using loss::supervised_contrastive;

namespace {
const std::string file = "losses.safetensors";
const std::vector<int> labels{0, 2, 1, 0, 2};
} // namespace

TEST_CASE("supervised_contrastive: gradients are exact and all worlds agree") {
    for (const shape& s : {shape{5, 3}, shape{5, 1, 3}, shape{5, 2, 3}, shape{5, 3, 1}})
        for (const double temperature : {0.3, 1.0})
            for (const bool normalise : {false, true}) {
                if (normalise && s.back() == 1) continue; // no gradient
                check_op(s.text() + text(temperature), {normal(s)}, [&](const auto& in) {
                    return supervised_contrastive(in[0], labels,
                                                  {.temperature = temperature, .normalise = normalise});
                });
            }
}

TEST_CASE("supervised_contrastive: agrees with the paper's formula in PyTorch") {
    for (const int views : {0, 1, 2})
        for (const double tau : {0.1, 0.7})
            for (const bool unit : {false, true}) {
                const std::string name = "supervised_contrastive/views" + std::to_string(views) + "_tau" + text(tau) +
                                         "_unit" + (unit ? "1" : "0");
                const auto label = stored_labels(name + "/label", file);
                check_loss(
                    name, {"x"},
                    [&](const auto& in) {
                        return supervised_contrastive(in[0], label, {.temperature = tau, .normalise = unit});
                    },
                    file);
            }
}

TEST_CASE("supervised_contrastive: a feature of a class of its own repels the others but is no anchor") {
    const tensor<double> x{{1, 0}, {0.6, 0.8}, {0, 1}};
    const std::vector<int> label{7, 7, 3};
    // Anchors 0 and 1, each with the other as its only positive: s01 = 0.6, s02 = 0, s12 = 0.8.
    const double want =
        (std::log(std::exp(0.6) + std::exp(0.0)) - 0.6 + std::log(std::exp(0.6) + std::exp(0.8)) - 0.6) / 2;
    CHECK(supervised_contrastive(x, label, {.temperature = 1}).item() == doctest::Approx(want).epsilon(1e-14));
    tape<double> tape;
    const auto v = tape.variable(x);
    tape.backward(supervised_contrastive(v, label, {.temperature = 1}));
    CHECK((*tape.gradient(v))[4] != 0);
}

TEST_CASE("supervised_contrastive: without any pair the loss and its gradient are 0") {
    tape<double> tape;
    const auto v = tape.variable(normal({3, 4}));
    const auto y = supervised_contrastive(v, std::vector<int>{0, 1, 2});
    CHECK(y.value().item() == 0);
    tape.backward(y);
    for (const double d : *tape.gradient(v)) CHECK(d == 0);
    CHECK(supervised_contrastive(normal({1, 4}), std::vector<int>{0}).item() == 0);
}

TEST_CASE("supervised_contrastive: two views with labels of their own are NT-Xent") {
    const tensor<double> x = op::l2_normalize(normal({3, 2, 4}));
    double want = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        double total = 0, positive = 0;
        for (std::size_t j = 0; j < 6; ++j) {
            if (j == i) continue;
            double s = 0;
            for (std::size_t d = 0; d < 4; ++d) s += x[i * 4 + d] * x[j * 4 + d];
            total += std::exp(s / 0.5);
            if (j / 2 == i / 2) positive = s / 0.5;
        }
        want += (std::log(total) - positive) / 6;
    }
    CHECK(supervised_contrastive(x, std::vector<int>{0, 1, 2}, {.temperature = 0.5}).item() ==
          doctest::Approx(want).epsilon(1e-13));
}

TEST_CASE("supervised_contrastive: large products do not overflow, and the order of the samples does not matter") {
    const tensor<float> far{{1e4f, 0}, {1e4f, 1}, {-1e4f, 0}, {0, 1e4f}};
    CHECK(std::isfinite(supervised_contrastive(far, std::vector<int>{0, 0, 1, 1}, {.normalise = false}).item()));
    const tensor<double> x = normal({4, 3});
    tensor<double> reversed(shape{4, 3});
    for (std::size_t b = 0; b < 4; ++b)
        for (std::size_t d = 0; d < 3; ++d) reversed(3 - b, d) = x(b, d);
    CHECK(supervised_contrastive(x, std::vector<int>{0, 0, 1, 1}).item() ==
          doctest::Approx(supervised_contrastive(reversed, std::vector<int>{1, 1, 0, 0}).item()).epsilon(1e-13));
}

TEST_CASE("supervised_contrastive: a warmed-up step allocates nothing") {
    if (!SMLDIST_RECYCLE_MEMORY) return; // a sanitizer's build asks the heap each time
    const tensor<float> x = cast<float>(normal({5, 2, 8}));
    tape<float> tape;
    std::size_t before = 0;
    for (int step = 0; step < 4; ++step) {
        if (step == 2) before = allocations();
        tape.reset();
        tape.backward(supervised_contrastive(tape.variable(x), labels));
    }
    CHECK(allocations() == before);
}

TEST_CASE("supervised_contrastive: invalid arguments are refused") {
    CHECK_RAISES(shape_error, "shape of the features is (4, 3), expected (5, D) or (5, V, D)",
                 supervised_contrastive(normal({4, 3}), labels));
    CHECK_RAISES(shape_error, "shape of the features is (5)", supervised_contrastive(normal({5}), labels));
    CHECK_RAISES(shape_error, "shape of the features is (5, 2, 2, 3)",
                 supervised_contrastive(normal({5, 2, 2, 3}), labels));
    CHECK_RAISES(shape_error, "shape of the features is (0, 3)",
                 supervised_contrastive(normal({0, 3}), std::vector<int>()));
    CHECK_RAISES(usage_error, "temperature is 0, expected a positive number",
                 supervised_contrastive(normal({5, 3}), labels, {.temperature = 0}));
}
