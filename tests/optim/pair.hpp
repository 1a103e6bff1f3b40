// SPDX-License-Identifier: BSD-3-Clause
/// A model of two parameters, and the gradients that optim.safetensors holds for it.
#ifndef SMLDIST_TESTS_OPTIM_PAIR_HPP
#define SMLDIST_TESTS_OPTIM_PAIR_HPP

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "../reference.hpp"
#include "smldist/autograd/tape.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/io/json.hpp"
#include "smldist/op/arithmetic.hpp"

/// `weight` is decayed, `bias` is not.
template <class T> struct pair_model {
    smldist::parameter<T> weight, bias;

    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};

inline smldist::tensor<double> stored(const std::string& name) { return reference("optim.safetensors", name); }

/// Row i of a stored table, in the shape of its rows.
inline smldist::tensor<double> stored_row(const std::string& name, std::size_t i) {
    const auto table = stored(name);
    smldist::tensor<double> row(smldist::shape(table.shape().begin() + 1, table.shape().end()));
    std::copy_n(table.data() + i * row.size(), row.size(), row.data());
    return row;
}

inline pair_model<double> start_model() {
    pair_model<double> m;
    m.weight.value = stored("start.weight");
    m.bias.value = stored("start.bias");
    m.bias.decay = 0;
    return m;
}

/// Gives the tape the gradients `weight` and `bias` for the model's parameters.
template <class T>
void set_gradients(smldist::tape<T>& t, const pair_model<T>& m, const smldist::tensor<T>& weight,
                   const smldist::tensor<T>& bias) {
    t.reset();
    t.backward(t.leaf(m.weight), weight);
    t.backward(t.leaf(m.bias), bias);
}

/// Largest difference of two tensors; infinite when their shapes differ.
inline double distance(const smldist::tensor<double>& a, const smldist::tensor<double>& b) {
    if (!(a.shape() == b.shape())) return HUGE_VAL;
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
    return worst;
}

/// Ten steps with the stored gradients; after each the parameters are those of <name>/weight and <name>/bias.
template <class Optimiser> void check_steps(const std::string& name, Optimiser optimiser, pair_model<double> m) {
    CAPTURE(name);
    smldist::tape<double> t;
    for (std::size_t i = 0; i < 10; ++i) {
        CAPTURE(i);
        set_gradients(t, m, stored_row("gradient.weight", i), stored_row("gradient.bias", i));
        optimiser.step(m, t);
        CHECK(distance(m.weight.value, stored_row(name + "/weight", i)) < 1e-12);
        CHECK(distance(m.bias.value, stored_row(name + "/bias", i)) < 1e-12);
    }
}

/// Calls f(name, options) for every case of an optimiser.
template <class F> void each_case(const std::string& optimiser, F f) {
    const auto cases = smldist::io::json::parse(reference_file("optim.safetensors").metadata().at("cases"));
    std::size_t n = 0;
    for (const auto& o : cases.as_array())
        if (o.as_string("optimiser") == optimiser) f(optimiser + "/" + std::to_string(n++), o);
    CHECK(n > 1);
}

#endif
