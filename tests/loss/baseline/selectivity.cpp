// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/selectivity.hpp"

#include "check.hpp"

using namespace smldist;
using loss::baseline::selectivity;
using loss::baseline::selectivity_options;

TEST_CASE("selectivity: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const std::string length : {"6to6", "7to3", "4to6"}) {
        const std::string name = "nst/" + length;
        const auto f = against(selectivity{}, part::stages,
                               {baseline_array(name + "/teacher_stage0"), baseline_array(name + "/teacher_stage1")});
        check_op(name, {baseline_array(name + "/stage0"), baseline_array(name + "/stage1")}, f);
        check_baseline(name, {"stage0", "stage1"}, f);
    }
}

TEST_CASE("selectivity: the value of two channels is the one computed by hand") {
    // U = (1, 0), (0, 1) and V = (0, 1): mean k of U is 2/4, of V 1, between both 1/2
    tensor<double> u(shape{1, 2, 2}), v(shape{1, 2, 1});
    u(0, 0, 0) = 3;
    u(0, 1, 1) = -2;
    v(0, 1, 0) = 5;
    CHECK(term_of(selectivity{}, part::stages, {u}, {v}) == doctest::Approx(50 * (0.5 + 1 - 2 * 0.5)));
}

TEST_CASE("selectivity: does not depend on sign or number or order or scale of the channels") {
    const tensor<double> x = normal({3, 8, 4});
    tensor<double> mixed(x.shape());
    for (std::size_t row = 0; row < 24; ++row)
        for (std::size_t c = 0; c < 4; ++c) mixed[row * 4 + c] = (double(c) - 1.5) * x[row * 4 + 3 - c];
    for (const auto& student : {x, mixed, affine(x, -3), repeated(x, 3)}) {
        CAPTURE(student.shape().text());
        CAPTURE(student[0]);
        const auto [value, slope] = differentiate(selectivity{}, part::stages, {student}, {x});
        CHECK(value < 1e-25);
        CHECK(slope < 1e-11);
    }
    CHECK(term_of(selectivity{}, part::stages, {normal({3, 8, 4}, 1)}, {x}) > 1);
}

TEST_CASE("selectivity: value and gradient stay finite with a silent channel") {
    tensor<double> x = normal({2, 6, 3});
    for (std::size_t row = 0; row < 12; ++row) x[row * 3 + 1] = 0;
    const auto [value, slope] = differentiate(selectivity{}, part::stages, {x}, {normal({2, 6, 4}, 1)});
    CHECK(std::isfinite(value));
    CHECK(std::isfinite(slope));
}

TEST_CASE("selectivity: invalid arguments are refused") {
    check_weights<selectivity_options>();
    generator g;
    const shape one{2, 8, 3};
    CHECK_RAISES(usage_error, "are 1 and 2",
                 selectivity{}.prepare(shapes_of(part::stages, {one}), shapes_of(part::stages, {one, one}), g));
    CHECK_RAISES(usage_error, "are 0 and 0", selectivity{}.prepare({}, {}, g));
    CHECK_RAISES(usage_error, "stage 0 of the student is (2, 3)",
                 selectivity{}.prepare(shapes_of(part::stages, {shape{2, 3}}), shapes_of(part::stages, {one}), g));
    const tensor<double> x = normal({2, 8, 3});
    CHECK_RAISES(shape_error, "are 1 and 2", term_of(selectivity{}, part::stages, {x}, {x, x}));
    CHECK_RAISES(shape_error, "expected (B, L, C)", term_of(selectivity{}, part::stages, {normal({2, 3})}, {x}));
    CHECK_RAISES(shape_error, "(2, 8, 8) and (3, 8, 8)",
                 term_of(selectivity{}, part::stages, {x}, {normal({3, 8, 3})}));
}
