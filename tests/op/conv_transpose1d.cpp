// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/conv_transpose1d.hpp"

#include "check.hpp"
#include "smldist/op/conv1d.hpp"

using namespace smldist;

namespace {

const std::string file = "losses.safetensors";

struct one_case {
    std::size_t L, C, O, K;
    op::conv_transpose1d_options options;
    bool bias;
};

std::string name_of(const one_case& c) {
    const auto [stride, padding, output_padding, dilation, groups] = c.options;
    const auto text = [](std::size_t n) { return std::to_string(n); };
    return "conv_transpose1d/l" + text(c.L) + "_c" + text(c.C) + "_o" + text(c.O) + "_k" + text(c.K) + "_s" +
           text(stride) + "_p" + text(padding) + "_op" + text(output_padding) + "_d" + text(dilation) + "_g" +
           text(groups) + "_bias" + text(c.bias);
}

/// The grid of tests/reference/make_losses.py.
std::vector<one_case> cases() {
    std::vector<one_case> list;
    struct channels {
        std::size_t C, O, groups;
    };
    for (const auto& [C, O, groups] : std::vector<channels>{{4, 6, 1}, {4, 6, 2}, {4, 4, 4}, {4, 8, 4}})
        for (const std::size_t stride : {1u, 2u, 3u})
            for (const std::size_t padding : {0u, 1u})
                for (const std::size_t dilation : {1u, 2u})
                    list.push_back({5,
                                    C,
                                    O,
                                    3,
                                    {stride, padding, stride > 1 ? (stride + padding) % 2 : 0, dilation, groups},
                                    (stride + padding) % 2 == 0});
    list.push_back({5, 3, 2, 4, {2, 1, 0, 1, 1}, true});
    list.push_back({5, 3, 2, 1, {3, 0, 2, 1, 1}, true});
    list.push_back({4, 3, 2, 3, {1, 1, 1, 2, 1}, true});
    list.push_back({1, 1, 1, 1, {1, 0, 0, 1, 1}, false});
    list.push_back({6, 17, 9, 5, {2, 2, 1, 1, 1}, true});
    list.push_back({6, 9, 9, 5, {2, 2, 1, 1, 9}, true});
    return list;
}

} // namespace

TEST_CASE("conv_transpose1d: PyTorch, gradients, worlds, over stride, paddings, dilation and groups") {
    for (const auto& c : cases()) {
        const auto o = c.options;
        const tensor<double> x = normal({2, c.L, c.C}, 1), w = normal({c.C, c.O / o.groups, c.K}, 2);
        if (c.bias) {
            const auto f = [o](const auto& in) { return op::conv_transpose1d(in[0], in[1], in[2], o); };
            check_reference(name_of(c), {"x", "w", "b"}, f, file);
            check_op(name_of(c), {x, w, normal({c.O}, 3)}, f);
        } else {
            const auto f = [o](const auto& in) { return op::conv_transpose1d(in[0], in[1], absent(in[0]), o); };
            check_reference(name_of(c), {"x", "w"}, f, file);
            check_op(name_of(c), {x, w}, f);
        }
    }
}

TEST_CASE("conv_transpose1d: it is the transpose of conv1d, <conv1d(a), b> = <a, conv_transpose1d(b)>") {
    const parameter<double> none;
    for (const auto& c : cases()) {
        CAPTURE(name_of(c));
        const auto [stride, padding, output_padding, dilation, groups] = c.options;
        const tensor<double> w = normal({c.C, c.O / groups, c.K}, 1), b = normal({2, c.L, c.C}, 2);
        const tensor<double> back = op::conv_transpose1d(b, w, none, c.options), a = normal(back.shape(), 3);
        const tensor<double> forth = op::conv1d(a, w, none, {stride, padding, dilation, groups, false});
        if (!(forth.shape() == b.shape())) { // output_padding of a dilation lengthens it beyond the stride
            CHECK(output_padding >= stride);
            continue;
        }
        CHECK(kernel::dot(b.size(), forth.data(), b.data()) ==
              doctest::Approx(kernel::dot(a.size(), a.data(), back.data())).epsilon(1e-12));
    }
}

TEST_CASE("conv_transpose1d: taps at a stride of their number repeat each step") {
    const tensor<double> x = normal({2, 3, 2});
    tensor<double> w(shape{2, 2, 4});
    for (std::size_t c = 0; c < 2; ++c)
        for (std::size_t k = 0; k < 4; ++k) w(c, c, k) = 1;
    const auto y = op::conv_transpose1d(x, w, parameter<double>(), {.stride = 4});
    REQUIRE(y.shape() == shape{2, 12, 2});
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t t = 0; t < 12; ++t)
            for (std::size_t c = 0; c < 2; ++c) CHECK(y(b, t, c) == x(b, t / 4, c));
}

TEST_CASE("conv_transpose1d: the same bits for any number of threads, alone and in a batch") {
    const auto x = cast<float>(normal({9, 64, 24}, 1)), bias = cast<float>(normal({24}, 3));
    const std::size_t before = threads();
    for (const std::size_t groups : {1u, 4u, 24u}) {
        CAPTURE(groups);
        const auto w = cast<float>(normal({24, 24 / groups, 3}, 2));
        const op::conv_transpose1d_options o{.stride = 2, .padding = 1, .groups = groups};
        set_threads(1);
        const auto one = op::conv_transpose1d(x, w, bias, o);
        set_threads(3);
        CHECK(identical(one, op::conv_transpose1d(x, w, bias, o)));
        auto alone = tensor<float>::uninitialized({1, 64, 24});
        std::copy_n(x.data() + 8 * alone.size(), alone.size(), alone.data());
        const auto y = op::conv_transpose1d(alone, w, bias, o);
        CHECK(std::equal(y.begin(), y.end(), one.data() + 8 * y.size()));
    }
    set_threads(before);
}

TEST_CASE("conv_transpose1d: cost and errors") {
    graph g;
    const parameter<float> none;
    const auto s = symbol::input(g, "x", {2, 7, 4});
    static_cast<void>(op::conv_transpose1d(s, symbol::input(g, "w", {4, 3, 3}), none, {.stride = 2, .groups = 2}));
    CHECK(g.macs() == 2 * 7 * 4 * 3 * 3);

    const tensor<float> x(shape{2, 7, 4}), w(shape{4, 6, 3});
    CHECK_RAISES(usage_error, "stride, dilation, groups are 0, 1, 1",
                 op::conv_transpose1d(x, w, none, {.stride = 0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 0, 1",
                 op::conv_transpose1d(x, w, none, {.dilation = 0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 1, 0",
                 op::conv_transpose1d(x, w, none, {.groups = 0}));
    CHECK_RAISES(usage_error, "output_padding is 2, expected below stride 2 or dilation 1",
                 op::conv_transpose1d(x, w, none, {.stride = 2, .output_padding = 2}));
    CHECK_RAISES(shape_error, "shape of x is (7, 4)", op::conv_transpose1d(tensor<float>(shape{7, 4}), w, none));
    CHECK_RAISES(shape_error, "shape of x is (2, 0, 4)",
                 op::conv_transpose1d(tensor<float>(shape{2, 0, 4}), w, none));
    CHECK_RAISES(shape_error, "shape of weight is (4, 6)", op::conv_transpose1d(x, tensor<float>(shape{4, 6}), none));
    CHECK_RAISES(shape_error, "expected C = 5", op::conv_transpose1d(x, tensor<float>(shape{5, 6, 3}), none));
    CHECK_RAISES(shape_error, "divisible by groups 3", op::conv_transpose1d(x, w, none, {.groups = 3}));
    CHECK_RAISES(shape_error, "shape of bias is (5), expected (6) or none",
                 op::conv_transpose1d(x, w, tensor<float>(shape{5})));
    CHECK_RAISES(shape_error, "length without padding is 9, expected above 2 * padding = 10",
                 op::conv_transpose1d(x, w, none, {.padding = 5}));
}
