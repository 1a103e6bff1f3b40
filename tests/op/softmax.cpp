// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/softmax.hpp"

#include <limits>

#include "check.hpp"

using namespace smldist;

namespace {

const std::vector<shape> shapes = {{3, 5}, {2, 3, 4}, {4, 1}, {1}, {2, 67}};

void check_rows(const std::string& name, const any_world& f) {
    for (const auto& s : shapes) check_op(name + s.text(), {normal(s)}, f);
    for (const std::string inputs : {"3x5", "2x3x4", "4x1", "2x33", "large", "small"})
        check_reference(name + "/" + inputs, {"x"}, f);
}

std::string case_name(const op::class_log_sum_exp_options& o, bool mass) {
    const auto [classes, kappa] = o;
    CHECK(classes == 3);
    return "kappa" + std::string(kappa == 0 ? "0" : kappa == 1 ? "1" : "0.5") + (mass ? "_mass" : "_count");
}

/// Labels and masses of the patterns, in both scalar types; buffers are referenced by address.
struct patterns {
    buffer<std::int32_t> label;
    buffer<float> mass_float;
    buffer<double> mass_double;

    template <class X> const auto& mass(const X& x) const {
        if constexpr (std::is_same_v<op::scalar_of_t<X>, double>)
            return static_cast<void>(x), mass_double;
        else
            return static_cast<void>(x), mass_float;
    }
};

} // namespace

TEST_CASE("softmax") {
    check_rows("softmax", [](const auto& in) { return op::softmax(in[0]); });
}
TEST_CASE("log_softmax") {
    check_rows("log_softmax", [](const auto& in) { return op::log_softmax(in[0]); });
}
TEST_CASE("log_sum_exp") {
    check_rows("log_sum_exp", [](const auto& in) { return op::log_sum_exp(in[0]); });
}

TEST_CASE("softmax family: a masked element counts nothing, errors") {
    constexpr double inf = std::numeric_limits<double>::infinity();
    const tensor<double> x{1, -inf, 1};
    CHECK(difference(op::softmax(x), {0.5, 0, 0.5}, 1e-15) == "");
    CHECK(op::log_sum_exp(x).item() == doctest::Approx(1 + std::log(2.0)).epsilon(1e-15));
    CHECK(op::log_softmax(x)[1] == -inf);

    CHECK_RAISES(shape_error, "op::softmax: shape is ()", op::softmax(tensor<float>(shape{})));
    CHECK_RAISES(shape_error, "op::log_softmax: shape is (2, 0)", op::log_softmax(tensor<float>(shape{2, 0})));
    CHECK_RAISES(shape_error, "op::log_sum_exp: shape is ()", op::log_sum_exp(tensor<float>(shape{})));
}

TEST_CASE("log_mean_exp: gradients, both worlds, the formula, errors") {
    for (const std::size_t J : {1u, 2u, 3u})
        for (const std::size_t N : {1u, 4u}) {
            CAPTURE(J);
            CAPTURE(N);
            const auto x = normal({3, J * N});
            check_op("log_mean_exp", {x}, [J](const auto& in) { return op::log_mean_exp(in[0], {.blocks = J}); });
            const auto y = op::log_mean_exp(x, {.blocks = J});
            for (std::size_t b = 0; b < 3; ++b)
                for (std::size_t n = 0; n < N; ++n) {
                    double mean = 0;
                    for (std::size_t j = 0; j < J; ++j) mean += std::exp(x(b, j * N + n)) / double(J);
                    CHECK(std::exp(y(b, n)) == doctest::Approx(mean).epsilon(1e-12));
                }
        }
    const auto x = normal({2, 5});
    CHECK(identical(op::log_mean_exp(x, {.blocks = 1}), x));
    const tensor<float> far{{800, -800, 800, 800}}; // ln((e^800 + e^800)/2), ln((e^-800 + e^800)/2)
    CHECK(op::log_mean_exp(far, {.blocks = 2})(0, 1) == doctest::Approx(800 - std::log(2.0)));
    CHECK(op::log_mean_exp(far, {.blocks = 2})(0, 0) == 800.0f);
    for (const std::size_t blocks : {0u, 2u}) {
        CAPTURE(blocks);
        CHECK_RAISES(shape_error, "expected (B, J·N)", op::log_mean_exp(x, {.blocks = blocks}));
    }
    CHECK_RAISES(shape_error, "shape is (4)", op::log_mean_exp(normal({4}), {.blocks = 2}));
}

TEST_CASE("class_log_sum_exp") {
    for (const double kappa : {0.0, 0.5, 1.0})
        for (const bool massive : {false, true}) {
            const op::class_log_sum_exp_options o{3, kappa};
            const std::string prefix = "class_log_sum_exp/" + case_name(o, massive);
            patterns p;
            p.label.value = cast<std::int32_t>(reference("op.safetensors", prefix + "/label"));
            if (massive) {
                p.mass_double.value = reference("op.safetensors", prefix + "/log_mass");
                p.mass_float.value = cast<float>(p.mass_double.value);
            }
            const auto f = [&p, o](const auto& in) {
                return op::class_log_sum_exp(in[0], p.label, p.mass(in[0]), o);
            };
            check_op(prefix, {normal({4, 7})}, f);
            check_op(prefix, {normal({1, 7})}, f);
            check_reference(prefix, {"s"}, f);
        }
}

TEST_CASE("class_log_sum_exp: figures of the specification") {
    // patterns (1,0) (0,1) (1,1) with labels 0, 1, 1 and q = (1, 0.5), beta = 1: scores 1, 0.5, 1.5
    const tensor<double> s{{1, 0.5, 1.5}};
    const buffer<std::int32_t> label{tensor<std::int32_t>{0, 1, 1}};
    const buffer<double> none;
    CHECK(difference(op::class_log_sum_exp(s, label, none, {2, 0}), {{1, 1.8132616875}}, 1e-9) == "");
    CHECK(difference(op::class_log_sum_exp(s, label, none, {2, 0.5}), {{1, 1.4666880972}}, 1e-9) == "");
    // with kappa = 0, softmax of the logits is the association mass of every class
    const auto p = op::softmax(op::class_log_sum_exp(s, label, none, {2, 0})), a = op::softmax(s);
    CHECK(p[0] == doctest::Approx(a[0]).epsilon(1e-14));
    CHECK(p[1] == doctest::Approx(a[1] + a[2]).epsilon(1e-14));
}

TEST_CASE("class_log_sum_exp: large scores") {
    const tensor<float> s{{5000, -5000, 4999}};
    const buffer<std::int32_t> label{tensor<std::int32_t>{0, 1, 0}};
    const auto z = op::class_log_sum_exp(s, label, buffer<float>{}, {2, 0});
    CHECK(z[0] == doctest::Approx(5000.3132617));
    CHECK(z[1] == -5000);
}

TEST_CASE("class_log_sum_exp: errors") {
    const tensor<float> s(shape{2, 3});
    const buffer<float> none;
    const auto labels = [](std::initializer_list<std::int32_t> list) {
        return buffer<std::int32_t>{tensor<std::int32_t>(list)};
    };
    const auto good = labels({0, 1, 1});
    CHECK_RAISES(usage_error, "kappa is 1.5", op::class_log_sum_exp(s, good, none, {2, 1.5}));
    CHECK_RAISES(usage_error, "kappa is -1", op::class_log_sum_exp(s, good, none, {2, -1}));
    CHECK_RAISES(usage_error, "classes is 0", op::class_log_sum_exp(s, good, none, {0, 0}));
    CHECK_RAISES(shape_error, "shape of s is (3)",
                 op::class_log_sum_exp(tensor<float>(shape{3}), good, none, {2, 0}));
    CHECK_RAISES(shape_error, "shape of label is (2)", op::class_log_sum_exp(s, labels({0, 1}), none, {2, 0}));
    CHECK_RAISES(shape_error, "shape of log_mass is (2)",
                 op::class_log_sum_exp(s, good, buffer<float>{tensor<float>{0, 0}}, {2, 0}));
    CHECK_RAISES(usage_error, "label of pattern 2 is 2", op::class_log_sum_exp(s, labels({0, 1, 2}), none, {2, 0}));
    CHECK_RAISES(usage_error, "label of pattern 0 is -1", op::class_log_sum_exp(s, labels({-1, 1, 0}), none, {2, 0}));
    CHECK_RAISES(usage_error, "number of patterns of class 1 is 0",
                 op::class_log_sum_exp(s, labels({0, 0, 2}), none, {3, 0}));
}
