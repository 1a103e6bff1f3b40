// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/dist.hpp"

#include "check.hpp"

using namespace smldist;
using loss::baseline::correlate;
using loss::baseline::dist;
using loss::baseline::dist_options;
using loss::baseline::pearson_op;

namespace {
dist with(double beta, double gamma, double tau) {
    dist_options o;
    o.beta = beta;
    o.gamma = gamma;
    o.temperature = tau;
    return {o};
}
double distance(correlate along, const tensor<double>& x, const tensor<double>& t) {
    return op::apply(pearson_op<double>{along}, x, t).item();
}
} // namespace

TEST_CASE("dist: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const double beta : {1.0, 0.3})
        for (const double gamma : {2.0, 0.0})
            for (const double tau : {1.0, 4.0}) {
                const std::string name = "dist/b" + text(beta) + "_g" + text(gamma) + "_tau" + text(tau);
                const auto f =
                    against(with(beta, gamma, tau), part::logits, {baseline_array(name + "/teacher_logits")});
                check_op(name, {baseline_array(name + "/logits")}, f);
                check_baseline(name, {"logits"}, f);
            }
}

TEST_CASE("pearson: positive affine maps of a row or column cost nothing and negative ones the most") {
    const tensor<double> t = normal({5, 4});
    tensor<double> rows = t, columns = t;
    for (std::size_t b = 0; b < 5; ++b)
        for (std::size_t n = 0; n < 4; ++n) {
            rows(b, n) = (1 + double(b)) * t(b, n) - 3 * double(b);
            columns(b, n) = (1 + double(n)) * t(b, n) - 3 * double(n);
        }
    CHECK(std::abs(distance(correlate::classes, rows, t)) < 1e-7); // eps 1e-8 in the divisor
    CHECK(std::abs(distance(correlate::samples, columns, t)) < 1e-7);
    CHECK(distance(correlate::samples, rows, t) > 0.01);
    CHECK(distance(correlate::classes, columns, t) > 0.01);
    CHECK(distance(correlate::classes, affine(t, -2, 1), t) == doctest::Approx(2).epsilon(1e-7));
    CHECK(distance(correlate::samples, affine(t, -2, 1), t) == doctest::Approx(2).epsilon(1e-7));
}

TEST_CASE("dist: value and gradient vanish for z_S = z_T; constant rows have no correlation") {
    const tensor<double> z = normal({6, 5});
    const auto [value, slope] = differentiate(dist{}, part::logits, {z}, {z});
    CHECK(std::abs(value) < 1e-6);
    CHECK(slope < 1e-6);
    const auto flat = differentiate(with(1, 0, 1), part::logits, {tensor<double>(shape{6, 5})}, {z});
    CHECK(flat.value == doctest::Approx(1));
    CHECK(std::isfinite(flat.slope));
}

TEST_CASE("dist: invalid arguments are refused") {
    check_weights<dist_options>();
    check_option<dist_options>({}, [](auto& o) -> double& { return o.temperature; }, "temperature",
                               {0, -1, not_a_number, infinite});
    check_option<dist_options>({}, [](auto& o) -> double& { return o.beta; }, "beta", {-1, not_a_number, infinite});
    check_option<dist_options>({}, [](auto& o) -> double& { return o.gamma; }, "gamma", {-1, not_a_number, infinite});
    generator g;
    CHECK_RAISES(usage_error, "(2, 6) and (2, 5)",
                 dist{}.prepare(shapes_of(part::logits, {{2, 6}}), shapes_of(part::logits, {{2, 5}}), g));
    CHECK_RAISES(shape_error, "(4, 6) and (4, 5)", term_of(dist{}, part::logits, {normal({4, 6})}, {normal({4, 5})}));
}
