// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/hopfield_mask.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.hpp"
#include "smldist/nn/hopfield.hpp"

using namespace smldist;

namespace {

constexpr std::size_t B = 2, Q = 3, M = 5, D = 4;
constexpr double never = -std::numeric_limits<double>::infinity();

using options = nn::hopfield_options;

template <class T> auto association(const options& o) {
    generator g(1);
    return nn::hopfield_association<T>(D, D, D, g, o);
}
std::vector<tensor<double>> inputs() { return {normal({B, Q, D}, 1), normal({B, M, D}, 2), normal({B, M, D}, 3)}; }
/// Hides a third of the patterns, never the second one.
tensor<double> hiding(const shape& s) {
    tensor<double> mask = normal(s, 9);
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (i % s.back() != 1 && i % 3 == 0) mask[i] = never;
    return mask;
}

} // namespace

TEST_CASE("hopfield_mask: the forms of a mask") {
    options o;
    o.heads = 2;
    o.retrieval = {.updates = 1, .eps = 0};
    auto layer = association<double>(o);
    layer_check::randomise(layer, 1);
    const auto in = inputs();
    const auto run = [&](const nn::hopfield_masks<tensor<double>>& m) { return layer(in[0], in[1], in[2], m); };
    const auto repeated = [](const tensor<double>& mask, const shape& as) {
        return op::add(mask, tensor<double>(as));
    };
    const auto whole = [&](const tensor<double>& four) { // (B, heads, Q, M) by broadcasting
        return op::reshape(repeated(four, {B, 2, Q, M}), {B * 2, Q, M});
    };
    CHECK(identical(run({}), layer(in[0], in[1], in[2])));
    const auto flat = hiding({Q, M});
    CHECK(identical(run({.association = flat}), run({.association = whole(flat)})));
    for (const shape& s :
         {shape{B, 1, Q, M}, shape{1, 2, Q, M}, shape{1, 1, Q, M}, shape{B, 2, Q, M}, shape{1, 2, 1, M}}) {
        CAPTURE(s.text());
        const auto mask = hiding(s);
        CHECK(identical(run({.association = mask}), run({.association = whole(mask)})));
    }
    const auto padding = hiding({B, M});
    CHECK(identical(run({.padding = padding}), run({.association = whole(op::reshape(padding, {B, 1, 1, M}))})));
    for (const shape& s : {shape{M}, shape{1, M}})
        CHECK(identical(run({.padding = op::reshape(hiding({M}), s)}),
                        run({.padding = repeated(op::reshape(hiding({M}), s), {B, M})})));
    // Both at once add up.
    CHECK(difference(run({.padding = padding, .association = flat}),
                     run({.association = op::add(whole(flat), whole(op::reshape(padding, {B, 1, 1, M})))}),
                     1e-14) == "");
    // From flags.
    tensor<std::uint8_t> flags(shape{B, M});
    flags(0, 1) = flags(1, 4) = flags(1, 0) = 1;
    const auto made = nn::hidden_as<double>(flags);
    for (std::size_t i = 0; i < flags.size(); ++i) CHECK(made[i] == (flags[i] ? never : 0));
    const auto a = layer.recall(in[0], in[1], in[2], {.padding = made}).associations;
    for (std::size_t i = 0; i < a.size(); ++i) CHECK((a[i] == 0) == (flags(i / (2 * Q * M), i % M) == 1));

    const auto refused = [&](const shape& s) { return run({.association = tensor<double>(s)}); };
    CHECK_RAISES(shape_error, "shape of the association mask is (3, 3, 5)", refused({3, Q, M}));
    CHECK_RAISES(shape_error, "shape of the association mask is (2, 3, 3, 5)", refused({B, 3, Q, M}));
    CHECK_RAISES(shape_error, "shape of the association mask is (5)", refused({M}));
    CHECK_RAISES(shape_error, "op::masked_hopfield: shape of the mask is (3, 4)", refused({Q, M - 1}));
    o.retrieval.updates = 0;
    const auto direct = association<double>(o);
    CHECK_RAISES(shape_error, "nn::hopfield: shape of the mask is (2, 5)",
                 direct(in[0], in[1], in[2], {.association = tensor<double>(shape{2, M})}));
    CHECK_RAISES(shape_error, "nn::hopfield: shape of the mask is (3, 1, 5)",
                 direct(in[0], in[1], in[2], {.padding = tensor<double>(shape{3, M})}));
    o.zero_association = true;
    const auto longer = association<double>(o);
    CHECK_RAISES(shape_error, "nn::hopfield: shape of the mask is (3, 7) for scores (2, 3, 6)",
                 longer(in[0], in[1], in[2], {.association = tensor<double>(shape{Q, M + 1})}));
}

TEST_CASE("hopfield_mask: a state without patterns retrieves zero, with finite gradients") {
    for (const std::size_t updates : {0u, 2u}) {
        options o;
        o.retrieval = {.updates = updates, .eps = 0};
        o.project_out = false;
        auto layer = association<double>(o);
        layer_check::randomise(layer, 1);
        const auto in = inputs();
        tensor<double> padding(shape{B, M});
        for (std::size_t m = 0; m < M; ++m) padding(1, m) = never;
        tape<double> t;
        std::vector<var<double>> v;
        for (const auto& x : in) v.push_back(t.variable(x));
        const auto r = layer.recall(v[0], v[1], v[2], {.padding = padding});
        for (std::size_t i = 0; i < Q * D; ++i) CHECK(r.result.value()[Q * D + i] == 0);
        for (std::size_t i = 0; i < Q * M; ++i) CHECK(r.associations.value()[Q * M + i] == 0);
        t.backward(r.result, normal(r.result.shape(), 5));
        for (const auto& x : v)
            for (std::size_t i = 0; i < x.value().size(); ++i) {
                CHECK(std::isfinite((*t.gradient(x))[i]));
                if (i >= x.value().size() / 2) CHECK((*t.gradient(x))[i] == 0);
            }
        for_each_parameter(layer, [&](auto& p) {
            const auto* g = t.gradient(p);
            if (g)
                for (const double d : *g) CHECK(std::isfinite(d));
        });
    }
}

TEST_CASE("hopfield_mask: a mask can be learned") {
    options o;
    o.heads = 2;
    o.zero_association = true;
    o.retrieval = {.updates = 1, .eps = 0};
    auto layer = association<double>(o);
    layer_check::randomise(layer, 1);
    auto in = inputs();
    in.push_back(normal({1, 2, Q, M}, 7));
    in.push_back(normal({B, M}, 8));
    const auto gradient = testing::gradcheck(in, [&](const auto& x) {
        using X = std::decay_t<decltype(x[0])>;
        return layer(x[0], x[1], x[2], nn::hopfield_masks<X>{x[4], x[3]});
    });
    CHECK_MESSAGE(gradient.ok, gradient.message);
}
