// SPDX-License-Identifier: BSD-3-Clause
/// The functions of io/bundle.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

inline json list(const std::vector<std::string>& words) {
    json::array items;
    for (const auto& w : words) items.emplace_back(w);
    return items;
}

[[gnu::cold]] inline std::vector<std::string> words(const json& list, budget& room) {
    std::vector<std::string> out;
    const auto& items = list.as_array();
    std::size_t bytes = items.size() * 2 * sizeof(std::string);
    for (const auto& item : items) bytes += item.as_string().size();
    room.take(bytes, "its labels and channels");
    out.reserve(items.size());
    for (const auto& item : items) out.push_back(item.as_string());
    return out;
}

/// Floats as JSON numbers that read back to the same bits.
inline json list(const std::vector<float>& values) {
    json::array items;
    for (const float v : values) items.emplace_back(double(v));
    return items;
}

[[gnu::cold]] inline std::vector<float> floats(const json& list, budget& room) {
    std::vector<float> out;
    room.take(list.as_array().size() * sizeof(float), "its normaliser");
    out.reserve(list.as_array().size());
    for (const auto& item : list.as_array()) out.push_back(static_cast<float>(item.as_double()));
    return out;
}

inline std::string preprocess_text(const model_facts& f) {
    json p;
    p.set("layout", "BLC");
    p.set("normaliser", name_of(f.normaliser.kind));
    p.set("offset", list(f.normaliser.offset));
    p.set("scale", list(f.normaliser.scale));
    p.set("low", list(f.normaliser.low));
    p.set("high", list(f.normaliser.high));
    p.set("window", f.window);
    p.set("stride", f.hop);
    p.set("rate_hz", f.rate_hz);
    p.set("channels", list(f.channels));
    p.set("units", list(f.units));
    return p.dump();
}

} // namespace detail

void check_preprocess(const model_facts& f) {
    const std::size_t C = f.channels.size();
    const auto fits = [&](std::size_t n, bool optional) { return n == C || (optional && n == 0); };
    const bool none = f.normaliser.kind == normaliser_kind::none;
    if (C == 0 || f.window == 0 || f.hop == 0 || !(f.rate_hz > 0) || !std::isfinite(f.rate_hz) ||
        !fits(f.units.size(), true) || !fits(f.normaliser.offset.size(), none) ||
        !fits(f.normaliser.scale.size(), none) || f.normaliser.offset.size() != f.normaliser.scale.size() ||
        !fits(f.normaliser.low.size(), true) || f.normaliser.low.size() != f.normaliser.high.size())
        raise<data_error>("model file",
                          "preprocess is inconsistent, expected a window, a rate and one offset, scale and "
                          "name for each channel");
    for (const auto* numbers : {&f.normaliser.offset, &f.normaliser.scale, &f.normaliser.low, &f.normaliser.high})
        for (const float v : *numbers)
            if (!std::isfinite(v)) raise<data_error>("model file", "a number of preprocess is out of range");
    for (std::size_t c = 0; c < f.normaliser.low.size(); ++c)
        if (!(f.normaliser.low[c] <= f.normaliser.high[c]))
            raise<data_error>("model file", "clip bounds of channel ", c, " are reversed");
}

namespace detail {

[[gnu::cold]] inline void read_preprocess(const json& p, model_facts& f, budget& room) {
    constexpr std::size_t longest = std::size_t(1) << 31; // samples
    if (p.as_string("layout") != "BLC")
        raise<data_error>("model file", "layout is ", quote(p.as_string("layout")), ", expected \"BLC\"");
    const auto& name = p.as_string("normaliser");
    const auto kind = find_enum<normaliser_kind>(name);
    if (!kind) raise<data_error>("model file", "normaliser ", quote(name), " is not known");
    f.normaliser.kind = *kind;
    f.normaliser.offset = floats(p.at("offset"), room);
    f.normaliser.scale = floats(p.at("scale"), room);
    f.normaliser.low = floats(p.at("low"), room);
    f.normaliser.high = floats(p.at("high"), room);
    f.window = p.as_size("window");
    f.hop = p.as_size("stride");
    f.rate_hz = p.as_double("rate_hz");
    f.channels = words(p.at("channels"), room);
    f.units = words(p.at("units"), room);
    if (f.window > longest || f.hop > longest)
        raise<data_error>("model file", "window and stride of preprocess are ", f.window, " and ", f.hop,
                          ", expected at most ", longest);
    check_preprocess(f);
}

/// The metadata of that key. Throws data_error when there is none.
[[gnu::cold]] inline const std::string& entry(const safetensors_file& file, std::string_view key) {
    return metadata_entry(file, key, "model file");
}

} // namespace detail

void nudge(std::span<float> window, std::uint32_t round) {
    std::uint32_t state = 12345 + round;
    for (float& v : window) {
        state = 1664525 * state + 1013904223;
        v *= 1 + 0x1p-21f * (static_cast<float>(state >> 8) * 0x1p-22f - 2);
    }
}

byte_vector write_bundle(const model_facts& f, std::span<const tensor_view> tensors) {
    metadata_map m{{"format", "smldist"},
                   {"format_version", std::string(format_version)},
                   {"architecture", f.architecture.dump()},
                   {"graph", f.graph.dump()},
                   {"preprocess", detail::preprocess_text(f)},
                   {"labels", detail::list(f.labels).dump()},
                   {"created_by", f.created_by},
                   {"seed", std::to_string(f.seed)},
                   {"selftest_input", std::string(selftest_input)},
                   {"selftest_output", std::string(selftest_output)}};
    return write_sealed(tensors, std::move(m));
}

namespace detail {

/// The JSON text of a metadata key, within the budget that all texts of the file share.
[[gnu::cold]] inline json read_json(bundle& b, std::string_view key, json_limits& left) {
    const std::string& text = entry(b.file, key);
    b.room.take(text.size(), key); // for the characters of its strings
    left.memory = b.room.left();
    json value;
    parse_error error;
    if (!json::parse_one_of_several(text, value, error, left))
        raise<data_error>("json", error.what, " at byte ", error.offset, " of ", key);
    b.room.take(b.room.left() - left.memory, key);
    return value;
}

/// Checks the shapes of the self-test, a window (1, L, C) in raw units and its logits (1, N), so that the facts bound
/// what loading it takes.
[[gnu::cold]] inline void check_selftest(const bundle& b) {
    const shape &in = b.file.at(selftest_input).extents, &out = b.file.at(selftest_output).extents;
    const std::size_t L = b.facts.window, C = b.facts.channels.size(), N = b.facts.labels.size();
    if (in.rank() != 3 || in[0] != 1 || in[1] != L || in[2] != C || out.rank() != 2 || out[0] != 1 || out[1] != N)
        raise<data_error>("model file", "shapes of the self-test are ", in.text(), " and ", out.text(),
                          ", expected (1, ", L, ", ", C, ") and (1, ", N, "), window, channels and labels");
}

} // namespace detail

bundle read_bundle(byte_vector bytes, load_options o) {
    bundle b;
    b.room = budget("model file", bytes.size(), o.memory);
    safetensors_options options;
    options.require_finite = true;
    options.infinite = constant_prefix;
    b.file = safetensors_file::parse(std::move(bytes), options);
    b.room.take(b.file.memory(), "its tensors and metadata");
    const auto text = [&b](std::string_view key) -> const std::string& { return detail::entry(b.file, key); };
    check_seal(b.file, "smldist", format_version, "model file");
    json_limits left;
    b.facts.architecture = detail::read_json(b, "architecture", left);
    b.facts.graph = detail::read_json(b, "graph", left);
    detail::read_preprocess(detail::read_json(b, "preprocess", left), b.facts, b.room);
    b.facts.labels = detail::words(detail::read_json(b, "labels", left), b.room);
    b.room.take(text("created_by").size(), "created_by");
    b.facts.created_by = text("created_by");
    const std::string& seed = text("seed");
    const auto [end, code] = std::from_chars(seed.data(), seed.data() + seed.size(), b.facts.seed);
    if (code != std::errc() || end != seed.data() + seed.size())
        raise<data_error>("model file", "seed is ", quote(seed), ", expected an unsigned integer");
    if (text("selftest_input") != selftest_input || text("selftest_output") != selftest_output)
        raise<data_error>("model file", "names of the self-test tensors are not known");
    detail::check_selftest(b);
    return b;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io
