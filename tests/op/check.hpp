// SPDX-License-Identifier: BSD-3-Clause
/// What every op must pass at every case, whatever it computes.
#ifndef SMLDIST_TESTS_OP_CHECK_HPP
#define SMLDIST_TESTS_OP_CHECK_HPP

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "../raises.hpp"
#include "../reference.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/testing/gradcheck.hpp"

/// Normal random numbers; every seed another draw.
inline smldist::tensor<double> normal(const smldist::shape& s, std::uint64_t seed = 0) {
    smldist::generator random(7, seed);
    auto x = smldist::tensor<double>::uninitialized(s);
    for (double& v : x) v = random.normal();
    return x;
}

/// A parameter without elements, for layers without bias. It has an address, as ops ask of parameters.
template <class X> const auto& absent(const X&) {
    static const smldist::parameter<smldist::op::scalar_of_t<X>> none;
    return none;
}

/// Empty when `got` has the shape of `wanted` and |got − wanted| ≤ tolerance (1 + |wanted|) everywhere, else the first fault.
template <class T>
std::string difference(const smldist::tensor<T>& got, const smldist::tensor<double>& wanted, double tolerance) {
    if (!(got.shape() == wanted.shape())) return "shape is " + got.shape().text() + ", not " + wanted.shape().text();
    for (std::size_t i = 0; i < got.size(); ++i)
        if (!(std::abs(double(got[i]) - wanted[i]) <= tolerance * (1 + std::abs(wanted[i]))))
            return "element " + std::to_string(i) + " of shape " + got.shape().text() + " is " +
                   std::to_string(got[i]) + ", not " + std::to_string(wanted[i]);
    return "";
}

/// A generic function of a list of inputs, in every world. Erased, so that the checks below are compiled once a file.
class any_world {
public:
    template <class X> using function = std::function<X(const std::vector<X>&)>;

    template <class F>
    any_world(F f) : tensor_float_(f), tensor_double_(f), var_float_(f), var_double_(f), symbol_(f) {} // implicit

    const auto& of(const smldist::tensor<float>&) const { return tensor_float_; }
    const auto& of(const smldist::tensor<double>&) const { return tensor_double_; }
    const auto& of(const smldist::var<float>&) const { return var_float_; }
    const auto& of(const smldist::var<double>&) const { return var_double_; }
    const auto& of(const smldist::symbol&) const { return symbol_; }

    template <class X> X operator()(const std::vector<X>& in) const { return of(in.at(0))(in); }

private:
    function<smldist::tensor<float>> tensor_float_;
    function<smldist::tensor<double>> tensor_double_;
    function<smldist::var<float>> var_float_;
    function<smldist::var<double>> var_double_;
    function<smldist::symbol> symbol_;
};

namespace detail {
template <class T, class U> std::vector<smldist::tensor<T>> cast_all(const std::vector<smldist::tensor<U>>& inputs) {
    std::vector<smldist::tensor<T>> out;
    for (const auto& x : inputs) out.push_back(smldist::cast<T>(x));
    return out;
}

/// Gradients of <weights, f> by every input; zeros where none arrives.
template <class T>
std::vector<smldist::tensor<T>> gradients(const std::vector<smldist::tensor<T>>& inputs, const any_world& f) {
    smldist::tape<T> t(3);
    std::vector<smldist::var<T>> in;
    for (const auto& x : inputs) in.push_back(t.variable(x));
    const smldist::var<T> y = f(in);
    t.backward(y, smldist::cast<T>(normal(y.shape(), 99)));
    std::vector<smldist::tensor<T>> out;
    for (const auto v : in) out.push_back(t.gradient(v) ? *t.gradient(v) : smldist::tensor<T>(v.shape()));
    return out;
}

template <class T>
void check_reference(const std::string& prefix, const std::vector<std::string>& inputs, const any_world& f,
                     const std::string& file, double tolerance) {
    CAPTURE(prefix);
    const auto array = [&](const std::string& name) { return reference(file, prefix + "/" + name); };
    smldist::tape<T> t;
    std::vector<smldist::var<T>> in;
    for (const auto& name : inputs) in.push_back(t.variable(smldist::cast<T>(array(name))));
    const smldist::var<T> y = f(in);
    CHECK(difference(y.value(), array("y"), tolerance) == "");
    t.backward(y, smldist::cast<T>(array("dy")));
    for (std::size_t i = 0; i < in.size(); ++i) {
        CAPTURE(inputs[i]);
        const smldist::tensor<T>* gradient = t.gradient(in[i]);
        REQUIRE(gradient);
        CHECK(difference(*gradient, array("d" + inputs[i]), tolerance) == "");
    }
}
} // namespace detail

/// Checks f at `inputs`: the gradient by every input in double against differences, and in float against double; that
/// tensors and vars agree bit for bit in both; that a trace has the same shape.
inline void check_op(const std::string& name, const std::vector<smldist::tensor<double>>& inputs,
                     const any_world& f) {
    CAPTURE(name);
    const auto gradient = smldist::testing::gradcheck(inputs, f);
    CHECK_MESSAGE(gradient.ok, gradient.message);
    const auto in_double = smldist::testing::same_in_both_worlds(inputs, f);
    CHECK_MESSAGE(in_double.ok, in_double.message);

    const auto single = detail::cast_all<float>(inputs);
    const auto in_float = smldist::testing::same_in_both_worlds(single, f);
    CHECK_MESSAGE(in_float.ok, in_float.message);
    const auto fine = detail::gradients(detail::cast_all<double>(single), f);
    const auto coarse = detail::gradients(single, f);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        CAPTURE(i);
        CHECK(difference(coarse[i], fine[i], 1e-4) == "");
    }

    smldist::graph g;
    std::vector<smldist::symbol> traced;
    for (const auto& x : inputs) traced.push_back(smldist::symbol::input(g, "input", x.shape()));
    CHECK(f(traced).shape() == f(inputs).shape());
}

/// Compares with PyTorch: the arrays <prefix>/<input> go through f, the result is held against <prefix>/y, and the
/// gradients for <prefix>/dy against <prefix>/d<input>, in double to 1e-6 (the file is float32) and in float to 1e-4.
inline void check_reference(const std::string& prefix, const std::vector<std::string>& inputs, const any_world& f,
                            const std::string& file = "op.safetensors") {
    detail::check_reference<double>(prefix, inputs, f, file, 1e-6);
    detail::check_reference<float>(prefix, inputs, f, file, 1e-4);
}

#endif
