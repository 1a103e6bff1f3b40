// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/emit_products.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// A convolution, batch-norms behind it, and nothing else.
struct chain {
    op::conv1d_options options;
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

    chain(const shape& w, op::conv1d_options o, std::size_t count, bool has_bias) : options(o), norms(count) {
        weight.value = noise(w, 5);
        if (has_bias) bias.value = noise({w[0]}, 6);
        for (auto& n : norms)
            for (auto* v : {&n.weight.value, &n.bias.value, &n.running_mean.value, &n.running_var.value})
                *v = tensor<float>(shape{w[0]}, 1.0F);
        disturb(norms, 7);
    }
    template <class X> outputs<X> operator()(const X& x, mode m) const {
        X y = op::conv1d(x, weight, bias, options);
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
                const chain net(w, o, count, bias);
                const auto p = deploy::compile(net, {.batch = 2, .length = 20, .channels = 6});
                CHECK(p.report().rows.size() == 1);
                same_outputs(p, x, net(x, mode::eval));
            }
}

TEST_CASE("emit_products: weights that depend on the window are refused") {
    const auto refuses = [](auto f) {
        CHECK_THROWS_AS(deploy::compile(probe<decltype(f)>(f, {{6, 6}}), {.length = 6, .channels = 6}), usage_error);
    };
    refuses([](const auto& x, const auto&) { return op::conv1d(x, op::reshape(x, {6, 6, 1}), tensor<float>()); });
}
