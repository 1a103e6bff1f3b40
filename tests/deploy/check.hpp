// SPDX-License-Identifier: BSD-3-Clause
/// What the tests of programs share: networks with weights that are not those of the start, and the comparison.
#ifndef SMLDIST_TESTS_DEPLOY_CHECK_HPP
#define SMLDIST_TESTS_DEPLOY_CHECK_HPP

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/random.hpp"
#include "smldist/deploy/compile.hpp"

/// Changes every parameter and the statistics of every batch-norm, so that nothing is 0 or 1 by accident.
template <class M> void disturb(M& model, std::uint64_t seed) {
    smldist::generator g(seed);
    smldist::walk(model, [&g](const std::string& path, auto& leaf) {
        if (path.ends_with("labels")) return;
        for (auto& v : leaf.value) {
            using T = std::remove_reference_t<decltype(v)>;
            if (path.ends_with("running_var"))
                v = static_cast<T>(0.5 + g.uniform());
            else if (path.ends_with("norm.weight"))
                v = static_cast<T>(0.7 + 0.6 * g.uniform());
            else if (path.ends_with("running_mean") || path.ends_with("bias") || path.ends_with("log_mass"))
                v = static_cast<T>(0.2 * g.normal());
            else if (path.ends_with("log_beta") || path.ends_with("log_scale"))
                v += static_cast<T>(0.1);
        }
    });
}

inline smldist::tensor<float> noise(const smldist::shape& s, std::uint64_t seed) {
    smldist::tensor<float> x(s);
    smldist::generator g(seed);
    for (float& v : x) v = static_cast<float>(g.normal());
    return x;
}

/// Largest difference, relative to the largest value expected, which counts as at least 1.
inline double difference(const std::vector<float>& got, const smldist::tensor<float>& want) {
    REQUIRE(got.size() == want.size());
    double worst = 0, largest = 1;
    for (std::size_t i = 0; i < want.size(); ++i) {
        largest = std::max(largest, std::abs(double(want[i])));
        const double d = std::abs(double(got[i]) - double(want[i]));
        worst = std::isfinite(d) ? std::max(worst, d) : HUGE_VAL;
    }
    return worst / largest;
}

/// All outputs of a program for a batch, in the order of net.outputs().
inline std::vector<std::vector<float>> run_all(const smldist::runtime::program& net,
                                               const smldist::tensor<float>& x) {
    const std::size_t windows = x.shape()[0];
    std::vector<std::vector<float>> out;
    std::vector<float*> to;
    for (const auto& o : net.outputs()) out.emplace_back(o.size * windows, NAN);
    for (auto& o : out) to.push_back(o.data());
    smldist::runtime::workspace w(net);
    net.run(x.data(), to, windows, w);
    return out;
}

/// A network made of one function f(x, w), whose result is the logits.
template <class F> struct probe {
    F f;
    std::vector<smldist::parameter<float>> w;

    probe(F function, const std::vector<smldist::shape>& shapes) : f(function), w(shapes.size()) {
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            w[i].value = smldist::tensor<float>(shapes[i]);
            smldist::generator g(10 + i);
            for (float& v : w[i].value) v = static_cast<float>(0.3 + 0.5 * g.normal());
        }
    }
    template <class X> smldist::outputs<X> operator()(const X& x, smldist::mode) const {
        smldist::outputs<X> out;
        out.logits = f(x, w);
        return out;
    }
    static void visit(auto& self, auto&& member) { member("w", self.w); }
};

/// Checks f(x, w) as a program against f on tensors, for 11 windows (L, C) in slices of 8, and of one; gives the program.
template <class F>
smldist::runtime::program check_op(F f, std::size_t L, std::size_t C, const std::vector<smldist::shape>& weights = {},
                                   float offset = 0) {
    const probe<F> net(f, weights);
    auto x = noise({11, L, C}, 4);
    for (float& v : x) v += offset;
    const auto want = net(x, smldist::mode::eval).logits;
    const auto p = smldist::deploy::compile(net, {.batch = 8, .length = L, .channels = C});
    CHECK(difference(run_all(p, x)[0], want) < 1e-5);
    const auto one = smldist::deploy::compile(net, {.length = L, .channels = C});
    CHECK(run_all(one, x) == run_all(p, x));
    return p;
}

/// Checks every output of a program against the network's, by name.
inline void same_outputs(const smldist::runtime::program& net, const smldist::tensor<float>& x,
                         const smldist::outputs<smldist::tensor<float>>& want) {
    const auto got = run_all(net, x);
    for (std::size_t i = 0; i < got.size(); ++i) {
        const std::string& name = net.outputs()[i].name;
        INFO(name);
        const smldist::tensor<float>* t = nullptr;
        if (name == "logits") t = &want.logits;
        if (name == "feature") t = &want.feature;
        if (name == "memory.scores") t = &want.memory.scores;
        if (name == "memory.retrieved") t = &want.memory.retrieved;
        if (name.starts_with("stages.")) t = &want.stages[std::stoul(name.substr(7))];
        REQUIRE(t != nullptr);
        CHECK(difference(got[i], *t) < 1e-5);
    }
}

#endif
