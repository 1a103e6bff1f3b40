// SPDX-License-Identifier: BSD-3-Clause
/// Gradient checks against central differences, for the ops of the library and of users.
///
///     const auto r = testing::gradcheck({x, w}, [](const auto& in) { return op::mul(in[0], in[1]); });
///     if (!r) std::puts(r.message.c_str());
///
/// Check in double, with inputs of order 1, and keep 2·eps away from kinks (relu at 0, ties of a maximum).
#ifndef SMLDIST_TESTING_GRADCHECK_HPP
#define SMLDIST_TESTING_GRADCHECK_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/core/random.hpp"

namespace smldist::testing {
SMLDIST_NAMESPACE_BEGIN

struct gradcheck_options {
    double eps = 1e-4;  ///< step h of the differences
    double atol = 1e-7; ///< a gradient may be off by atol + rtol |wanted|
    double rtol = 1e-6;
    std::uint64_t seed = 1; ///< for the weights, the tape (dropout) and the sampled elements
    std::size_t sample = 0; ///< elements checked of each tensor, drawn at random; 0: all
};

/// What a check found. Converts to true when it passed.
struct check_result {
    bool ok = true;
    double worst = 0;    ///< largest error in units of its tolerance; at most 1 when ok
    std::string message; ///< names the first failure: tensor, element, got, wanted; empty when ok

    explicit operator bool() const { return ok; }
};

namespace detail {

inline void compare(check_result& r, std::string_view what, const shape& s, std::size_t element, double got,
                    double wanted, const gradcheck_options& o) {
    const double error = std::abs(got - wanted) / (o.atol + o.rtol * std::abs(wanted));
    if (!(error <= r.worst)) r.worst = error; // a NaN counts as the worst
    if (error <= 1) return;
    if (r.ok) {
        char numbers[96];
        std::snprintf(numbers, sizeof numbers, "got %.12g, wanted %.12g", got, wanted);
        r.message =
            std::string(what) + ", element " + std::to_string(element) + " of shape " + s.text() + ": " + numbers;
    }
    r.ok = false;
}

/// sum_i w_i y_i
inline double contract(const tensor<double>& y, const tensor<double>& w) {
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += w[i] * y[i];
    return sum;
}

/// d value / d x by the five-point stencil
///     (8 (f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h,   error h⁴ f⁽⁵⁾ / 30 and about 1e-16 |f| / h.
template <class F> double central_difference(double& x, double h, F&& value) {
    const double at = x;
    const auto f = [&](double steps) {
        x = at + steps * h;
        return value();
    };
    const double near = f(1) - f(-1), far = f(2) - f(-2);
    x = at;
    return (8 * near - far) / (12 * h);
}

/// Compares a tensor's gradient with central differences of `value`; a `gradient` without elements is zero.
template <class F>
void check_tensor(check_result& r, std::string_view what, tensor<double>& x, const tensor<double>& gradient,
                  F&& value, const gradcheck_options& o) {
    generator random(o.seed, 2);
    const bool all = o.sample == 0 || o.sample >= x.size();
    for (std::size_t k = 0; k < (all ? x.size() : o.sample); ++k) {
        const std::size_t i = all ? k : random.below(x.size());
        const double wanted = central_difference(x[i], o.eps, value);
        compare(r, what, x.shape(), i, gradient.empty() ? 0.0 : gradient[i], wanted, o);
    }
}

/// The gradient that `t` holds for `leaf`, as a copy; without elements when none arrived.
template <class L> tensor<double> gradient_of(const tape<double>& t, const L& leaf) {
    const tensor<double>* g = t.gradient(leaf);
    return g ? *g : tensor<double>();
}

/// After a second backward pass over the same tape every gradient must have doubled: a backward adds, never overwrites.
inline void check_doubled(check_result& r, std::string_view what, const tensor<double>& once,
                          const tensor<double>& twice) {
    for (std::size_t i = 0; i < once.size(); ++i)
        compare(r, std::string(what) + " after a second backward", once.shape(), i, twice[i], 2 * once[i],
                {.atol = 1e-12, .rtol = 1e-12});
}

inline tensor<double> random_weights(const shape& s, std::uint64_t seed) {
    generator random(seed, 1);
    auto w = tensor<double>::uninitialized(s);
    for (double& v : w) v = random.normal();
    return w;
}

} // namespace detail

/// Checks every gradient of f at `inputs`.
///
/// `f` takes a `const std::vector<var<double>>&`, one var for each input, and returns a var of any shape. The result is
/// contracted with fixed random weights; the gradient of that number with respect to every element of every input is
/// compared with central differences. A second backward pass must double every gradient. The tape (`in[0].owner`) is
/// reseeded before every call, so an op that draws random numbers draws the same each time.
///
/// Cost       4 calls of f for each element of the inputs.
/// Throws     what f throws.
template <class F>
check_result gradcheck(std::vector<tensor<double>> inputs, F&& f, const gradcheck_options& o = {}) {
    tape<double> t(o.seed);
    const auto call = [&](bool differentiate) {
        t.reset();
        t.random() = generator(o.seed);
        std::vector<var<double>> in;
        for (const auto& x : inputs) in.push_back(differentiate ? t.variable(x) : t.input(x));
        const var<double> y = f(std::as_const(in));
        return std::pair(std::move(in), y);
    };
    const auto [in, y] = call(true);
    const tensor<double> weights = detail::random_weights(y.shape(), o.seed);
    std::vector<tensor<double>> gradients;
    check_result r;
    t.backward(y, weights);
    for (const auto& v : in) gradients.push_back(detail::gradient_of(t, v));
    t.backward(y, weights);
    for (std::size_t i = 0; i < in.size(); ++i)
        detail::check_doubled(r, "input " + std::to_string(i), gradients[i], detail::gradient_of(t, in[i]));
    const auto value = [&] { return detail::contract(call(false).second.value(), weights); };
    for (std::size_t i = 0; i < inputs.size(); ++i)
        detail::check_tensor(r, "input " + std::to_string(i), inputs[i], gradients[i], value, o);
    return r;
}

/// Checks the gradient of f with respect to every trainable parameter of a model, named by its dotted path.
///
/// `f` takes `(const M& model, tape<double>& t)` and returns a var of any shape, for example
/// `[&](const auto& m, auto& t) { return m(t.input(x), mode::train); }`. The model is a copy; the caller's is untouched.
///
/// Cost       4 calls of f for each checked element; set `sample` for a large model.
template <class M, class F> check_result gradcheck_model(M model, F&& f, const gradcheck_options& o = {}) {
    tape<double> t(o.seed);
    const auto call = [&]() -> var<double> {
        t.reset();
        t.random() = generator(o.seed);
        return f(std::as_const(model), t);
    };
    const auto for_each_trainable = [&model](auto&& body) {
        walk(model, [&body](const std::string& path, auto& leaf) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(leaf)>, parameter<double>>)
                if (leaf.trainable) body(path, leaf);
        });
    };
    const var<double> y = call();
    const tensor<double> weights = detail::random_weights(y.shape(), o.seed);
    std::vector<tensor<double>> gradients;
    check_result r;
    t.backward(y, weights);
    for_each_trainable([&](const auto&, auto& p) { gradients.push_back(detail::gradient_of(t, std::as_const(p))); });
    t.backward(y, weights);
    std::size_t i = 0;
    for_each_trainable([&](const auto& path, auto& p) {
        detail::check_doubled(r, path, gradients[i++], detail::gradient_of(t, std::as_const(p)));
    });
    const auto value = [&] { return detail::contract(call().value(), weights); };
    i = 0;
    for_each_trainable(
        [&](const auto& path, auto& p) { detail::check_tensor(r, path, p.value, gradients[i++], value, o); });
    return r;
}

/// Checks that f computes the same bits on plain tensors, on recorded variables and on constants of a tape.
///
/// `f` is generic: it takes a `const std::vector<X>&` for X = tensor<T> and X = var<T> and returns an X.
template <class T, class F> check_result same_in_both_worlds(const std::vector<tensor<T>>& inputs, F&& f) {
    const tensor<T> computed = f(inputs);
    check_result r;
    for (const bool differentiate : {true, false}) {
        tape<T> t;
        std::vector<var<T>> in;
        for (const auto& x : inputs) in.push_back(differentiate ? t.variable(x) : t.input(x));
        const var<T> y = f(std::as_const(in));
        if (identical(computed, y.value())) continue;
        r.ok = false;
        r.message = std::string("on ") + (differentiate ? "variables" : "constants") + " of a tape, shape " +
                    y.shape().text() + ": differs from the result on tensors, shape " + computed.shape().text();
        if (y.shape() == computed.shape())
            for (std::size_t i = 0; i < computed.size(); ++i)
                r.worst = std::max(r.worst, std::abs(double(y.value()[i]) - double(computed[i])));
    }
    return r;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::testing

#endif
