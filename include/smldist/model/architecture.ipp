// SPDX-License-Identifier: BSD-3-Clause
/// The functions of model/architecture.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// f(name, option) of a description writes its options into an object.
struct option_writer {
    io::json& to;
    template <class V> void operator()(std::string_view name, const V& value) const {
        if constexpr (std::is_same_v<V, activation>)
            to.set(name, nn::text(value));
        else if constexpr (std::is_enum_v<V>)
            to.set(name, name_of(value));
        else
            to.set(name, value);
    }
};

constexpr std::size_t widest = 65536; ///< the largest width or count

/// Throws data_error that names a member of an architecture.
inline void need(bool ok, std::string_view what) {
    if (!ok) raise<data_error>("model file", what, " of the architecture is out of range");
}
/// A name in an architecture, at most 256 bytes long.
inline const std::string& word(const io::json& from) {
    need(from.as_string().size() <= 256, "the length of a name");
    return from.as_string();
}

/// f(name, option) of a description reads its options from an object; one that is absent keeps its value.
struct option_reader {
    explicit option_reader(const io::json& object) : from(object) { static_cast<void>(object.as_object()); }
    const io::json& from;
    template <class V> void operator()(std::string_view name, V& value) const {
        if (!from.find(name)) return;
        if constexpr (std::is_same_v<V, activation>)
            value = nn::parse_activation(word(from.at(name)));
        else if constexpr (std::is_enum_v<V>)
            value = parse_enum<V>(word(from.at(name)), name);
        else if constexpr (std::is_same_v<V, bool>)
            value = from.as_bool(name);
        else if constexpr (std::is_same_v<V, double>)
            value = from.as_double(name);
        else {
            value = from.as_size(name);
            need(value <= widest, name);
        }
    }
};

SMLDIST_COLD inline io::json to_json(const head_config& head) {
    io::json j;
    j.set("name", text(head));
    std::visit([&j](const auto& h) { h.visit(h, option_writer{j}); }, head);
    return j;
}
inline head_config head_of(std::string_view name, const io::json& options) {
    head_config head = parse_head(name);
    std::visit([&options](auto& h) { h.visit(h, option_reader{options}); }, head);
    return head;
}
inline head_config head_from_json(const io::json& j) { return head_of(word(j.at("name")), j); }

// Files of version 0.1. They know two heads and the form of a backbone by other names, a head's options lie beside its name or
// in "memory", and a search is a kind of head.
inline backbone_form form_of_0_1(std::string_view compat) {
    if (compat == "smldist") return {};
    if (compat != "ref2021")
        raise<usage_error>("compat", "name is ", io::quote(compat), ", expected smldist or ref2021");
    return public_code_form;
}
inline head_config head_of_0_1(std::string_view name, const io::json& j) {
    if (name == "ref2021") return head_of(blended_head::name, j);
    return head_of(name, name == memory_head::name || name == lookup_head::name ? j.at("memory") : j);
}
inline void read_heads_of_0_1(const io::json& j, network_config& c) {
    const std::string& name = word(j.at("head"));
    if (name != "search") return static_cast<void>(c.head = head_of_0_1(name, j));
    for (const auto& candidate : j.as_array("candidates")) {
        need(c.candidates.size() < head_names.size(), "number of candidates");
        c.candidates.push_back(head_of_0_1(word(candidate), j));
    }
    need(!c.candidates.empty(), "number of candidates");
}

} // namespace detail

SMLDIST_COLD io::json to_json(const network_config& c) {
    io::json::array rows;
    for (const row& r : c.backbone.rows) rows.emplace_back(text(r));
    io::json j;
    const bool images = c.backbone.axes() == 2;
    j.set("type", images ? "mobilenet_v3_2d" : "mobilenet_v3_1d");
    j.set("preset", c.preset);
    j.set("channels", c.backbone.channels);
    if (images) {
        j.set("height", c.backbone.height);
        j.set("width", c.backbone.width);
    }
    j.set("stem", c.backbone.stem);
    j.set("rows", std::move(rows));
    j.set("tail", c.backbone.tail);
    j.set("causal", c.backbone.causal);
    j.set("bn_eps", c.backbone.norm.eps);
    j.set("bn_momentum", c.backbone.norm.momentum);
    if (!(c.backbone.form == backbone_form{})) {
        io::json form;
        backbone_form::visit(c.backbone.form, detail::option_writer{form});
        j.set("form", std::move(form));
    }
    j.set("classes", c.classes);
    if (c.candidates.empty())
        j.set("head", detail::to_json(c.head));
    else {
        io::json::array candidates;
        for (const head_config& h : c.candidates) candidates.push_back(detail::to_json(h));
        j.set("candidates", std::move(candidates));
        j.set("temperature", c.temperature);
    }
    j.set("dropout", c.dropout);
    if (c.projected > 0) j.set("projected", c.projected);
    return j;
}

SMLDIST_COLD network_config config_from_json(const io::json& j) {
    using detail::need;
    using detail::widest;
    using detail::word;
    network_config c;
    const bool images = j.as_string("type") == "mobilenet_v3_2d";
    if (!images && j.as_string("type") != "mobilenet_v3_1d")
        raise<data_error>(
            "model file", "type of the architecture is ", io::quote(j.as_string("type")),
            ", expected \"mobilenet_v3_1d\" or \"mobilenet_v3_2d\"; model::load_into reads other networks");
    c.preset = word(j.at("preset"));
    c.backbone.channels = j.as_size("channels");
    if (images) {
        c.backbone.height = j.as_size("height");
        c.backbone.width = j.as_size("width");
        for (const std::size_t n : {c.backbone.height, c.backbone.width})
            need(n >= 1 && n <= widest, "an extent of the image");
        need(!j.as_bool("causal"), "causal");
    }
    c.backbone.stem = j.as_size("stem");
    c.backbone.tail = j.as_size("tail");
    c.backbone.causal = j.as_bool("causal");
    c.backbone.norm = {j.as_double("bn_eps"), j.as_double("bn_momentum")};
    c.classes = j.as_size("classes");
    c.dropout = j.as_double("dropout");
    if (j.find("projected")) c.projected = j.as_size("projected");
    if (j.find("temperature")) c.temperature = j.as_double("temperature");
    need(c.temperature > 0 && std::isfinite(c.temperature), "temperature");
    for (const std::size_t n : {c.backbone.channels, c.backbone.stem, c.backbone.tail, c.classes})
        need(n >= 1 && n <= widest, "a width");
    need(c.classes >= 2, "classes");
    need(c.projected <= widest, "projected");
    need(c.dropout >= 0 && c.dropout < 1, "dropout");
    need(c.backbone.norm.eps > 0 && c.backbone.norm.eps < 1, "bn_eps");
    need(c.backbone.norm.momentum >= 0 && c.backbone.norm.momentum <= 1, "bn_momentum");
    const auto& rows = j.as_array("rows");
    need(!rows.empty() && rows.size() <= 256, "number of rows");
    try {
        if (const io::json* compat = j.find("compat")) c.backbone.form = detail::form_of_0_1(word(*compat));
        if (const io::json* form = j.find("form"))
            backbone_form::visit(c.backbone.form, detail::option_reader{*form});
        if (const io::json* candidates = j.find("candidates"); candidates && !j.find("head")) {
            for (const auto& candidate : candidates->as_array()) {
                need(c.candidates.size() < head_names.size(), "number of candidates");
                c.candidates.push_back(detail::head_from_json(candidate));
            }
            need(!c.candidates.empty(), "number of candidates");
        } else if (j.at("head").is_string())
            detail::read_heads_of_0_1(j, c);
        else
            c.head = detail::head_from_json(j.at("head"));
        c.check_heads();
        std::size_t anchors = 0;
        for (const auto& r : rows) {
            c.backbone.rows.push_back(parse_row(word(r)));
            anchors += c.backbone.rows.back().anchor;
        }
        need(anchors <= stage_list<int>::capacity, "number of anchors");
    } catch (const usage_error& e) { throw data_error(std::string("model file: ") + e.what()); }
    return c;
}

double element_count(const network_config& c) {
    double n = 0;
    for_each_size(c, [&n](double size) { n += size; });
    return n;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model
