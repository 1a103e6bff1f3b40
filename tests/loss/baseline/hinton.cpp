// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/hinton.hpp"

#include "check.hpp"
#include "smldist/loss/logits.hpp"

using namespace smldist;
using loss::logit_norm;
using loss::baseline::hinton;
using loss::baseline::hinton_options;

namespace {
hinton with(logit_norm norm, double temperature) {
    hinton_options o;
    o.norm = norm;
    o.temperature = temperature;
    return {o};
}
constexpr logit_norm every_norm[] = {logit_norm::none, logit_norm::l2, logit_norm::zscore};
} // namespace

TEST_CASE("hinton: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const logit_norm norm : every_norm)
        for (const double T : {1.0, 4.0}) {
            const std::string name = "hinton/" + std::string(name_of(norm)) + "_T" + text(T);
            const auto f = against(with(norm, T), part::logits, {baseline_array(name + "/teacher_logits")});
            check_op(name, {baseline_array(name + "/logits")}, f);
            check_baseline(name, {"logits"}, f);
        }
}

TEST_CASE("hinton: 0 with zero gradient for z_S = z_T; each norm ignores the maps that it removes") {
    const tensor<double> z = affine(normal({5, 6}), 2);
    for (const logit_norm norm : every_norm) {
        CAPTURE(name_of(norm));
        const auto [value, slope] = differentiate(with(norm, 4), part::logits, {z}, {z});
        CHECK(std::abs(value) < 1e-13);
        CHECK(slope < 1e-14);
    }
    CHECK(std::abs(term_of(with(logit_norm::none, 4), part::logits, {affine(z, 1, 7)}, {z})) < 1e-13);
    CHECK(std::abs(term_of(with(logit_norm::l2, 4), part::logits, {affine(z, 3)}, {z})) < 1e-13);
    CHECK(std::abs(term_of(with(logit_norm::zscore, 4), part::logits, {affine(z, 3, 7)}, {z})) < 1e-10);
    CHECK(term_of(with(logit_norm::none, 4), part::logits, {affine(z, 3)}, {z}) > 0.1);
}

TEST_CASE("hinton: equals the soft part of the logits loss with rule off") {
    const tensor<double> s = normal({5, 6}), t = normal({5, 6}, 1);
    const std::vector<int> labels{0, 1, 2, 3, 4};
    for (const logit_norm norm : every_norm) {
        CAPTURE(name_of(norm));
        loss::logits_options o;
        o.rule = loss::repair::off;
        o.temperature = 4;
        o.soft = 0.9;
        o.norm = norm;
        CHECK(term_of(with(norm, 4), part::logits, {s}, {t}) == loss::logits(s, t, labels, o).soft.item());
    }
}

TEST_CASE("hinton: invalid arguments are refused") {
    check_weights<hinton_options>();
    check_option<hinton_options>({}, [](auto& o) -> double& { return o.temperature; }, "temperature",
                                 {0, -1, not_a_number, infinite});
    check_option<hinton_options>({}, [](auto& o) -> double& { return o.norm_scale; }, "norm_scale",
                                 {0, -1, not_a_number, infinite});
    const hinton h;
    generator g;
    CHECK_NOTHROW(h.prepare(shapes_of(part::logits, {{2, 6}}), shapes_of(part::logits, {{2, 6}}), g));
    CHECK_RAISES(usage_error, "(2, 6) and (2, 5)",
                 h.prepare(shapes_of(part::logits, {{2, 6}}), shapes_of(part::logits, {{2, 5}}), g));
    CHECK_RAISES(shape_error, "(4, 6) and (4, 5)", term_of(h, part::logits, {normal({4, 6})}, {normal({4, 5})}));
    CHECK_RAISES(
        usage_error, "temperature is 0",
        with(logit_norm::none, 0).prepare(shapes_of(part::logits, {{2, 6}}), shapes_of(part::logits, {{2, 6}}), g));
}
