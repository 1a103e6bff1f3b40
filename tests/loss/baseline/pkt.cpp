// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/pkt.hpp"

#include "check.hpp"

using namespace smldist;
using loss::baseline::pkt;
using loss::baseline::pkt_options;

TEST_CASE("pkt: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    pkt unit; // at weight 30000 the differences drown in rounding
    unit.options.weight.term = 1;
    const tensor<double> teacher = baseline_array("pkt/default/teacher_feature");
    for (const auto& x : {baseline_array("pkt/default/feature"), normal({6, 9})}) {
        CAPTURE(x.shape().text());
        check_op("pkt", {x}, against(unit, part::feature, {teacher}));
    }
    check_baseline("pkt/default", {"feature"}, against(pkt{}, part::feature, {teacher}));
}

TEST_CASE("pkt: unchanged when features are scaled or rotated; 0 for the teacher's features") {
    const tensor<double> x = normal({7, 5}), t = normal({7, 4}, 1);
    tensor<double> scaled = x;
    for (std::size_t b = 0; b < 7; ++b)
        for (std::size_t d = 0; d < 5; ++d) scaled(b, d) *= 1 + double(b);
    const double y = term_of(pkt{}, part::feature, {x}, {t});
    CHECK(y > 1);
    for (const auto& other : {scaled, rotated(x)}) {
        CAPTURE(other[0]);
        CHECK(term_of(pkt{}, part::feature, {other}, {t}) == doctest::Approx(y).epsilon(1e-10));
        const auto [value, slope] = differentiate(pkt{}, part::feature, {other}, {x});
        CHECK(std::abs(value) < 1e-9);
        CHECK(slope < 1e-2); // ε = 1e-7 in the logarithm, times 30000
    }
}

TEST_CASE("pkt: value and gradient stay finite for zero and for opposite features") {
    outputs<tensor<float>> student, teacher;
    student.feature = tensor<float>{{0, 0}, {1, 2}, {-1, -2}, {-2, -4}};
    teacher.feature = tensor<float>{{1, 2}, {-1, -2}, {-3, -6}, {0, 1}};
    tape<float> t;
    outputs<var<float>> recorded;
    recorded.feature = t.variable(student.feature);
    const auto y = pkt{}(recorded, teacher, std::span<const int>());
    CHECK(std::isfinite(y.value().item()));
    t.backward(y);
    CHECK(std::isfinite((*t.gradient(recorded.feature))[2]));
}

TEST_CASE("pkt: invalid arguments are refused") {
    check_weights<pkt_options>();
    generator g;
    CHECK_RAISES(usage_error, "expected (B, D)",
                 pkt{}.prepare(shapes_of(part::feature, {{2, 3}}), shapes_of(part::feature, {{2, 3, 4}}), g));
    CHECK_RAISES(shape_error, "(4, 4) and (5, 5)", term_of(pkt{}, part::feature, {normal({4, 3})}, {normal({5, 3})}));
}
