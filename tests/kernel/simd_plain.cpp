// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/simd_plain.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "compare.hpp"
#include "smldist/kernel/simd.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;
namespace vectors = smldist::kernel::simd::vectors;

namespace {

template <class V> std::vector<typename V::value_type> lanes_of(const V& x) {
    std::vector<typename V::value_type> lanes(V::size);
    x.store_unaligned(lanes.data());
    return lanes;
}

/// f(one pack) for every size of pack that a register of this machine holds.
template <class T, class F> void each_size(F f) {
    f(vectors::pack<T, 128>(T(0)));
#if SMLDIST_SIMD_BITS >= 256
    f(vectors::pack<T, 256>(T(0)));
#endif
#if SMLDIST_SIMD_BITS >= 512
    f(vectors::pack<T, 512>(T(0)));
#endif
}

TEST_CASE_TEMPLATE("simd_plain: every function, lane by lane", T, float, double) {
    each_size<T>([](auto one) {
        using V = decltype(one);
        const auto a = values<T>(V::size, 1), b = values<T>(V::size, 2), c = values<T>(V::size, 3);
        const V va = V::load_unaligned(a.data()), vb = V::load_unaligned(b.data()), vc = V::load_unaligned(c.data());
        const auto check = [&](const V& got, auto f) {
            const auto lanes = lanes_of(got);
            for (std::size_t i = 0; i < V::size; ++i) CHECK(lanes[i] == f(a[i], b[i], c[i]));
        };
        check(va + vb, [](T x, T y, T) { return x + y; });
        check(va - vb, [](T x, T y, T) { return x - y; });
        check(va * vb, [](T x, T y, T) { return x * y; });
        check(va / vb, [](T x, T y, T) { return x / y; });
        check(-va, [](T x, T, T) { return -x; });
        check(V(T(3)), [](T, T, T) { return T(3); });
        check(max(va, vb), [](T x, T y, T) { return std::max(x, y); });
        check(min(va, vb), [](T x, T y, T) { return std::min(x, y); });
        check(abs(va), [](T x, T, T) { return std::abs(x); });
        check(sqrt(abs(va)), [](T x, T, T) { return std::sqrt(std::abs(x)); });
        check(exp_lanes(va), [](T x, T, T) { return std::exp(x); });
        check(log_lanes(abs(va)), [](T x, T, T) { return std::log(std::abs(x)); });
        check(tanh_lanes(va), [](T x, T, T) { return std::tanh(x); });
        check(erf_lanes(va), [](T x, T, T) { return std::erf(x); });
        check(select(va < vb, va, vc), [](T x, T y, T z) { return x < y ? x : z; });
        check(select(va <= vb, va, vc), [](T x, T y, T z) { return x <= y ? x : z; });
        check(select(va > vb, va, vc), [](T x, T y, T z) { return x > y ? x : z; });
        check(select(va >= va, va, vc), [](T x, T, T) { return x; });
        check(select(va == va, va, vc), [](T x, T, T) { return x; });
        V sum = va;
        sum += vb;
        sum -= vc;
        sum *= va;
        check(sum, [](T x, T y, T z) { return (x + y - z) * x; });
        const T total = std::accumulate(a.begin(), a.end(), T(0));
        CHECK(double(vectors::sum(va)) == doctest::Approx(double(total)).epsilon(tolerance<T>).scale(1));
    });
}

TEST_CASE_TEMPLATE("simd_plain: fma is that of one lane", T, float, double) {
    namespace simd = kernel::simd;
    const T e = std::numeric_limits<T>::epsilon();
    const T alone = simd::fma(simd::single<T>(T(1) + e), simd::single<T>(T(1) - e), simd::single<T>(T(-1))).v;
    each_size<T>([&](auto one) {
        using V = decltype(one);
        for (const T lane : lanes_of(fma(V(T(1) + e), V(T(1) - e), V(T(-1))))) CHECK(lane == alone);
    });
}

TEST_CASE_TEMPLATE("simd_plain: max and min treat NaN as those of one lane", T, float, double) {
    namespace simd = kernel::simd;
    const T nan = std::numeric_limits<T>::quiet_NaN();
    using S = simd::single<T>;
    each_size<T>([&](auto one) {
        using V = decltype(one);
        CHECK(std::isnan(lanes_of(max(V(T(0)), V(nan)))[0]));
        CHECK(std::isnan(lanes_of(min(V(T(0)), V(nan)))[0]));
        CHECK(lanes_of(max(V(nan), V(T(0))))[0] == simd::max(S(nan), S(T(0))).v);
        CHECK(lanes_of(min(V(nan), V(T(0))))[0] == simd::min(S(nan), S(T(0))).v);
    });
}

TEST_CASE("simd_plain: bits of lanes") {
    each_size<float>([](auto one) {
        using V = decltype(one);
        const auto bits = vectors::to_bits(V(1.5F));
        CHECK(lanes_of(bits) == std::vector<std::int32_t>(V::size, 0x3fc00000));
        CHECK(lanes_of(vectors::from_bits(bits)) == std::vector<float>(V::size, 1.5F));
        const auto shifted = (bits >> 23) - (bits >> 23 << 1);
        CHECK(lanes_of(vectors::to_float(shifted)) == std::vector<float>(V::size, -127.0F));
    });
}

TEST_CASE_TEMPLATE("simd_plain: halves and interleaved halves", T, float, double) {
    each_size<T>([](auto one) {
        using V = decltype(one);
        const auto a = values<T>(V::size, 1), b = values<T>(V::size, 2);
        const V va = V::load_unaligned(a.data()), vb = V::load_unaligned(b.data());
        if constexpr (sizeof(V) > 16)
            CHECK(lanes_of(vectors::lower_half(va)) == std::vector<T>(a.begin(), a.begin() + V::size / 2));
        if constexpr (sizeof(V) == 16) {
            std::vector<T> both;
            for (std::size_t i = 0; i < V::size; ++i) {
                both.push_back(a[i]);
                both.push_back(b[i]);
            }
            CHECK(lanes_of(vectors::interleave_lower(va, vb)) ==
                  std::vector<T>(both.begin(), both.begin() + V::size));
            CHECK(lanes_of(vectors::interleave_upper(va, vb)) == std::vector<T>(both.begin() + V::size, both.end()));
        }
    });
}

} // namespace
