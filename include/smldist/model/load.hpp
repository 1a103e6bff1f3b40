// SPDX-License-Identifier: BSD-3-Clause
/// Saving a network as a model file, and rebuilding it from one.
#ifndef SMLDIST_MODEL_LOAD_HPP
#define SMLDIST_MODEL_LOAD_HPP

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
#include "smldist/graph/json.hpp"
#include "smldist/graph/trace.hpp"
#include "smldist/io/bundle.hpp"
#include "smldist/model/network.hpp"

namespace smldist::inline SMLDIST_ABI::model {

/// The configuration as the `architecture` of a model file.
inline io::json to_json(const network_config& c) {
    io::json::array rows;
    for (const row& r : c.backbone.rows) rows.emplace_back(text(r));
    io::json m;
    m.set("patterns_per_class", c.memory.patterns_per_class);
    m.set("width", c.memory.width);
    m.set("updates", c.memory.updates);
    m.set("beta", c.memory.beta);
    m.set("kappa", c.memory.kappa);
    io::json j;
    j.set("type", "mobilenet_v3_1d");
    j.set("preset", c.preset);
    j.set("channels", c.backbone.channels);
    j.set("stem", c.backbone.stem);
    j.set("rows", std::move(rows));
    j.set("tail", c.backbone.tail);
    j.set("causal", c.backbone.causal);
    j.set("bn_eps", c.backbone.norm.eps);
    j.set("bn_momentum", c.backbone.norm.momentum);
    j.set("classes", c.classes);
    j.set("head", text(c.head));
    if (c.head == head_kind::search) {
        io::json::array candidates;
        for (const head_kind kind : c.candidates) candidates.emplace_back(text(kind));
        j.set("candidates", std::move(candidates));
        j.set("temperature", c.temperature);
    }
    if (c.head == head_kind::search || c.head == head_kind::mlp) j.set("hidden", c.hidden);
    if (c.memory.dropout > 0) m.set("dropout", c.memory.dropout);
    if (c.memory.heads != 1) m.set("heads", c.memory.heads);
    j.set("memory", std::move(m));
    j.set("dropout", c.dropout);
    if (c.projected > 0) j.set("projected", c.projected);
    if (!(c.backbone.form == backbone_form{})) {
        io::json form;
        backbone_form::visit(c.backbone.form, [&form](std::string_view name, const auto& value) {
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, bool>)
                form.set(name, value);
            else
                form.set(name, nn::text(value));
        });
        j.set("form", std::move(form));
    }
    if (c.head == head_kind::blended)
        j.set("evaluation", nn::blended_output_names[static_cast<std::size_t>(c.evaluation)]);
    return j;
}

namespace detail {
/// The form that the member "compat" of older files names.
inline backbone_form form_of_compat(std::string_view word) {
    if (word == "smldist") return {};
    if (word != "ref2021") raise<usage_error>("compat", "name is ", io::quote(word), ", expected smldist or ref2021");
    return {.gate_before_activation = true,
            .se_bias = false,
            .always_expand = true,
            .stem_from_channels = true,
            .ceil_widths = true,
            .round_squeeze = false,
            .pooled_activation = nn::activation::hard_swish};
}
} // namespace detail

/// The inverse of to_json. Throws data_error for a missing or wrong member, an unknown type or a value out of range.
inline network_config config_from_json(const io::json& j) {
    const auto need = [](bool ok, std::string_view what) {
        if (!ok) raise<data_error>("model file", what, " of the architecture is out of range");
    };
    constexpr std::size_t widest = 65536, longest = 256;
    const auto word = [&](const io::json& from) -> const std::string& {
        need(from.as_string().size() <= longest, "the length of a name");
        return from.as_string();
    };
    network_config c;
    need(j.as_string("type") == "mobilenet_v3_1d", "type");
    c.preset = word(j.at("preset"));
    c.backbone.channels = j.as_size("channels");
    c.backbone.stem = j.as_size("stem");
    c.backbone.tail = j.as_size("tail");
    c.backbone.causal = j.as_bool("causal");
    c.backbone.norm = {j.as_double("bn_eps"), j.as_double("bn_momentum")};
    c.classes = j.as_size("classes");
    c.dropout = j.as_double("dropout");
    if (j.find("projected")) c.projected = j.as_size("projected");
    const io::json& m = j.at("memory");
    c.memory = {.patterns_per_class = m.as_size("patterns_per_class"),
                .width = m.as_size("width"),
                .updates = m.as_size("updates"),
                .beta = m.as_double("beta"),
                .kappa = m.as_double("kappa")};
    if (m.find("dropout")) c.memory.dropout = m.as_double("dropout");
    if (m.find("heads")) c.memory.heads = m.as_size("heads");
    if (j.find("hidden")) c.hidden = j.as_size("hidden");
    if (j.find("temperature")) c.temperature = j.as_double("temperature");
    need(c.memory.dropout >= 0 && c.memory.dropout < 1, "memory.dropout");
    need(c.memory.heads >= 1 && c.memory.width % c.memory.heads == 0, "memory.heads");
    need(c.temperature > 0 && std::isfinite(c.temperature), "temperature");
    for (const std::size_t n : {c.backbone.channels, c.backbone.stem, c.backbone.tail, c.classes, c.hidden,
                                c.memory.width, c.memory.patterns_per_class})
        need(n >= 1 && n <= widest, "a width");
    need(c.classes >= 2, "classes");
    need(c.projected <= widest, "projected");
    need(c.memory.updates <= 64, "memory.updates");
    need(c.memory.beta >= nn::memory<float>::min_beta && c.memory.beta <= nn::memory<float>::max_beta, "memory.beta");
    need(c.memory.kappa >= 0 && c.memory.kappa <= 1, "memory.kappa");
    need(c.dropout >= 0 && c.dropout < 1, "dropout");
    need(c.backbone.norm.eps > 0 && c.backbone.norm.eps < 1, "bn_eps");
    need(c.backbone.norm.momentum >= 0 && c.backbone.norm.momentum <= 1, "bn_momentum");
    const auto& rows = j.as_array("rows");
    need(!rows.empty() && rows.size() <= 256, "number of rows");
    try {
        if (j.find("compat")) c.backbone.form = detail::form_of_compat(word(j.at("compat")));
        if (const io::json* form = j.find("form"))
            backbone_form::visit(c.backbone.form, [&](std::string_view name, auto& value) {
                if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, bool>)
                    value = form->as_bool(name);
                else
                    value = nn::parse_activation(word(form->at(name)));
            });
        const std::string& head = word(j.at("head"));
        c.head = head == "ref2021" ? head_kind::blended : parse_head(head); // its name in older files
        if (c.head == head_kind::blended) {
            const auto& names = nn::blended_output_names;
            const auto found = std::find(names.begin(), names.end(), j.as_string("evaluation"));
            need(found != names.end(), "evaluation");
            c.evaluation = static_cast<nn::blended_output>(found - names.begin());
        }
        if (c.head == head_kind::search) {
            c.candidates.clear();
            for (const auto& name : j.as_array("candidates")) {
                need(c.candidates.size() < head_names.size(), "number of candidates");
                c.candidates.push_back(parse_head(word(name)));
            }
        }
        std::size_t anchors = 0;
        for (const auto& r : rows) {
            c.backbone.rows.push_back(parse_row(word(r)));
            anchors += c.backbone.rows.back().anchor;
        }
        need(anchors <= stage_list<int>::capacity, "number of anchors");
    } catch (const usage_error& e) { throw data_error(std::string("model file: ") + e.what()); }
    return c;
}

/// Calls f(n) for the tensors, parameters and buffers, of a network of this configuration: n elements each, known before
/// anything is allocated. In double, for no product of untrusted widths overflows it.
template <class F> void for_each_size(const network_config& c, F&& f) {
    const auto conv_norm = [&f](double in, double out, double k) {
        f(in * out * k);
        for (int i = 0; i < 4; ++i) f(out);
    };
    const auto linear = [&f](double in, double out) { f(in * out), f(out); };
    const backbone_config& b = c.backbone;
    conv_norm(double(b.channels), double(b.stem_width()), 3);
    double in = double(b.stem_width());
    for (const row& r : b.rows) {
        const double e = double(b.expanded_width(r)), o = double(b.out_width(r));
        if (e != in || b.form.always_expand) conv_norm(in, e, 1);
        conv_norm(1, e, double(r.kernel_size));
        conv_norm(e, o, 1);
        if (const double q = r.se ? double(b.squeezed_width(r)) : 0; q > 0) {
            if (b.form.se_bias)
                linear(e, q), linear(q, e);
            else
                f(e * q), f(e * q);
        }
        in = o;
    }
    conv_norm(in, double(b.tail), 1);
    const double D = double(c.feature_width()), N = double(c.classes), h = double(c.memory.width);
    const double M = N * double(c.memory.patterns_per_class), r = double(c.hidden);
    if (c.projected > 0) {
        const double narrow = std::max(1.0, std::floor(D / 2));
        conv_norm(double(b.tail), narrow, 1);
        conv_norm(narrow, narrow, 1);
        conv_norm(narrow, D, 1);
    }
    for (const head_kind kind : c.heads()) {
        if (kind == head_kind::linear) linear(D, N);
        if (kind == head_kind::memory) linear(D, h), f(M * h), f(1), f(M);
        if (kind == head_kind::prototype) f(N * D), f(1);
        if (kind == head_kind::mlp) linear(D, r), linear(r, N);
        if (kind == head_kind::blended) {
            for (int i = 0; i < 6; ++i) f(D);
            linear(D, D), linear(D, N), linear(D, N), f(2);
        }
        if (kind == head_kind::lookup) {
            f(M * D), f(1), linear(D, N);
            for (int i = 0; i < 3; ++i) f(D), f(D), linear(D, D);
        }
    }
    if (c.head == head_kind::search) f(double(c.candidates.size()));
}

/// Elements that a network of this configuration holds.
inline double element_count(const network_config& c) {
    double n = 0;
    for_each_size(c, [&n](double size) { n += size; });
    return n;
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
template <class M> io::json::array frozen_modules(const M& model) {
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
} // namespace detail

/// The graph of a network for windows of so many samples.
template <class T> graph trace(const network<T>& net, std::size_t length, std::size_t batch = 1) {
    return smldist::trace(net, {batch, length, net.config.backbone.channels});
}

/// Logits of one window (1, L, C) in raw units.
template <class T>
tensor<T> raw_logits(const network<T>& net, const smldist::normaliser& normal, tensor<float> window) {
    normal.apply(window.data(), window.shape().rows());
    return net(cast<T>(window), mode::eval).logits;
}

/// A network with what its file says of it.
template <class T> struct loaded {
    network<T> net;
    io::model_facts facts;
};
template <class T> loaded<T> load(io::bundle b);

/// The bytes of a model file. `facts` comes without architecture and graph, which are filled here; `window` (1, L, C) in raw
/// units becomes the self-test. The bytes are read back, so that whatever load refuses is found out here; that takes as much
/// memory and time as a load.
/// Throws     shape_error or usage_error when the facts do not fit the network, data_error as load: a weight or a logit of
///            the self-test that is not finite, a window, hop or rate of 0, reversed bounds, options out of range.
template <class T>
io::byte_vector to_bytes(const network<T>& net, io::model_facts facts, const tensor<float>& window) {
    const std::size_t C = net.config.backbone.channels;
    if (!(window.shape() == shape{1, facts.window, C}))
        raise<shape_error>("model::to_bytes", "shape of the self-test window is ", window.shape().text(),
                           ", expected (1, ", facts.window, ", ", C, ")");
    if (facts.labels.size() != net.config.classes || facts.channels.size() != C)
        raise<usage_error>("model::to_bytes", "numbers of labels and channel names are ", facts.labels.size(),
                           " and ", facts.channels.size(), ", expected ", net.config.classes, " and ", C);
    facts.normaliser.require_channels(C);
    io::detail::check_preprocess(facts);
    facts.architecture = to_json(net.config);
    if (auto frozen = detail::frozen_modules(net); !frozen.empty())
        facts.architecture.set("frozen", std::move(frozen));
    facts.graph = smldist::to_json(trace(net, facts.window));
    const tensor<T> logits = raw_logits(net, facts.normaliser, window);
    std::vector<io::tensor_view> tensors;
    walk(net,
         [&](const std::string& path, const auto& leaf) { tensors.push_back(detail::view_of(path, leaf.value)); });
    tensors.push_back(detail::view_of(std::string(io::selftest_input), window));
    tensors.push_back(detail::view_of(std::string(io::selftest_output), logits));
    io::byte_vector bytes = io::write_bundle(facts, tensors);
    load<T>(io::read_bundle(io::byte_vector(bytes), io::load_options::unbounded()));
    return bytes;
}

/// Writes a model file: complete or not at all; a file that is there already is intact after an error.
/// Throws     io_error, and as to_bytes.
template <class T>
void save(const std::string& path, const network<T>& net, const io::model_facts& facts, const tensor<float>& window) {
    io::write_file_atomically(path, to_bytes(net, facts, window));
}

namespace detail {

/// Memory of a network of this configuration, whose elements are known to be few enough.
template <class T> std::size_t weight_bytes(const network_config& c) {
    std::size_t bytes = 0;
    for_each_size(c, [&](double n) { bytes += memory::footprint(static_cast<std::size_t>(n) * sizeof(T)); });
    return bytes;
}

/// Logits of the self-test's window, within what `room` allows: the work is known from the trace, and memory is refused
/// when an op asks for more. Throws data_error.
template <class T>
tensor<T> selftest_logits(const network<T>& net, const io::model_facts& facts, tensor<float> window, budget& room) {
    const serial_scope serial; // so that all scratch is of this thread
    memory::limit most(room.left() - std::min(room.left(), memory::huge_page)); // small blocks may end on such a page
    try {
        const graph g = trace(net, facts.window);
        std::uint64_t elements = 0;
        for (const auto& n : g.nodes)
            if (n.what == graph::kind::op) elements += n.shape.size();
        room.spend(g.macs(), "its self-test");
        room.spend(8 * elements, "its self-test");
        return raw_logits(net, facts.normaliser, std::move(window));
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

} // namespace detail

/// Rebuilds a network from a model file and re-runs its self-test.
///
/// Any bytes give a model or a typed error, within the memory and work of io::load_options; in double, both may be twice as
/// much.
/// Throws     data_error naming what is wrong: container, facts, a tensor that is missing, left over or of another shape,
///            labels out of range, logits of the self-test that differ by more than io::selftest_tolerance says, more
///            memory or work than the options allow.
template <class T> loaded<T> load(io::bundle b) {
    loaded<T> out;
    const network_config c = config_from_json(b.facts.architecture);
    if (b.facts.labels.size() != c.classes || b.facts.channels.size() != c.backbone.channels)
        raise<data_error>("model file", "numbers of labels and channels are ", b.facts.labels.size(), " and ",
                          b.facts.channels.size(), ", expected ", c.classes, " and ", c.backbone.channels);
    double elements = 0;
    for (const auto& t : b.file.tensors()) elements += double(t.extents.size());
    if (element_count(c) > elements)
        raise<data_error>("model file", "architecture needs ", element_count(c), " numbers, the file has ", elements);
    if constexpr (sizeof(T) > sizeof(float)) b.room.widen(sizeof(T) / sizeof(float));
    b.room.take(detail::weight_bytes<T>(c), "its weights");
    out.net = network<T>(c, generator(0));
    if (out.net.memory && b.file.find("memory.log_mass")) // of a memory whose patterns stand for several
        out.net.memory->log_mass.value = tensor<T>(out.net.memory->labels.shape());
    std::size_t used = 0;
    detail::frozen_list frozen(b.facts.architecture, b.room);
    walk(out.net, [&](const std::string& path, auto& leaf) {
        const io::tensor_view& t = b.file.at(path);
        if (!(t.extents == leaf.shape()))
            raise<data_error>("model file", "shape of ", path, " is ", t.extents.text(), ", expected ",
                              leaf.shape().text());
        io::copy_to(t, leaf.value.data(), leaf.value.size());
        if constexpr (requires { leaf.frozen; })
            if (frozen.has(path)) freeze(leaf);
        ++used;
    });
    frozen.check();
    if (out.net.memory)
        for (const std::int32_t label : out.net.memory->labels.value)
            if (label < 0 || static_cast<std::size_t>(label) >= c.classes)
                raise<data_error>("model file", "label of a pattern is ", label, ", expected 0 to ", c.classes - 1);
    if (b.file.tensors().size() != used + 2)
        raise<data_error>("model file", "number of tensors is ", b.file.tensors().size(), ", expected ", used + 2,
                          ": the weights and the self-test");
    const auto& in = b.file.at(io::selftest_input);
    const auto& want = b.file.at(io::selftest_output);
    b.room.take(2 * in.extents.size() * sizeof(float) + want.extents.size() * sizeof(T), "its self-test");
    auto window = tensor<float>::uninitialized(in.extents);
    auto expected = tensor<T>::uninitialized(want.extents);
    io::copy_to(in, window.data(), window.size());
    io::copy_to(want, expected.data(), expected.size());
    b.room.give_back(b.file.memory());
    b.file = {};
    const tensor<T> got = detail::selftest_logits(out.net, b.facts, window, b.room);
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
                nudged.push_back(detail::selftest_logits(out.net, b.facts, std::move(x), b.room));
            }
            moved = std::max(moved, std::abs(double(nudged[round][n]) - double(got[n])));
        }
        if (!(distance <= io::amplified * moved))
            raise<data_error>("model file", "self-test gives logit ", n, " as ", got[n], ", expected ", expected[n]);
    }
    out.facts = std::move(b.facts);
    return out;
}

/// The same from a file on disk. Throws io_error when it cannot be read; data_error names the path.
template <class T> loaded<T> load(const std::string& path, io::load_options limits = {}) {
    io::byte_vector bytes = io::read_file(path);
    try {
        return load<T>(io::read_bundle(std::move(bytes), limits));
    } catch (const data_error& e) { throw data_error(path + ": " + e.what()); }
}

} // namespace smldist::inline SMLDIST_ABI::model

#endif
