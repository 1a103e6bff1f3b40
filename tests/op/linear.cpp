// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/linear.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("linear") {
    const auto with_bias = [](const auto& in) { return op::linear(in[0], in[1], in[2]); };
    const auto without = [](const auto& in) { return op::linear(in[0], in[1], absent(in[0])); };
    for (const std::size_t rank : {1u, 2u, 3u}) {
        check_reference("linear/rank" + std::to_string(rank) + "_bias1", {"x", "w", "b"}, with_bias);
        check_reference("linear/rank" + std::to_string(rank) + "_bias0", {"x", "w"}, without);
    }
    struct one_case {
        shape x;
        std::size_t out;
    };
    const std::vector<one_case> cases = {{{5}, 4}, {{3, 5}, 4}, {{2, 3, 5}, 4}, {{1, 1}, 1}, {{1}, 1}, {{7, 19}, 18}};
    for (const auto& [x, out] : cases) {
        const tensor<double> w = normal({out, x.back()}, 2);
        check_op("linear" + x.text(), {normal(x, 1), w}, without);
        check_op("linear with bias" + x.text(), {normal(x, 1), w, normal({out}, 3)}, with_bias);
    }
}

TEST_CASE("linear: a weight that serves twice collects both gradients") {
    check_op("w x and w y", {normal({2, 3}, 1), normal({3, 3}, 2)}, [](const auto& in) {
        return op::linear(op::linear(in[0], in[1], absent(in[0])), in[1], absent(in[0]));
    });
}

TEST_CASE("linear: cost and errors") {
    graph g;
    const auto x = symbol::input(g, "x", {2, 3, 5}), w = symbol::input(g, "w", {4, 5});
    const parameter<float> none;
    static_cast<void>(op::linear(x, w, none));
    CHECK(g.macs() == 2 * 3 * 4 * 5);

    const tensor<float> values(shape{3, 5});
    CHECK_RAISES(shape_error, "op::linear: shape of weight is (5)",
                 op::linear(values, tensor<float>(shape{5}), none));
    CHECK_RAISES(shape_error, "op::linear: shape of x is (3, 5), expected a last extent of 4",
                 op::linear(values, tensor<float>(shape{2, 4}), none));
    CHECK_RAISES(shape_error, "op::linear: shape of x is ()",
                 op::linear(tensor<float>(shape{}), tensor<float>(shape{2, 4}), none));
    CHECK_RAISES(shape_error, "op::linear: shape of bias is (5)",
                 op::linear(values, tensor<float>(shape{4, 5}), tensor<float>(shape{5})));
}

TEST_CASE("matmul") {
    struct extents {
        std::size_t B, M, N, K;
    };
    for (const bool ta : {false, true})
        for (const bool tb : {false, true})
            for (const std::size_t ra : {2u, 3u})
                for (const std::size_t rb : {2u, 3u}) {
                    const op::matmul_options o{ta, tb};
                    const auto [transpose_a, transpose_b] = o;
                    const auto f = [o](const auto& in) { return op::matmul(in[0], in[1], o); };
                    const std::string name = "matmul/" + std::to_string(ra) + (transpose_a ? "t_" : "n_") +
                                             std::to_string(rb) + (transpose_b ? "t" : "n");
                    check_reference(name, {"a", "b"}, f);
                    for (const auto& [B, M, N, K] :
                         {extents{2, 3, 4, 5}, extents{1, 1, 1, 1}, extents{3, 2, 17, 1}}) {
                        shape a, b;
                        if (ra == 3) a.push_back(B);
                        if (rb == 3) b.push_back(B);
                        a.push_back(ta ? K : M);
                        a.push_back(ta ? M : K);
                        b.push_back(tb ? N : K);
                        b.push_back(tb ? K : N);
                        check_op(name + a.text() + b.text(), {normal(a, 1), normal(b, 2)}, f);
                    }
                }
    check_op("x xᵀ", {normal({3, 4})},
             [](const auto& in) { return op::matmul(in[0], in[0], {.transpose_b = true}); });
}

TEST_CASE("matmul: any axes before the last two are a batch, with broadcasting") {
    struct operands {
        shape a, b;
    };
    const std::vector<operands> cases = {
        {{2, 3, 4, 5}, {2, 3, 5, 2}}, {{2, 3, 4, 5}, {5, 2}},    {{4, 5}, {2, 3, 5, 2}}, {{3, 4, 5}, {2, 3, 5, 2}},
        {{2, 1, 4, 5}, {1, 3, 5, 2}}, {{2, 1, 4, 5}, {3, 5, 2}}, {{1, 4, 5}, {3, 5, 2}}, {{3, 4, 5}, {1, 5, 2}}};
    const auto text = [](const shape& s) {
        std::string t;
        for (const std::size_t e : s) t += (t.empty() ? "" : "x") + std::to_string(e);
        return t;
    };
    const auto turned = [](const shape& s, bool transposed) {
        const std::size_t r = s.rank();
        return transposed ? s.with(r - 2, s[r - 1]).with(r - 1, s[r - 2]) : s;
    };
    for (const bool ta : {false, true})
        for (const bool tb : {false, true})
            for (const auto& [a, b] : cases) {
                const op::matmul_options o{ta, tb};
                const auto f = [o](const auto& in) { return op::matmul(in[0], in[1], o); };
                const std::string name =
                    "matmul/" + text(a) + "_" + text(b) + "_" + (ta ? "t" : "n") + (tb ? "t" : "n");
                check_reference(name, {"a", "b"}, f, "recurrent.safetensors");
                check_op(name, {normal(turned(a, ta), 1), normal(turned(b, tb), 2)}, f);
            }
    check_op("empty batch", {normal({2, 3}, 1), normal({1, 1, 3, 2}, 2)},
             [](const auto& in) { return op::matmul(in[0], in[1]); });
    CHECK(op::matmul(tensor<float>(shape{0, 3, 4, 5}), tensor<float>(shape{5, 2})).shape() == shape{0, 3, 4, 2});
}

TEST_CASE("matmul: cost and errors") {
    graph g;
    const auto a = symbol::input(g, "a", {2, 3, 5}), b = symbol::input(g, "b", {5, 4});
    static_cast<void>(op::matmul(a, b));
    CHECK(g.macs() == 2 * 3 * 4 * 5);

    const tensor<float> x(shape{3, 5}), batch(shape{2, 5, 4});
    CHECK_RAISES(shape_error, "op::matmul: shape is (5), expected rank 2 or more",
                 op::matmul(x, tensor<float>(shape{5})));
    CHECK_RAISES(shape_error, "op::matmul: inner extents are 5 and 3", op::matmul(x, x));
    CHECK_RAISES(shape_error, "op::matmul: shapes are (3) and (2)", op::matmul(tensor<float>(shape{3, 3, 5}), batch));
}
