// SPDX-License-Identifier: BSD-3-Clause
/// What every layer must pass at every case: check_layer for the layer's own sake, check_layer_references against PyTorch.
#ifndef SMLDIST_TESTS_NN_CHECK_HPP
#define SMLDIST_TESTS_NN_CHECK_HPP

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../op/check.hpp"
#include "smldist/io/json.hpp"

namespace layer_check {

using namespace smldist;

/// Leaf of a model whose elements are T: not the labels of a memory.
template <class T, class Leaf>
inline constexpr bool holds = std::is_same_v<typename std::remove_cvref_t<decltype(Leaf::value)>::value_type, T>;

/// Generic values for parameters and buffers: a layer as made has biases of 0, which would hide much.
inline void randomise(auto& model, std::uint64_t seed) {
    generator random(seed, 5);
    walk(model, [&random](const std::string& path, auto& leaf) {
        if constexpr (holds<double, std::remove_cvref_t<decltype(leaf)>>)
            for (double& v : leaf.value) {
                const double x = random.normal();
                v = path.ends_with("running_var") ? 0.5 + x * x : path.ends_with("log_beta") ? 0.3 * x : 0.7 * x;
            }
    });
}

/// Calls f(path, leaf of a, leaf of b) for two models of one structure.
template <class A, class B, class F> void walk_both(A& a, B& b, F f) {
    std::vector<std::pair<std::string, void*>> leaves;
    walk(b, [&leaves](const std::string& path, auto& leaf) { leaves.emplace_back(path, &leaf); });
    std::size_t next = 0;
    walk(a, [&](const std::string& path, auto& leaf) {
        REQUIRE(next < leaves.size());
        REQUIRE(leaves[next].first == path);
        f(path, leaf, leaves[next++].second);
    });
    REQUIRE(next == leaves.size());
}

/// The values of `from`, a layer in double, for the same layer in float.
template <class Single, class Double> void copy_values(Single& to, Double& from) {
    walk_both(to, from, [](const std::string&, auto& leaf, void* other) {
        using Leaf = std::remove_cvref_t<decltype(leaf)>;
        if constexpr (std::is_same_v<Leaf, parameter<float>>)
            leaf.value = cast<float>(static_cast<parameter<double>*>(other)->value);
        else if constexpr (std::is_same_v<Leaf, buffer<float>>)
            leaf.value = cast<float>(static_cast<buffer<double>*>(other)->value);
    });
}

/// Fills a layer from <prefix>p.<path>; every array there must find its place.
template <class T, class M> void read_values(M& model, const std::string& file, const std::string& prefix) {
    std::size_t read = 0, stored = 0;
    walk(model, [&](const std::string& path, auto& leaf) {
        if constexpr (holds<T, std::remove_cvref_t<decltype(leaf)>>) {
            const tensor<double> value = reference(file, prefix + "p." + path);
            REQUIRE(value.shape() == leaf.shape());
            leaf.value = cast<T>(value);
            ++read;
        }
    });
    for (const auto& t : reference_file(file).tensors()) stored += std::size_t(t.name.starts_with(prefix + "p."));
    CHECK(read == stored);
}

template <class T, class Make, class Call>
void check_reference(const std::string& file, const std::string& prefix, const io::json& options, const Make& make,
                     const Call& call, double tolerance) {
    const auto array = [&](const std::string& name) { return reference(file, prefix + name); };
    auto layer = make(T(0), options);
    read_values<T>(layer, file, prefix);
    tape<T> t;
    std::vector<var<T>> in;
    for (std::size_t i = 0; reference_file(file).find(prefix + std::to_string(i)); ++i)
        in.push_back(t.variable(cast<T>(array(std::to_string(i)))));
    const var<T> y = call(std::as_const(layer), std::as_const(in), options);
    CHECK(difference(y.value(), array("y"), tolerance) == "");
    t.backward(y, cast<T>(array("dy")));
    for (std::size_t i = 0; i < in.size(); ++i) {
        CAPTURE(i);
        const auto* gradient = t.gradient(in[i]);
        CHECK(difference(gradient ? *gradient : tensor<T>(in[i].shape()), array("d" + std::to_string(i)),
                         tolerance) == "");
    }
    walk(layer, [&](const std::string& path, auto& leaf) {
        CAPTURE(path);
        using Leaf = std::remove_cvref_t<decltype(leaf)>;
        if constexpr (std::is_same_v<Leaf, parameter<T>>) {
            const auto* gradient = t.gradient(leaf);
            if (leaf.trainable) {
                REQUIRE(gradient);
                CHECK(difference(*gradient, array("d." + path), tolerance) == "");
            }
        } else if constexpr (std::is_same_v<Leaf, buffer<T>>) {
            t.write_notes(leaf);
            if (reference_file(file).find(prefix + "r." + path))
                CHECK(difference(leaf.value, array("r." + path), tolerance) == "");
        }
    });
}

} // namespace layer_check

/// Holds a layer against every case of `name` in a file: outputs, the gradient by every input and by every parameter, and
/// what the running statistics become, in double to 1e-10 and in float to 1e-4.
/// `make` takes a zero of the scalar type and the case's options, `call` the layer, a list of inputs and the options.
template <class Make, class Call>
void check_layer_references(const std::string& name, const Make& make, const Call& call,
                            const std::string& file = "nn.safetensors") {
    const auto cases = smldist::io::json::parse(reference_file(file).metadata().at("cases"));
    std::size_t n = 0;
    for (const auto& options : cases.as_array()) {
        if (options.as_string("layer") != name) continue;
        const std::string prefix = name + "/" + std::to_string(n++) + "/";
        CAPTURE(prefix);
        layer_check::check_reference<double>(file, prefix, options, make, call, 1e-10);
        layer_check::check_reference<float>(file, prefix, options, make, call, 1e-4);
    }
    CHECK(n > 0);
}

/// Checks a layer at `inputs` as check_op does, and the gradient by every parameter against differences.
/// `make` takes a zero of the scalar type, `call` the layer and a list of inputs.
template <class Make, class Call>
void check_layer(const std::string& name, const std::vector<smldist::tensor<double>>& inputs, const Make& make,
                 const Call& call, std::uint64_t seed = 1) {
    CAPTURE(name);
    auto fine = make(double(0));
    auto single = make(float(0));
    layer_check::randomise(fine, seed);
    layer_check::copy_values(single, fine);
    // In float the same numbers, so that both compute the same function.
    layer_check::walk_both(fine, single, [](const std::string&, auto& leaf, void*) {
        if constexpr (layer_check::holds<double, std::remove_cvref_t<decltype(leaf)>>)
            leaf.value = smldist::cast<double>(smldist::cast<float>(leaf.value));
    });
    check_op(name, inputs, [&](const auto& in) {
        using T = smldist::op::scalar_of_t<decltype(in[0])>;
        if constexpr (std::is_same_v<T, double>)
            return call(std::as_const(fine), in);
        else
            return call(std::as_const(single), in);
    });
    const auto gradient = smldist::testing::gradcheck_model(fine, [&](const auto& layer, auto& t) {
        std::vector<smldist::var<double>> in;
        for (const auto& x : inputs) in.push_back(t.input(x));
        return call(layer, std::as_const(in));
    });
    CHECK_MESSAGE(gradient.ok, gradient.message);
}

#endif
