// SPDX-License-Identifier: BSD-3-Clause
/// The limits of one core: FMA peak on registers, and the bandwidth of reading and of y = a x + z from each level of memory.
#include "machine.hpp"

#include <string>

namespace {

void peak(benchmark::State& state) {
    std::vector<double> rates;
    for (auto _ : state) {
        const double start = bench::now();
        rates.push_back(bench::fma_peak());
        state.SetIterationTime(bench::now() - start);
    }
    state.counters["rate"] = bench::median(rates);
}

void read(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0)) / sizeof(float);
    const bench::array x(n);
    const std::size_t calls = bench::calls_of_sample([&] { benchmark::DoNotOptimize(bench::read(n, x.data())); });
    std::vector<double> rates;
    for (auto _ : state) {
        const double start = bench::now();
        for (std::size_t i = 0; i < calls; ++i) benchmark::DoNotOptimize(bench::read(n, x.data()));
        const double seconds = (bench::now() - start) / double(calls);
        state.SetIterationTime(seconds);
        rates.push_back(double(n * sizeof(float)) / seconds);
    }
    state.counters["rate"] = bench::median(rates);
}

/// Counts the two reads and the write.
void triad(benchmark::State& state) {
    const auto n = static_cast<std::size_t>(state.range(0)) / sizeof(float) / 3;
    const bench::array x(n), z(n), y(n);
    const auto call = [&] {
        bench::triad(n, 0.5f, x.data(), z.data(), y.data());
        benchmark::ClobberMemory();
    };
    const std::size_t calls = bench::calls_of_sample(call);
    std::vector<double> rates;
    for (auto _ : state) {
        const double start = bench::now();
        for (std::size_t i = 0; i < calls; ++i) call();
        const double seconds = (bench::now() - start) / double(calls);
        state.SetIterationTime(seconds);
        rates.push_back(3.0 * double(n * sizeof(float)) / seconds);
    }
    state.counters["rate"] = bench::median(rates);
}

void levels(benchmark::internal::Benchmark* b) {
    bench::settings(b);
    // Bytes that lie in L1, L2, L3 and memory on any recent x86 or Arm core.
    for (const std::int64_t bytes : {24 << 10, 384 << 10, 8 << 20, 256 << 20}) b->Arg(bytes)->ArgName("bytes");
}

BENCHMARK(peak)->Apply(bench::settings);
BENCHMARK(read)->Apply(levels);
BENCHMARK(triad)->Apply(levels);

} // namespace

BENCHMARK_MAIN();
