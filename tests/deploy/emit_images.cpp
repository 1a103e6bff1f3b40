// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/emit_images.hpp"

#include <doctest/doctest.h>

#include "deploy/check.hpp"
#include "smldist/nn/conv_norm.hpp"
#include "smldist/nn/inverted_residual.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/conv2d.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/pool2d.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// f(image, w) for images (H, W, C), as check_op: as a program and on tensors.
template <class F>
runtime::program check_images(F f, std::size_t H, std::size_t W, std::size_t C,
                              const std::vector<shape>& weights = {}) {
    return check_op([f, H, W](const auto& x, const auto& w) { return f(op::as_image(x, H, W), w); }, H * W, C,
                    weights);
}

/// A stem, a block, the mean and a linear head, for images (H, W, 3).
struct small_network {
    nn::conv_norm2d<float> stem;
    nn::inverted_residual2d<float> block;
    nn::linear<float> head;

    template <class X> outputs<X> operator()(const X& x, mode m) const {
        outputs<X> out;
        const X h = block(stem(x, m), m);
        out.stages.push_back(h);
        out.feature = op::global_avg_pool(h);
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("stem", self.stem);
        member("block", self.block);
        member("head", self.head);
    }
};

/// A convolution of images of 4 x 5 pixels.
struct one_convolution {
    nn::conv2d<float> conv;

    template <class X> outputs<X> operator()(const X& x, mode) const {
        outputs<X> out;
        out.logits = conv(op::as_image(x, 4, 5));
        return out;
    }
    static void visit(auto& self, auto&& member) { member("conv", self.conv); }
};

} // namespace

TEST_CASE("emit_images: convolutions of every kind, with bias and each activation at the end") {
    struct one {
        shape w;
        op::conv2d_options o;
    };
    const one kinds[] = {{{10, 6, 1, 1}, {}},
                         {{6, 1, 3, 3}, {.stride = {2, 1}, .padding = 1, .groups = 6}},
                         {{6, 1, 5, 3}, {.padding = {2, 0}, .dilation = {1, 2}, .groups = 6}},
                         {{10, 6, 3, 2}, {.stride = 2, .padding = {1, 0}}},
                         {{12, 2, 3, 3}, {.padding = {0, 2}, .dilation = {1, 2}, .groups = 3}},
                         {{5, 6, 1, 1}, {.stride = 2}}};
    for (const one& c : kinds)
        for (const std::size_t W : {7u, 24u})
            for (const activation f :
                 {activation::none, activation::relu, activation::hard_swish, activation::tanh}) {
                const std::string weight = c.w.text();
                CAPTURE(weight);
                CAPTURE(W);
                CAPTURE(name_of(f));
                const auto p = check_images(
                    [o = c.o, f](const auto& x, const auto& w) {
                        return op::activate(op::conv2d(x, w[0], w[1], o), f);
                    },
                    8, W, 6, {c.w, {c.w[0]}});
                CHECK(p.report().rows.size() == 1);
            }
}

TEST_CASE("emit_images: pooling") {
    for (const spec::extent2 kernel : {spec::extent2(2), spec::extent2(3, 2)})
        for (const std::size_t padding : {0u, 1u}) {
            check_images(
                [=](const auto& x, const auto&) {
                    return op::max_pool2d(x, {kernel, {2, 1}, padding});
                },
                6, 7, 5);
            for (const bool count : {false, true})
                check_images(
                    [=](const auto& x, const auto&) {
                        return op::avg_pool2d(x, {kernel, {2, 1}, padding, count});
                    },
                    6, 7, 5);
        }
    check_images([](const auto& x, const auto&) { return op::global_avg_pool(x); }, 6, 7, 5);
    check_images([](const auto& x, const auto&) { return op::gate(x, op::sigmoid(op::global_avg_pool(x))); }, 6, 7,
                 5);
}

TEST_CASE("emit_images: blocks have the steps of those of windows, and give the network's outputs") {
    for (const std::size_t squeezed : {0u, 4u})
        for (const std::size_t stride : {1u, 2u})
            for (const bool gate_first : {false, true}) {
                small_network n;
                generator g(1);
                n.stem = nn::conv_norm2d<float>(3, 8, 3, g, {.stride = 2, .activation = nn::activation::hard_swish});
                n.block = nn::inverted_residual2d<float>({.in = 8,
                                                          .expanded = 20,
                                                          .out = 8,
                                                          .kernel_size = 5,
                                                          .stride = stride,
                                                          .squeezed = squeezed,
                                                          .activation = nn::activation::hard_swish,
                                                          .gate_before_activation = gate_first},
                                                         g);
                n.head = nn::linear<float>(8, 4, g);
                disturb(n, 3);
                const auto x = noise({5, 14, 20, 3}, 4);
                const auto p =
                    deploy::compile(n, {.batch = 5, .height = 14, .width = 20, .channels = 3, .outputs = {"all"}});
                same_outputs(p, x, n(x, mode::eval));
                CHECK(p.length() == 14 * 20);
                CHECK(p.height() == 14);
                // stem, expand, depthwise (with the squeeze), two maps of squeeze-excite, project, mean, head
                CHECK(p.report().rows.size() == (squeezed ? 8 : 6));
            }
}

TEST_CASE("emit_images: the zeros around an image are zeros in normalised units") {
    generator g(1);
    nn::conv2d<float> conv(2, 3, 3, g, {.padding = 1});
    const one_convolution n{conv};
    normaliser normal;
    normal.kind = normaliser_kind::zscore;
    normal.offset = {2, -1};
    normal.scale = {0.5F, 3};
    const auto raw = noise({3, 20, 2}, 5);
    tensor<float> x = raw;
    normal.apply(x.data(), x.shape().rows());
    const auto p = deploy::compile(n, {.batch = 3, .length = 20, .channels = 2, .normaliser = normal});
    same_outputs(p, raw, n(x, mode::eval));
    const auto q = deploy::compile(n, {.height = 4, .width = 5, .channels = 2, .normaliser = normal});
    CHECK(run_all(q, raw) == run_all(p, raw));
    // Also where the convolution is the first to read the input.
    const probe direct(
        [&conv](const auto& image, const auto& w) { return op::conv2d(image, w[0], w[1], conv.options); },
        {{3, 2, 3, 3}, {3}});
    const auto r = deploy::compile(direct, {.height = 4, .width = 5, .channels = 2, .normaliser = normal});
    same_outputs(r, raw, direct(op::as_image(x, 4, 5), mode::eval));
}

TEST_CASE("emit_images: what programs refuse") {
    const auto refuses = [](auto f, const std::vector<shape>& weights) {
        CHECK_THROWS_AS(deploy::compile(probe<decltype(f)>(f, weights), {.length = 36, .channels = 1}), usage_error);
    };
    refuses(
        [](const auto& x, const auto&) {
            return op::conv2d(op::as_image(x, 6, 6), op::reshape(x, {1, 1, 6, 6}), tensor<float>());
        },
        {});
}
