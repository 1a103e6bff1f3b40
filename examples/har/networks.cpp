// SPDX-License-Identifier: BSD-3-Clause
#include "networks.hpp"

#include "smldist/core/error.hpp"
#include "smldist/ref2021/presets.hpp"

namespace har {

using namespace smldist;

namespace {

model::network_config preset_of(const std::string& name, double width) {
    return name.starts_with("ref2021_") ? ref2021::preset(name, width) : model::preset(name, width);
}

} // namespace

std::vector<std::string> preset_names() {
    std::vector<std::string> names(model::preset_names.begin(), model::preset_names.end());
    names.insert(names.end(), ref2021::preset_names.begin(), ref2021::preset_names.end());
    return names;
}

std::vector<std::string> head_choices() {
    std::vector<std::string> names(model::head_names.begin(), model::head_names.end());
    names.emplace_back("search");
    return names;
}

void choose_head(model::network_config& c, const std::string& name) {
    const bool search = name == "search";
    c.head = search ? model::head_config() : model::parse_head(name);
    c.candidates = search ? model::standard_candidates() : std::vector<model::head_config>();
}

bool has_memory(const model::network_config& c) { return c.options_of<model::memory_head>() != nullptr; }

model::network_config architecture(const options& o, const std::string& preset, std::size_t channels,
                                   std::size_t classes, std::size_t patterns) {
    if (o.memory.width % o.memory.heads != 0)
        raise<usage_error>("--memory-heads", "number of heads is ", o.memory.heads,
                           ", expected a divisor of the width ", o.memory.width);
    auto c = preset_of(preset, o.width);
    if (!o.network.backbone.rows.empty() && preset == o.preset) {
        c.preset.clear();
        c.backbone.rows = o.network.backbone.rows;
    }
    c.backbone.channels = channels;
    c.classes = classes;
    c.head = o.network.head;
    c.candidates = o.network.candidates;
    c.dropout = o.network.dropout;
    if (published(o)) {
        choose_head(c, std::string(model::blended_head::name));
        c.dropout = 0; // the public code has none
        c.backbone.form = ref2021::form;
    }
    if (patterns == 0) patterns = o.memory.patterns_per_class;
    if (auto* memory = c.options_of<model::memory_head>()) {
        *memory = o.memory;
        memory->patterns_per_class = patterns;
    }
    if (auto* lookup = c.options_of<model::lookup_head>()) lookup->patterns_per_class = patterns;
    return c;
}

} // namespace har
