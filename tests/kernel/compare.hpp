// SPDX-License-Identifier: BSD-3-Clause
/// What the kernel tests share: reproducible data, comparison with the naive oracle, and the thread check.
#ifndef SMLDIST_TESTS_KERNEL_COMPARE_HPP
#define SMLDIST_TESTS_KERNEL_COMPARE_HPP

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "smldist/core/parallel.hpp"

namespace smldist::testing_kernel {

/// A list of extents to loop over.
using counts = std::initializer_list<std::size_t>;

/// n values in [-1, 1), the same for the same seed; data() is not null for none either, as kernels ask.
template <class T> std::vector<T> values(std::size_t n, std::uint64_t seed) {
    std::vector<T> v;
    v.reserve(n + 1);
    v.resize(n);
    std::uint64_t s = seed * 0x9E3779B97F4A7C15u + 1;
    for (T& x : v) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        x = static_cast<T>(static_cast<double>(s >> 40) / double(1 << 23) - 1.0);
    }
    return v;
}

template <class T> inline constexpr double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;

/// Largest difference, relative to the largest magnitude expected (at least 1). NaN on one side counts as infinite.
template <class T> double distance(const std::vector<T>& got, const std::vector<T>& want) {
    if (got.size() != want.size()) return HUGE_VAL;
    double worst = 0, scale = 1;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const auto g = static_cast<double>(got[i]), w = static_cast<double>(want[i]);
        if (g == w || (std::isnan(g) && std::isnan(w))) continue;
        const double d = std::abs(g - w);
        worst = std::max(worst, std::isnan(d) ? HUGE_VAL : d);
        scale = std::max(scale, std::abs(w));
    }
    return worst / scale;
}

template <class T> bool close(const std::vector<T>& got, const std::vector<T>& want) {
    return distance(got, want) <= tolerance<T>;
}

template <class T> bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// Whether `run()`, which returns a vector, gives the same bits on 1, 2 and 3 threads.
template <class F> bool same_on_any_threads(F&& run) {
    const std::size_t before = threads();
    set_threads(1);
    const auto one = run();
    bool same = true;
    for (std::size_t n : counts{2, 3}) {
        set_threads(n);
        same = same && same_bits(one, run());
    }
    set_threads(before);
    return same;
}

} // namespace smldist::testing_kernel

#endif
