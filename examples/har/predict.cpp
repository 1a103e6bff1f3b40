// SPDX-License-Identifier: BSD-3-Clause
/// predict --input: the answers for a file as a whole, or none.
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "answers.hpp"
#include "commands.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "signals.hpp"
#include "smldist/data/csv_reader.hpp"
#include "smldist/data/window.hpp"
#include "smldist/train/evaluate.hpp"

namespace har {

using namespace smldist;

namespace {

/// A file of samples: no two copies of them, and none of its bytes.
struct recording {
    std::vector<float> values; ///< (n, C)
    std::size_t first_line = 0;
};

recording read_samples(const options& o, const std::vector<std::string>& channels) {
    data::csv_reader in(o.input, channels);
    recording r;
    while (in.next_row()) {
        if (r.values.empty()) {
            r.first_line = in.line();
            tell_ignored(in, o.quiet);
        }
        for (std::size_t c = 0; c < channels.size(); ++c) r.values.push_back(in.number(c));
    }
    if (in.line() == 0) raise<data_error>(o.input, "file is empty, expected samples");
    return r;
}

/// The answers of a network for `count` windows.
struct predictions {
    std::vector<float> probabilities; ///< (count, N)
    std::vector<double> energy; ///< Hopfield energy of each window, when it is asked for and the head is a memory
};

/// For the windows that begin every `hop` samples. Throws data_error for one without a finite answer.
predictions answer(const model::loaded<float>& m, const recording& samples, std::size_t count, std::size_t hop,
                   const options& o) {
    const std::size_t L = m.facts.window, C = m.facts.channels.size(), N = m.facts.labels.size();
    const std::size_t at_once = std::min<std::size_t>(count, 128);
    predictions all;
    all.probabilities.reserve(count * N);
    data::windows batch;
    batch.info.labels = m.facts.labels;
    for (std::size_t begin = 0; begin < count; begin += at_once) {
        const std::size_t size = std::min(at_once, count - begin);
        if (batch.size() != size) batch.x = tensor<float>::uninitialized({size, L, C});
        batch.label.assign(size, 0);
        batch.subject.assign(size, 0);
        const auto window = [&](std::size_t i) {
            return std::span(samples.values).subspan((begin + i) * hop * C, L * C);
        };
        for (std::size_t i = 0; i < size; ++i) std::copy_n(window(i).data(), L * C, batch.x.data() + i * L * C);
        const auto keep = [&](std::size_t, const outputs<tensor<float>>& out) {
            std::vector<float> energies;
            if (o.json && m.net.memory())
                for (const float e : m.net.memory()->energy(out.memory.scores)) energies.push_back(e);
            for (std::size_t i = 0; i < size; ++i) {
                bool finite = energies.empty() || std::isfinite(energies[i]);
                for (std::size_t k = 0; k < N; ++k) finite = finite && std::isfinite(out.logits(i, k));
                const std::size_t first = (begin + i) * hop;
                if (!finite) refuse(o.input, samples.first_line + first, first, window(i), m.facts.channels);
            }
            const tensor<float> p = op::softmax(out.logits);
            all.probabilities.insert(all.probabilities.end(), p.begin(), p.end());
            all.energy.insert(all.energy.end(), energies.begin(), energies.end());
        };
        train::for_each_batch(m.net, batch, m.facts.normaliser, keep, at_once);
    }
    return all;
}

} // namespace

void predict(const options& o) {
    const interruptible nothing_to_save;
    const auto m = load_model(o.model);
    const std::size_t L = m.facts.window, C = m.facts.channels.size(), N = m.facts.labels.size();
    const std::size_t hop = o.decisions.hop > 0 ? o.decisions.hop : m.facts.hop;
    const recording samples = read_samples(o, m.facts.channels);
    const std::size_t n = samples.values.size() / C;
    if (n < L) raise<data_error>(o.input, "number of samples is ", n, ", expected at least one window of ", L);
    const std::size_t count = (n - L) / hop + 1;
    const predictions all = answer(m, samples, count, hop, o);

    const answers say(m.facts.labels);
    output out;
    out.add(o.json ? "{\"windows\":[" : say.header());
    for (std::size_t i = 0; i < count; ++i) {
        const auto p = std::span(all.probabilities).subspan(i * N, N);
        const auto label = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
        if (!o.json) {
            out.add(say.line(i * hop, label, p));
            continue;
        }
        io::json j = say.object(i * hop, label, p);
        if (!all.energy.empty()) j.set("energy", all.energy[i]);
        out.add((i == 0 ? "" : ",") + j.dump());
    }
    if (o.json) out.add("]}\n");
    out.flush();
}

} // namespace har
