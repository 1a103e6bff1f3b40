// SPDX-License-Identifier: BSD-3-Clause
/// Inference with compiled programs: preset × batch, windows of 9 channels and 128 samples, linear head. One thread.
///
///     bench_deploy_inference --benchmark_repetitions=5 --benchmark_enable_random_interleaving=true
///     bench_deploy_inference --steps=har_student      # time and rate of every step, at batch 1 and 256
///
/// The counter `of_peak` is the share of the FMA peak, which a loop over registers measures in the same process. Where the
/// system counts energy, `mJ` is the energy per window. Elsewhere `instructions` counts the instructions per window (at
/// batch 1) and `KB_moved` the weights that its steps read and the values that they write and read back.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../energy.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/random.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;

namespace {

constexpr std::size_t length = 128, channels = 9;

double nanoseconds() {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Multiply-accumulates per nanosecond of FMAs on registers only: the best of many short runs.
double measured_peak() {
    namespace simd = kernel::simd;
    using V = simd::full<float>;
    constexpr std::size_t chains = 8, rounds = 4096;
    V a(1.0f), sum(0.0f), b(1e-9f);
    double best = 0;
    for (int run = 0; run < 200; ++run) {
        V c0 = sum, c1 = sum, c2 = sum, c3 = sum, c4 = sum, c5 = sum, c6 = sum, c7 = sum;
        const auto add = [&](auto&... c) SMLDIST_INLINE_LAMBDA { ((c = simd::fma(a, b, c), simd::keep(c)), ...); };
        const double start = nanoseconds();
        for (std::size_t i = 0; i < rounds; ++i) add(c0, c1, c2, c3, c4, c5, c6, c7);
        const double time = nanoseconds() - start;
        sum = ((c0 + c1) + (c2 + c3)) + ((c4 + c5) + (c6 + c7));
        benchmark::DoNotOptimize(sum);
        best = std::max(best, double(rounds * chains * V::size) / time);
    }
    return best;
}

double peak() {
    static const double value = measured_peak();
    return value;
}

/// A program with random weights, and windows to run it on.
struct setting {
    runtime::program net;
    std::vector<float> x, y;
    runtime::workspace memory;

    setting(std::string_view preset, std::size_t batch) : net(make(preset, batch)), memory(net) {
        generator g(2);
        x.resize(batch * length * channels);
        for (float& v : x) v = static_cast<float>(g.normal());
        y.resize(batch * net.outputs().back().size);
    }
    void run() { net.run(x.data(), y.data(), net.batch(), memory); }

private:
    static runtime::program make(std::string_view preset, std::size_t batch) {
        auto config = model::preset(preset);
        config.backbone.channels = channels;
        config.classes = 6;
        return deploy::compile(model::network<float>(config, generator(1)), {.batch = batch, .length = length});
    }
};

bench::energy_meter& meter() {
    static bench::energy_meter m;
    return m;
}

/// Energy per window, or the counters that replace it.
void count_energy(benchmark::State& state, const std::string& preset, setting& s, double joules) {
    const double batch = double(s.net.batch());
    if (meter().works()) {
        state.counters["mJ"] = 1e3 * joules / (batch * double(state.iterations()));
        return;
    }
    const auto r = s.net.report();
    double weights = 0, results = 0;
    for (const auto& row : r.rows) weights += double(row.weights), results += double(row.bytes);
    state.counters["KB_moved"] = 1e-3 * (weights / double(std::min(r.slice, s.net.batch())) + 2 * results);
    if (s.net.batch() != 1) return;
    static std::map<std::string, std::optional<std::uint64_t>> known; // counting takes seconds
    auto& count = known.try_emplace(preset, std::nullopt).first->second;
    if (!count) count = bench::instructions_of([&] { s.run(); });
    if (count) state.counters["instructions"] = double(*count);
}

void inference(benchmark::State& state, const std::string& preset) {
    const auto batch = static_cast<std::size_t>(state.range(0));
    setting s(preset, batch);
    s.run();
    double best = 1e300;
    const double before = meter().joules();
    for (auto _ : state) {
        const double start = nanoseconds();
        s.run();
        const double time = nanoseconds() - start;
        best = std::min(best, time);
        state.SetIterationTime(time * 1e-9);
    }
    count_energy(state, preset, s, meter().joules() - before);
    const auto r = s.net.report();
    const double macs = double(r.macs) * double(batch);
    state.counters["windows/s"] = benchmark::Counter(double(batch), benchmark::Counter::kIsIterationInvariantRate);
    state.counters["of_peak"] = macs / best / peak();
    state.counters["slice"] = double(r.slice);
    state.counters["arena_KiB"] = double(r.arena_bytes) / 1024;
}

/// Prints one line per step: the fastest of many runs.
void steps(const std::string& preset, std::size_t batch) {
    setting s(preset, batch);
    const auto r = s.net.report();
    std::vector<double> time(r.rows.size()), best(r.rows.size(), 1e300);
    for (std::size_t runs = batch == 1 ? 2000 : 20; runs-- > 0;) {
        std::fill(time.begin(), time.end(), 0);
        double last = nanoseconds();
        s.net.trace(s.x.data(), batch, s.memory, [&](std::size_t i) {
            const double now = nanoseconds();
            time[i] += now - last;
            last = now;
        });
        for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], time[i]);
    }
    double total = 0;
    for (const double t : best) total += t;
    std::printf("%s, batch %zu, slices of %zu: %.2f us\n%10s %7s %9s %8s  %s\n", preset.c_str(), batch, r.slice,
                total / 1e3, "us", "share", "MACs/ns", "of peak", "step");
    for (std::size_t i = 0; i < best.size(); ++i) {
        const double rate = double(r.rows[i].macs) * double(batch) / best[i];
        std::printf("%10.2f %6.1f%% %9.1f %7.1f%%  %s: %s\n", best[i] / 1e3, 100 * best[i] / total, rate,
                    100 * rate / peak(), r.rows[i].step.c_str(), r.rows[i].ops.c_str());
    }
}

} // namespace

int main(int argc, char** argv) {
    set_threads(1);
    constexpr std::string_view option = "--steps=";
    if (argc == 2 && std::string_view(argv[1]).starts_with(option)) {
        for (const std::size_t batch : {1u, 256u}) steps(argv[1] + option.size(), batch);
        return 0;
    }
    for (const std::string preset : {"har_student", "har_teacher", "mobilenet_v3_small"})
        benchmark::RegisterBenchmark(preset.c_str(), [preset](benchmark::State& state) { inference(state, preset); })
            ->ArgName("batch")
            ->Arg(1)
            ->Arg(32)
            ->Arg(256)
            ->Unit(benchmark::kMicrosecond)
            ->UseManualTime();
    benchmark::AddCustomContext("energy", meter().source());
    benchmark::AddCustomContext("fma_peak_gflops", std::to_string(2 * peak()));
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
