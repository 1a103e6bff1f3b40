// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/conv2d.hpp"

#include "check.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;
using spec::extent2;

namespace {

struct one_case {
    extent2 image;
    std::size_t C, O;
    extent2 kernel;
    op::conv2d_options options;
    bool bias = true;
    std::size_t batch = 2;
};

std::string name_of(const one_case& c) {
    const auto text = [](extent2 n) { return std::to_string(n.height) + "x" + std::to_string(n.width); };
    return "conv2d/i" + text(c.image) + "_c" + std::to_string(c.C) + "_o" + std::to_string(c.O) + "_k" +
           text(c.kernel) + "_s" + text(c.options.stride) + "_p" + text(c.options.padding) + "_d" +
           text(c.options.dilation) + "_g" + std::to_string(c.options.groups) + "_bias" + (c.bias ? "1" : "0");
}

/// The grid of tests/reference/make_images.py.
std::vector<one_case> cases() {
    std::vector<one_case> list;
    struct channels {
        std::size_t C, O, groups;
    };
    const std::vector<channels> kinds = {{4, 6, 1}, {4, 6, 2}, {4, 4, 4}, {4, 8, 4}};
    for (const auto& [C, O, groups] : kinds)
        for (const extent2 stride : {extent2(1, 1), extent2(2, 1), extent2(1, 2)})
            for (const extent2 padding : {extent2(0, 1), extent2(1, 2)})
                for (const extent2 dilation : {extent2(1, 1), extent2(2, 1), extent2(1, 2)})
                    list.push_back({{5, 6},
                                    C,
                                    O,
                                    3,
                                    {stride, padding, dilation, groups},
                                    (stride.height + padding.height) % 2 == 0,
                                    1});
    for (const std::size_t stride : {1u, 2u})
        for (const extent2 padding : {extent2(0, 0), extent2(1, 0)})
            for (const bool bias : {false, true}) list.push_back({{3, 4}, 4, 3, 1, {stride, padding, 1, 1}, bias});
    for (const auto& [C, O, groups] : kinds) list.push_back({{5, 7}, C, O, {2, 4}, {{3, 2}, {1, 2}, 1, groups}});
    list.push_back({{6, 5}, 17, 17, 5, {2, 2, 1, 17}});
    list.push_back({{4, 14}, 9, 9, 3, {1, 1, 1, 9}, true, 1});
    list.push_back({{6, 5}, 9, 19, {5, 3}, {2, {2, 1}, 1, 1}});
    list.push_back({{3, 36}, 3, 5, 3, {2, 1, 1, 1}, true, 1});
    list.push_back({{3, 20}, 2, 4, 3, {1, 1, {1, 2}, 2}, true, 1});
    list.push_back({1, 1, 1, 1, {}});
    list.push_back({1, 1, 1, 3, {1, 1, 1, 1}, false});
    list.push_back({{3, 2}, 2, 2, 5, {1, 2, 1, 2}});
    return list;
}

} // namespace

TEST_CASE("conv2d: PyTorch, gradients and worlds, over stride, padding, dilation and groups") {
    for (const auto& c : cases()) {
        const auto o = c.options;
        const tensor<double> x = normal({c.batch, c.image.height, c.image.width, c.C}, 1),
                             w = normal({c.O, c.C / o.groups, c.kernel.height, c.kernel.width}, 2);
        if (c.bias) {
            const auto f = [o](const auto& in) { return op::conv2d(in[0], in[1], in[2], o); };
            check_reference(name_of(c), {"x", "w", "b"}, f, "images.safetensors");
            check_op(name_of(c), {x, w, normal({c.O}, 3)}, f);
        } else {
            const auto f = [o](const auto& in) { return op::conv2d(in[0], in[1], absent(in[0]), o); };
            check_reference(name_of(c), {"x", "w"}, f, "images.safetensors");
            check_op(name_of(c), {x, w}, f);
        }
    }
}

TEST_CASE("conv2d: the same bits for any number of threads, alone and in a batch") {
    const auto x = cast<float>(normal({9, 16, 20, 24}, 1));
    const parameter<float> none;
    const std::size_t before = threads();
    for (const std::size_t groups : {1u, 4u, 24u}) {
        CAPTURE(groups);
        const auto w = cast<float>(normal({24, 24 / groups, 3, 3}, 2));
        const op::conv2d_options o{.padding = 1, .groups = groups};
        set_threads(1);
        const auto one = op::conv2d(x, w, none, o);
        set_threads(3);
        CHECK(identical(one, op::conv2d(x, w, none, o)));
        auto alone = tensor<float>::uninitialized({1, 16, 20, 24});
        std::copy_n(x.data() + 8 * alone.size(), alone.size(), alone.data());
        const auto y = op::conv2d(alone, w, none, o);
        CHECK(std::equal(y.begin(), y.end(), one.data() + 8 * y.size()));
    }
    set_threads(before);
}

TEST_CASE("conv2d: an image of one row gives the same as conv1d would") {
    const auto x = normal({2, 1, 9, 4}, 1), w = normal({6, 2, 1, 3}, 2), bias = normal({6}, 3);
    const auto y = op::conv2d(x, w, bias, {.stride = {1, 2}, .padding = {0, 1}, .groups = 2});
    CHECK(y.shape() == shape{2, 1, 5, 6});
    double want = bias[4];
    for (std::size_t c = 0; c < 2; ++c)
        for (std::size_t k = 0; k < 3; ++k) want += w(4, c, 0, k) * x(1, 0, 2 * 2 + k - 1, 2 + c);
    CHECK(y(1, 0, 2, 4) == doctest::Approx(want).epsilon(1e-12));
}

TEST_CASE("conv2d: batch-norm, activation and gate between depthwise and pointwise are not stored on a tape") {
    using X = var<double>;
    struct layers {
        parameter<double> depthwise, point, gamma, beta, none;
        buffer<double> mean, variance;
    } p;
    p.depthwise.value = normal({5, 1, 3, 3}, 1);
    p.point.value = normal({4, 5, 1, 1}, 2);
    p.gamma.value = normal({5}, 3);
    p.beta.value = normal({5}, 4);
    p.mean.value = tensor<double>(shape{5});
    p.variance.value = tensor<double>(shape{5}, 1.0);
    for (const bool squeezed : {false, true}) {
        const tensor<double> input = normal({3, 4, 6, 5}, 5), by = normal({3, 4, 6, 4}, 6);
        std::vector<tensor<double>> results[2];
        std::size_t nodes[2];
        for (const bool stored : {false, true}) {
            tape<double> t;
            t.store_normed(stored);
            const X x = t.variable(input);
            X h = op::conv2d(x, p.depthwise, p.none, {.padding = 1, .groups = 5});
            h = op::activate(op::batch_norm(h, p.gamma, p.beta, p.mean, p.variance, mode::train),
                             activation::hard_swish);
            if (squeezed) h = op::gate(h, op::sigmoid(op::global_avg_pool(h)));
            const X y = op::conv2d(h, p.point, p.none);
            t.backward(y, by);
            nodes[stored] = t.size();
            results[stored] = {y.value(), *t.gradient(x)};
            for (const auto* w : {&p.depthwise, &p.point, &p.gamma, &p.beta})
                results[stored].push_back(*t.gradient(*w));
        }
        CHECK(nodes[0] < nodes[1]);
        CHECK(identical(results[0][0], results[1][0]));
        for (std::size_t i = 1; i < results[0].size(); ++i)
            CHECK(difference(results[0][i], results[1][i], 1e-12) == "");
    }
}

TEST_CASE("conv2d: cost and errors") {
    graph g;
    const parameter<float> none;
    const auto s = symbol::input(g, "x", {2, 7, 6, 4});
    static_cast<void>(
        op::conv2d(s, symbol::input(g, "w", {6, 2, 3, 1}), none, {.stride = {2, 3}, .padding = {1, 0}, .groups = 2}));
    CHECK(g.macs() == 2 * 4 * 2 * 6 * 2 * 3);
    CHECK(g.nodes.back().attributes.size() == 7);

    const tensor<float> x(shape{2, 7, 6, 4}), w(shape{6, 4, 3, 3});
    CHECK_RAISES(usage_error, "stride, dilation, groups are 0, 1, 1", op::conv2d(x, w, none, {.stride = {0, 1}}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 0, 1", op::conv2d(x, w, none, {.dilation = 0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 1, 0", op::conv2d(x, w, none, {.groups = 0}));
    CHECK_RAISES(shape_error, "shape of x is (7, 6, 4)", op::conv2d(tensor<float>(shape{7, 6, 4}), w, none));
    CHECK_RAISES(shape_error, "shape of weight is (6, 4, 3)", op::conv2d(x, tensor<float>(shape{6, 4, 3}), none));
    CHECK_RAISES(shape_error, "expected C = 8", op::conv2d(x, w, none, {.groups = 2}));
    CHECK_RAISES(shape_error, "O divisible by groups 2",
                 op::conv2d(x, tensor<float>(shape{5, 2, 3, 3}), none, {.groups = 2}));
    CHECK_RAISES(shape_error, "shape of bias is (4)", op::conv2d(x, w, tensor<float>(shape{4})));
    CHECK_RAISES(shape_error, "padded image is 7 x 6, expected at least 7 x 9",
                 op::conv2d(x, w, none, {.dilation = {3, 4}}));
    CHECK_RAISES(shape_error, "padded image", op::conv2d(tensor<float>(shape{2, 0, 6, 4}), w, none, {.padding = 3}));
}
