// SPDX-License-Identifier: BSD-3-Clause
/// This library as a worker of bench/peers, see worker.hpp, and the writer of the files that all workers read.
///
///     bench_peers_ours write FOLDER             MODEL.safetensors for each model, inputs.f32, labels.i32
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
#include "smldist/model/state_dict.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/recurrent.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/train/loop.hpp"

#include "worker.hpp"

using namespace smldist;

namespace {

constexpr std::size_t largest_batch = 256, compared_steps = 3;

using network = model::network<float>;
using image_network = model::network2d<float>;

/// A gated recurrent unit reads the window; its last output decides.
struct recurrent {
    nn::gru<float> layer;
    nn::linear<float> head;

    explicit recurrent(generator g) : layer(9, 64, g), head(64, 6, g) {}
    template <class X> outputs<X> operator()(const X& x, mode = mode::eval) const {
        outputs<X> out;
        const std::size_t L = x.shape()[1];
        out.feature = op::flatten(op::slice(layer(x), 1, L - 1, L));
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("layer", self.layer);
        member("head", self.head);
    }
};

/// A multilayer perceptron on a row of 64 numbers.
struct perceptron {
    nn::linear<float> first, last;

    explicit perceptron(generator g) : first(64, 128, g), last(128, 10, g) {}
    template <class X> outputs<X> operator()(const X& x, mode = mode::eval) const {
        outputs<X> out;
        out.feature = op::relu(first(op::flatten(x)));
        out.logits = last(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("first", self.first);
        member("last", self.last);
    }
};

/// A MobileNetV3, of images if these have a side, with running statistics, norm weights and biases as after a little training.
template <class Network> Network make_preset(std::string_view preset, const peers::sample& sample) {
    const std::uint64_t seed = preset == "har_student" ? 1 : preset == "har_teacher" ? 2 : 3;
    auto config = model::preset(preset);
    config.backbone.channels = sample.channels;
    config.backbone.height = config.backbone.width = sample.side;
    config.classes = sample.classes;
    Network net(config, generator(seed));
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

/// Calls f with the network of that name, whose weights are the same at every call.
template <class F> auto with_network(std::string_view name, F f) {
    const peers::sample sample = peers::sample_of(name);
    if (name == "gru_64") return f(recurrent(generator(4)));
    if (name == "mlp") return f(perceptron(generator(5)));
    if (sample.side > 0) return f(make_preset<image_network>("mobilenet_v3_small", sample));
    return f(make_preset<network>(name, sample));
}

/// A preset as a model file, which a program can load; any other network as its weights.
void save(const std::string& path, const network& net, const peers::sample& sample, const float* x) {
    io::model_facts facts;
    facts.window = facts.hop = sample.length;
    facts.rate_hz = 50;
    for (std::size_t c = 0; c < sample.channels; ++c) facts.channels.push_back("channel " + std::to_string(c));
    for (std::size_t n = 0; n < sample.classes; ++n) facts.labels.push_back("class " + std::to_string(n));
    tensor<float> window(shape{1, sample.length, sample.channels});
    std::copy_n(x, window.size(), window.data());
    model::save(path, net, facts, window);
}
void save(const std::string& path, const auto& net, const peers::sample&, const float*) {
    model::save_state_dict(path, net);
}

void write(const std::string& folder) {
    generator random(1);
    std::vector<float> x(largest_batch * peers::sample_of("mobilenet_v3_small_96x96").size());
    for (float& v : x) v = static_cast<float>(random.normal());
    std::vector<int> labels(largest_batch);
    for (int& n : labels) n = static_cast<int>(random.below(6));
    io::write_file_atomically(folder + "/inputs.f32", std::as_bytes(std::span(x)));
    io::write_file_atomically(folder + "/labels.i32", std::as_bytes(std::span(labels)));
    for (const char* name : {"har_student", "har_teacher", "mobilenet_v3_small", "mobilenet_v3_small_32x32",
                             "mobilenet_v3_small_96x96", "gru_64", "mlp"})
        with_network(name, [&](const auto& net) {
            save(folder + "/" + name + ".safetensors", net, peers::sample_of(name), x.data());
        });
}

/// What all workers read: a model takes as many of the values and labels as it needs.
struct setting {
    std::vector<float> inputs;
    std::vector<int> labels;

    explicit setting(const std::string& folder)
        : inputs(peers::read_values<float>(folder + "/inputs.f32")),
          labels(peers::read_values<int>(folder + "/labels.i32")) {}

    data::windows windows(const peers::request& r) const {
        const peers::sample sample = peers::sample_of(r.model);
        data::windows w;
        w.x = tensor<float>(shape{r.batch, sample.length, sample.channels});
        std::copy_n(inputs.begin(), w.x.size(), w.x.data());
        w.label.assign(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(r.batch));
        w.subject.assign(r.batch, 0);
        w.info.rate_hz = 50;
        w.info.channels.resize(sample.channels);
        w.info.labels.resize(sample.classes);
        return w;
    }
};

template <class Network> peers::job inference(const setting& s, const peers::request& r, const Network& from) {
    struct state {
        runtime::program net;
        runtime::workspace memory;
        std::vector<float> logits;
    };
    const peers::sample sample = peers::sample_of(r.model);
    auto net = deploy::compile(from, {.batch = r.batch, .length = sample.length, .channels = sample.channels});
    runtime::workspace memory(net);
    const auto st = std::make_shared<state>(
        state{std::move(net), std::move(memory), std::vector<float>(r.batch * sample.classes)});
    const float* x = s.inputs.data();
    // Each of several threads takes some windows, in its own memory.
    const std::size_t share = std::min(st->net.slice(), (r.batch + threads() - 1) / threads());
    const auto run = [st, x, share, sample, B = r.batch] {
        if (threads() == 1) return st->net.run(x, st->logits.data(), B, st->memory);
        parallel_for(B, share, [&](std::size_t first, std::size_t last) {
            float* const to = st->logits.data() + first * sample.classes;
            st->net.run(x + first * sample.size(), std::span<float* const>(&to, 1), last - first);
        });
    };
    return {run, [st, run] {
                run();
                return std::vector<double>(st->logits.begin(), st->logits.end());
            }};
}

/// A training step as in a user's program.
template <class Network, class Objective> struct training_case {
    Network net;
    Objective objective;
    data::windows windows;
    data::batch batch;
    normaliser normal;
    train::training<Network, Objective> training;

    static train::training_options options(std::size_t batch) {
        train::training_options o;
        o.batch = batch;
        o.schedule.kind = optim::schedule_kind::constant;
        return o;
    }
    training_case(const setting& s, const peers::request& r, Network n, Objective o)
        : net(std::move(n)),
          objective(std::move(o)),
          windows(s.windows(r)),
          training(net, objective, windows, windows, normal, options(r.batch)) {
        batch.x = windows.x;
        batch.label = windows.label;
    }
    training_case(const training_case&) = delete;
};

template <class Network, class MakeObjective>
peers::job training(const setting& s, const peers::request& r, const Network& start, MakeObjective make_objective) {
    using objective = std::remove_cvref_t<decltype(make_objective(start))>;
    const auto make_case = [&s, r, start, make_objective](bool dropout) {
        Network net = start;
        if constexpr (requires { net.config; })
            if (!dropout) net.config.dropout = 0;
        auto o = make_objective(net);
        return std::make_shared<training_case<Network, objective>>(s, r, std::move(net), std::move(o));
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

peers::job distillation(const setting& s, const peers::request& r) {
    const peers::sample sample = peers::sample_of(r.model);
    const auto teacher = std::make_shared<deploy::network>(
        deploy::compile(make_preset<network>("har_teacher", sample), {.batch = r.batch, .length = sample.length}));
    auto job = training(s, r, make_preset<network>("har_student", sample), [teacher, sample](const network& student) {
        return distill::baseline_distiller(*teacher, student, loss::baseline::hinton{},
                                           shape{2, sample.length, sample.channels}, generator(1));
    });
    job.run = [teacher, run = std::move(job.run)] { run(); };
    return job;
}

peers::job make_job(const setting& s, const peers::request& r) {
    if (r.task == "distill") return distillation(s, r);
    return with_network(r.model, [&](const auto& net) {
        if (r.task == "inference") return inference(s, r, net);
        if (r.task != "train") throw std::runtime_error("task is " + r.task);
        return training(s, r, net, [](const auto&) { return train::supervised{}; });
    });
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
