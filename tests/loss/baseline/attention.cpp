// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/attention.hpp"

#include "check.hpp"

using namespace smldist;
using loss::baseline::attention;
using loss::baseline::attention_options;

namespace {
attention with(int power) {
    attention_options o;
    o.power = power;
    return {o};
}
} // namespace

TEST_CASE("attention: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const std::string length : {"6to6", "7to3", "4to6"})
        for (const int power : {2, 4}) {
            const std::string name = "at/" + length + "_p" + std::to_string(power);
            const auto f =
                against(with(power), part::stages,
                        {baseline_array(name + "/teacher_stage0"), baseline_array(name + "/teacher_stage1")});
            check_op(name, {baseline_array(name + "/stage0"), baseline_array(name + "/stage1")}, f);
            check_baseline(name, {"stage0", "stage1"}, f);
        }
}

TEST_CASE("attention: does not depend on sign or number or scale of the channels") {
    const tensor<double> x = normal({3, 8, 4});
    for (const int power : {2, 4})
        for (const auto& student : {x, affine(x, -3), repeated(x, 3)}) {
            CAPTURE(power);
            CAPTURE(student.shape().text());
            CAPTURE(student[0]);
            const auto [value, slope] = differentiate(with(power), part::stages, {student}, {x});
            CHECK(value < 1e-25);
            CHECK(slope < 1e-11);
        }
    CHECK(term_of(with(2), part::stages, {normal({3, 8, 4}, 1)}, {x}) > 1);
}

TEST_CASE("attention: the value is the sum over the stages") {
    const tensor<double> a = normal({3, 8, 4}), b = normal({3, 4, 6}, 1), c = normal({3, 8, 2}, 2),
                         d = normal({3, 4, 3}, 3);
    CHECK(term_of(with(2), part::stages, {a, b}, {c, d}) ==
          doctest::Approx(term_of(with(2), part::stages, {a}, {c}) + term_of(with(2), part::stages, {b}, {d})));
}

TEST_CASE("attention: invalid arguments are refused") {
    check_weights<attention_options>();
    for (const int bad : {0, 1, 3, -2}) {
        CAPTURE(bad);
        attention_options o;
        o.power = bad;
        CHECK_RAISES(usage_error, "power is", o.check());
    }
    generator g;
    const shape one{2, 8, 3};
    CHECK_RAISES(usage_error, "are 1 and 2",
                 with(2).prepare(shapes_of(part::stages, {one}), shapes_of(part::stages, {one, one}), g));
    CHECK_RAISES(usage_error, "are 0 and 0", with(2).prepare({}, {}, g));
    const tensor<double> x = normal({2, 8, 3});
    CHECK_RAISES(shape_error, "are 1 and 2", term_of(with(2), part::stages, {x}, {x, x}));
    CHECK_RAISES(shape_error, "expected (B, L, C)", term_of(with(2), part::stages, {normal({2, 3})}, {x}));
    CHECK_RAISES(shape_error, "(2, 8) and (3, 8)", term_of(with(2), part::stages, {x}, {normal({3, 8, 3})}));
}
