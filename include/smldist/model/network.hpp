// SPDX-License-Identifier: BSD-3-Clause
/// A network: backbone, then a head. And the presets.
#ifndef SMLDIST_MODEL_NETWORK_HPP
#define SMLDIST_MODEL_NETWORK_HPP

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/model/mobilenet_v3.hpp"
#include "smldist/nn/blended_head.hpp"
#include "smldist/nn/feature_projector.hpp"
#include "smldist/nn/hopfield.hpp"
#include "smldist/nn/memory.hpp"
#include "smldist/nn/mlp.hpp"
#include "smldist/nn/prototype.hpp"
#include "smldist/op/mixture.hpp"
#include "smldist/op/reshape.hpp"

namespace smldist::inline SMLDIST_ABI::model {

/// The classifier on the penultimate feature.
enum class head_kind : std::uint8_t {
    linear,    ///< "intuition"
    memory,    ///< label-valued Hopfield memory
    prototype, ///< cosine to one prototype a class
    mlp,       ///< one hidden layer
    lookup,    ///< Hopfield lookup with learned values, as many patterns as a memory
    search,    ///< a mixture of several of these, of which distill::decide keeps one
    blended    ///< nn::blended_head; no candidate of a search
};
inline constexpr std::array<std::string_view, 7> head_names{"linear", "memory", "prototype", "mlp",
                                                            "lookup", "search", "blended"};

inline std::string_view text(head_kind h) { return head_names[static_cast<std::size_t>(h)]; }
/// The inverse of text(head_kind). Throws usage_error.
inline head_kind parse_head(std::string_view word) {
    for (std::size_t k = 0; k < head_names.size(); ++k)
        if (word == head_names[k]) return static_cast<head_kind>(k);
    raise<usage_error>("model::head", "name is \"", word,
                       "\", expected linear, memory, prototype, mlp, lookup, search or blended");
}

/// Everything that shapes a network; a model file holds it as `architecture`.
struct network_config {
    std::string preset; ///< the preset's name, or empty for rows of one's own
    backbone_config backbone;
    std::size_t classes = 6;
    head_kind head = head_kind::linear;
    nn::memory_options memory;
    std::size_t hidden = 32; ///< r, hidden width of an mlp head
    std::vector<head_kind> candidates{head_kind::linear, head_kind::memory, head_kind::prototype,
                                      head_kind::mlp}; ///< of a search
    double temperature = 1;                            ///< τ of a search's mixture, annealed by distill::head_search
    double dropout = 0.2;                              ///< on the feature, in training
    std::size_t projected = 0;                         ///< width of the feature behind a projector; 0: no projector
    nn::blended_output evaluation = nn::blended_output::memory; ///< of a blended head

    /// D, width of the feature that the head sees.
    std::size_t feature_width() const { return projected > 0 ? projected : backbone.tail; }
    /// The heads that the network holds: the candidates of a search, or the one.
    std::vector<head_kind> heads() const { return head == head_kind::search ? candidates : std::vector{head}; }
};

/// What a student takes of its teacher's memory, and how fast it may change then.
enum class memory_transfer : std::uint8_t {
    copy_slow,   ///< keys, labels and β; trained on at the slow rate
    copy_freeze, ///< the same, not trained
    copy,        ///< the same, trained at the full rate
    none
};

/// A classifier of windows: `outputs` of a batch from tensors (inference), vars (training) or symbols (tracing).
///
/// Shapes     x (B, L, C) · stages[i] (B, L_i, C_i) · feature (B, D), behind the projector where there is one ·
///            memory.scores (B, M) · logits (B, N); of a blended head in training they are probabilities
template <class T> struct network {
    network_config config;
    mobilenet_v3<T> backbone;
    std::optional<nn::feature_projector<T>> projector; ///< see take_classifier
    std::optional<nn::linear<T>> intuition;
    std::optional<nn::memory<T>> memory;
    std::optional<nn::prototype<T>> prototype;
    std::optional<nn::mlp<T>> mlp;
    std::optional<nn::blended_head<T>> blended;
    std::optional<nn::hopfield_classifier<T>> lookup;
    parameter<T> choice; ///< (J), architecture logits of a search, in the order of the candidates

    network() = default;
    network(const network_config& c, generator g) : config(c) {
        if (c.classes < 2)
            raise<usage_error>("model::network", "number of classes is ", c.classes, ", expected at least 2");
        generator body = g.split(0), head = g.split(1);
        backbone = mobilenet_v3<T>(c.backbone, body);
        if (c.projected > 0) add_projector(c.projected, g.split(2));
        const std::size_t D = c.feature_width();
        for (const head_kind kind : c.heads()) {
            if (holds(kind))
                raise<usage_error>("model::network", "candidate ", text(kind), " appears twice, expected each once");
            if (kind == head_kind::linear) intuition = nn::linear<T>(D, c.classes, head);
            if (kind == head_kind::memory) memory = nn::memory<T>(D, c.classes, head, c.memory);
            if (kind == head_kind::prototype) prototype = nn::prototype<T>(D, c.classes, head);
            if (kind == head_kind::mlp) mlp = nn::mlp<T>(D, c.hidden, c.classes, head);
            if (c.head == head_kind::blended) blended = nn::blended_head<T>(D, c.classes, head);
            if (kind == head_kind::lookup)
                lookup = nn::hopfield_classifier<T>(D, c.classes * c.memory.patterns_per_class, c.classes, head);
            if (!holds(kind))
                raise<usage_error>("model::network", "candidate is ", text(kind), ", expected a head by itself");
        }
        if (c.heads().empty()) raise<usage_error>("model::network", "number of candidates is 0, expected at least 1");
        if (c.head == head_kind::search) {
            choice.value = tensor<T>(shape{c.candidates.size()});
            choice.decay = false;
        }
    }

    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        auto out = backbone(x, m);
        if (projector) out.feature = (*projector)(out.feature, m);
        const X f = config.dropout > 0 && mode_of(*this, m) == mode::train
                        ? op::dropout(out.feature, {.p = config.dropout}, m)
                        : out.feature;
        if (choice.empty()) {
            out.logits = classify(config.head, f, out.memory, m);
            return out;
        }
        for (const head_kind kind : config.candidates) {
            const X z = classify(kind, f, out.memory, m);
            out.candidates.logits = out.candidates.empty() ? z : op::concat(out.candidates.logits, z);
        }
        out.candidates.weights = op::lift(f, choice);
        out.logits = op::mixture(out.candidates.logits, op::scale(out.candidates.weights, 1 / config.temperature));
        return out;
    }

    /// The stages 0 to `last` and nothing else: no layer behind that anchor runs, so none is recorded, and running
    /// statistics there stay.
    /// Throws     usage_error when there is no anchor `last`.
    template <class X> outputs<X> up_to_stage(std::size_t last, const X& x, mode m = mode::eval) const {
        if (last >= backbone.anchors.size())
            raise<usage_error>("network.up_to_stage", "stage is ", last, ", expected below the number of anchors, ",
                               backbone.anchors.size());
        return backbone(x, m, last + 1);
    }

    /// Whether the network has a head of this kind.
    bool holds(head_kind kind) const {
        switch (kind) {
        case head_kind::linear:
            return intuition.has_value();
        case head_kind::memory:
            return memory.has_value();
        case head_kind::prototype:
            return prototype.has_value();
        case head_kind::mlp:
            return mlp.has_value();
        case head_kind::lookup:
            return lookup.has_value();
        case head_kind::search:
            return !choice.empty();
        case head_kind::blended:
            return blended.has_value();
        }
        return false;
    }

    /// Ends a search: drops every head but `kind`, whose logits stay the same bits.
    /// Throws     usage_error when the network has no such head.
    void keep(head_kind kind) {
        if (kind == head_kind::search || !holds(kind))
            raise<usage_error>("network.keep", "head is ", text(kind), ", expected one of the network's");
        if (kind != head_kind::linear) intuition.reset();
        if (kind != head_kind::memory) memory.reset();
        if (kind != head_kind::prototype) prototype.reset();
        if (kind != head_kind::mlp) mlp.reset();
        if (kind != head_kind::lookup) lookup.reset();
        choice = {};
        config.head = kind;
    }

    /// Takes over the teacher's patterns: "store" of memory distillation.
    /// Copies keys, labels, masses, β and the options but for dropout, and the query map when both features have the same
    /// width. Of a large memory `patterns_per_class` medoids are kept (nn::memory::compress); 0: all.
    /// Returns    for each pattern of the teacher the student's that stands for it, for distill_options::merged; empty when
    ///            all are kept or nothing is taken.
    /// Throws     usage_error unless both heads are memories of the same classes and width, and for more patterns than the
    ///            teacher has.
    std::vector<std::size_t> take_memory(const network& teacher, memory_transfer policy,
                                         std::size_t patterns_per_class = 0) {
        if (policy == memory_transfer::none) return {};
        if (!memory || !teacher.memory)
            raise<usage_error>("network.take_memory", "heads are ", text(config.head), " and ",
                               text(teacher.config.head), ", expected two memories");
        auto& mine = *memory;
        const auto& theirs = *teacher.memory;
        if (mine.classes() != theirs.classes() || mine.keys.shape()[1] != theirs.keys.shape()[1])
            raise<usage_error>("network.take_memory", "keys are ", mine.keys.shape().text(), " and ",
                               theirs.keys.shape().text(), ", expected equal classes and widths");
        if (patterns_per_class > theirs.options.patterns_per_class)
            raise<usage_error>("network.take_memory", "patterns_per_class is ", patterns_per_class,
                               ", expected at most ", theirs.options.patterns_per_class, ", those of the teacher");
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
        config.memory = mine.options;
        if (mine.query.weight.shape() == theirs.query.weight.shape()) {
            mine.query.weight.value = theirs.query.weight.value;
            mine.query.bias.value = theirs.query.bias.value;
        }
        for (auto* p : {&mine.keys, &mine.log_beta}) {
            p->trainable = policy != memory_transfer::copy_freeze && !p->frozen;
            p->group = policy == memory_transfer::copy_slow ? rate_group::slow : rate_group::base;
        }
        return merged;
    }

    /// Replaces the classifier by the teacher's, frozen, behind a new projector into the teacher's feature space: SimKD's
    /// student (loss/baseline/simkd.hpp). Both count in its parameters and MACs, and are saved with it.
    /// Throws     usage_error if the teacher knows other classes.
    void take_classifier(const network& teacher, generator g) {
        if (config.classes != teacher.config.classes)
            raise<usage_error>("network.take_classifier", "number of classes is ", config.classes, ", expected ",
                               teacher.config.classes, " as of the teacher");
        add_projector(teacher.config.feature_width(), g);
        config.head = teacher.config.head;
        config.memory = teacher.config.memory;
        config.candidates = teacher.config.candidates;
        config.temperature = teacher.config.temperature;
        config.hidden = teacher.config.hidden;
        intuition = teacher.intuition;
        memory = teacher.memory;
        prototype = teacher.prototype;
        mlp = teacher.mlp;
        blended = teacher.blended;
        config.evaluation = teacher.config.evaluation;
        lookup = teacher.lookup;
        choice = teacher.choice;
        freeze(intuition);
        freeze(memory);
        freeze(prototype);
        freeze(mlp);
        freeze(blended);
        freeze(lookup);
        freeze(choice);
    }

    static void visit(auto& self, auto&& member) {
        member("backbone", self.backbone);
        member("projector", self.projector);
        member("intuition", self.intuition);
        member("memory", self.memory);
        member("prototype", self.prototype);
        member("mlp", self.mlp);
        member("ref2021", self.blended);
        member("lookup", self.lookup);
        member("choice", self.choice);
    }

private:
    /// The logits of one head; a memory writes down its association.
    template <class X> X classify(head_kind kind, const X& f, memory_outputs<X>& association, mode m) const {
        if (kind == head_kind::linear) return (*intuition)(f);
        if (kind == head_kind::prototype) return (*prototype)(f);
        if (kind == head_kind::mlp) return (*mlp)(f);
        if (kind == head_kind::blended) return (*blended)(f, m, config.evaluation);
        if (kind == head_kind::lookup) return (*lookup)(f, m);
        auto result = (*memory)(f, m);
        association = std::move(result.memory);
        return std::move(result.logits);
    }

    void add_projector(std::size_t width, generator g) {
        config.projected = width;
        projector = nn::feature_projector<T>(config.backbone.tail, width, g);
    }
};

/// Names of the presets.
inline constexpr std::array<std::string_view, 5> preset_names{"har_teacher", "har_student", "har_nano",
                                                              "mobilenet_v3_small", "mobilenet_v3_large"};

namespace detail {
struct table {
    std::size_t tail;
    std::vector<std::string_view> rows;
};
inline table preset_table(std::string_view name) {
    if (name == "har_teacher")
        return {256,
                {"3,64,32,-,RE,1", "3,96,48,-,RE,2,A", "3,144,48,-,RE,1", "5,144,64,SE,RE,2", "5,192,64,SE,RE,1,A",
                 "5,256,96,SE,HS,2", "5,384,96,SE,HS,1", "5,576,128,SE,HS,1", "5,768,128,SE,HS,1,A"}};
    if (name == "har_student")
        return {96, {"3,16,16,SE,RE,2,A", "5,48,24,-,RE,2,A", "5,64,32,SE,HS,2", "5,96,32,SE,HS,1,A"}};
    if (name == "har_nano") return {48, {"5,16,16,-,RE,2,A", "5,32,16,SE,HS,2,A", "5,48,24,SE,HS,2,A"}};
    if (name == "mobilenet_v3_small")
        return {576,
                {"3,16,16,SE,RE,2,A", "3,72,24,-,RE,2", "3,88,24,-,RE,1,A", "5,96,40,SE,HS,2", "5,240,40,SE,HS,1",
                 "5,240,40,SE,HS,1", "5,120,48,SE,HS,1", "5,144,48,SE,HS,1,A", "5,288,96,SE,HS,2", "5,576,96,SE,HS,1",
                 "5,576,96,SE,HS,1"}};
    if (name == "mobilenet_v3_large")
        return {960,
                {"3,16,16,-,RE,1", "3,64,24,-,RE,2", "3,72,24,-,RE,1,A", "5,72,40,SE,RE,2", "5,120,40,SE,RE,1",
                 "5,120,40,SE,RE,1,A", "3,240,80,-,HS,2", "3,200,80,-,HS,1", "3,184,80,-,HS,1", "3,184,80,-,HS,1",
                 "3,480,112,SE,HS,1", "3,672,112,SE,HS,1,A", "5,672,160,SE,HS,2", "5,960,160,SE,HS,1",
                 "5,960,160,SE,HS,1"}};
    std::string names;
    for (const auto n : preset_names) names += (names.empty() ? "" : ", ") + std::string(n);
    raise<usage_error>("model::preset", "name is \"", name, "\", expected one of ", names);
}
} // namespace detail

/// The configuration of a named network; every width times `width`, rounded to multiples of 8.
/// Anchors stand at total stride 4, 8 and 16.
/// Throws     usage_error for an unknown name or width ≤ 0.
inline network_config preset(std::string_view name, double width = 1) {
    if (!(width > 0 && width <= 16))
        raise<usage_error>("model::preset", "width is ", width, ", expected above 0, at most 16");
    const auto t = detail::preset_table(name);
    const auto scaled = [width](std::size_t n) { return width == 1 ? n : make_divisible(double(n) * width); };
    network_config c;
    c.preset = std::string(name);
    c.backbone.stem = scaled(16);
    for (const auto line : t.rows) {
        row r = parse_row(line);
        r.expanded = scaled(r.expanded);
        r.out = scaled(r.out);
        c.backbone.rows.push_back(r);
    }
    const bool six = name == "mobilenet_v3_small" || name == "mobilenet_v3_large"; // D = 6 × last O
    c.backbone.tail = six ? 6 * c.backbone.rows.back().out : scaled(t.tail);
    return c;
}

} // namespace smldist::inline SMLDIST_ABI::model

#endif
