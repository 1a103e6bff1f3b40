// SPDX-License-Identifier: BSD-3-Clause
/// evaluate, predict and summary.
#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "session.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/data/corruption.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/data/text_reader.hpp"
#include "smldist/distill/evaluate.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/io/file.hpp"
#include "smldist/model/load.hpp"

namespace har {

using namespace smldist;

namespace {

model::loaded<float> load_model(const std::string& path) {
    try {
        return model::load<float>(path);
    } catch (const data_error& e) { throw model_error(e.what()); }
}

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

/// The samples (n, C) of a CSV file: one line a sample, one column a channel, an optional first line of channel names.
tensor<float> read_samples(const std::string& path, const std::vector<std::string>& channels) {
    const auto bytes = io::read_file(path);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.empty()) raise<data_error>(path, "file is empty, expected samples");
    if (text.back() != '\n') text += '\n';
    const std::string first = text.substr(0, text.find_first_of("\r\n"));
    const bool header = std::any_of(first.begin(), first.end(),
                                    [](char c) { return (c >= 'a' && c <= 'z' && c != 'e') || c == '_'; });
    if (header) {
        std::string expected;
        for (const auto& name : channels) expected += (expected.empty() ? "" : ",") + name;
        if (first != expected)
            raise<data_error>(path + ":1:1", "names of the columns are \"", first, "\", expected \"", expected, "\"");
    }
    std::replace(text.begin(), text.end(), ',', ' ');
    data::text_reader in(path, std::move(text));
    if (header) in.next_line(); // the names
    std::vector<float> values;
    while (in.next_line()) {
        for (std::size_t c = 0; c < channels.size(); ++c) values.push_back(in.number());
        in.finish_line(channels.size());
    }
    auto x = tensor<float>::uninitialized({values.size() / channels.size(), channels.size()});
    std::copy(values.begin(), values.end(), x.begin());
    return x;
}

} // namespace

void evaluate(const options& o) {
    set_threads(o.threads > 0 ? o.threads : std::thread::hardware_concurrency());
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
    const auto e = distill::evaluate(m.net, w, m.facts.normaliser);
    io::json j = figures(e);
    j.set("parameters", parameter_count(m.net));
    j.set("macs", model::trace(m.net, m.facts.window).macs());
    j.set("head", model::text(m.net.config.head));
    j.set("preset", m.net.config.preset);
    std::printf("accuracy %.4f  macro-F1 %.4f  worst subject %d with %.4f  calibration error %.4f\n\n%s", e.accuracy,
                e.macro_f1, e.worst_subject, e.worst_subject_f1, e.calibration_error.value_or(0),
                e.counts.table(w.info.labels).c_str());
    if (o.json) std::printf("%s\n", j.dump().c_str());
}

void predict(const options& o) {
    const auto m = load_model(o.model);
    const std::size_t L = m.facts.window, C = m.facts.channels.size(), hop = o.hop > 0 ? o.hop : m.facts.hop;
    const tensor<float> samples = read_samples(o.input, m.facts.channels);
    const std::size_t n = samples.shape()[0];
    if (n < L) raise<data_error>(o.input, "number of samples is ", n, ", expected at least one window of ", L);
    data::windows w;
    const std::size_t count = (n - L) / hop + 1;
    w.x = tensor<float>::uninitialized({count, L, C});
    w.label.assign(count, 0);
    w.subject.assign(count, 0);
    w.info.labels = m.facts.labels;
    for (std::size_t i = 0; i < count; ++i) std::copy_n(samples.data() + i * hop * C, L * C, w.x.data() + i * L * C);
    const tensor<float> p = distill::predict(m.net, w, m.facts.normaliser);
    std::vector<double> energy; // Hopfield energy of every window for --json, when the head is a memory
    if (o.json && m.net.memory)
        distill::for_each_batch(m.net, w, m.facts.normaliser, [&](std::size_t, const outputs<tensor<float>>& out) {
            for (const float e : m.net.memory->energy(out.memory.scores)) energy.push_back(double(e));
        });
    const std::size_t N = m.facts.labels.size();
    io::json::array windows;
    if (!o.json) {
        std::printf("first_sample,label");
        for (const auto& label : m.facts.labels) std::printf(",%s", label.c_str());
        std::printf("\n");
    }
    for (std::size_t i = 0; i < count; ++i) {
        const float* row = p.data() + i * N;
        const auto best = static_cast<std::size_t>(std::max_element(row, row + N) - row);
        if (o.json) {
            io::json::array probabilities;
            for (std::size_t k = 0; k < N; ++k) probabilities.emplace_back(double(row[k]));
            io::json j;
            j.set("first_sample", i * hop);
            j.set("label", m.facts.labels[best]);
            j.set("probabilities", std::move(probabilities));
            if (!energy.empty()) j.set("energy", energy[i]);
            windows.push_back(std::move(j));
        } else {
            std::printf("%zu,%s", i * hop, m.facts.labels[best].c_str());
            for (std::size_t k = 0; k < N; ++k) std::printf(",%.6f", double(row[k]));
            std::printf("\n");
        }
    }
    if (o.json) {
        io::json j;
        j.set("windows", std::move(windows));
        std::printf("%s\n", j.dump().c_str());
    }
}

void summary(const options& o) {
    model::network<float> net;
    std::size_t length = o.length;
    if (!o.model.empty()) {
        auto m = load_model(o.model);
        net = std::move(m.net);
        length = m.facts.window;
    } else {
        auto c = model::preset(o.preset, o.width);
        if (!o.rows.empty()) {
            c.preset.clear();
            c.backbone.rows.clear();
            for (const auto& line : o.rows) c.backbone.rows.push_back(model::parse_row(line));
        }
        c.backbone.channels = o.channels;
        c.classes = o.classes;
        c.head = model::parse_head(o.head);
        if (nn::parse_compat(o.compat) == nn::compat::ref2021) {
            c.backbone.compat = nn::compat::ref2021;
            c.head = model::head_kind::ref2021;
        }
        c.memory.patterns_per_class = o.patterns;
        c.memory.heads = o.memory_heads;
        net = model::network<float>(c, generator(o.seed));
    }
    const graph g = model::trace(net, length);
    const auto names = model::names_of(net);
    const auto s = summarise(g, names);
    if (o.dot)
        std::printf("%s", to_dot(g, names).c_str());
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
    j.set("head", model::text(net.config.head));
    j.set("layers", std::move(layers));
    std::printf("%s\n", j.dump().c_str());
}

} // namespace har
