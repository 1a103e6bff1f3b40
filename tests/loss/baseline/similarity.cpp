// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/similarity.hpp"

#include "check.hpp"

using namespace smldist;
using loss::baseline::similarity;
using loss::baseline::similarity_options;

TEST_CASE("similarity: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const std::string length : {"6to6", "7to3", "4to6"}) {
        const std::string name = "sp/" + length;
        const auto f = against(similarity{}, part::stages, {baseline_array(name + "/teacher_stage")});
        check_op(name, {baseline_array(name + "/stage")}, f);
        check_baseline(name, {"stage"}, f);
    }
}

TEST_CASE("similarity: unchanged when the flattened features are rotated or scaled") {
    const tensor<double> x = normal({5, 3, 4}), t = normal({5, 2, 6}, 1);
    const auto turned = rotated(x.reshaped({5, 12})).reshaped({5, 6, 2});
    const double y = term_of(similarity{}, part::stages, {x}, {t});
    CHECK(y > 1);
    CHECK(term_of(similarity{}, part::stages, {turned}, {t}) == doctest::Approx(y).epsilon(1e-10));
    CHECK(term_of(similarity{}, part::stages, {affine(x, -4)}, {t}) == doctest::Approx(y).epsilon(1e-10));
    const auto [value, slope] = differentiate(similarity{}, part::stages, {turned}, {x});
    CHECK(value < 1e-24);
    CHECK(slope < 1e-10);
}

TEST_CASE("similarity: compares the last stage or the chosen one") {
    const tensor<double> a = normal({4, 6, 3}), b = normal({4, 3, 5}, 1), c = normal({4, 6, 2}, 2),
                         d = normal({4, 3, 4}, 3);
    const auto alone = [](const auto& s, const auto& t) { return term_of(similarity{}, part::stages, {s}, {t}); };
    CHECK(term_of(similarity{}, part::stages, {a, b}, {c, d}) == alone(b, d));
    CHECK(term_of(similarity{}, part::stages, {a, b}, {c}) == alone(b, c));
    similarity first;
    first.options.stage = 0;
    CHECK(term_of(first, part::stages, {a, b}, {c, d}) == alone(a, c));
}

TEST_CASE("similarity: invalid arguments are refused") {
    check_weights<similarity_options>();
    generator g;
    const shape one{2, 8, 3};
    CHECK_RAISES(usage_error, "the student has 0 stages",
                 similarity{}.prepare({}, shapes_of(part::stages, {one}), g));
    CHECK_RAISES(usage_error, "the teacher has 0 stages",
                 similarity{}.prepare(shapes_of(part::stages, {one}), {}, g));
    similarity third;
    third.options.stage = 2;
    const tensor<double> x = normal({2, 8, 3});
    CHECK_RAISES(usage_error, "expected more than 2", term_of(third, part::stages, {x}, {x}));
    CHECK_RAISES(shape_error, "(2, 2) and (3, 3)", term_of(similarity{}, part::stages, {x}, {normal({3, 8, 3})}));
}
