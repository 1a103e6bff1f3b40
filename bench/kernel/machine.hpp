// SPDX-License-Identifier: BSD-3-Clause
/// What the kernel benchmarks share: the machine's limits, measured by plain register and memory loops, and the timing
/// of a call in turns with such a loop. The speed of a shared machine varies within a run; the ratio of neighbouring
/// runs does not.
#ifndef SMLDIST_BENCH_KERNEL_MACHINE_HPP
#define SMLDIST_BENCH_KERNEL_MACHINE_HPP

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "smldist/core/memory.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"

namespace bench {

using namespace smldist;
namespace simd = kernel::simd;

/// n floats in [-1/2, 1/2), aligned as tensors are.
struct array : kernel::scratch<float> {
    explicit array(std::size_t n) : scratch(n) {
        unsigned s = 1;
        for (std::size_t i = 0; i < n; ++i) {
            s = s * 1664525u + 1013904223u;
            data()[i] = static_cast<float>(s >> 8) / float(1 << 24) - 0.5f;
        }
    }
};

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double median(std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
}

/// Flops per second of one core on registers only: 12 chains of FMAs, about 15 µs.
SMLDIST_NOINLINE inline double fma_peak() {
    using V = simd::full<float>;
    V sum[12];
    const V a(0.999f), b(1e-3f);
    simd::unroll<12>([&](auto i) SMLDIST_INLINE_LAMBDA { sum[i] = V(float(i)); });
    const std::size_t rounds = 4000;
    const double start = now();
    for (std::size_t n = 0; n < rounds; ++n)
        simd::unroll<12>([&](auto i) SMLDIST_INLINE_LAMBDA {
            sum[i] = simd::fma(sum[i], a, b);
            simd::keep(sum[i]);
        });
    const double seconds = now() - start;
    simd::unroll<12>([&](auto i) SMLDIST_INLINE_LAMBDA { benchmark::DoNotOptimize(simd::sum(sum[i])); });
    return 2.0 * 12 * V::size * double(rounds) / seconds;
}

/// Sum of n floats, a multiple of 8 packs.
SMLDIST_NOINLINE inline float read(std::size_t n, const float* x) {
    using V = simd::full<float>;
    V sum[8];
    simd::unroll<8>([&](auto i) SMLDIST_INLINE_LAMBDA { sum[i] = V(0.0f); });
    for (std::size_t k = 0; k < n; k += 8 * V::size)
        simd::unroll<8>([&](auto i) SMLDIST_INLINE_LAMBDA { sum[i] = sum[i] + simd::load<V>(x + k + i * V::size); });
    simd::unroll<7>([&](auto i) SMLDIST_INLINE_LAMBDA { sum[0] = sum[0] + sum[i + 1]; });
    return simd::sum(sum[0]);
}

/// y = a x + z
SMLDIST_NOINLINE inline void triad(std::size_t n, float a, const float* x, const float* z, float* y) {
    simd::sweep<float>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
        p.store(y + i, simd::fma(p.set(a), p.load(x + i), p.load(z + i)));
    });
}

/// y = x
SMLDIST_NOINLINE inline void copy(std::size_t n, const float* x, float* y) {
    simd::sweep<float>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA { p.store(y + i, p.load(x + i)); });
}

/// The number of calls that take about 50 µs together.
template <class F> std::size_t calls_of_sample(F&& call) {
    call();
    for (std::size_t n = 1;; n *= 2) {
        const double start = now();
        for (std::size_t i = 0; i < n; ++i) call();
        if (now() - start > 25e-6) return n;
    }
}

/// Times `call`, which does `work` flops or bytes, between two runs of limit(), which returns the machine's work per
/// second. Counters: `rate`, work per second; `limit`; `fraction`, the median over the samples.
template <class L, class F> void against(benchmark::State& state, double work, L&& limit, F&& call) {
    const std::size_t n = calls_of_sample(call);
    std::vector<double> rates, limits, fractions;
    for (auto _ : state) {
        const double before = limit(), start = now();
        for (std::size_t i = 0; i < n; ++i) call();
        const double seconds = (now() - start) / double(n);
        state.SetIterationTime(seconds);
        rates.push_back(work / seconds);
        limits.push_back((before + limit()) / 2);
        fractions.push_back(rates.back() / limits.back());
    }
    state.counters["rate"] = benchmark::Counter(median(rates), benchmark::Counter::kDefaults);
    state.counters["limit"] = benchmark::Counter(median(limits), benchmark::Counter::kDefaults);
    state.counters["fraction"] = median(fractions);
}

/// The settings of every benchmark here: one thread unless the name says otherwise, 31 samples.
inline void settings(benchmark::internal::Benchmark* b) {
    b->UseManualTime()->Iterations(31)->Unit(benchmark::kMicrosecond);
}

} // namespace bench

#endif
