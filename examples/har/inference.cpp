// SPDX-License-Identifier: BSD-3-Clause
/// evaluate and summary.
#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "load_model.hpp"
#include "recipe.hpp"
#include "session.hpp"
#include "signals.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/data/corruption.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/ref2021/presets.hpp"

namespace har {

using namespace smldist;

namespace {

/// The windows with the model's channels, found by name. Throws model_error when one is missing.
data::windows with_channels_of(const io::model_facts& facts, const std::string& model, const data::windows& w) {
    std::vector<std::size_t> chosen;
    for (const std::string& name : facts.channels) {
        const auto& names = w.info.channels;
        const auto at = std::find(names.begin(), names.end(), name);
        if (at == names.end()) raise<model_error>(model, "the model's channel ", name, " is missing in the data");
        chosen.push_back(static_cast<std::size_t>(at - names.begin()));
    }
    return w.select_channels(chosen);
}

} // namespace

void evaluate(const options& o) {
    const interruptible nothing_to_save;
    set_threads(o.threads > 0 ? o.threads : hardware_threads());
    const auto m = load_model(o.model);
    auto set = load_data(o.data, o.seed, o.quiet);
    if (o.split != "test" && o.split != "train")
        raise<usage_error>("--split", "value is \"", o.split, "\", expected test or train");
    data::windows& w = o.split == "test" ? set.test : set.train;
    const data::corruption how{o.rotation, o.rate, o.noise, w.info.find_channels(o.missing)};
    if (how.any()) data::corrupt(w, how, generator(o.seed));
    if (w.channels() > m.facts.channels.size()) w = with_channels_of(m.facts, o.model, w);
    if (w.channels() != m.facts.channels.size() || w.length() != m.facts.window || w.info.labels != m.facts.labels)
        raise<model_error>(o.model, "the model is for windows of ", m.facts.window, " × ", m.facts.channels.size(),
                           " and ", m.facts.labels.size(), " labels, the data has ", w.length(), " × ", w.channels(),
                           " and ", w.info.labels.size(),
                           w.info.labels == m.facts.labels ? "" : " (the labels must be the same)");
    const auto e = train::evaluate(m.net, w, m.facts.normaliser);
    io::json j = figures(e);
    j.set("parameters", parameter_count(m.net));
    j.set("macs", model::trace(m.net, m.facts.window).macs());
    j.set("head", model::head_name(m.net.config));
    j.set("preset", m.net.config.preset);
    std::printf("accuracy %.4f  macro-F1 %.4f  worst subject %d with %.4f  calibration error %.4f\n%s\n%s",
                e.accuracy, e.macro_f1, e.worst_subject, e.worst_subject_f1, e.calibration_error.value_or(0),
                left_out(e.counts).c_str(), e.counts.table(w.info.labels).c_str());
    if (o.json) std::printf("%s\n", j.dump().c_str());
}

void summary(const options& o) {
    model::network<float> net;
    std::size_t length = o.length;
    if (!o.model.empty()) {
        auto m = load_model(o.model);
        net = std::move(m.net);
        length = m.facts.window;
    } else {
        auto c = preset(o.preset, o.width);
        if (!o.rows.empty()) {
            c.preset.clear();
            c.backbone.rows.clear();
            for (const auto& line : o.rows) c.backbone.rows.push_back(model::parse_row(line));
        }
        c.backbone.channels = o.channels;
        c.classes = o.classes;
        if (published(o)) c.backbone.form = ref2021::form;
        set_head(c, o, published(o) ? std::string(model::blended_head::name) : o.head);
        net = model::network<float>(c, generator(o.seed));
    }
    const graph g = model::trace(net, length);
    const auto s = summarise(g);
    if (o.dot)
        std::printf("%s", to_dot(g).c_str());
    else
        std::printf("%s", text(s).c_str());
    if (!o.json) return;
    io::json::array layers;
    for (const auto& r : s.rows) {
        io::json::array extents;
        for (const std::size_t e : r.shape) extents.emplace_back(e);
        io::json j;
        j.set("layer", r.layer);
        j.set("op", r.op);
        j.set("output", std::move(extents));
        j.set("parameters", r.parameters);
        j.set("macs", r.macs);
        j.set("bytes", r.bytes);
        layers.push_back(std::move(j));
    }
    io::json j;
    j.set("preset", net.config.preset);
    j.set("parameters", s.parameters);
    j.set("macs", s.macs);
    j.set("peak_activation_bytes", s.peak_bytes);
    j.set("head", model::head_name(net.config));
    j.set("layers", std::move(layers));
    std::printf("%s\n", j.dump().c_str());
}

} // namespace har
