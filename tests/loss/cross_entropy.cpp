// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/cross_entropy.hpp"

#include <limits>

#include "check.hpp"

using namespace smldist;
using loss::cross_entropy;

namespace {

const std::vector<int> labels{0, 4, 1, 1, 3, 2, 0};
const std::vector<double> weights{0.5, 2, 0, 1, 3};

tensor<double> logits_of(std::size_t classes) { return normal({labels.size(), classes}, 1); }

} // namespace

TEST_CASE("cross_entropy: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const double smoothing : {0.0, 0.1, 1.0})
        for (const bool weighted : {false, true}) {
            const loss::cross_entropy_options o{.label_smoothing = smoothing,
                                                .class_weight = weighted ? weights : std::vector<double>()};
            const std::string name = "cross_entropy/eps" + text(smoothing) + "_weighted" + (weighted ? "1" : "0");
            const auto f = [&](const auto& in) { return cross_entropy(in[0], labels, o); };
            check_op(name, {logits_of(5)}, f);
            check_loss(name, {"z"}, f);
        }
}

TEST_CASE("cross_entropy: values are those computed by hand") {
    const std::vector<int> two{0, 1};
    const tensor<double> even(shape{2, 4}, 0.7);
    CHECK(cross_entropy(even, two).item() == doctest::Approx(std::log(4.0)).epsilon(1e-14));
    CHECK(cross_entropy(even, two, {.label_smoothing = 0.3, .class_weight = {}}).item() ==
          doctest::Approx(std::log(4.0)).epsilon(1e-14));
    const tensor<double> sure{{1000, 0, 0}, {0, 1000, 0}};
    CHECK(cross_entropy(sure, two).item() == 0);
    const std::vector<int> wrong{1, 1};
    CHECK(cross_entropy(sure, wrong).item() == 500);
}

TEST_CASE("cross_entropy: of probabilities instead of logits it is at least ln(1 + (N-1)/e)") {
    for (const auto& row : {std::pair(4, 0.7437), {6, 1.0436}, {8, 1.2740}, {12, 1.6187}}) {
        const auto& [classes, floor] = row;
        CAPTURE(row.first);
        tensor<double> p(shape{1, static_cast<std::size_t>(classes)});
        p[0] = 1;
        const std::vector<int> label{0};
        CHECK(std::abs(cross_entropy(p, label).item() - floor) < 1e-4);
    }
}

TEST_CASE("cross_entropy: weights act as repetitions of a sample") {
    const tensor<double> z = normal({3, 3});
    const std::vector<double> twice{1, 2, 1};
    const std::vector<int> label{0, 1, 2}, repeated{0, 1, 1, 2};
    auto more = tensor<double>::uninitialized({4, 3});
    for (std::size_t i = 0; i < 12; ++i) more[i] = z[i < 6 ? i : i - 3];
    CHECK(cross_entropy(z, label, {.label_smoothing = 0, .class_weight = twice}).item() ==
          doctest::Approx(cross_entropy(more, repeated).item()).epsilon(1e-14));
}

TEST_CASE("cross_entropy: gradients are exact for mixed labels") {
    const std::vector<int> other{1, 4, 0, 2, 0, 1, 3};
    for (const double share : {0.0, 0.5, 0.8, 1.0})
        for (const bool weighted : {false, true}) {
            const loss::cross_entropy_options o{.label_smoothing = 0.1,
                                                .class_weight = weighted ? weights : std::vector<double>()};
            check_op("share" + text(share) + "_weighted" + (weighted ? "1" : "0"), {logits_of(5)},
                     [&](const auto& in) {
                         return cross_entropy(in[0], labels, o, {other, share});
                     });
        }
}

TEST_CASE("cross_entropy: the loss of mixed labels is the mixture of the losses") {
    const std::vector<int> other{1, 4, 0, 2, 0, 1, 3};
    const tensor<double> z = logits_of(5);
    for (const double smoothing : {0.0, 0.1, 1.0})
        for (const double share : {0.0, 0.3, 0.5, 0.9, 1.0}) {
            CAPTURE(smoothing);
            CAPTURE(share);
            const loss::cross_entropy_options o{.label_smoothing = smoothing, .class_weight = {}};
            const double a = cross_entropy(z, labels, o).item(), b = cross_entropy(z, other, o).item();
            CHECK(cross_entropy(z, labels, o, {other, share}).item() ==
                  doctest::Approx(share * a + (1 - share) * b).epsilon(1e-14));
            CHECK(cross_entropy(z, labels, o, {labels, share}).item() == doctest::Approx(a).epsilon(1e-14));
            CHECK(cross_entropy(z, labels, o, {{}, share}).item() == a); // without second labels nothing is mixed

            // Targets that sum to one in each row: the gradient softmax - target sums to zero.
            tape<double> t;
            const auto v = t.variable(z);
            t.backward(cross_entropy(v, labels, o, {other, share}));
            for (std::size_t k = 0; k < labels.size(); ++k) {
                double sum = 0;
                for (std::size_t n = 0; n < 5; ++n) sum += (*t.gradient(v))[k * 5 + n];
                CHECK(std::abs(sum) < 1e-15);
            }
        }
}

TEST_CASE("cross_entropy: mixed labels with class weights give the value computed by hand") {
    const std::vector<double> w{1, 2, 4};
    const std::vector<int> a{0}, b{2};
    const tensor<double> z{{0.3, -0.2, 0.5}};
    double total = 0;
    for (const double v : z) total += std::exp(v);
    const auto nll = [&](std::size_t n) { return std::log(total) - z[n]; };
    CHECK(cross_entropy(z, a, {.label_smoothing = 0, .class_weight = w}, {b, 0.75}).item() ==
          doctest::Approx((0.75 * nll(0) + 0.25 * 4 * nll(2)) / (0.75 + 0.25 * 4)).epsilon(1e-14));
}

TEST_CASE("label_targets: one row per label, divided by the sum of the weights") {
    const std::vector<int> label{2, 0}, other{0, 0};
    const tensor<double> z(shape{2, 3});
    CHECK(identical(loss::label_targets(z, label), tensor<double>{{0, 0, 0.5}, {0.5, 0, 0}}));
    CHECK(
        identical(loss::label_targets(z, label, {}, {other, 0.75}), tensor<double>{{0.125, 0, 0.375}, {0.5, 0, 0}}));
    CHECK(identical(loss::label_targets(z, label, {.label_smoothing = 0, .class_weight = {1, 5, 3}}),
                    tensor<double>{{0, 0, 0.75}, {0.25, 0, 0}}));
}

TEST_CASE("cross_entropy: invalid arguments are refused") {
    const tensor<double> z = logits_of(5);
    const std::vector<int> few{0, 1}, none, high{0, 4, 1, 1, 3, 5, 0}, low{0, 4, -1, 1, 3, 2, 0};
    CHECK_RAISES(shape_error, "expected (2, N), one row per label", cross_entropy(z, few));
    CHECK_RAISES(shape_error, "one row per label", cross_entropy(tensor<double>(shape{0, 5}), none));
    CHECK_RAISES(shape_error, "shape of logits is (7)", cross_entropy(tensor<double>(shape{7}), labels));
    CHECK_RAISES(data_error, "label of sample 5 is 5, expected 0 to 4", cross_entropy(z, high));
    CHECK_RAISES(data_error, "label of sample 2 is -1", cross_entropy(z, low));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const double smoothing : {-0.01, 1.01, nan}) {
        CAPTURE(smoothing);
        CHECK_RAISES(usage_error, "label_smoothing is",
                     cross_entropy(z, labels, {.label_smoothing = smoothing, .class_weight = {}}));
    }
    const auto mixed = [&](const std::vector<int>& other, double share) {
        return cross_entropy(z, labels, {}, {other, share});
    };
    for (const double share : {-0.01, 1.01, nan}) {
        CAPTURE(share);
        CHECK_RAISES(usage_error, "share of the label is", mixed(labels, share));
    }
    CHECK_RAISES(shape_error, "expected (2, N), one row per label", mixed(few, 0.5));
    CHECK_RAISES(data_error, "label of sample 5 is 5, expected 0 to 4", mixed(high, 0.5));
    const std::vector<double> short_of{1, 2}, negative{1, 1, 1, -1, 1}, nans{1, nan, 1, 1, 1}, zeros(5);
    const auto weighted = [&](const std::vector<double>& w) {
        return cross_entropy(z, labels, {.label_smoothing = 0, .class_weight = w});
    };
    CHECK_RAISES(usage_error, "number of class weights is 2, expected 5", weighted(short_of));
    CHECK_RAISES(usage_error, "a class weight is -1", weighted(negative));
    CHECK_RAISES(usage_error, "a class weight is", weighted(nans));
    CHECK_RAISES(usage_error, "sum of the weights is 0", weighted(zeros));
}

TEST_CASE("cross_entropy: the options own their class weights, a batch's second labels are referred to") {
    const auto weighing = [] { return loss::cross_entropy_options{.label_smoothing = 0, .class_weight = {1, 2, 1}}; };
    const loss::cross_entropy_options o = weighing();
    const std::vector<int> label{0, 1, 2};
    const tensor<double> z{{1, 2, 3}, {3, 1, 2}, {0, 0, 1}};
    const std::vector<double> twice{1, 2, 1};
    CHECK(cross_entropy(z, label, o).item() ==
          cross_entropy(z, label, {.label_smoothing = 0, .class_weight = twice}).item());
    static_assert(!std::is_constructible_v<loss::mixed_labels, std::vector<int>, double>);
    static_assert(std::is_constructible_v<loss::mixed_labels, const std::vector<int>&, double>);
}

TEST_CASE("check_labels: one label per row, each a class") {
    const tensor<double> z(shape{2, 3});
    const std::vector<int> good{0, 2}, few{1}, high{0, 3}, low{-1, 0};
    loss::check_labels(z, good);
    tape<double> t;
    loss::check_labels(t.input(z), good);
    CHECK_RAISES(shape_error, "loss: shape of logits is (2, 3), expected (1, N)", loss::check_labels(z, few));
    CHECK_RAISES(shape_error, "expected (2, N)", loss::check_labels(tensor<double>(shape{2, 3, 1}), good));
    CHECK_RAISES(data_error, "label of sample 1 is 3, expected 0 to 2", loss::check_labels(z, high));
    CHECK_RAISES(data_error, "label of sample 0 is -1, expected 0 to 2", loss::check_labels(z, low));
}
