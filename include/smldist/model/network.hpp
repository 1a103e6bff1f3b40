// SPDX-License-Identifier: BSD-3-Clause
/// A network: backbone, then a head. And the presets.
#ifndef SMLDIST_MODEL_NETWORK_HPP
#define SMLDIST_MODEL_NETWORK_HPP

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/model/heads.hpp"
#include "smldist/model/mobilenet_v3.hpp"
#include "smldist/nn/feature_projector.hpp"
#include "smldist/op/mixture.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

/// Everything that shapes a network; a model file holds it as `architecture`.
struct network_config {
    std::string preset; ///< the preset's name, or empty for other rows
    backbone_config backbone;
    std::size_t classes = 6;
    head_config head;                    ///< a linear one by default
    std::vector<head_config> candidates; ///< of a search, whose mixture takes the place of `head`; empty: no search
    double temperature = 1;              ///< τ of a search's mixture, annealed by search::head_search
    double dropout = 0.2;                ///< on the feature, in training
    std::size_t projected = 0;           ///< width of the feature after a projector; 0: no projector

    /// D, width of the feature that the head sees.
    std::size_t feature_width() const { return projected > 0 ? projected : backbone.tail; }
    /// The heads that the network holds: the candidates of a search, or the one.
    std::vector<head_config> heads() const { return candidates.empty() ? std::vector{head} : candidates; }
    /// The options of a head of type Head, such as memory_head; null if the network holds none.
    template <class Head> Head* options_of() { return find<Head>(*this); }
    template <class Head> const Head* options_of() const { return find<Head>(*this); }

    /// Throws usage_error for heads that no network can hold together, or with options out of range.
    SMLDIST_FUNCTION void check_heads() const;

private:
    template <class Head> static auto* find(auto& self) {
        auto* found = self.candidates.empty() ? std::get_if<Head>(&self.head) : nullptr;
        for (auto& candidate : self.candidates)
            if (auto* h = std::get_if<Head>(&candidate)) found = h;
        return found;
    }
};

/// The name of a network's head; "search" for a head under search.
[[nodiscard]] inline std::string_view head_name(const network_config& c) {
    return c.candidates.empty() ? text(c.head) : "search";
}
/// The candidates of a search unless others are given: a linear head, a memory, prototypes and an MLP.
[[nodiscard]] inline std::vector<head_config> standard_candidates() {
    return {linear_head{}, memory_head{}, prototype_head{}, mlp_head{}};
}

/// What a student takes of its teacher's memory, and how fast it may change then.
enum class memory_transfer : std::uint8_t {
    copy_slow,   ///< keys, labels and β; trained on at the slow rate
    copy_freeze, ///< the same, not trained
    copy,        ///< the same, trained at the full rate
    none
};
constexpr auto enum_names(memory_transfer) {
    return enum_table("model::memory_transfer", "copy_slow", "copy_freeze", "copy", "none");
}

/// A classifier of windows, network, or of images, network2d: `outputs` of a batch from tensors (inference), vars (training)
/// or symbols (tracing).
///
///     auto config = model::preset("mobilenet_v3_small");
///     config.backbone.channels = 3;
///     config.backbone.height = config.backbone.width = 32;
///     const model::network2d<float> net(config, generator(1)); // of (B, 32, 32, 3), or of windows (B, 1024, 3)
///
/// Shapes     x and stages as those of the backbone · feature (B, D), after the projector if there is one ·
///            memory.scores (B, M) · logits (B, N); of a blended head in training they are probabilities
template <class T, std::size_t Axes> struct basic_network {
    using scalar = T;
    network_config config;
    basic_mobilenet_v3<T, Axes> backbone;
    std::optional<nn::feature_projector<T>> projector; ///< see take_classifier
    std::vector<head_layer<T>> heads;                  ///< one, or the candidates of a search in their order
    parameter<T> architecture_logits; ///< (J) of a search, in the order of the candidates; "choice" in files

    basic_network() = default;
    basic_network(const network_config& c, generator g);

    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const;

    /// The stages 0 to `last` and nothing else: no layer after that anchor runs, so none is recorded, and running
    /// statistics there stay.
    /// Throws     usage_error when there is no anchor `last`.
    template <class X> outputs<X> up_to_stage(std::size_t last, const X& x, mode m = mode::eval) const;

    /// The head whose layer is a Layer, such as nn::linear<T>; null if the network has none.
    template <class Layer> Layer* head() { return find<Layer>(*this); }
    template <class Layer> const Layer* head() const { return find<Layer>(*this); }
    nn::memory<T>* memory() { return find<nn::memory<T>>(*this); }
    const nn::memory<T>* memory() const { return find<nn::memory<T>>(*this); }

    bool under_search() const { return !architecture_logits.empty(); }
    /// Ends a search: drops every head except candidate `i`, whose logits stay the same bits. A network without a search
    /// has the candidate 0.
    /// Throws     usage_error when there is no such candidate.
    void keep(std::size_t i);
    /// The same by the name of the head.
    void keep(std::string_view name);

    /// Takes over the teacher's patterns: "store" of memory distillation.
    /// Copies keys, labels, masses, β and the options except dropout, and the query map when both features have the same
    /// width. Of a large memory `patterns_per_class` medoids are kept (nn::memory::compress); 0: all.
    /// Returns    for each pattern of the teacher the student's that represents it, for distill_options::merged; empty when
    ///            all are kept or nothing is taken.
    /// Throws     usage_error unless both heads are memories of the same classes and width, and for more patterns than the
    ///            teacher has.
    std::vector<std::size_t> take_memory(const basic_network& teacher,
                                         memory_transfer policy = memory_transfer::copy_slow,
                                         std::size_t patterns_per_class = 0);

    /// Replaces the classifier by the teacher's, frozen, after a new projector into the teacher's feature space: SimKD's
    /// student (loss/baseline/simkd.hpp). Both count in its parameters and MACs, and are saved with it.
    /// Throws     usage_error if the teacher has other classes.
    void take_classifier(const basic_network& teacher, generator g);

    static void visit(auto& self, auto&& member) {
        member("backbone", self.backbone);
        member("projector", self.projector);
        visit_heads(self.heads, member);
        member("choice", self.architecture_logits);
    }
    /// What training changes besides, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) { member("temperature", self.config.temperature); }

private:
    template <class Layer> static auto* find(auto& self) {
        decltype(std::get_if<Layer>(&self.heads.front())) found = nullptr;
        for (auto& h : self.heads)
            if (auto* layer = std::get_if<Layer>(&h)) found = layer;
        return found;
    }

    void add_projector(std::size_t width, generator g) {
        config.projected = width;
        projector = nn::feature_projector<T>(config.backbone.tail, width, g);
    }
};

template <class T, std::size_t Axes>
SMLDIST_COLD basic_network<T, Axes>::basic_network(const network_config& c, generator g) : config(c) {
    if (c.classes < 2)
        raise<usage_error>("model::network", "number of classes is ", c.classes, ", expected at least 2");
    c.check_heads();
    generator body = g.split(0), head = g.split(1);
    backbone = basic_mobilenet_v3<T, Axes>(c.backbone, body);
    if (c.projected > 0) add_projector(c.projected, g.split(2));
    const std::size_t D = c.feature_width();
    for (const head_config& h : c.heads()) heads.push_back(make_head<T>(h, D, c.classes, head));
    if (!c.candidates.empty()) {
        architecture_logits.value = tensor<T>(shape{c.candidates.size()});
        architecture_logits.decay = 0;
    }
}

template <class T, std::size_t Axes>
template <class X>
outputs<X> basic_network<T, Axes>::operator()(const X& x, mode m) const {
    auto out = backbone(x, m);
    if (projector) out.feature = (*projector)(out.feature, m);
    const X f = config.dropout > 0 && mode_of(*this, m) == mode::train
                    ? op::dropout(out.feature, {.p = config.dropout}, m)
                    : out.feature;
    if (!under_search()) {
        out.logits = classify<T>(heads.front(), f, out.memory, m);
        return out;
    }
    for (const head_layer<T>& candidate : heads) {
        const X z = classify<T>(candidate, f, out.memory, m);
        out.candidates.logits = out.candidates.empty() ? z : op::concat(out.candidates.logits, z);
    }
    out.candidates.weights = op::lift(f, architecture_logits);
    out.logits = op::mixture(out.candidates.logits, op::scale(out.candidates.weights, 1 / config.temperature));
    return out;
}

template <class T, std::size_t Axes>
template <class X>
outputs<X> basic_network<T, Axes>::up_to_stage(std::size_t last, const X& x, mode m) const {
    if (last >= backbone.anchors.size())
        raise<usage_error>("network.up_to_stage", "stage is ", last, ", expected below the number of anchors, ",
                           backbone.anchors.size());
    return backbone(x, m, last + 1);
}

template <class T, std::size_t Axes> SMLDIST_COLD void basic_network<T, Axes>::keep(std::size_t i) {
    if (i >= heads.size())
        raise<usage_error>("network.keep", "candidate is ", i, ", expected below the number of heads, ",
                           heads.size());
    if (under_search()) config.head = config.candidates[i];
    config.candidates.clear();
    if (i > 0) heads.front() = std::move(heads[i]);
    heads.resize(1);
    architecture_logits = {};
}

template <class T, std::size_t Axes> SMLDIST_COLD void basic_network<T, Axes>::keep(std::string_view name) {
    for (std::size_t i = 0; i < heads.size(); ++i)
        if (head_names[heads[i].index()] == name) return keep(i);
    raise<usage_error>("network.keep", "head is ", name, ", expected one of the network's");
}

template <class T, std::size_t Axes>
SMLDIST_COLD void basic_network<T, Axes>::take_classifier(const basic_network& teacher, generator g) {
    if (config.classes != teacher.config.classes)
        raise<usage_error>("network.take_classifier", "number of classes is ", config.classes, ", expected ",
                           teacher.config.classes, " as of the teacher");
    add_projector(teacher.config.feature_width(), g);
    config.head = teacher.config.head;
    config.candidates = teacher.config.candidates;
    config.temperature = teacher.config.temperature;
    heads = teacher.heads;
    architecture_logits = teacher.architecture_logits;
    visit_heads(heads, [](std::string_view, auto& layer) { freeze(layer); });
    freeze(architecture_logits);
}

template <class T, std::size_t Axes>
SMLDIST_COLD std::vector<std::size_t> basic_network<T, Axes>::take_memory(const basic_network& teacher,
                                                                          memory_transfer policy,
                                                                          std::size_t patterns_per_class) {
    if (policy == memory_transfer::none) return {};
    if (!memory() || !teacher.memory())
        raise<usage_error>("network.take_memory", "heads are ", head_name(config), " and ", head_name(teacher.config),
                           ", expected two memories");
    auto& mine = *memory();
    const auto& theirs = *teacher.memory();
    if (mine.classes() != theirs.classes() || mine.keys.shape()[1] != theirs.keys.shape()[1])
        raise<usage_error>("network.take_memory", "keys are ", mine.keys.shape().text(), " and ",
                           theirs.keys.shape().text(), ", expected equal classes and widths");
    if (patterns_per_class > theirs.options.patterns_per_class)
        raise<usage_error>("network.take_memory", "patterns_per_class is ", patterns_per_class, ", expected at most ",
                           theirs.options.patterns_per_class, ", those of the teacher");
    mine.keys.value = theirs.keys.value;
    mine.labels.value = theirs.labels.value;
    mine.log_mass.value = theirs.log_mass.value;
    mine.log_beta.value = theirs.log_beta.value;
    const double dropout = mine.options.dropout;
    mine.options = theirs.options;
    mine.options.dropout = dropout;
    std::vector<std::size_t> merged;
    if (patterns_per_class > 0 && patterns_per_class < theirs.options.patterns_per_class)
        merged = mine.compress(patterns_per_class);
    if (auto* options = config.template options_of<memory_head>()) *options = mine.options;
    if (mine.query.weight.shape() == theirs.query.weight.shape()) {
        mine.query.weight.value = theirs.query.weight.value;
        mine.query.bias.value = theirs.query.bias.value;
    }
    for (auto* p : {&mine.keys, &mine.log_beta}) {
        p->trainable = policy != memory_transfer::copy_freeze && !p->frozen;
        p->rate = policy == memory_transfer::copy_slow ? 0.1 : 1;
    }
    return merged;
}

SMLDIST_INSTANTIATE(struct basic_network<float, 1>)
SMLDIST_INSTANTIATE(outputs<tensor<float>> basic_network<float, 1>::operator()(const tensor<float>&, mode) const)
SMLDIST_INSTANTIATE(outputs<var<float>> basic_network<float, 1>::operator()(const var<float>&, mode) const)
SMLDIST_INSTANTIATE(outputs<symbol> basic_network<float, 1>::operator()(const symbol&, mode) const)

/// Names of the presets.
inline constexpr std::array<std::string_view, 5> preset_names{"har_teacher", "har_student", "har_nano",
                                                              "mobilenet_v3_small", "mobilenet_v3_large"};

/// The configuration of a named network; every width times `width`, rounded to multiples of 8.
/// Anchors stand at total stride 4, 8 and 16.
/// Throws     usage_error for an unknown name or width ≤ 0.
SMLDIST_COLD SMLDIST_FUNCTION network_config preset(std::string_view name, double width = 1);

SMLDIST_NAMESPACE_END
} // namespace smldist::model

#if SMLDIST_TRAIN_BODIES
#include "smldist/model/network.ipp"
#endif

#endif
