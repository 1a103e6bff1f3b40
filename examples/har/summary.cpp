// SPDX-License-Identifier: BSD-3-Clause
/// summary: the layers of a network, of a model file or as the options describe it.
#include <cstdio>

#include "commands.hpp"
#include "model_file.hpp"
#include "networks.hpp"
#include "smldist/graph/summary.hpp"

namespace har {

using namespace smldist;

namespace {

io::json to_json(const smldist::summary& s, const model::network_config& c) {
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
    j.set("preset", c.preset);
    j.set("parameters", s.parameters);
    j.set("macs", s.macs);
    j.set("peak_activation_bytes", s.peak_bytes);
    j.set("head", model::head_name(c));
    j.set("layers", std::move(layers));
    return j;
}

} // namespace

void summary(const options& o) {
    model::network<float> net;
    std::size_t length = o.length;
    if (!o.model.empty()) {
        auto m = load_model(o.model);
        net = std::move(m.net);
        length = m.facts.window;
    } else {
        net = model::network<float>(architecture(o, o.preset, o.network.backbone.channels, o.network.classes),
                                    generator(o.seed));
    }
    const graph g = model::trace(net, length);
    const auto s = summarise(g);
    std::printf("%s", o.dot ? to_dot(g).c_str() : text(s).c_str());
    if (o.json) std::printf("%s\n", to_json(s, net.config).dump().c_str());
}

} // namespace har
