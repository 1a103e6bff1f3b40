// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/normed.hpp"

#include "check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

/// What makes the value that is normalised.
enum class first { nothing, dense, pointwise, depthwise };
constexpr first firsts[] = {first::nothing, first::dense, first::pointwise, first::depthwise};
/// What reads it.
enum class next { value, mean, depthwise, pointwise, biased, dense, add, twice };
constexpr next nexts[] = {next::value,  next::mean,  next::depthwise, next::pointwise,
                          next::biased, next::dense, next::add,       next::twice};
constexpr activation activations[] = {activation::none, activation::relu, activation::hard_swish, activation::selu};

/// Parameters of a convolution, of a batch-norm and of what reads its result.
struct layer {
    parameter<double> into_depthwise{normal({6, 1, 3}, 11)}, into_pointwise{normal({6, 6, 1}, 12)},
        into_dense{normal({6, 6, 3}, 13)};
    parameter<double> weight{normal({6}, 1)}, bias{normal({6}, 2)};
    buffer<double> mean{normal({6}, 3)}, var{tensor<double>({6}, 0.7)};
    parameter<double> depthwise{normal({6, 1, 3}, 4)}, pointwise{normal({4, 6, 1}, 5)}, dense{normal({4, 6, 3}, 6)},
        none;
    parameter<double> offset{normal({4}, 7)};

    static void visit(auto& self, auto&& member) {
        member("into_depthwise", self.into_depthwise);
        member("into_pointwise", self.into_pointwise);
        member("into_dense", self.into_dense);
        member("weight", self.weight);
        member("bias", self.bias);
        member("depthwise", self.depthwise);
        member("pointwise", self.pointwise);
        member("dense", self.dense);
        member("offset", self.offset);
    }
    template <class X> X begin(first what, const X& x) const {
        if (what == first::depthwise) return op::conv1d(x, into_depthwise, none, {.padding = 1, .groups = 6});
        if (what == first::pointwise) return op::conv1d(x, into_pointwise, none);
        if (what == first::dense) return op::conv1d(x, into_dense, none, {.padding = 1});
        return x;
    }
    template <class X> X normalise(const X& x, activation f, mode m) const {
        return op::activate(op::batch_norm(x, weight, bias, mean, var, m), f);
    }
    template <class X> X end(next what, const X& h) const {
        const op::conv1d_options each{.padding = 1, .groups = 6};
        switch (what) {
        case next::mean:
            return op::mean_over_time(h);
        case next::depthwise:
            return op::conv1d(h, depthwise, none, each);
        case next::pointwise:
            return op::conv1d(h, pointwise, none);
        case next::biased:
            return op::conv1d(h, pointwise, offset);
        case next::dense:
            return op::conv1d(h, dense, none, {.stride = 2, .padding = 1});
        case next::add:
            return op::add(op::conv1d(h, depthwise, none, each), h);
        case next::twice:
            return op::add(op::conv1d(h, pointwise, none), op::conv1d(h, dense, none, {.padding = 1}));
        case next::value:
            break;
        }
        return h;
    }
    /// The whole: h normalised and gated `gates` times by g (B, C), then read.
    template <class X> X operator()(first a, activation f, std::size_t gates, next b, X x, const X& g, mode m) const {
        X h = normalise(begin(a, x), f, m);
        for (std::size_t i = 0; i < gates; ++i) h = op::gate(h, g);
        return end(b, h);
    }
};

bool near(const tensor<double>* a, const tensor<double>* b) {
    if (!a || !b) return a == b;
    return difference(*a, *b, 1e-12) == "";
}

/// Calls f(first, activation, gates, next) for the product of the cases.
template <class F> void each_case(F f) {
    for (const first a : firsts)
        for (const activation act : activations)
            for (std::size_t gates = 0; gates < 3; ++gates)
                for (const next b : nexts) {
                    CAPTURE(static_cast<int>(a));
                    CAPTURE(static_cast<int>(act));
                    CAPTURE(gates);
                    CAPTURE(static_cast<int>(b));
                    f(a, act, gates, b);
                }
}

/// A tape with a batch-norm's result on it that is not stored.
struct recorded {
    layer l;
    tape<double> t;
    var<double> x = t.variable(normal({3, 5, 6}, 8)), g = t.variable(normal({3, 6}, 9));
    var<double> h;

    explicit recorded(first a = first::pointwise, activation f = activation::hard_swish) { again(a, f); }
    void again(first a, activation f) { h = l.normalise(l.begin(a, x), f, mode::train); }
    tensor<double> written() const { // the value of h by other means
        return l.normalise(l.begin(first::pointwise, x.value()), activation::hard_swish, mode::train);
    }
};

} // namespace

TEST_CASE("normalise") {
    for (const auto f : {activation::none, activation::relu, activation::hard_swish, activation::selu})
        for (const shape& s : {shape{2, 5, 3}, shape{4, 19}})
            check_op("normalise" + s.text(), {normal(s, 1), normal({3, s.back()}, 2)}, [f](const auto& in) {
                return op::apply(op::normalise_op<op::scalar_of_t<decltype(in[0])>>{f}, in[0], in[1]);
            });
    CHECK_RAISES(shape_error, "(3, C)", op::apply(op::normalise_op<double>{}, normal({4, 3}), normal({3, 4})));
}

TEST_CASE("check_norm_map: (3, C) for the channels of x") {
    op::check_norm_map("here", {2, 5, 4}, {3, 4});
    op::check_norm_map("here", {2, 4}, {3, 4});
    const shape x{2, 5, 4};
    for (const shape& map : {shape{4, 3}, shape{3, 5}, shape{2, 4}, shape{3}, shape{3, 4, 1}})
        CHECK_RAISES(shape_error, "here: shapes of x and map are (2, 5, 4) and ", op::check_norm_map("here", x, map));
    CHECK_RAISES(shape_error, "expected (…, C) and (3, C)", op::check_norm_map("here", {4}, {3, 4}));
    CHECK_RAISES(shape_error, "expected (…, C) and (3, C)", op::check_norm_map("here", {0, 4}, {3, 4}));
}

TEST_CASE("norm_map_gradients: the gradient of a map from two sums of each column") {
    const tensor<double> map{{1, 2}, {3, 4}, {5, 6}}; // mean, scale, beta
    const auto run = [&](tensor<double>* dx, tensor<double>* dmap) {
        op::norm_map_gradients<double> to({7, 2}, dx, map, dmap);
        const bool add = to.add;
        to.dx()[0] = 11;
        const double sums[]{10, 20, 30, 40};
        std::copy_n(sums, 4, to.sums.data());
        to.finish();
        return add;
    };
    tensor<double> dx, dmap;
    CHECK_FALSE(run(&dx, &dmap));
    CHECK(dx.shape() == shape{7, 2});
    CHECK(dx[0] == 11);
    CHECK(identical(dmap, tensor<double>{{-30, -80}, {30, 40}, {10, 20}}));
    CHECK(run(&dx, &dmap)); // a second user of x and map
    CHECK(identical(dmap, tensor<double>{{-60, -160}, {60, 80}, {20, 40}}));
    CHECK_FALSE(run(nullptr, nullptr)); // what is not needed goes nowhere
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

TEST_CASE("normed value: the bits of the ops as written, and their gradients") {
    const layer l;
    each_case([&](first a, activation f, std::size_t gates, next b) {
        tape<double> late, stored;
        stored.store_normed(true);
        const auto run = [&](tape<double>& t) {
            const auto x = t.variable(normal({3, 5, 6}, 8)), g = t.variable(normal({3, 6}, 9));
            const auto y = l(a, f, gates, b, x, g, mode::train);
            const shape s = y.shape();
            CHECK(s == y.value().shape());
            t.backward(y, normal(s, 10));
            return std::tuple{x, g, y};
        };
        const auto [x, g, y] = run(late);
        const auto [x2, g2, y2] = run(stored);
        CHECK(identical(y.value(), y2.value()));
        CHECK(identical(y.value(), l(a, f, gates, b, x.value(), g.value(), mode::train)));
        CHECK(near(late.gradient(x), stored.gradient(x2)));
        CHECK(near(late.gradient(g), stored.gradient(g2)));
        for_each_parameter(l, [&](const auto& p) {
            CHECK(near(std::as_const(late).gradient(p), std::as_const(stored).gradient(p)));
        });
    });
}

TEST_CASE("normed value: gradients against differences") {
    for (const first a : {first::pointwise, first::depthwise})
        for (std::size_t gates = 0; gates < 2; ++gates)
            for (const next b : nexts) {
                CAPTURE(static_cast<int>(a));
                CAPTURE(gates);
                CAPTURE(static_cast<int>(b));
                const auto r = testing::gradcheck_model(layer(), [&](const layer& l, tape<double>& t) {
                    return l(a, activation::selu, gates, b, t.input(normal({3, 5, 6}, 8)), t.input(normal({3, 6}, 9)),
                             mode::train);
                });
                CHECK_MESSAGE(r.ok, r.message);
            }
}

TEST_CASE("normed value: in evaluation there is none, and a trace has the ops as written") {
    const layer l;
    tape<double> t;
    CHECK(t.normed(l.normalise(t.input(normal({3, 5, 6}, 8)), activation::relu, mode::eval)) == nullptr);
    each_case([&](first a, activation f, std::size_t gates, next b) {
        for (const mode m : {mode::eval, mode::train}) {
            CAPTURE((m == mode::train));
            graph g;
            l(a, f, gates, b, symbol::input(g, "x", {3, 5, 6}), symbol::input(g, "g", {3, 6}), m);
            std::size_t gated = 0, normed = 0, activated = 0;
            for (const auto& n : g.nodes) {
                gated += std::size_t(n.name == "gate");
                normed += std::size_t(n.name == (m == mode::eval ? "batch_norm" : "batch_norm_train"));
                activated += std::size_t(n.name == "relu" || n.name == "hard_swish" || n.name == "selu");
                CHECK(n.name.find("normed") == std::string::npos);
                CHECK(n.name != "batch_norm_map");
            }
            CHECK(gated == gates);
            CHECK(normed == 1);
            CHECK(activated == (f == activation::none ? 0 : 1));
        }
    });
}

TEST_CASE("normed value: which op reads it without its being stored") {
    each_case([](first a, activation f, std::size_t gates, next b) {
        recorded r(a, f);
        var<double> h = r.h;
        for (std::size_t i = 0; i < gates; ++i) h = op::gate(h, r.g);
        if (gates == 2) { // the first gate was taken along, the second one stores what it reads
            CHECK(r.t.normed(h) == nullptr);
            return;
        }
        REQUIRE(r.t.normed(h) != nullptr);
        const std::size_t before = r.t.size();
        r.l.end(b, h);
        const bool pair = (a == first::pointwise && b == next::depthwise && f != activation::none && gates == 0) ||
                          (a == first::depthwise && b == next::pointwise);
        const bool mean = b == next::mean && gates == 0;
        const bool unread = b == next::value;
        CHECK((r.t.normed(h) != nullptr) == (pair || mean || unread));
        if (mean) CHECK(r.t.size() == before + 1); // one op and no other
    });
}

TEST_CASE("normed value: shape and needs_gradient store nothing, value does, once") {
    recorded r;
    const std::size_t size = r.t.size();
    CHECK(r.h.shape() == shape{3, 5, 6});
    CHECK(op::gate(r.h, r.g).shape() == shape{3, 5, 6});
    CHECK(r.t.needs_gradient(r.h));
    CHECK(r.t.gradient(r.h) == nullptr);
    CHECK(r.t.size() == size);
    const var<double> copy = r.h;
    const double* const at = r.h.value().data();
    CHECK(r.t.size() == size + 1);
    CHECK(copy.value().data() == at); // what one handle stored, all have
    CHECK(r.t.size() == size + 1);
    CHECK(identical(r.h.value(), r.written()));
    static_cast<void>(op::add(r.h, copy));
    CHECK(r.t.size() == size + 2);
    CHECK(r.t.needs_gradient(r.h));

    tape<double> t; // nothing here is wanted
    const tensor<double> w = normal({6}, 1);
    parameter<double> weight{w}, bias{w};
    weight.trainable = bias.trainable = false;
    const auto h = op::batch_norm(t.input(normal({3, 5, 6}, 8)), weight, bias, r.l.mean, r.l.var, mode::train);
    CHECK_FALSE(t.needs_gradient(h));
    CHECK(t.needs_gradient(op::gate(h, t.variable(normal({3, 6}, 9)))));
}

TEST_CASE("normed value: backward from it, a second pass, and values after it") {
    recorded r;
    const auto dy = normal(r.h.shape(), 10);
    r.t.backward(r.h, dy);
    const tensor<double> once = *r.t.gradient(r.x);
    r.t.backward(r.h, dy);
    CHECK(difference(*r.t.gradient(r.x), tensor<double>(2 * once.array()), 1e-12) == "");
    const auto mean = op::mean_over_time(op::activate(r.h, activation::relu));
    r.t.backward(mean, normal({3, 6}, 11));
    CHECK(mean.shape() == shape{3, 6});

    recorded wrong;
    CHECK_RAISES(shape_error, "shape of the loss is (3, 5, 6)", wrong.t.backward(wrong.h));
    tape<double> other;
    CHECK_RAISES(usage_error, "another tape", other.backward(wrong.h, dy));
    CHECK_RAISES(usage_error, "two tapes", op::gate(wrong.h, other.input(normal({3, 6}, 9))));
}

TEST_CASE("normed value: its gradient is kept if requested before the value is read") {
    recorded r, wanted;
    wanted.t.store_normed(true);
    wanted.again(first::pointwise, activation::hard_swish);
    const auto run = [](recorded& of) {
        of.t.retain_gradient(of.h);
        of.t.backward(of.l.end(next::add, of.h), normal({3, 5, 6}, 10));
        REQUIRE(of.t.gradient(of.h) != nullptr);
        return *of.t.gradient(of.h);
    };
    const tensor<double> kept = run(r);
    CHECK(difference(kept, run(wanted), 1e-12) == "");

    recorded late;
    late.l.end(next::depthwise, late.h); // reads it as it is
    CHECK(late.t.gradient(late.h) == nullptr);
    CHECK_RAISES(usage_error, "an op has read the normalised value", late.t.retain_gradient(late.h));
    recorded taken;
    const auto plain = op::batch_norm(taken.x, taken.l.weight, taken.l.bias, taken.l.mean, taken.l.var, mode::train);
    const auto active = op::relu(plain); // takes it along
    CHECK_RAISES(usage_error, "expected the call before the first use", taken.t.retain_gradient(plain));
    CHECK_NOTHROW(taken.t.retain_gradient(active));
}

TEST_CASE("normed value: reset forgets it") {
    recorded r;
    const tensor<double> first_value = r.h.value();
    for (int step = 0; step < 3; ++step) {
        r.t.reset();
        r.x = r.t.variable(normal({3, 5, 6}, 8));
        r.again(first::pointwise, activation::hard_swish);
        REQUIRE(r.t.normed(r.h) != nullptr);
        CHECK(identical(r.h.value(), first_value));
    }
}

TEST_CASE("normed value: batch-norm of it, and what does not fit is refused as by the ops as written") {
    recorded r;
    const auto again = op::batch_norm(r.h, r.l.weight, r.l.bias, r.l.mean, r.l.var, mode::train);
    CHECK(
        identical(again.value(), op::batch_norm(r.written(), r.l.weight, r.l.bias, r.l.mean, r.l.var, mode::train)));
    recorded s;
    const std::size_t size = s.t.size();
    CHECK_RAISES(shape_error, "op::gate: shapes of x and g are (3, 5, 6) and (3, 5)",
                 op::gate(s.h, s.t.input(normal({3, 5}, 1))));
    CHECK_RAISES(shape_error, "op::conv1d: shapes of x and weight",
                 op::conv1d(s.h, s.l.into_dense, s.l.none, {.groups = 2}));
    CHECK(s.t.normed(s.h) != nullptr);
    CHECK(s.t.size() == size + 1); // the gate that did not fit
}
