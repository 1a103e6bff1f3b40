// SPDX-License-Identifier: BSD-3-Clause
/// This library as a worker of bench/peers, see worker.hpp, and the writer of the files that all workers read.
///
///     bench_peers_ours write FOLDER             MODEL.safetensors for each model, windows.f32, labels.i32
///     bench_peers_ours serve FOLDER THREADS
///
/// Inference runs a compiled program. A training step is that of train::training: forward, cross entropy, backward,
/// clipping, AdamW, running statistics. A distillation step adds the teacher, a compiled program too, and takes the loss of
/// Hinton et al. 2015, which the peers can do as well; SMLDist's own losses are measured by bench/distill.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/parallel.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/network.hpp"
#include "smldist/distill/baseline.hpp"
#include "smldist/loss/baseline/hinton.hpp"
#include "smldist/model/load.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

#include "worker.hpp"

using namespace smldist;
using network = model::network<float>;

namespace {

constexpr std::size_t largest_batch = 256, compared_steps = 3;

/// A network with running statistics, norm weights and biases as after a little training.
network make(std::string_view preset, std::uint64_t seed) {
    auto config = model::preset(preset);
    config.backbone.channels = peers::channels;
    config.classes = peers::classes;
    network net(config, generator(seed));
    generator random(seed, 1);
    walk(net, [&](const std::string& path, auto& leaf) {
        const bool variance = path.ends_with("running_var"), norm = path.find("norm.") != path.npos;
        if (!norm && !path.ends_with("bias")) return;
        const double centre = variance || path.ends_with("norm.weight") ? 1 : 0;
        for (auto& v : leaf.value) {
            using value = std::remove_cvref_t<decltype(v)>;
            v = static_cast<value>(centre + 0.1 * std::clamp(random.normal(), -3.0, 3.0));
        }
    });
    return net;
}

void write(const std::string& folder) {
    generator random(1);
    tensor<float> x(shape{largest_batch, peers::window_length, peers::channels});
    for (float& v : x) v = static_cast<float>(random.normal());
    std::vector<int> labels(largest_batch);
    for (int& n : labels) n = static_cast<int>(random.below(peers::classes));
    io::write_file_atomically(folder + "/windows.f32", std::as_bytes(std::span(x.data(), x.size())));
    io::write_file_atomically(folder + "/labels.i32", std::as_bytes(std::span(labels)));

    io::model_facts facts;
    facts.window = facts.hop = peers::window_length;
    facts.rate_hz = 50;
    for (std::size_t c = 0; c < peers::channels; ++c) facts.channels.push_back("channel " + std::to_string(c));
    for (std::size_t n = 0; n < peers::classes; ++n) facts.labels.push_back("class " + std::to_string(n));
    tensor<float> window(shape{1, peers::window_length, peers::channels});
    std::copy_n(x.data(), window.size(), window.data());
    std::uint64_t seed = 0;
    for (const std::string_view name : {"har_student", "har_teacher", "mobilenet_v3_small"})
        model::save(folder + "/" + std::string(name) + ".safetensors", make(name, ++seed), facts, window);
}

/// The inputs, and the networks by name.
struct setting {
    std::string folder;
    data::windows windows;
    normaliser normal;

    explicit setting(std::string from) : folder(std::move(from)) {
        const auto x = peers::read_values<float>(folder + "/windows.f32");
        windows.label = peers::read_values<int>(folder + "/labels.i32");
        windows.x = tensor<float>(shape{windows.label.size(), peers::window_length, peers::channels});
        std::copy(x.begin(), x.end(), windows.x.data());
        windows.subject.assign(windows.label.size(), 0);
        windows.info.rate_hz = 50;
        windows.info.channels.resize(peers::channels);
        windows.info.labels.resize(peers::classes);
    }
    network load(const std::string& model) const {
        return model::load<float>(folder + "/" + model + ".safetensors").net;
    }
    data::batch batch(std::size_t size) const {
        data::batch b;
        b.x = tensor<float>(shape{size, peers::window_length, peers::channels});
        std::copy_n(windows.x.data(), b.x.size(), b.x.data());
        b.label.assign(windows.label.begin(), windows.label.begin() + static_cast<std::ptrdiff_t>(size));
        return b;
    }
};

peers::job inference(const setting& s, const peers::request& r) {
    struct state {
        runtime::program net;
        runtime::workspace memory;
        std::vector<float> logits;
    };
    auto net = deploy::compile(s.load(r.model), {.batch = r.batch, .length = peers::window_length});
    runtime::workspace memory(net);
    const auto st = std::make_shared<state>(
        state{std::move(net), std::move(memory), std::vector<float>(r.batch * peers::classes)});
    const float* x = s.windows.x.data();
    // Each of several threads takes some windows, in its own memory.
    const std::size_t share = std::min(st->net.slice(), (r.batch + threads() - 1) / threads());
    const auto run = [st, x, share, B = r.batch] {
        if (threads() == 1) return st->net.run(x, st->logits.data(), B, st->memory);
        parallel_for(B, share, [&](std::size_t first, std::size_t last) {
            float* const to = st->logits.data() + first * peers::classes;
            st->net.run(x + first * peers::window_length * peers::channels, std::span<float* const>(&to, 1),
                        last - first);
        });
    };
    return {run, [st, run] {
                run();
                return std::vector<double>(st->logits.begin(), st->logits.end());
            }};
}

/// A training step as in a user's program.
template <class Objective> struct training_case {
    network net;
    Objective objective;
    data::batch batch;
    train::training<network, Objective> training;

    static train::training_options options(std::size_t batch) {
        train::training_options o;
        o.batch = batch;
        o.schedule.kind = optim::schedule_kind::constant;
        return o;
    }
    training_case(const setting& s, network n, Objective o, std::size_t size)
        : net(std::move(n)),
          objective(std::move(o)),
          batch(s.batch(size)),
          training(net, objective, s.windows, s.windows, s.normal, options(size)) {}
    training_case(const training_case&) = delete;
};

template <class MakeObjective>
peers::job training(const setting& s, const peers::request& r, MakeObjective make_objective) {
    using objective = std::remove_cvref_t<decltype(make_objective(std::declval<const network&>()))>;
    const auto make_case = [&s, r, make_objective](bool dropout) {
        network net = s.load(r.model);
        if (!dropout) net.config.dropout = 0;
        auto o = make_objective(net);
        return std::make_shared<training_case<objective>>(s, std::move(net), std::move(o), r.batch);
    };
    const auto c = make_case(true);
    return {[c] { c->training.step(c->batch); },
            [make_case] {
                const auto fresh = make_case(false);
                std::vector<double> losses;
                for (std::size_t k = 0; k < compared_steps; ++k)
                    losses.push_back(fresh->training.step(fresh->batch).total);
                return losses;
            }};
}

peers::job make_job(const setting& s, const peers::request& r) {
    if (r.task == "inference") return inference(s, r);
    if (r.task == "train") return training(s, r, [](const network&) { return train::supervised{}; });
    if (r.task != "distill") throw std::runtime_error("task is " + r.task);
    const auto teacher = std::make_shared<deploy::network>(
        deploy::compile(s.load("har_teacher"), {.batch = r.batch, .length = peers::window_length}));
    auto job = training(s, r, [teacher](const network& student) {
        return distill::baseline_distiller(*teacher, student, loss::baseline::hinton{},
                                           shape{2, peers::window_length, peers::channels}, generator(1));
    });
    job.run = [teacher, run = std::move(job.run)] { run(); };
    return job;
}

} // namespace

int main(int argc, char** argv) try {
    const std::string what = argc > 2 ? argv[1] : "";
    if (what == "write") {
        write(argv[2]);
        return 0;
    }
    if (what != "serve" || argc < 4) {
        std::fputs("usage: bench_peers_ours write FOLDER | serve FOLDER THREADS\n", stderr);
        return 2;
    }
    peers::bound([&] { set_threads(static_cast<std::size_t>(std::atoi(argv[3]))); });
    const setting s(argv[2]);
    return peers::serve([&](const peers::request& r) { return make_job(s, r); });
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
