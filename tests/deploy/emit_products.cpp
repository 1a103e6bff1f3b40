// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/emit_products.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/conv_transpose1d.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// A convolution, batch-norms behind it, and nothing else.
template <class Options> struct chain {
    Options options;
    parameter<float> weight, bias;
    struct norm {
        parameter<float> weight, bias;
        buffer<float> running_mean, running_var;
        static void visit(auto& self, auto&& member) {
            member("weight", self.weight);
            member("bias", self.bias);
            member("running_mean", self.running_mean);
            member("running_var", self.running_var);
        }
    };
    std::vector<norm> norms;

    chain(const shape& w, Options o, std::size_t outputs, std::size_t count, bool has_bias)
        : options(o), norms(count) {
        weight.value = noise(w, 5);
        if (has_bias) bias.value = noise({outputs}, 6);
        for (auto& n : norms)
            for (auto* v : {&n.weight.value, &n.bias.value, &n.running_mean.value, &n.running_var.value})
                *v = tensor<float>(shape{outputs}, 1.0F);
        disturb(norms, 7);
    }
    template <class X> outputs<X> operator()(const X& x, mode m) const {
        X y = convolve(x, options);
        for (const auto& n : norms) y = op::batch_norm(y, n.weight, n.bias, n.running_mean, n.running_var, m);
        outputs<X> out;
        out.logits = y;
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
        member("norms", self.norms);
    }

private:
    template <class X> X convolve(const X& x, const op::conv1d_options& o) const {
        return op::conv1d(x, weight, bias, o);
    }
    template <class X> X convolve(const X& x, const op::conv_transpose1d_options& o) const {
        return op::conv_transpose1d(x, weight, bias, o);
    }
};

} // namespace

TEST_CASE("emit_products: convolutions of every kind with folded batch-norms give the network's outputs") {
    const auto x = noise({3, 20, 6}, 3);
    for (const std::size_t count : {0u, 1u, 2u})
        for (const bool bias : {false, true})
            for (const auto& [w, o] : std::vector<std::pair<shape, op::conv1d_options>>{
                     {{10, 6, 1}, {}},
                     {{6, 1, 3}, {.stride = 2, .padding = 1, .groups = 6}},
                     {{6, 1, 5}, {.dilation = 2, .groups = 6, .causal = true}},
                     {{10, 6, 4}, {.stride = 2, .padding = 3}},
                     {{12, 2, 3}, {.dilation = 2, .groups = 3}}}) {
                const shape& weight = w;
                CAPTURE(weight.text());
                CAPTURE(count);
                CAPTURE(bias);
                const chain net(w, o, w[0], count, bias);
                const auto p = deploy::compile(net, {.batch = 2, .length = 20, .channels = 6});
                CHECK(p.report().rows.size() == 1);
                same_outputs(p, x, net(x, mode::eval));
            }
}

TEST_CASE("emit_products: transposed convolutions with what follows them are one step") {
    const auto x = noise({3, 20, 6}, 3);
    for (const std::size_t count : {0u, 1u, 2u})
        for (const bool bias : {false, true})
            for (const auto& [w, o] : std::vector<std::pair<shape, op::conv_transpose1d_options>>{
                     {{6, 10, 4}, {.stride = 2, .padding = 1}},
                     {{6, 1, 3}, {.stride = 2, .padding = 1, .output_padding = 1, .groups = 6}},
                     {{6, 5, 1}, {}},
                     {{6, 3, 3}, {.stride = 3, .dilation = 2, .groups = 2}}}) {
                const shape& weight = w;
                CAPTURE(weight.text());
                CAPTURE(count);
                CAPTURE(bias);
                const chain net(w, o, w[1] * o.groups, count, bias);
                const auto p = deploy::compile(net, {.batch = 2, .length = 20, .channels = 6});
                CHECK(p.report().rows.size() == 1);
                CHECK(p.report().macs == 20 * weight.size());
                same_outputs(p, x, net(x, mode::eval));
            }
}

TEST_CASE("emit_products: a transposed convolution takes a residual and an activation") {
    const op::conv_transpose1d_options same{.padding = 1};
    const auto p = check_op(
        [same](const auto& x, const auto& w) {
            const auto a = op::relu(op::conv_transpose1d(x, w[0], w[1], same));
            return op::tanh(op::conv_transpose1d(a, w[2], w[3], same) + a);
        },
        9, 5, {{5, 7, 3}, {7}, {7, 7, 3}, {7}});
    CHECK(p.report().rows.size() == 2);
}

TEST_CASE("emit_products: weights that depend on the window are refused") {
    const auto refuses = [](auto f) {
        CHECK_THROWS_AS(deploy::compile(probe<decltype(f)>(f, {{6, 6}}), {.length = 6, .channels = 6}), usage_error);
    };
    refuses([](const auto& x, const auto&) { return op::conv1d(x, op::reshape(x, {6, 6, 1}), tensor<float>()); });
    refuses([](const auto& x, const auto&) {
        return op::conv_transpose1d(x, op::reshape(x, {6, 6, 1}), tensor<float>());
    });
}
