// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/normed_conv.hpp"

#include "check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/conv1d.hpp"

using namespace smldist;

TEST_CASE("normed_depthwise") {
    struct sizes {
        std::size_t C, K;
        op::conv1d_options o;
    };
    for (const auto f : {activation::none, activation::relu, activation::hard_swish, activation::selu})
        for (const sizes& c :
             {sizes{3, 3, {.padding = 1, .groups = 3}}, sizes{17, 5, {.stride = 2, .padding = 2, .groups = 17}},
              sizes{2, 4, {.padding = 3, .dilation = 2, .groups = 2}}, sizes{3, 3, {.groups = 3, .causal = true}}}) {
            CAPTURE(name_of(f));
            const auto [stride, padding, dilation, groups, causal] = c.o; // a new option must come in here
            CAPTURE(c.o.stride);
            CAPTURE(c.o.causal);
            REQUIRE(groups == c.C);
            check_op("normed_depthwise", {normal({2, 7, c.C}, 1), normal({3, c.C}, 2), normal({c.C, 1, c.K}, 3)},
                     [&](const auto& in) {
                         using T = op::scalar_of_t<decltype(in[0])>;
                         return op::apply(op::normed_depthwise_op<T>{c.o, f}, in[0], in[1], in[2]);
                     });
        }
    CHECK_RAISES(shape_error, "(3, C)",
                 op::apply(op::normed_depthwise_op<double>{{.groups = 3}}, normal({2, 7, 3}), normal({2, 3}),
                           normal({3, 1, 3})));
    CHECK_RAISES(shape_error, "padded length",
                 op::apply(op::normed_depthwise_op<double>{{.groups = 3}}, normal({2, 2, 3}), normal({3, 3}),
                           normal({3, 1, 3})));
}

TEST_CASE("normed_pointwise") {
    for (const auto f : {activation::none, activation::relu, activation::hard_swish, activation::selu})
        for (const auto& row : {std::pair<std::size_t, std::size_t>{3, 4}, {19, 9}}) {
            const auto& [C, O] = row;
            CAPTURE(name_of(f));
            CAPTURE(row.first);
            CAPTURE(row.second);
            check_op("normed_pointwise", {normal({2, 5, C}, 1), normal({3, C}, 2), normal({O, C, 1}, 3)},
                     [&](const auto& in) {
                         using T = op::scalar_of_t<decltype(in[0])>;
                         return op::apply(op::normed_pointwise_op<T>{f}, in[0], in[1], tensor<T>(), in[2]);
                     });
            check_op("gated", {normal({2, 5, C}, 1), normal({3, C}, 2), normal({2, C}, 4), normal({O, C, 1}, 3)},
                     [&](const auto& in) {
                         using T = op::scalar_of_t<decltype(in[0])>;
                         return op::apply(op::normed_pointwise_op<T>{f}, in[0], in[1], in[2], in[3]);
                     });
        }
    const op::normed_pointwise_op<double> o{};
    CHECK_RAISES(shape_error, "(O, C, 1)",
                 op::apply(o, normal({2, 7, 3}), normal({3, 3}), tensor<double>(), normal({4, 3, 3})));
    CHECK_RAISES(shape_error, "gate",
                 op::apply(o, normal({2, 7, 3}), normal({3, 3}), normal({7, 3}), normal({4, 3, 1})));
    CHECK_RAISES(shape_error, "(3, C)",
                 op::apply(o, normal({2, 7, 3}), normal({3, 4}), tensor<double>(), normal({4, 3, 1})));
}

TEST_CASE("gradients that are not the first at their sink are added") {
    check_op("x and gate used twice",
             {normal({2, 5, 3}, 1), normal({3, 3}, 2), normal({2, 3}, 4), normal({4, 3, 1}, 3), normal({3, 1, 3}, 5)},
             [](const auto& in) {
                 using T = op::scalar_of_t<decltype(in[0])>;
                 const op::normed_pointwise_op<T> point{activation::hard_swish};
                 const op::normed_depthwise_op<T> depth{{.padding = 1, .groups = 3}, activation::hard_swish};
                 const auto a = op::apply(point, in[0], in[1], in[2], in[3]);
                 const auto b = op::apply(point, in[0], in[1], in[2], in[3]);
                 const auto c = op::apply(depth, in[0], in[1], in[4]);
                 const auto d = op::apply(point, op::gate(c, in[2]), in[1], in[2], in[3]);
                 return op::add(op::mul(a, b), d);
             });
}
