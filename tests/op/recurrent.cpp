// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/recurrent.hpp"

#include "../allocations.hpp"
#include "check.hpp"
#include "smldist/nn/gru_cell.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// Which of the optional inputs a case has. They follow x and the weights.
struct parts {
    bool bias, first, reverse;
};

/// op::gru or, with the last cells, op::lstm on x, weight_ih, weight_hh, biases and first states.
template <class X> X run(const std::vector<X>& in, bool lstm, const parts& p) {
    using T = op::scalar_of_t<X>;
    const std::size_t states = 3 + (p.bias ? 2u : 0u);
    const auto with_states = [&](const auto& b_ih, const auto& b_hh) {
        const auto call = [&](const auto& h0, const auto& c0) {
            if (lstm) return op::lstm(in[0], h0, c0, in[1], in[2], b_ih, b_hh, {.reverse = p.reverse, .cells = true});
            return op::gru(in[0], h0, in[1], in[2], b_ih, b_hh, {.reverse = p.reverse});
        };
        return p.first ? call(in[states], in[lstm ? states + 1 : states]) : call(tensor<T>(), tensor<T>());
    };
    return p.bias ? with_states(in[3], in[4]) : with_states(absent(in[0]), absent(in[0]));
}

std::vector<tensor<double>> inputs(bool lstm, const parts& p, std::size_t B, std::size_t L, std::size_t C,
                                   std::size_t H) {
    const std::size_t N = (lstm ? 4 : 3) * H;
    std::vector<tensor<double>> in{normal({B, L, C}, 1), normal({N, C}, 2), normal({N, H}, 3)};
    if (p.bias) in.insert(in.end(), {normal({N}, 4), normal({N}, 5)});
    if (p.first) in.push_back(normal({B, H}, 6));
    if (p.first && lstm) in.push_back(normal({B, H}, 7));
    for (std::size_t i = 1; i < in.size(); ++i)
        for (double& v : in[i]) v *= 0.5;
    return in;
}

const std::vector<parts> grid{{true, true, false},  {true, true, true},  {true, false, false},  {true, false, true},
                              {false, true, false}, {false, true, true}, {false, false, false}, {false, false, true}};

} // namespace

TEST_CASE("recurrent: as PyTorch, gradients are exact and all worlds agree, with and without bias and first states") {
    for (const bool lstm : {false, true})
        for (const parts& p : grid) {
            const auto f = [lstm, p](const auto& in) { return run(in, lstm, p); };
            std::vector<std::string> names{"x", "weight_ih_l0", "weight_hh_l0"};
            if (p.bias) names.insert(names.end(), {"bias_ih_l0", "bias_hh_l0"});
            if (p.first) names.push_back("h0");
            if (p.first && lstm) names.push_back("c0");
            const std::string name = std::string(lstm ? "lstm" : "gru") + "/bias" + (p.bias ? "1" : "0") + "_first" +
                                     (p.first ? "1" : "0") + "_reverse" + (p.reverse ? "1" : "0");
            check_reference(name, names, f, "recurrent.safetensors");
            check_op(name, inputs(lstm, p, 2, 3, 2, 3), f);
            check_op(name + " of one step", inputs(lstm, p, 1, 1, 1, 1), f);
        }
}

TEST_CASE("recurrent: chunks of rows and wide states have exact gradients") {
    for (const bool lstm : {false, true}) {
        const parts p{true, true, false};
        check_op("wide", inputs(lstm, p, 9, 2, 1, 2), [&](const auto& in) { return run(in, lstm, p); });
        check_op("lanes", inputs(lstm, p, 1, 2, 1, 9), [&](const auto& in) { return run(in, lstm, p); });
    }
}

TEST_CASE("recurrent: an lstm without its last cells has the same states") {
    const auto in = inputs(true, {true, true, false}, 2, 4, 3, 5);
    const auto with = run(in, true, {true, true, false});
    const auto without = op::lstm(in[0], in[5], in[6], in[1], in[2], in[3], in[4]);
    CHECK(identical(without, op::slice(with, 1, 0, 4)));
    check_op("lstm", in, [](const auto& v) { return op::lstm(v[0], v[5], v[6], v[1], v[2], v[3], v[4]); });
}

TEST_CASE("recurrent: a sequence in parts gives the same bits as at once") {
    const auto whole = inputs(false, {true, true, false}, 3, 37, 3, 20);
    const auto check = [](const auto& in) {
        const auto y = op::gru(in[0], in[5], in[1], in[2], in[3], in[4]);
        auto h = in[5];
        for (std::size_t at = 0, n = 1; at < 37; at += n, n = std::min<std::size_t>(n * 3, 37 - at)) {
            const auto part = op::gru(op::slice(in[0], 1, at, at + n), h, in[1], in[2], in[3], in[4]);
            CHECK(identical(part, op::slice(y, 1, at, at + n)));
            h = op::flatten(op::slice(part, 1, n - 1, n));
        }
    };
    check(whole);
    check(::detail::cast_all<float>(whole));
}

TEST_CASE("recurrent: a step of gru agrees with gru_cell") {
    generator g(1);
    const nn::gru_cell<double> cell(3, 5, g);
    const auto x = normal({4, 3}, 1), h = normal({4, 5}, 2);
    const auto y = op::gru(op::reshape(x, {4, 1, 3}), h, cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh);
    CHECK(difference(op::flatten(y), cell(x, h), 1e-14) == "");
}

TEST_CASE("recurrent: cost and errors") {
    graph g;
    const auto x = symbol::input(g, "x", {2, 7, 3}), w = symbol::input(g, "w", {15, 3}),
               v = symbol::input(g, "v", {15, 5});
    const parameter<float> none;
    static_cast<void>(op::gru(x, tensor<float>(), w, v, none, none));
    CHECK(g.macs() == 2 * 7 * 15 * (3 + 5));
    const tensor<float> values(shape{2, 7, 3}), wide(shape{15, 3}), square(shape{15, 5});
    CHECK_RAISES(shape_error, "op::gru: shape of a first state is (1, 5)",
                 op::gru(values, tensor<float>(shape{1, 5}), wide, square, none, none));
    CHECK_RAISES(shape_error, "op::lstm: shape of weight_hh is (15, 5), expected (4 H, H)",
                 op::lstm(values, tensor<float>(), tensor<float>(), wide, square, none, none));
}

TEST_CASE("recurrent: a warm step allocates nothing from the heap") {
    for (const bool lstm : {false, true}) {
        const parts p{true, true, false};
        const auto in = ::detail::cast_all<float>(inputs(lstm, p, 20, 6, 3, 20));
        tape<float> t(1);
        std::vector<parameter<float>> weights(in.size());
        for (std::size_t i = 1; i < in.size(); ++i) weights[i].value = in[i];
        std::size_t heap = 1;
        for (int i = 0; i < 3; ++i) {
            const std::size_t before = allocations();
            t.reset();
            const auto h0 = t.input(in[5]);
            const auto x = t.input(in[0]);
            const auto y = lstm ? op::lstm(x, h0, t.input(in[6]), weights[1], weights[2], weights[3], weights[4])
                                : op::gru(x, h0, weights[1], weights[2], weights[3], weights[4]);
            t.backward(y, y.value());
            heap = allocations() - before;
        }
        CHECK(heap == 0);
    }
}
