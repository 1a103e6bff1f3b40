// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/pending.hpp"

#include "check.hpp"

using namespace smldist;


namespace {

/// A batch-norm's parameters and the weights of what follows it.
struct layer {
    parameter<double> weight{normal({6}, 1)}, bias{normal({6}, 2)};
    buffer<double> mean{normal({6}, 3)}, var{tensor<double>({6}, 0.7)};
    parameter<double> depthwise{normal({6, 1, 3}, 4)}, pointwise{normal({4, 6, 1}, 5)}, dense{normal({4, 6, 3}, 6)},
        none;
    parameter<double> offset{normal({4}, 7)};

    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
        member("depthwise", self.depthwise);
        member("pointwise", self.pointwise);
        member("dense", self.dense);
        member("offset", self.offset);
    }
    template <class X> op::pending<X> open(const X& x, mode m) const {
        return op::norm_activate(x, weight, bias, mean, var, activation::hard_swish, m);
    }
    /// The same, nothing pending.
    template <class X> op::pending<X> closed(const X& x, mode m) const {
        return {X(op::hard_swish(op::batch_norm(x, weight, bias, mean, var, m)))};
    }
};

/// What may follow a batch-norm, by number; g (B, C).
template <class X> X follow(const layer& l, int what, const op::pending<X>& p, const X& g) {
    switch (what) {
    case 0:
        return op::settle(p);
    case 1:
        return op::mean_over_time(p);
    case 2:
        return op::conv1d(p, l.depthwise, l.none, {.padding = 1, .groups = 6});
    case 3:
        return op::conv1d(p, l.pointwise, l.none);
    case 4:
        return op::conv1d(p, l.pointwise, l.offset);
    case 5:
        return op::conv1d(p, l.dense, l.none, {.stride = 2, .padding = 1});
    case 6:
        return op::settle(op::gate(p, g));
    case 7:
        return op::mean_over_time(op::gate(p, g));
    case 8:
        return op::conv1d(op::gate(p, g), l.depthwise, l.none, {.padding = 1, .groups = 6});
    case 9:
        return op::conv1d(op::gate(p, g), l.pointwise, l.none);
    default:
        return op::conv1d(op::gate(op::gate(p, g), g), l.pointwise, l.none);
    }
}
constexpr int ways = 11;

bool near(const tensor<double>* a, const tensor<double>* b) {
    if (!a || !b) return a == b;
    return difference(*a, *b, 1e-9) == "";
}

} // namespace

TEST_CASE("what is pending in training has the value and the gradients of the ops one by one") {
    const layer l;
    for (int what = 0; what < ways; ++what) {
        CAPTURE(what);
        tape<double> fused, apart;
        const auto make = [&](tape<double>& t, auto open) {
            const auto x = t.variable(normal({3, 5, 6}, 8)), g = t.variable(normal({3, 6}, 9));
            const auto y = follow(l, what, open(x), g);
            t.backward(y, normal(y.shape(), 10));
            return std::tuple{x, g, y};
        };
        const auto [x, g, y] = make(fused, [&](auto v) { return l.open(v, mode::train); });
        const auto [x2, g2, y2] = make(apart, [&](auto v) { return l.closed(v, mode::train); });
        CHECK(difference(y.value(), y2.value(), 1e-9) == "");
        CHECK(near(fused.gradient(x), apart.gradient(x2)));
        CHECK(near(fused.gradient(g), apart.gradient(g2)));
        for_each_parameter(l, [&](const auto& p) {
            CHECK(near(std::as_const(fused).gradient(p), std::as_const(apart).gradient(p)));
        });
        // plain tensors give the bits of the tape
        CHECK(identical(y.value(), follow(l, what, l.open(x.value(), mode::train), g.value())));
    }
}

TEST_CASE("nothing is pending in evaluation") {
    const layer l;
    const auto x = normal({3, 5, 6}, 8), g = normal({3, 6}, 9);
    CHECK(l.open(x, mode::eval).map.empty());
    for (int what = 0; what < ways; ++what) {
        CAPTURE(what);
        CHECK(identical(follow(l, what, l.open(x, mode::eval), g), follow(l, what, l.closed(x, mode::eval), g)));
    }
}

TEST_CASE("a traced graph has the ops one by one") {
    const layer l;
    for (const mode m : {mode::eval, mode::train})
        for (int what = 0; what < ways; ++what) {
            CAPTURE(what);
            const auto names = [&](auto open) {
                graph g;
                const auto x = symbol::input(g, "x", {3, 5, 6}), by = symbol::input(g, "g", {3, 6});
                follow(l, what, open(x), by);
                std::vector<std::string> all;
                for (const auto& n : g.nodes) all.push_back(n.name);
                return all;
            };
            CHECK(names([&](auto x) { return l.open(x, m); }) == names([&](auto x) { return l.closed(x, m); }));
        }
}
