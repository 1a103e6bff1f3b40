// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/conv1d.hpp"

#include "check.hpp"

using namespace smldist;

namespace {

struct one_case {
    std::size_t L, C, O, K;
    op::conv1d_options options;
    bool bias;
};

std::string name_of(const one_case& c) {
    const auto [stride, padding, dilation, groups, causal] = c.options;
    const auto text = [](std::size_t n) { return std::to_string(n); };
    return "conv1d/l" + text(c.L) + "_c" + text(c.C) + "_o" + text(c.O) + "_k" + text(c.K) + "_s" + text(stride) +
           "_p" + text(padding) + "_d" + text(dilation) + "_g" + text(groups) + "_causal" + text(causal) + "_bias" +
           text(c.bias);
}

/// The grid of tests/reference/make_op.py.
std::vector<one_case> cases() {
    std::vector<one_case> list;
    struct channels {
        std::size_t C, O, groups;
    };
    const std::vector<channels> kinds = {{4, 6, 1}, {4, 6, 2}, {4, 4, 4}, {4, 8, 4}};
    for (const auto& [C, O, groups] : kinds)
        for (const std::size_t stride : {1u, 2u})
            for (const std::size_t padding : {0u, 1u, 2u})
                for (const std::size_t dilation : {1u, 2u})
                    list.push_back(
                        {7, C, O, 3, {stride, padding, dilation, groups, false}, (stride + padding) % 2 == 0});
    for (const auto& [C, O, groups] : kinds)
        if (O != 8)
            for (const std::size_t stride : {1u, 2u})
                for (const std::size_t dilation : {1u, 2u})
                    list.push_back({7, C, O, 3, {stride, 0, dilation, groups, true}, stride == 1});
    for (const std::size_t stride : {1u, 2u})
        for (const std::size_t padding : {0u, 1u})
            for (const bool bias : {false, true}) list.push_back({5, 4, 3, 1, {stride, padding, 1, 1, false}, bias});
    list.push_back({10, 4, 6, 3, {3, 1, 1, 2, false}, true});
    list.push_back({10, 4, 4, 3, {3, 1, 1, 4, false}, true});
    list.push_back({8, 17, 17, 5, {2, 2, 1, 17, false}, true});
    list.push_back({8, 9, 19, 5, {2, 2, 1, 1, false}, true});
    list.push_back({1, 1, 1, 1, {1, 0, 1, 1, false}, true});
    list.push_back({1, 1, 1, 3, {1, 1, 1, 1, false}, false});
    list.push_back({3, 2, 2, 5, {1, 2, 1, 2, false}, true});
    return list;
}

} // namespace

TEST_CASE("conv1d: PyTorch, gradients, worlds, over stride, padding, dilation, groups and causality") {
    for (const auto& c : cases()) {
        const auto o = c.options;
        const tensor<double> x = normal({2, c.L, c.C}, 1), w = normal({c.O, c.C / o.groups, c.K}, 2);
        if (c.bias) {
            const auto f = [o](const auto& in) { return op::conv1d(in[0], in[1], in[2], o); };
            check_reference(name_of(c), {"x", "w", "b"}, f);
            check_op(name_of(c), {x, w, normal({c.O}, 3)}, f);
        } else {
            const auto f = [o](const auto& in) { return op::conv1d(in[0], in[1], absent(in[0]), o); };
            check_reference(name_of(c), {"x", "w"}, f);
            check_op(name_of(c), {x, w}, f);
        }
    }
}

TEST_CASE("conv1d: causal output does not see the future") {
    const tensor<double> w = normal({3, 2, 3}, 1), x = normal({1, 9, 2}, 2);
    const parameter<double> none;
    tensor<double> later = x;
    for (std::size_t c = 0; c < 2; ++c) later(0, 6, c) += 1;
    const op::conv1d_options o{.dilation = 2, .causal = true};
    const auto before = op::conv1d(x, w, none, o), after = op::conv1d(later, w, none, o);
    for (std::size_t t = 0; t < 9; ++t)
        for (std::size_t c = 0; c < 3; ++c) CHECK((before(0, t, c) == after(0, t, c)) == (t != 6 && t != 8));
}

TEST_CASE("conv1d: the same bits for any number of threads, alone and in a batch") {
    const auto x = cast<float>(normal({9, 64, 24}, 1));
    const parameter<float> none;
    const std::size_t before = threads();
    for (const std::size_t groups : {1u, 4u, 24u}) {
        CAPTURE(groups);
        const auto w = cast<float>(normal({24, 24 / groups, 3}, 2));
        const op::conv1d_options o{.padding = 1, .groups = groups};
        set_threads(1);
        const auto one = op::conv1d(x, w, none, o);
        set_threads(3);
        CHECK(identical(one, op::conv1d(x, w, none, o)));
        auto alone = tensor<float>::uninitialized({1, 64, 24});
        std::copy_n(x.data() + 8 * alone.size(), alone.size(), alone.data());
        const auto y = op::conv1d(alone, w, none, o);
        CHECK(std::equal(y.begin(), y.end(), one.data() + 8 * y.size()));
    }
    set_threads(before);
}

TEST_CASE("conv1d: cost and errors") {
    graph g;
    const parameter<float> none;
    const auto s = symbol::input(g, "x", {2, 7, 4});
    static_cast<void>(
        op::conv1d(s, symbol::input(g, "w", {6, 2, 3}), none, {.stride = 2, .padding = 1, .groups = 2}));
    CHECK(g.macs() == 2 * 4 * 6 * 2 * 3);

    const tensor<float> x(shape{2, 7, 4}), w(shape{6, 4, 3});
    CHECK_RAISES(usage_error, "stride, dilation, groups are 0, 1, 1", op::conv1d(x, w, none, {.stride = 0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 0, 1", op::conv1d(x, w, none, {.dilation = 0}));
    CHECK_RAISES(usage_error, "stride, dilation, groups are 1, 1, 0", op::conv1d(x, w, none, {.groups = 0}));
    CHECK_RAISES(usage_error, "padding is 1", op::conv1d(x, w, none, {.padding = 1, .causal = true}));
    CHECK_RAISES(shape_error, "shape of x is (7, 4)", op::conv1d(tensor<float>(shape{7, 4}), w, none));
    CHECK_RAISES(shape_error, "shape of weight is (6, 4)", op::conv1d(x, tensor<float>(shape{6, 4}), none));
    CHECK_RAISES(shape_error, "expected C = 8", op::conv1d(x, w, none, {.groups = 2}));
    CHECK_RAISES(shape_error, "O divisible by groups 2",
                 op::conv1d(x, tensor<float>(shape{5, 2, 3}), none, {.groups = 2}));
    CHECK_RAISES(shape_error, "shape of bias is (4)", op::conv1d(x, w, tensor<float>(shape{4})));
    CHECK_RAISES(shape_error, "padded length is 7, expected at least 9", op::conv1d(x, w, none, {.dilation = 4}));
    CHECK_RAISES(shape_error, "padded length", op::conv1d(tensor<float>(shape{2, 0, 4}), w, none, {.padding = 3}));
}
