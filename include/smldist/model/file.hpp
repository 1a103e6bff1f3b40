// SPDX-License-Identifier: BSD-3-Clause
/// Writing any network to a model file, and reading its weights back into one that is built already.
///
///     model::save("cnn.safetensors", net, facts, window);           // weights, graph and self-test
///     const auto facts = model::load_into(other, "cnn.safetensors"); // `other` is built as `net` was
///     const auto m = deploy::load("cnn.safetensors");                // a program of it, without its class
///
/// A network is a value with `visit` whose call (x, mode) returns `outputs`. model/load.hpp does the same for model::network,
/// whose architecture is in the file, so that load builds it.
#ifndef SMLDIST_MODEL_FILE_HPP
#define SMLDIST_MODEL_FILE_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/fwd.hpp"
#include "smldist/graph/json.hpp"
#include "smldist/graph/trace.hpp"
#include "smldist/io/bundle.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
template <class M> struct is_network : std::false_type {};
template <class T, std::size_t Axes> struct is_network<basic_network<T, Axes>> : std::true_type {};
} // namespace detail

/// A network that this file saves: any except a model::network, which model/load.hpp saves.
template <class M>
concept own_network = module_like<M> && !detail::is_network<M>::value;

/// Logits of one window (1, L, C) in raw units.
template <class T, class Network>
[[nodiscard]] tensor<T> raw_logits(const Network& net, const smldist::normaliser& normal, tensor<float> window) {
    normal.apply(window.data(), window.shape().rows());
    return net(cast<T>(window), mode::eval).logits;
}

namespace detail {

template <class V> constexpr io::dtype dtype_of() {
    if constexpr (std::is_same_v<V, double>)
        return io::dtype::f64;
    else if constexpr (std::is_same_v<V, float>)
        return io::dtype::f32;
    else {
        static_assert(std::is_same_v<V, std::int32_t>, "a model file holds float, double and int32 tensors");
        return io::dtype::i32;
    }
}
template <class V> io::tensor_view view_of(std::string name, const tensor<V>& t) {
    return {std::move(name), dtype_of<V>(), t.shape(), std::as_bytes(std::span(t.data(), t.size()))};
}
/// The paths of the largest modules, and of the parameters, that are frozen: each names all that is below it.
template <class M> SMLDIST_COLD io::json::array frozen_modules(const M& model) {
    std::vector<std::pair<std::string, bool>> all;
    walk(model, [&](const std::string& path, const auto& leaf) {
        if constexpr (requires { leaf.frozen; }) all.emplace_back(path, leaf.frozen);
    });
    const auto has = [&](std::string_view module, bool frozen) {
        return std::any_of(all.begin(), all.end(), [&](const auto& p) {
            return p.second == frozen && p.first.starts_with(module) &&
                   (p.first.size() == module.size() || p.first[module.size()] == '.');
        });
    };
    io::json::array names;
    std::string_view last;
    for (const auto& [path, frozen] : all)
        for (std::size_t end = 0; frozen && end < path.size(); ++end) {
            end = std::min(path.find('.', end), path.size());
            const auto module = std::string_view(path).substr(0, end);
            if (has(module, false)) continue;
            if (module != last) names.emplace_back(std::string(module));
            last = module;
            break;
        }
    return names;
}
/// The names of an architecture's frozen modules, which must outlive the list, and which of them were met.
class frozen_list {
public:
    frozen_list(const io::json& architecture, budget& room) {
        const io::json* names = architecture.find("frozen");
        if (!names) return;
        constexpr std::size_t of_a_name = sizeof(std::string_view) + 8 * sizeof(void*); // and its node
        room.take(names->as_array().size() * of_a_name, "its frozen modules");
        for (const auto& name : names->as_array()) met_.emplace(name.as_string(), false);
    }
    /// Whether the parameter of that path, or a module around it, is in the list.
    bool has(std::string_view path) {
        for (;; path = path.substr(0, path.rfind('.'))) {
            if (const auto found = met_.find(path); found != met_.end()) return found->second = true;
            if (path.find('.') == path.npos) return false;
        }
    }
    /// Throws data_error unless all were met.
    void check() const {
        for (const auto& [name, met] : met_)
            if (!met) raise<data_error>("model file", "frozen module ", io::quote(name), " is not known");
    }

private:
    std::map<std::string_view, bool> met_;
};

/// Names the constants of a graph and appends their elements, which stay in the graph, to the tensors of its file.
SMLDIST_COLD inline void add_constants(graph& g, std::vector<io::tensor_view>& tensors) {
    std::size_t next = 0;
    for (auto& n : g.nodes)
        std::visit(
            [&](const auto& values) {
                if constexpr (requires { values.size(); }) {
                    if (n.what != graph::kind::constant || values.empty()) return;
                    using V = std::remove_cvref_t<decltype(values[0])>;
                    n.tensor = std::string(io::constant_prefix) + std::to_string(next++);
                    tensors.push_back({n.tensor, dtype_of<V>(), n.shape, std::as_bytes(std::span(values))});
                }
            },
            n.values);
}
/// How many nodes of a file's graph are constants with a tensor.
SMLDIST_COLD inline std::size_t count_constants(const io::json& graph) {
    std::size_t n = 0;
    for (const auto& node : graph.as_array("nodes"))
        if (const io::json* name = node.find("tensor"))
            n += name->as_string().starts_with(io::constant_prefix) ? 1u : 0u;
    return n;
}

/// The bytes of a model file that holds this architecture. Nothing is checked that load would refuse.
template <class T, class Network>
SMLDIST_COLD io::byte_vector unchecked_bytes(const Network& net, io::model_facts facts, const io::json& architecture,
                                             const tensor<float>& window) {
    const std::size_t C = facts.channels.size();
    if (!(window.shape() == shape{1, facts.window, C}))
        raise<shape_error>("model::to_bytes", "shape of the self-test window is ", window.shape().text(),
                           ", expected (1, ", facts.window, ", ", C, ")");
    facts.normaliser.require_channels(C);
    io::check_preprocess(facts);
    facts.architecture = architecture;
    if (auto frozen = frozen_modules(net); !frozen.empty()) facts.architecture.set("frozen", std::move(frozen));
    graph traced = smldist::trace(net, {1, facts.window, C});
    std::vector<io::tensor_view> tensors;
    walk(net, [&](const std::string& path, const auto& leaf) { tensors.push_back(view_of(path, leaf.value)); });
    add_constants(traced, tensors);
    facts.graph = smldist::to_json(traced);
    const tensor<T> logits = raw_logits<T>(net, facts.normaliser, window);
    if (!(logits.shape() == shape{1, facts.labels.size()}))
        raise<usage_error>("model::to_bytes", "number of labels is ", facts.labels.size(),
                           ", expected one per logit of the self-test, whose shape is ", logits.shape().text());
    tensors.push_back(view_of(std::string(io::selftest_input), window));
    tensors.push_back(view_of(std::string(io::selftest_output), logits));
    return io::write_bundle(facts, tensors);
}

/// Logits of the self-test's window, within what `room` allows: the work is known from the trace, and memory is refused
/// when an op asks for more. Throws data_error.
template <class T, class Network>
SMLDIST_COLD tensor<T> selftest_logits(const Network& net, const io::model_facts& facts, tensor<float> window,
                                       budget& room) {
    const serial_scope serial; // so that all scratch is of this thread
    memory::limit most(room.left() - std::min(room.left(), memory::huge_page)); // small blocks may end on such a page
    try {
        const graph g = smldist::trace(net, {1, facts.window, facts.channels.size()});
        std::uint64_t elements = 0;
        for (const auto& n : g.nodes)
            if (n.what == graph::kind::op) elements += n.shape.size();
        room.spend(g.macs(), "its self-test");
        room.spend(8 * elements, "its self-test");
        return raw_logits<T>(net, facts.normaliser, std::move(window));
    } catch (const data_error&) {
        throw;
    } catch (const error& e) { // a class without patterns, a window too short for the strides
        throw data_error(std::string("model file: self-test failed: ") + e.what());
    } catch (const std::bad_alloc&) {
        if (!most.refused()) throw;
        raise<data_error>("model file", "memory with the values of its self-test is more than ", room.used(), " + ",
                          room.left(), " bytes, expected at most that");
    }
}

/// Reads weights and frozen modules into a network, and runs the self-test. After an error the network may hold some of the
/// file's values.
template <class T, class Network> SMLDIST_COLD io::model_facts fill(Network& net, io::bundle b) {
    std::size_t used = 0;
    frozen_list frozen(b.facts.architecture, b.room);
    walk(net, [&](const std::string& path, auto& leaf) {
        const io::tensor_view& t = b.file.at(path);
        if (!(t.extents == leaf.shape()))
            raise<data_error>("model file", "shape of ", path, " is ", t.extents.text(), ", expected ",
                              leaf.shape().text());
        io::copy_to(t, leaf.value.data(), leaf.value.size());
        if constexpr (requires { leaf.frozen; }) frozen.has(path) ? freeze(leaf) : unfreeze(leaf);
        ++used;
    });
    frozen.check();
    used += count_constants(b.facts.graph);
    if (b.file.tensors().size() != used + 2)
        raise<data_error>("model file", "number of tensors is ", b.file.tensors().size(), ", expected ", used + 2,
                          ": the weights, the constants of the graph and the self-test");
    const auto& in = b.file.at(io::selftest_input);
    const auto& want = b.file.at(io::selftest_output);
    b.room.take(2 * in.extents.size() * sizeof(float) + want.extents.size() * sizeof(T), "its self-test");
    auto window = tensor<float>::uninitialized(in.extents);
    auto expected = tensor<T>::uninitialized(want.extents);
    io::copy_to(in, window.data(), window.size());
    io::copy_to(want, expected.data(), expected.size());
    b.room.give_back(b.file.memory());
    b.file = {};
    const tensor<T> got = selftest_logits<T>(net, b.facts, window, b.room);
    if (!(got.shape() == expected.shape()))
        raise<data_error>("model file", "shape of the network's logits is ", got.shape().text(), ", expected ",
                          expected.shape().text(), ", that of the self-test");
    T largest = 1;
    for (const T v : expected) largest = std::max(largest, std::abs(v));
    std::vector<tensor<T>> nudged; // the logits of nudged windows, once they are needed
    for (std::size_t n = 0; n < got.size(); ++n) {
        const double distance = std::abs(double(got[n]) - double(expected[n]));
        if (distance <= io::selftest_tolerance * double(largest)) continue;
        double moved = 0;
        for (std::uint32_t round = 0; round < io::selftest_nudges; ++round) {
            if (nudged.size() == round) {
                tensor<float> x = window;
                io::nudge({x.data(), x.size()}, round);
                nudged.push_back(selftest_logits<T>(net, b.facts, std::move(x), b.room));
            }
            moved = std::max(moved, std::abs(double(nudged[round][n]) - double(got[n])));
        }
        if (!(distance <= io::amplified * moved))
            raise<data_error>("model file", "self-test gives logit ", n, " as ", got[n], ", expected ", expected[n]);
    }
    return std::move(b.facts);
}

/// f() with the path before the message of a data_error.
template <class F> auto naming_file(const std::string& path, F&& f) {
    try {
        return f();
    } catch (const data_error& e) { throw data_error(path + ": " + e.what()); }
}

} // namespace detail

/// The bytes of a model file of a network, whose numbers are of type T. `facts` comes without a graph, which is
/// filled here; its `architecture` may say what rebuilds the network, any object, or be empty: {"type": "own"}. `window`
/// (1, L, C) in raw units becomes the self-test. The bytes are read back, so that this function refuses
/// whatever load_into would; that takes as much memory and time as a load.
/// Throws     shape_error or usage_error when the facts do not fit the network, data_error as load_into: a weight or a logit
///            of the self-test that is not finite, a window, hop or rate of 0, reversed bounds.
template <class T = float, own_network Network>
io::byte_vector to_bytes(const Network& net, const io::model_facts& facts, const tensor<float>& window) {
    io::json architecture;
    if (facts.architecture.is_null())
        architecture.set("type", "own");
    else
        for (const auto& [name, value] : facts.architecture.as_object())
            if (name != "frozen") architecture.set(name, value); // which says what is frozen now
    io::byte_vector bytes = detail::unchecked_bytes<T>(net, facts, architecture, window);
    Network copy = net;
    detail::fill<T>(copy, io::read_bundle(io::byte_vector(bytes), io::load_options::unbounded()));
    return bytes;
}

/// Writes a model file: complete or not at all; an existing file is intact after an error.
/// Throws     io_error, and as to_bytes.
template <class T = float, own_network Network>
void save(const std::string& path, const Network& net, const io::model_facts& facts, const tensor<float>& window) {
    io::write_file_atomically(path, to_bytes<T>(net, facts, window));
}

/// Reads the weights of a model file into a network that is built as the saved one was, and re-runs the file's self-test.
/// The network is as before after an error.
///
/// Any bytes give the weights or a typed error, within the memory and work of io::load_options; in double, both may be twice
/// as much.
/// Returns    what the file says of its model.
/// Throws     data_error naming what is wrong: container, facts, a tensor that is missing, left over or of another shape,
///            logits of the self-test that differ by more than io::selftest_tolerance says, more memory or work than the
///            options allow.
template <class T = float, own_network Network> io::model_facts load_into(Network& net, io::bundle b) {
    if constexpr (sizeof(T) > sizeof(float)) b.room.widen(sizeof(T) / sizeof(float));
    Network loaded = net;
    io::model_facts facts = detail::fill<T>(loaded, std::move(b));
    net = std::move(loaded);
    return facts;
}

/// The same from a file on disk. Throws io_error when it cannot be read; data_error names the path.
template <class T = float, own_network Network>
io::model_facts load_into(Network& net, const std::string& path, io::load_options limits = {}) {
    io::byte_vector bytes = io::read_file(path);
    return detail::naming_file(path, [&] { return load_into<T>(net, io::read_bundle(std::move(bytes), limits)); });
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model

#endif
