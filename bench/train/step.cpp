// SPDX-License-Identifier: BSD-3-Clause
/// A supervised training step (forward, backward, clipping, AdamW) of each preset on windows (B, 128, 9).
///
///     bench_train_step --benchmark_filter=har_teacher --benchmark_repetitions=5
///
/// A case is model/b<batch>/t<threads>. The counter `flops` counts three times the arithmetic of the forward pass: the
/// value, the gradient of the input and that of the weight.
#include <benchmark/benchmark.h>

#include <string>

#include "smldist/core/parallel.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;
using network = model::network<float>;

namespace {

struct windows {
    data::train_test set = data::synthetic({.users = 4, .test_users = 2, .seconds = 60});
    normaliser normal = data::fit_normaliser(set.train);
};

const windows& shared() {
    static const windows w;
    return w;
}

void step(benchmark::State& state, const std::string& preset, std::size_t batch_size, std::size_t threads) {
    set_threads(threads);
    const windows& w = shared();
    network net(model::preset(preset), generator(1));
    train::training_options o;
    o.epochs = 1000000; // keeps the schedule at its start
    o.batch = batch_size;
    data::loader_options l;
    l.batch = batch_size;
    data::loader loader(w.set.train, l, w.normal, generator(2));
    loader.start(1);
    data::batch batch;
    loader.next(batch);
    train::supervised labels;
    train::training<network, train::supervised> t(net, labels, w.set.train, w.set.test, w.normal, o);
    for (int k = 0; k < 2; ++k) t.step(batch); // the first steps allocate from the heap
    for (auto _ : state) t.step(batch);
    graph g;
    net(symbol::input(g, "x", batch.x.shape()));
    state.counters["flops"] = benchmark::Counter(6 * double(g.macs()), benchmark::Counter::kIsIterationInvariantRate);
    set_threads(1);
}

} // namespace

int main(int argc, char** argv) {
    for (const std::string model : {"har_student", "har_teacher", "mobilenet_v3_small"})
        for (const std::size_t batch : {64u, 256u})
            for (const std::size_t threads : {1u, 2u}) {
                const std::string name = model + "/b" + std::to_string(batch) + "/t" + std::to_string(threads);
                benchmark::RegisterBenchmark(name.c_str(),
                                             [=](benchmark::State& s) { step(s, model, batch, threads); })
                    ->Unit(benchmark::kMillisecond)
                    ->UseRealTime();
            }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
