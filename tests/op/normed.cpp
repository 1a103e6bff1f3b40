// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/normed.hpp"

#include "check.hpp"
#include "smldist/op/arithmetic.hpp"

using namespace smldist;


TEST_CASE("batch_norm_map") {
    for (const double eps : {1e-5, 1e-2})
        for (const shape& s : {shape{2, 5, 3}, shape{2, 1}, shape{1, 2, 19}})
            check_op("batch_norm_map" + s.text(), {normal(s, 1), normal({s.back()}, 2), normal({s.back()}, 3)},
                     [eps](const auto& in) {
                         using T = op::scalar_of_t<decltype(in[0])>;
                         return op::apply(op::batch_norm_map_op<T>{{.eps = eps}}, in[0], in[1], in[2]);
                     });
    CHECK_RAISES(shape_error, "at least 2",
                 op::apply(op::batch_norm_map_op<double>{}, normal({1, 3}), normal({3}), normal({3})));
}

TEST_CASE("batch_norm_map notes the running statistics that batch_norm notes") {
    const auto x = normal({3, 7, 5}, 1), w = normal({5}, 2), b = normal({5}, 3);
    const auto run = [&](auto op_of) {
        buffer<double> mean{tensor<double>(shape{5})}, var{tensor<double>(shape{5}, 1.0)};
        tape<double> t;
        op::apply(op_of(op::batch_norm_options{.momentum = 0.3}, mean, var), t.input(x), w, b);
        t.write_notes(mean);
        t.write_notes(var);
        return std::pair{mean.value, var.value};
    };
    const auto whole = run([](auto o, auto& m, auto& v) { return op::batch_norm_train_op<double>{o, &m, &v}; });
    const auto map = run([](auto o, auto& m, auto& v) { return op::batch_norm_map_op<double>{o, &m, &v}; });
    CHECK(identical(whole.first, map.first));
    CHECK(identical(whole.second, map.second));
}

TEST_CASE("normalise") {
    for (const auto f : {activation::none, activation::relu, activation::hard_swish, activation::selu})
        for (const shape& s : {shape{2, 5, 3}, shape{4, 19}})
            check_op("normalise" + s.text(), {normal(s, 1), normal({3, s.back()}, 2)}, [f](const auto& in) {
                return op::apply(op::normalise_op<op::scalar_of_t<decltype(in[0])>>{f}, in[0], in[1]);
            });
    CHECK_RAISES(shape_error, "(3, C)", op::apply(op::normalise_op<double>{}, normal({4, 3}), normal({3, 4})));
}

TEST_CASE("normed_mean") {
    for (const auto f : {activation::none, activation::relu, activation::hard_swish, activation::selu})
        for (const shape& s : {shape{2, 5, 3}, shape{3, 2, 19}})
            check_op("normed_mean" + s.text(), {normal(s, 1), normal({3, s.back()}, 2)}, [f](const auto& in) {
                return op::apply(op::normed_mean_op<op::scalar_of_t<decltype(in[0])>>{f}, in[0], in[1]);
            });
    CHECK_RAISES(shape_error, "(B, L, C)", op::apply(op::normed_mean_op<double>{}, normal({4, 3}), normal({3, 3})));
}

TEST_CASE("two users of one value and map add their gradients") {
    check_op("normalise and mean", {normal({3, 4, 5}, 1), normal({3, 5}, 2)}, [](const auto& in) {
        using T = op::scalar_of_t<decltype(in[0])>;
        const auto y = op::apply(op::normalise_op<T>{activation::hard_swish}, in[0], in[1]);
        const auto mean = op::apply(op::normed_mean_op<T>{activation::hard_swish}, in[0], in[1]);
        return op::gate(y, mean);
    });
}
