// SPDX-License-Identifier: BSD-3-Clause
/// What the tests of the distillation baselines share.
#ifndef SMLDIST_TESTS_LOSS_BASELINE_CHECK_HPP
#define SMLDIST_TESTS_LOSS_BASELINE_CHECK_HPP

#include <limits>

#include "../check.hpp"
#include "smldist/core/outputs.hpp"

/// Array `name` of the file that tests/reference/make_baseline.py writes.
inline smldist::tensor<double> baseline_array(const std::string& name) {
    return reference("baseline.safetensors", name);
}

/// Which output of a network the arrays of a test are.
enum class part { logits, feature, stages };

template <class X> smldist::outputs<X> outputs_of(part p, const std::vector<X>& arrays) {
    smldist::outputs<X> out;
    if (p == part::logits) out.logits = arrays[0];
    if (p == part::feature) out.feature = arrays[0];
    if (p == part::stages)
        for (const X& a : arrays) out.stages.push_back(a);
    return out;
}
/// The shapes alone, for prepare().
inline smldist::outputs<smldist::shape> shapes_of(part p, const std::vector<smldist::shape>& shapes) {
    return outputs_of(p, shapes);
}

/// The method's term as a function of the student's arrays, against a fixed teacher. For methods without parameters.
template <class M>
auto against(const M& method, part p, const std::vector<smldist::tensor<double>>& teacher,
             const std::vector<int>& labels = {}) {
    return [=](const auto& in) {
        using X = typename std::decay_t<decltype(in)>::value_type;
        using T = smldist::op::scalar_of_t<X>;
        return method(outputs_of<X>(p, in), outputs_of(p, detail::cast_all<T>(teacher)), labels);
    };
}

/// The term of one student in double.
template <class M>
double term_of(const M& method, part p, const std::vector<smldist::tensor<double>>& student,
               const std::vector<smldist::tensor<double>>& teacher, const std::vector<int>& labels = {}) {
    return against(method, p, teacher, labels)(student).item();
}

/// The term and its largest derivative by the student's arrays.
struct term_and_slope {
    double value = 0, slope = 0;
};
template <class M>
term_and_slope differentiate(const M& method, part p, const std::vector<smldist::tensor<double>>& student,
                             const std::vector<smldist::tensor<double>>& teacher,
                             const std::vector<int>& labels = {}) {
    smldist::tape<double> t;
    std::vector<smldist::var<double>> in;
    for (const auto& x : student) in.push_back(t.variable(x));
    const auto y = against(method, p, teacher, labels)(in);
    t.backward(y);
    term_and_slope result{y.value().item(), 0};
    for (const auto v : in)
        for (const double g : *t.gradient(v)) result.slope = std::max(result.slope, std::abs(g));
    return result;
}

/// Holds f against PyTorch's value and gradients.
inline void check_baseline(const std::string& prefix, const std::vector<std::string>& inputs, const any_world& f) {
    detail::check_reference<double>(prefix, inputs, f, "baseline.safetensors", 1e-10);
    detail::check_reference<float>(prefix, inputs, f, "baseline.safetensors", 1e-3);
}

/// x r with the rotation r of the last axis: the orthonormal factor of a random matrix (Gram-Schmidt).
inline smldist::tensor<double> rotated(const smldist::tensor<double>& x, std::uint64_t seed = 5) {
    const std::size_t D = x.shape().back();
    smldist::tensor<double> r = normal({D, D}, seed), y(x.shape());
    for (std::size_t i = 0; i < D; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            double along = 0;
            for (std::size_t c = 0; c < D; ++c) along += r(i, c) * r(j, c);
            for (std::size_t c = 0; c < D; ++c) r(i, c) -= along * r(j, c);
        }
        double length = 0;
        for (std::size_t c = 0; c < D; ++c) length += r(i, c) * r(i, c);
        for (std::size_t c = 0; c < D; ++c) r(i, c) /= std::sqrt(length);
    }
    for (std::size_t b = 0; b < x.shape().rows(); ++b)
        for (std::size_t o = 0; o < D; ++o)
            for (std::size_t c = 0; c < D; ++c) y[b * D + o] += x[b * D + c] * r(c, o);
    return y;
}
/// a x + b
inline smldist::tensor<double> affine(smldist::tensor<double> x, double a, double b = 0) {
    for (double& v : x) v = a * v + b;
    return x;
}

/// The channels repeated k times, with changing sign.
inline smldist::tensor<double> repeated(const smldist::tensor<double>& x, std::size_t k) {
    const std::size_t R = x.shape().rows(), C = x.shape().back();
    smldist::tensor<double> y(smldist::shape{x.shape()[0], x.shape()[1], k * C});
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t c = 0; c < k * C; ++c) y[r * k * C + c] = (c % 2 ? -1 : 1) * x[r * C + c % C];
    return y;
}

/// Every one of `bad` in a member of the options raises a usage_error that names it.
template <class O>
void check_option(O options, double& (*member)(O&), const std::string& name, std::initializer_list<double> bad) {
    for (const double value : bad) {
        CAPTURE(value);
        O o = options;
        member(o) = value;
        CHECK_RAISES(smldist::usage_error, name + " is", o.check());
    }
}
/// The weights of every method.
template <class O> void check_weights() {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    CHECK_NOTHROW(O{}.check());
    check_option<O>({}, [](O& o) -> double& { return o.weight.hard; }, "weight of the labels", {-1, nan, inf});
    check_option<O>({}, [](O& o) -> double& { return o.weight.term; }, "weight of the term", {-1, nan, inf});
    check_option<O>({}, [](O& o) -> double& { return o.weight.warm_up; }, "warm_up", {-0.1, 1.1, nan});
}
inline const auto not_a_number = std::numeric_limits<double>::quiet_NaN();
inline const auto infinite = std::numeric_limits<double>::infinity();

#endif
