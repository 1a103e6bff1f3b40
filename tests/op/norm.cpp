// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/norm.hpp"

#include "check.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

using namespace smldist;

namespace {

std::string text(double v) {
    char s[32];
    std::snprintf(s, sizeof s, "%g", v);
    return s;
}

std::string case_name(bool train, const op::batch_norm_options& o, const shape& x) {
    const auto [eps, momentum] = o;
    return "batch_norm/" + std::string(train ? "train" : "eval") + "_eps" + text(eps) + "_m" + text(momentum) + "_" +
           std::to_string(x.rank()) + "x" + std::to_string(x.back());
}

const std::vector<shape> file_shapes = {{2, 5, 3}, {6, 3}, {2, 4, 17}};

std::vector<op::batch_norm_options> grid() {
    std::vector<op::batch_norm_options> list;
    for (const double eps : {1e-5, 1e-2})
        for (const double momentum : {0.1, 0.3}) list.push_back({eps, momentum});
    return list;
}

/// Statistics in both scalar types; buffers are referenced by address.
struct statistics {
    buffer<double> mean, var;
    buffer<float> mean_float, var_float;

    statistics(tensor<double> m, tensor<double> v)
        : mean{std::move(m)},
          var{std::move(v)},
          mean_float{cast<float>(mean.value)},
          var_float{cast<float>(var.value)} {}
    template <class X> auto normalise(const std::vector<X>& in, op::batch_norm_options o) const {
        using T = op::scalar_of_t<X>;
        const op::batch_norm_eval_op<T> op{{o.eps}};
        if constexpr (std::is_same_v<T, double>)
            return op::apply(op, in[0], in[1], in[2], mean, var);
        else
            return op::apply(op, in[0], in[1], in[2], mean_float, var_float);
    }
};

} // namespace

TEST_CASE("batch_norm in training") {
    for (const auto& o : grid()) {
        const auto f = [o](const auto& in) {
            using T = op::scalar_of_t<decltype(in[0])>;
            return op::apply(op::batch_norm_train_op<T>{o}, in[0], in[1], in[2], tensor<T>(), tensor<T>());
        };
        for (const auto& s : file_shapes) check_reference(case_name(true, o, s), {"x", "w", "b"}, f);
        for (const shape& s : {shape{2, 5, 3}, shape{2, 1}, shape{1, 2, 19}})
            check_op("batch_norm" + s.text(), {normal(s, 1), normal({s.back()}, 2), normal({s.back()}, 3)}, f);
    }
}

TEST_CASE("batch_norm_map") {
    for (const double eps : {1e-5, 1e-2})
        for (const shape& s : {shape{2, 5, 3}, shape{2, 1}, shape{1, 2, 19}})
            check_op("batch_norm_map" + s.text(), {normal(s, 1), normal({s.back()}, 2), normal({s.back()}, 3)},
                     [eps](const auto& in) {
                         using T = op::scalar_of_t<decltype(in[0])>;
                         return op::apply(op::batch_norm_map_op<T>{{.eps = eps}}, in[0], in[1], in[2], tensor<T>(),
                                          tensor<T>());
                     });
    CHECK_RAISES(shape_error, "at least 2",
                 op::apply(op::batch_norm_map_op<double>{}, normal({1, 3}), normal({3}), normal({3}),
                           tensor<double>(), tensor<double>()));
    CHECK_RAISES(shape_error, "is (2), expected (3)",
                 op::apply(op::batch_norm_map_op<double>{}, normal({4, 3}), normal({3}), normal({3}), normal({2}),
                           normal({3})));
}

TEST_CASE("batch_norm_map notes the running statistics that batch_norm notes") {
    const auto x = normal({3, 7, 5}, 1), w = normal({5}, 2), b = normal({5}, 3);
    const auto run = [&](auto o) {
        buffer<double> mean{tensor<double>(shape{5})}, var{tensor<double>(shape{5}, 1.0)};
        tape<double> t;
        static_cast<void>(op::apply(o, t.input(x), w, b, mean, var));
        t.write_notes(mean);
        t.write_notes(var);
        return std::pair{mean.value, var.value};
    };
    const auto whole = run(op::batch_norm_train_op<double>{{.momentum = 0.3}});
    const auto map = run(op::batch_norm_map_op<double>{{.momentum = 0.3}});
    CHECK_FALSE(identical(whole.first, tensor<double>(shape{5})));
    CHECK(identical(whole.first, map.first));
    CHECK(identical(whole.second, map.second));
}

TEST_CASE("batch_norm in evaluation") {
    for (const auto& o : grid()) {
        for (const auto& s : file_shapes) {
            const std::string prefix = case_name(false, o, s);
            const statistics known(reference("op.safetensors", prefix + "/running_mean"),
                                   reference("op.safetensors", prefix + "/running_var"));
            check_reference(prefix, {"x", "w", "b"}, [&](const auto& in) { return known.normalise(in, o); });
        }
        for (const shape& s : {shape{2, 5, 3}, shape{1, 1}, shape{1, 2, 19}}) {
            tensor<double> var = normal({s.back()}, 4);
            for (double& v : var) v = v * v + 0.5;
            const statistics known(normal({s.back()}, 5), var);
            check_op("batch_norm" + s.text(), {normal(s, 1), normal({s.back()}, 2), normal({s.back()}, 3)},
                     [&](const auto& in) { return known.normalise(in, o); });
        }
    }
}

TEST_CASE("batch_norm: running statistics are noted in training and written on demand, as PyTorch's") {
    for (const auto& o : grid())
        for (const auto& s : file_shapes) {
            const std::string prefix = case_name(true, o, s);
            CAPTURE(prefix);
            const auto array = [&](const std::string& n) { return reference("op.safetensors", prefix + "/" + n); };
            const parameter<double> w{array("w")}, b{array("b")};
            buffer<double> mean{array("running_mean")}, var{array("running_var")};
            tape<double> t;
            const auto y = op::batch_norm(t.input(array("x")), w, b, mean, var, mode::train, o);
            CHECK(difference(y.value(), array("y"), 1e-6) == "");
            CHECK(identical(mean.value, array("running_mean"))); // nothing is written yet
            t.write_notes(mean);
            t.write_notes(var);
            CHECK(difference(mean.value, array("new_mean"), 1e-6) == "");
            CHECK(difference(var.value, array("new_var"), 1e-6) == "");

            // evaluation notes nothing, and does not touch them
            t.reset();
            static_cast<void>(op::batch_norm(t.input(array("x")), w, b, mean, var, mode::eval, o));
            t.write_notes(mean);
            CHECK(difference(mean.value, array("new_mean"), 1e-6) == "");
            // plain tensors in training: batch statistics, nothing noted
            CHECK(difference(op::batch_norm(array("x"), w, b, mean, var, mode::train, o), array("y"), 1e-6) == "");
        }
}

TEST_CASE("batch_norm: large mean, small variance") {
    tensor<float> x = cast<float>(normal({64, 32, 3}));
    for (float& v : x) v = 1000 + 0.1f * v;
    const tensor<float> w(shape{3}, 1.0f), b(shape{3});
    const auto y = op::apply(op::batch_norm_train_op<float>{}, x, w, b, tensor<float>(), tensor<float>());
    double sum = 0, squares = 0;
    for (const float v : y) {
        sum += double(v);
        squares += double(v) * double(v);
    }
    CHECK(std::abs(sum / double(y.size())) < 1e-3);
    CHECK(squares / double(y.size()) == doctest::Approx(1).epsilon(5e-3));
}

TEST_CASE("batch_norm: errors") {
    const parameter<float> three{tensor<float>(shape{3})}, two{tensor<float>(shape{2})};
    const buffer<float> stat{tensor<float>(shape{3})}, short_stat{tensor<float>(shape{2})};
    const auto run = [&](const shape& x, const auto& w, const auto& b, const auto& var, mode m) {
        return op::batch_norm(tensor<float>(x), w, b, stat, var, m);
    };
    CHECK_RAISES(shape_error, "number of rows is 1", run({1, 3}, three, three, stat, mode::train));
    CHECK_RAISES(shape_error, "shape of x is (3)", run({3}, three, three, stat, mode::train));
    CHECK_RAISES(shape_error, "shape of x is (0, 3)", run({0, 3}, three, three, stat, mode::eval));
    CHECK_RAISES(shape_error, "shape of weight or bias is (2)", run({4, 3}, two, three, stat, mode::train));
    CHECK_RAISES(shape_error, "shape of weight or bias is (2)", run({4, 3}, three, two, stat, mode::eval));
    for (const mode m : {mode::train, mode::eval}) {
        CAPTURE((m == mode::train));
        CHECK_RAISES(shape_error, "is (2), expected (3)", run({4, 3}, three, three, short_stat, m));
    }
}

TEST_CASE("layer_norm") {
    for (const double epsilon : {1e-5, 1e-2}) {
        const op::layer_norm_options o{epsilon};
        const auto [eps] = o;
        const auto affine = [o](const auto& in) { return op::layer_norm(in[0], in[1], in[2], o); };
        const auto plain = [o](const auto& in) { return op::layer_norm(in[0], absent(in[0]), absent(in[0]), o); };
        for (const shape& s : {shape{3, 5}, shape{2, 3, 17}}) {
            const std::string end =
                "_eps" + text(eps) + "_" + std::to_string(s.rank()) + "x" + std::to_string(s.back());
            check_reference("layer_norm/affine1" + end, {"x", "w", "b"}, affine);
            check_reference("layer_norm/affine0" + end, {"x"}, plain);
        }
        for (const shape& s : {shape{3, 5}, shape{2, 3, 17}, shape{4, 2}, shape{1, 33}, shape{6}}) {
            check_op("layer_norm" + s.text(), {normal(s, 1), normal({s.back()}, 2), normal({s.back()}, 3)}, affine);
            check_op("layer_norm without affine map" + s.text(), {normal(s, 1)}, plain);
        }
    }
    // One row of rank 1 is that row of rank 2.
    const tensor<double> row{{1, -2, 4, 0}}, w{2, 1, 0.5, -1}, b{0, 1, 2, 3};
    CHECK(identical(op::layer_norm(row.reshaped({4}), w, b), op::layer_norm(row, w, b).reshaped({4})));
    const parameter<float> two{tensor<float>(shape{2})}, none;
    CHECK_RAISES(shape_error, "op::layer_norm: shape of weight or bias is (2)",
                 op::layer_norm(tensor<float>(shape{3}), two, two));
    CHECK_RAISES(shape_error, "op::layer_norm: shape of weight or bias is (2)",
                 op::layer_norm(tensor<float>(shape{4, 3}), two, two));
    CHECK_RAISES(shape_error, "op::layer_norm: shape of x is ()", op::layer_norm(tensor<float>(shape{}), none, none));
}

TEST_CASE("l2_normalize") {
    const auto f = [](const auto& in) { return op::l2_normalize(in[0]); };
    for (const shape& s : {shape{3, 5}, shape{4}, shape{2, 2, 19}})
        check_op("l2_normalize" + s.text(), {normal(s)}, f);
    check_reference("l2_normalize/3x5", {"x"}, f);
    check_reference("l2_normalize/2x3x1", {"x"}, f);

    tape<double> t;
    const auto zero = t.variable(tensor<double>(shape{1, 2}));
    const auto y = op::l2_normalize(zero);
    CHECK(identical(y.value(), tensor<double>(shape{1, 2})));
    t.backward(y, tensor<double>{{1e-12, 2e-12}});
    CHECK(difference(*t.gradient(zero), {{1, 2}}, 1e-12) == "");
    CHECK_RAISES(shape_error, "op::l2_normalize: shape of x is ()", op::l2_normalize(tensor<float>(shape{})));
}

TEST_CASE("ops of the last axis on rank 1: as on one row, with exact gradients") {
    const auto same = [](const char* name, const std::vector<tensor<double>>& others, std::size_t C, auto f) {
        CAPTURE(name);
        std::vector<tensor<double>> one{normal({C}, 1)}, row{one[0].reshaped({1, C})};
        one.insert(one.end(), others.begin(), others.end());
        row.insert(row.end(), others.begin(), others.end());
        check_op(std::string(name) + " of rank 1", one, f);
        const tensor<double> y = f(one), z = f(row);
        CHECK(y.shape().rank() + 1 == z.shape().rank());
        CHECK(identical(y, z.reshaped(y.shape())));
    };
    same("layer_norm", {normal({6}, 2), normal({6}, 3)}, 6,
         [](const auto& in) { return op::layer_norm(in[0], in[1], in[2]); });
    same("plain layer_norm", {}, 6,
         [](const auto& in) { return op::layer_norm(in[0], absent(in[0]), absent(in[0])); });
    same("l2_normalize", {}, 6, [](const auto& in) { return op::l2_normalize(in[0]); });
    same("linear", {normal({4, 6}, 2), normal({4}, 3)}, 6,
         [](const auto& in) { return op::linear(in[0], in[1], in[2]); });
    same("softmax", {}, 6, [](const auto& in) { return op::softmax(in[0]); });
    same("log_softmax", {}, 6, [](const auto& in) { return op::log_softmax(in[0]); });
    same("log_sum_exp", {}, 6, [](const auto& in) { return op::log_sum_exp(in[0]); });
    same("sum", {}, 6, [](const auto& in) { return op::sum(in[0], {.axis = -1}); });
    same("mean", {}, 6, [](const auto& in) { return op::mean(in[0], {.axis = -1}); });
    same("slice", {}, 6, [](const auto& in) { return op::slice(in[0], -1, 1, 4); });
    static const buffer<double> mean{normal({6}, 4)}, var{tensor<double>(shape{6}, 0.3)};
    static const buffer<float> mean_float{cast<float>(mean.value)}, var_float{cast<float>(var.value)};
    same("batch_norm in evaluation", {normal({6}, 2), normal({6}, 3)}, 6, [](const auto& in) {
        using T = op::scalar_of_t<decltype(in[0])>;
        const op::batch_norm_eval_op<T> op{};
        if constexpr (std::is_same_v<T, double>)
            return op::apply(op, in[0], in[1], in[2], mean, var);
        else
            return op::apply(op, in[0], in[1], in[2], mean_float, var_float);
    });
}

TEST_CASE("batch_norm: of images (B, H, W, C) it is that of their pixels as rows") {
    parameter<double> gamma, beta;
    gamma.value = normal({5}, 2);
    beta.value = normal({5}, 3);
    buffer<double> mean, variance;
    mean.value = tensor<double>(shape{5});
    variance.value = tensor<double>(shape{5}, 2.0);
    for (const mode m : {mode::train, mode::eval}) {
        tape<double> t;
        const auto x = t.variable(normal({2, 3, 4, 5}, 1));
        const auto rows = t.variable(normal({24, 5}, 1));
        const auto y = op::batch_norm(x, gamma, beta, mean, variance, m);
        const auto z = op::batch_norm(rows, gamma, beta, mean, variance, m);
        CHECK(y.shape() == x.shape());
        CHECK(std::equal(y.value().begin(), y.value().end(), z.value().begin()));
        t.backward(y, normal({2, 3, 4, 5}, 4));
        const tensor<double> dx = *t.gradient(x);
        t.backward(z, normal({24, 5}, 4));
        CHECK(std::equal(dx.begin(), dx.end(), t.gradient(rows)->begin()));
    }
}
