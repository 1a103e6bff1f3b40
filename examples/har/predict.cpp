// SPDX-License-Identifier: BSD-3-Clause
/// predict: from a file, or from standard input as the samples come.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "commands.hpp"
#include "load_model.hpp"
#include "smldist/data/text_reader.hpp"
#include "smldist/data/window.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/deploy/stream.hpp"
#include "smldist/distill/evaluate.hpp"
#include "smldist/io/file.hpp"

namespace har {

using namespace smldist;

namespace {

/// Whether the first line of a CSV, without its end, names the columns. Throws data_error when it names others.
bool names_columns(const std::string& where, const std::string& line, const std::vector<std::string>& channels) {
    if (std::none_of(line.begin(), line.end(), [](char c) { return (c >= 'a' && c <= 'z' && c != 'e') || c == '_'; }))
        return false;
    std::string expected;
    for (const auto& name : channels) expected += (expected.empty() ? "" : ",") + name;
    if (line != expected)
        raise<data_error>(where + ":1:1", "names of the columns are \"", line, "\", expected \"", expected, "\"");
    return true;
}

/// The samples (n, C) of a CSV file: one line a sample, one column a channel, an optional first line of channel names.
tensor<float> read_samples(const std::string& path, const std::vector<std::string>& channels) {
    const auto bytes = io::read_file(path);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.empty()) raise<data_error>(path, "file is empty, expected samples");
    if (text.back() != '\n') text += '\n';
    const bool header = names_columns(path, text.substr(0, text.find_first_of("\r\n")), channels);
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

/// What is said of one window.
struct row {
    std::size_t first;
    std::size_t label;
    std::span<const float> probabilities;

    io::json json(const std::vector<std::string>& labels) const {
        io::json::array list;
        for (const float p : probabilities) list.emplace_back(double(p));
        io::json j;
        j.set("first_sample", first);
        j.set("label", labels[label]);
        j.set("probabilities", std::move(list));
        return j;
    }
    void print(const std::vector<std::string>& labels) const {
        std::printf("%zu,%s", first, labels[label].c_str());
        for (const float p : probabilities) std::printf(",%.6f", double(p));
        std::printf("\n");
    }
};

void print_header(const std::vector<std::string>& labels) {
    std::printf("first_sample,label");
    for (const auto& label : labels) std::printf(",%s", label.c_str());
    std::printf("\n");
}

} // namespace

void predict(const options& o) {
    if (o.input.empty()) raise<usage_error>("predict", "no --input is given, expected one, or --stream");
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
    if (!o.json) print_header(m.facts.labels);
    for (std::size_t i = 0; i < count; ++i) {
        const std::span<const float> all(p.data() + i * N, N);
        const row r{i * hop, static_cast<std::size_t>(std::max_element(all.begin(), all.end()) - all.begin()), all};
        if (!o.json) {
            r.print(m.facts.labels);
            continue;
        }
        io::json j = r.json(m.facts.labels);
        if (!energy.empty()) j.set("energy", energy[i]);
        windows.push_back(std::move(j));
    }
    if (o.json) {
        io::json j;
        j.set("windows", std::move(windows));
        std::printf("%s\n", j.dump().c_str());
    }
}

void predict_stream(const options& o) {
    for (const int s : {SIGINT, SIGTERM}) std::signal(s, SIG_DFL); // a blocked read would not see the flag
    const std::string where = "standard input";
    const auto m = as_model(o.model, [](const std::string& path) { return deploy::load(path); });
    const auto &channels = m.facts.channels, &labels = m.facts.labels;
    deploy::stream stream(m.net, {o.hop > 0 ? o.hop : m.facts.hop, o.smoothing});
    std::vector<float> sample(channels.size());
    std::size_t number = 0, blank = 0;
    if (!o.json) print_header(labels);
    for (std::string line; std::getline(std::cin, line);) {
        ++number;
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (number == 1 && names_columns(where, line, channels)) continue;
        if (line.find_first_not_of(" \t") == line.npos) {
            blank = number;
            continue;
        }
        if (blank > 0) raise<data_error>(where + ":" + std::to_string(blank) + ":1", "line is blank, expected data");
        std::replace(line.begin(), line.end(), ',', ' ');
        data::text_reader in(where, line + '\n', ' ', number - 1);
        in.next_line();
        for (float& v : sample) v = in.number();
        in.finish_line(sample.size());
        const auto* d = stream.push(sample);
        if (!d) continue;
        const row r{static_cast<std::size_t>(d->first), d->label, d->probabilities};
        if (o.json)
            std::printf("%s\n", r.json(labels).dump().c_str());
        else
            r.print(labels);
        if (std::fflush(stdout) != 0) raise<io_error>("standard output", "cannot be written");
    }
    if (std::cin.bad()) raise<io_error>(where, "cannot be read");
}

} // namespace har
