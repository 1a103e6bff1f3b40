// SPDX-License-Identifier: BSD-3-Clause
/// The Hopfield layers against hflayers, the library of their authors: results, gradients, associations, projected patterns.
#include <string>
#include <vector>

#include "../op/check.hpp"
#include "smldist/io/json.hpp"
#include "smldist/nn/hopfield.hpp"

using namespace smldist;

namespace {

const std::string file = "hopfield.safetensors";

nn::hopfield_options options_of(const io::json& from) {
    nn::hopfield_options o;
    o.stop = op::hopfield_stop::batch;
    o.retrieval = {.updates = 0, .eps = 1e-4};
    const auto norm = [](const io::json& list) {
        const auto& v = list.as_array();
        return nn::hopfield_norm{v[0].as_bool(), v[1].as_bool(), v[2].as_double()};
    };
    const io::json *updates = from.find("updates"), *eps = from.find("eps");
    const auto is_list = [](const io::json* j) { return j && j->dump()[0] == '['; };
    if (is_list(updates) || is_list(eps))
        for (std::size_t i = 0; i < from.as_size("heads"); ++i)
            o.head_retrieval.push_back({is_list(updates) ? updates->as_array()[i].as_size() : updates->as_size(),
                                        is_list(eps) ? eps->as_array()[i].as_double() : eps->as_double()});
    for (const auto& member : from.as_object()) {
        const std::string& key = member.first;
        const io::json& v = member.second;
        if (key == "heads")
            o.heads = v.as_size();
        else if (key == "head_width")
            o.head_width = v.as_size();
        else if (key == "pattern_width")
            o.pattern_width = v.as_size();
        else if (key == "out")
            o.out = v.as_size();
        else if (key == "updates" && o.head_retrieval.empty())
            o.retrieval.updates = v.as_size();
        else if (key == "eps" && o.head_retrieval.empty())
            o.retrieval.eps = v.as_double();
        else if (key == "stop")
            o.stop = parse_enum<op::hopfield_stop>(v.as_string());
        else if (key == "head_beta")
            for (const auto& b : v.as_array()) o.head_beta.push_back(b.as_double());
        else if (key == "normalise")
            o.normalise = v.as_bool();
        else if (key == "norm_state")
            o.norm_state = norm(v);
        else if (key == "norm_stored")
            o.norm_stored = norm(v);
        else if (key == "norm_source")
            o.norm_source = norm(v);
        else if (key == "norm_space")
            o.norm_space = norm(v);
        else if (key == "static_state")
            o.static_state = v.as_bool();
        else if (key == "static_stored")
            o.static_stored = v.as_bool();
        else if (key == "static_source")
            o.static_source = v.as_bool();
        else if (key == "connected_source")
            o.connected_source = v.as_bool();
        else if (key == "project_out")
            o.project_out = v.as_bool();
        else if (key == "bias")
            o.bias = v.as_bool();
        else if (key == "bias_pattern")
            o.bias_pattern = v.as_bool();
        else if (key == "zero_association")
            o.zero_association = v.as_bool();
        else if (key == "activation")
            o.association_activation = parse_enum<activation>(v.as_string());
        else if (key == "trainable")
            o.trainable = v.as_bool();
        else if (key == "separate_targets")
            o.separate_targets = v.as_bool();
        else if (key == "trainable_targets")
            o.trainable_targets = v.as_bool();
        else if (key == "stored_width")
            o.stored_width = v.as_size();
        else if (key == "source_width")
            o.source_width = v.as_size();
        else
            CHECK_MESSAGE((key == "updates" || key == "eps" || key == "beta" || key == "layer" || key == "quantity"),
                          key);
    }
    return o;
}

/// One case with a layer that has its parameters. `run(layer, inputs, masks)` is its recall.
template <class T, class Layer, class Run>
void compare(Layer layer, const io::json& o, const std::string& prefix, bool flat, const Run& run) {
    const double tolerance = std::is_same_v<T, float> ? 2e-4 : 1e-10;
    const auto array = [&](const std::string& name) { return reference(file, prefix + name); };
    const auto has = [&](const std::string& name) { return reference_file(file).find(prefix + name) != nullptr; };
    std::size_t read = 0;
    walk(layer, [&](const std::string& path, auto& p) {
        CAPTURE(path);
        // What the layer makes of the options before it gets the stored value.
        if (path.ends_with("log_beta"))
            CHECK(difference(p.value, array("p." + path), o.find("beta") ? HUGE_VAL : 1e-6) == "");
        REQUIRE(p.shape() == array("p." + path).shape());
        p.value = cast<T>(array("p." + path));
        ++read;
    });
    CHECK(read == number_stored(file, prefix + "p."));

    nn::hopfield_masks<tensor<T>> masks;
    if (has("padding")) masks.padding = cast<T>(array("padding"));
    if (has("association")) masks.association = cast<T>(array("association"));
    tape<T> t;
    std::vector<var<T>> in;
    for (std::size_t i = 0; has(std::to_string(i)); ++i) in.push_back(t.variable(cast<T>(array(std::to_string(i)))));
    const auto r = run(layer, in, masks);
    const var<T> y = flat ? op::flatten(r.result) : r.result;
    CHECK(difference(y.value(), array("y"), tolerance) == "");
    CHECK(difference(r.associations.value(), array("a"), tolerance) == "");
    if (has("v")) CHECK(difference(r.patterns.value(), array("v"), tolerance) == "");
    t.backward(y, cast<T>(array("dy")));
    for (std::size_t i = 0; i < in.size(); ++i) {
        CAPTURE(i);
        CHECK(difference(*t.gradient(in[i]), array("d" + std::to_string(i)), tolerance) == "");
    }
    walk(layer, [&](const std::string& path, auto& p) {
        CAPTURE(path);
        const auto* gradient = t.gradient(p);
        if (path.ends_with("log_beta")) return; // hflayers does not learn it
        CHECK((gradient != nullptr) == has("d." + path));
        if (gradient) CHECK(difference(*gradient, array("d." + path), tolerance) == "");
    });
}

template <class T> void compare_case(const io::json& o, const std::string& prefix) {
    const std::string kind = o.as_string("layer");
    const auto width = [&](int i) { return reference(file, prefix + std::to_string(i)).shape().back(); };
    const nn::hopfield_options options = [&] {
        auto to = options_of(o);
        if (o.find("beta")) to.beta = o.as_double("beta");
        return to;
    }();
    generator g(1);
    if (kind == "association")
        compare<T>(nn::hopfield_association<T>(width(0), width(1), width(2), g, options), o, prefix, false,
                   [](const auto& layer, const auto& in, const auto& masks) {
                       return layer.recall(in[0], in[1], in[2], masks);
                   });
    else if (kind == "lookup")
        compare<T>(nn::hopfield_lookup<T>(4, o.as_size("quantity"), g, options), o, prefix, false,
                   [](const auto& layer, const auto& in, const auto& masks) { return layer.recall(in[0], masks); });
    else
        compare<T>(nn::hopfield_pooling<T>(4, o.as_size("quantity"), g, options), o, prefix, true,
                   [](const auto& layer, const auto& in, const auto& masks) {
                       return layer.recall(in[0], in.back(), masks);
                   });
}

} // namespace

TEST_CASE("hopfield_reference: results, gradients and associations of hflayers") {
    const auto cases = io::json::parse(reference_file(file).metadata().at("cases"));
    std::size_t n = 0;
    for (const auto& o : cases.as_array()) {
        const std::string prefix = std::to_string(n++) + "/";
        CAPTURE(o.dump());
        compare_case<double>(o, prefix);
        compare_case<float>(o, prefix);
    }
    CHECK(n == 44);
}

TEST_CASE("hopfield_reference: the defaults of beta are those of hflayers") {
    const auto cases = io::json::parse(reference_file(file).metadata().at("cases"));
    std::size_t n = 0;
    for (const auto& o : cases.as_array()) {
        const std::string prefix = std::to_string(n++) + "/";
        if (o.as_string("layer") != "association" || !o.find("beta")) continue;
        const auto width = [&](int i) { return reference(file, prefix + std::to_string(i)).shape().back(); };
        generator g(1);
        const nn::hopfield_association<double> layer(width(0), width(1), width(2), g, options_of(o));
        const double ours = std::exp(layer.log_beta.value.item()), theirs = o.as_double("beta");
        CAPTURE(o.dump());
        CHECK((std::abs(ours - theirs) < 1e-12 || theirs == 0.7 || theirs == 1.5 || theirs == 2));
    }
}
