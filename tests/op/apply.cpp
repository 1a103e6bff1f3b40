// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/apply.hpp"

#include "check.hpp"
#include "smldist/op/select.hpp"

using namespace smldist;

namespace {

/// y = factor · x + b[0], written for these tests: what every part of an op may use.
template <class T> struct probe_op {
    using scalar = T;
    struct saved {
        int kept = 0;
    };
    static constexpr std::string_view name = "probe";

    double factor = 2;
    bool flag = true;
    std::string word = "text";
    generator stream{};
    buffer<T>* target = nullptr;

    static void visit(auto& self, auto&& f) {
        f("factor", self.factor);
        f("flag", self.flag);
        f("word", self.word);
        f("count", std::size_t(3));
    }
    std::uint64_t macs(const shape& x, const shape&) const { return 10 * x.size(); }
    shape infer(const shape& x, const shape& b) const {
        if (!(b == shape{1})) raise<shape_error>("op::probe", "shape of b is ", b.text(), ", expected (1)");
        return x;
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& b) const {
        CHECK(y.shape() == x.shape());
        for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(factor) * x[i] + b[0];
        if (keep) keep->kept = 17;
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& b,
                  tensor<T>* dx, tensor<T>* db) const {
        CHECK(keep.kept == 17);
        CHECK(y.shape() == x.shape());
        if (dx) {
            if (!dx->ensure(x.shape())) dx->fill(T(0));
            for (std::size_t i = 0; i < x.size(); ++i) (*dx)[i] += static_cast<T>(factor) * dy[i];
        }
        if (db) {
            if (!db->ensure(b.shape())) db->fill(T(0));
            for (const T d : dy) (*db)[0] += d;
        }
    }
    void notes(const saved& keep, tape<T>& t, const tensor<T>& x, const tensor<T>& b) const {
        CHECK(x.size() > 0);
        CHECK(b.size() == 1);
        if (target) t.note(*target, tensor<T>{static_cast<T>(keep.kept)}, T(1));
    }
};

} // namespace

TEST_CASE("apply: tensors and parameters compute") {
    const tensor<double> x{1, 2}, b{10};
    const parameter<double> p{tensor<double>{20}};
    CHECK(identical(op::apply(probe_op<double>{}, x, b), tensor<double>{12, 14}));
    CHECK(identical(op::apply(probe_op<double>{}, x, p), tensor<double>{22, 24}));
    CHECK_RAISES(shape_error, "shape of b is (2)", op::apply(probe_op<double>{}, x, x));
}

TEST_CASE("apply: any var records; tensors enter as constants, parameters as leaves, buffers by address") {
    tape<double> t;
    const auto x = t.variable(tensor<double>{1, 2});
    const parameter<double> p{tensor<double>{20}};
    const buffer<double> held{tensor<double>{30}};

    const auto with_parameter = op::apply(probe_op<double>{}, x, p);
    t.backward(with_parameter, tensor<double>{1, 10});
    CHECK(identical(*t.gradient(x), tensor<double>{2, 20}));
    CHECK(identical(*std::as_const(t).gradient(p), tensor<double>{11}));

    const std::size_t size = t.size();
    const auto with_buffer = op::apply(probe_op<double>{}, x, held);
    CHECK(with_buffer.value()[0] == 32);
    CHECK(t.size() == size + 1); // the buffer is no node
    t.backward(with_buffer, tensor<double>{1, 1});
    CHECK(identical(*t.gradient(x), tensor<double>{4, 22}));

    tensor<double> moved{40};
    const double* storage = moved.data();
    const auto with_tensor = op::apply(probe_op<double>{}, x, std::move(moved));
    CHECK(with_tensor.value()[0] == 42);
    CHECK(t.value(var<double>{&t, with_tensor.id - 1}).data() == storage); // an rvalue is not copied
}

TEST_CASE("apply: a parameter first, then a var") {
    tape<double> t;
    const parameter<double> p{tensor<double>{1, 2}};
    const auto y = op::apply(probe_op<double>{}, p, t.input(tensor<double>{5}));
    t.backward(y, tensor<double>{1, 1});
    CHECK(identical(*std::as_const(t).gradient(p), tensor<double>{2, 2}));
}

TEST_CASE("apply: the stream comes from the tape, another at each call, the same for the same seed") {
    struct drawing_op : probe_op<double> {
        void forward(saved* keep, tensor<double>& y, const tensor<double>& x, const tensor<double>&) const {
            generator own = stream;
            for (std::size_t i = 0; i < x.size(); ++i) y[i] = own.uniform();
            if (keep) keep->kept = 17;
        }
    };
    const auto draw = [](std::uint64_t seed) {
        tape<double> t(seed);
        const auto x = t.variable(tensor<double>{1, 2});
        const auto first = op::apply(drawing_op{}, x, tensor<double>{0}).value();
        CHECK_FALSE(identical(first, op::apply(drawing_op{}, x, tensor<double>{0}).value()));
        return first;
    };
    CHECK(identical(draw(1), draw(1)));
    CHECK_FALSE(identical(draw(1), draw(2)));
}

TEST_CASE("apply: notes are taken even where no gradient is needed, and only on a tape") {
    buffer<double> target{tensor<double>{0}};
    probe_op<double> with_note;
    with_note.target = &target;
    static_cast<void>(op::apply(with_note, tensor<double>{1}, tensor<double>{1}));
    tape<double> t;
    const auto y = op::apply(with_note, t.input(tensor<double>{1}), tensor<double>{1});
    CHECK_FALSE(t.needs_gradient(y));
    CHECK(target.value[0] == 0);
    t.write_notes(target);
    CHECK(target.value[0] == 17);
}

TEST_CASE("apply: symbols trace name, shape, cost, attributes and inputs") {
    graph g;
    const auto x = symbol::input(g, "x", {2, 3});
    const parameter<float> p{tensor<float>{1}};
    const tensor<float> c{1};
    const auto y = op::apply(probe_op<float>{}, op::apply(probe_op<float>{}, x, p), p);
    const auto z = op::apply(probe_op<float>{}, y, c);
    CHECK(z.shape() == shape{2, 3});
    REQUIRE(g.nodes.size() == 6); // x, p, op, op, c, op
    CHECK(g.nodes[1].what == graph::kind::parameter);
    CHECK(g.nodes[1].address == &p);
    CHECK(g.nodes[2].inputs == std::vector<std::uint32_t>{0, 1});
    CHECK(g.nodes[3].inputs == std::vector<std::uint32_t>{2, 1});
    CHECK(g.nodes[4].what == graph::kind::constant);
    CHECK(g.nodes[4].values == graph::constant(std::vector<float>{1}));
    CHECK(g.nodes[5].inputs == std::vector<std::uint32_t>{3, 4});
    CHECK(g.macs() == 180);

    const auto& n = g.nodes[5];
    CHECK(n.name == "probe");
    REQUIRE(n.attributes.size() == 4);
    CHECK(n.attributes[0].name == "factor");
    CHECK(n.attributes[0].value.number == 2);
    CHECK(n.attributes[1].value.number == 1);
    CHECK(n.attributes[2].value.text == "text");
    CHECK(n.attributes[3].value.number == 3);
    CHECK_RAISES(shape_error, "shape of b is (2, 3)", op::apply(probe_op<float>{}, x, x));
}

TEST_CASE(
    "apply: integers become numbers of the tape's type; a trace keeps int32 and stores other integers as double") {
    tape<float> t;
    const auto y = op::where(tensor<std::uint8_t>{0, 3}, t.variable({5, 6}), 1);
    CHECK(identical(y.value(), tensor<float>{1, 6}));
    graph g;
    const auto x = symbol::input(g, "x", {2});
    const auto constant = [&](const auto& mask) {
        const auto z = op::where(mask, x, x);
        return g.nodes[g.nodes[z.id].inputs[0]].values;
    };
    CHECK(constant(tensor<std::int32_t>{0, 3}) == graph::constant(std::vector<std::int32_t>{0, 3}));
    CHECK(constant(tensor<bool>{false, true}) == graph::constant(std::vector<double>{0, 1}));
    CHECK(constant(tensor<std::int64_t>{-1, 1}) == graph::constant(std::vector<double>{-1, 1}));
    CHECK(constant(tensor<float>{0, 3}) == graph::constant(std::vector<float>{0, 3}));
}

TEST_CASE("apply: inputs of two tapes or two graphs are refused") {
    tape<double> t, other;
    CHECK_RAISES(usage_error, "two tapes or graphs",
                 op::apply(probe_op<double>{}, t.input(tensor<double>{1}), other.input(tensor<double>{1})));
    graph g, h;
    CHECK_RAISES(usage_error, "two tapes or graphs",
                 op::apply(probe_op<float>{}, symbol::input(g, "a", {1}), symbol::input(h, "b", {1})));
}

TEST_CASE("lift: a parameter in the world of another value") {
    const parameter<double> p{tensor<double>{1, 2}};
    CHECK(identical(op::lift(tensor<double>{0}, p), p.value));
    tape<double> t;
    const auto v = op::lift(t.input(tensor<double>{0}), p);
    CHECK(v.id == t.leaf(p).id);
    graph g;
    const auto s = op::lift(symbol::input(g, "x", {1}), p);
    CHECK(g.nodes[s.id].address == &p);
}

TEST_CASE("scalar_of: of the first operand that has one") {
    static_assert(std::is_same_v<op::scalar_of_t<const tensor<double>&>, double>);
    static_assert(std::is_same_v<op::scalar_of_t<var<double>, tensor<double>>, double>);
    static_assert(std::is_same_v<op::scalar_of_t<symbol, parameter<double>>, double>);
    static_assert(std::is_same_v<op::scalar_of_t<symbol, symbol>, float>);
    CHECK(op::apply(probe_op<op::scalar_of_t<tensor<double>>>{}, tensor<double>{1}, tensor<double>{0})[0] == 2);
}
