// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/dkd.hpp"

#include "check.hpp"
#include "smldist/loss/divergence.hpp"

using namespace smldist;
using loss::baseline::dkd;
using loss::baseline::dkd_options;

namespace {
dkd with(double alpha, double beta, double temperature) {
    dkd_options o;
    o.alpha = alpha;
    o.beta = beta;
    o.temperature = temperature;
    return {o};
}
const std::vector<int> labels{0, 4, 2, 2, 1, 3};
} // namespace

TEST_CASE("dkd: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const double alpha : {1.0, 0.5})
        for (const double beta : {8.0, 0.0})
            for (const double T : {1.0, 4.0}) {
                const std::string name = "dkd/a" + text(alpha) + "_b" + text(beta) + "_T" + text(T);
                const auto f =
                    against(with(alpha, beta, T), part::logits, {baseline_array(name + "/teacher_logits")}, labels);
                check_op(name, {baseline_array(name + "/logits")}, f);
                check_baseline(name, {"logits"}, f);
            }
}

TEST_CASE("dkd: KD = target part + (1 - p_T,y) · non-target part") {
    for (const double T : {1.0, 4.0})
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            CAPTURE(T);
            CAPTURE(seed);
            const tensor<double> s = affine(normal({1, 5}, seed), 2), t = affine(normal({1, 5}, 100 + seed), 2);
            const std::vector<int> label{static_cast<int>(seed % 5)};
            const double p = loss::soften(t, T)[seed % 5];
            CHECK(term_of(with(1, 1 - p, T), part::logits, {s}, {t}, label) ==
                  doctest::Approx(loss::divergence(s, loss::soften(t, T), T).item()).epsilon(1e-12));
        }
}

TEST_CASE("dkd: 0 with zero gradient for z_S = z_T; a constant added to a row changes nothing") {
    const tensor<double> z = affine(normal({6, 5}), 3), t = normal({6, 5}, 1);
    const auto [value, slope] = differentiate(dkd{}, part::logits, {z}, {z}, labels);
    CHECK(std::abs(value) < 1e-13);
    CHECK(slope < 1e-14);
    CHECK(term_of(dkd{}, part::logits, {affine(z, 1, 9)}, {t}, labels) ==
          doctest::Approx(term_of(dkd{}, part::logits, {z}, {t}, labels)).epsilon(1e-12));
}

TEST_CASE("dkd: the value stays finite for logits far apart") {
    const tensor<float> s{{300, -300, 0}, {-300, 300, 0}}, t{{-300, 300, 0}, {-300, 300, 0}};
    outputs<tensor<float>> student, teacher;
    student.logits = s;
    teacher.logits = t;
    CHECK(std::isfinite(with(1, 8, 1)(student, teacher, std::vector<int>{0, 1}).item()));
}

TEST_CASE("dkd: two classes have no non-target part") {
    const tensor<double> s = normal({3, 2}), t = normal({3, 2}, 1);
    const std::vector<int> label{0, 1, 1};
    CHECK(std::abs(term_of(with(0, 8, 4), part::logits, {s}, {t}, label)) < 1e-13);
    CHECK(term_of(with(1, 8, 4), part::logits, {s}, {t}, label) ==
          doctest::Approx(loss::divergence(s, loss::soften(t, 4), 4).item()).epsilon(1e-12));
}

TEST_CASE("dkd: invalid arguments are refused") {
    check_weights<dkd_options>();
    CHECK(dkd_options{}.weight.warm_up == doctest::Approx(20.0 / 240));
    check_option<dkd_options>({}, [](auto& o) -> double& { return o.temperature; }, "temperature",
                              {0, -1, not_a_number, infinite});
    check_option<dkd_options>({}, [](auto& o) -> double& { return o.alpha; }, "alpha", {-1, not_a_number, infinite});
    check_option<dkd_options>({}, [](auto& o) -> double& { return o.beta; }, "beta", {-1, not_a_number, infinite});
    generator g;
    CHECK_RAISES(usage_error, "(2, 6) and (2, 5)",
                 dkd{}.prepare(shapes_of(part::logits, {{2, 6}}), shapes_of(part::logits, {{2, 5}}), g));
    const tensor<double> z = normal({2, 4});
    CHECK_RAISES(shape_error, "expected (1, N)", term_of(dkd{}, part::logits, {z}, {z}, {0}));
    CHECK_RAISES(data_error, "label of sample 1 is 4", term_of(dkd{}, part::logits, {z}, {z}, {0, 4}));
    CHECK_RAISES(shape_error, "(2, 5), (2, 4)", term_of(dkd{}, part::logits, {normal({2, 5})}, {z}, {0, 1}));
    CHECK_RAISES(shape_error, "N >= 2", term_of(dkd{}, part::logits, {normal({2, 1})}, {normal({2, 1})}, {0, 0}));
}
