// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/ref2021/loss.hpp"

#include "loss/check.hpp"

using namespace smldist;

namespace {

/// A row of N zeros with `value` at `at`.
tensor<double> spike(std::size_t N, std::size_t at, double value) {
    tensor<double> x(shape{1, N});
    x[at] = value;
    return x;
}

} // namespace

TEST_CASE("ref2021 logits loss: gives the golden values for a right and confident teacher") {
    const struct {
        std::size_t classes;
        double perfect, uniform, wrong;
    } table[] = {{4, 2.5468, 2.7726, 2.8715},
                 {6, 3.3978, 3.5835, 3.6293},
                 {8, 4.0041, 4.1589, 4.1851},
                 {12, 4.8550, 4.9698, 4.9816}};
    const std::vector<int> label{0};
    for (const auto& row : table) {
        CAPTURE(row.classes);
        const auto teacher = spike(row.classes, 0, 10);
        const auto loss = [&](const tensor<double>& p) { return ref2021::logits_loss(p, teacher, label).item(); };
        CHECK(loss(spike(row.classes, 0, 1)) == doctest::Approx(row.perfect).epsilon(1e-3 / row.perfect));
        CHECK(loss(tensor<double>(shape{1, row.classes}, 1 / double(row.classes))) ==
              doctest::Approx(row.uniform).epsilon(1e-3 / row.uniform));
        CHECK(loss(spike(row.classes, 1, 1)) == doctest::Approx(row.wrong).epsilon(1e-3 / row.wrong));
        // a wrong teacher's target is sharper than a right one's
        const double sharp = ref2021::soft_targets(teacher, std::vector<int>{1})[1];
        const double right = ref2021::soft_targets(teacher, label)[0];
        CHECK(sharp == doctest::Approx(std::exp(1.0) / (std::exp(1.0) + double(row.classes) - 1)).epsilon(1e-9));
        CHECK(sharp > right);
    }
}

TEST_CASE("ref2021 logits loss: gradients are exact and all worlds agree; the value is that of the formula") {
    const std::vector<int> labels{0, 3, 2, 1};
    const auto teacher = normal({4, 5}, 2);
    tensor<double> p = op::softmax(normal({4, 5}, 1));
    for (const double ratio : {0.0, 1.0, 2.5})
        for (const double hard : {1.0, 3.0}) {
            CAPTURE(ratio);
            CAPTURE(hard);
            const ref2021::loss_options o{.hard = hard, .ratio = ratio};
            check_op("ref2021", {p}, [&](const auto& in) {
                return ref2021::logits_loss(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(teacher), labels, o);
            });
            const auto t = ref2021::soft_targets(teacher, labels, o);
            const auto s = op::softmax(op::softmax(op::l2_normalize(p)));
            double wanted = 0;
            for (std::size_t b = 0; b < 4; ++b) {
                wanted -= std::log(s(b, static_cast<std::size_t>(labels[b]))) / 4;
                for (std::size_t n = 0; n < 5; ++n) wanted -= ratio * t(b, n) * std::log(s(b, n)) / 4;
            }
            CHECK(ref2021::logits_loss(p, teacher, labels, o).item() == doctest::Approx(wanted).epsilon(1e-12));
        }
}

TEST_CASE("ref2021 logits loss: invalid arguments are refused") {
    const auto p = normal({2, 3});
    CHECK_RAISES(usage_error, "hard is -1, expected at least 0",
                 ref2021::logits_loss(p, p, std::vector<int>{0, 1}, {.hard = -1}));
    CHECK_RAISES(usage_error, "ratio is -1, expected at least 0",
                 ref2021::logits_loss(p, p, std::vector<int>{0, 1}, {.ratio = -1}));
    CHECK_RAISES(data_error, "label of sample 1 is 3", ref2021::logits_loss(p, p, std::vector<int>{0, 3}));
    CHECK_THROWS_AS(ref2021::logits_loss(normal({2, 4}), p, std::vector<int>{0, 1}), shape_error);
}
