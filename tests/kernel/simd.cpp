// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/simd.hpp"

#include <limits>

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;
namespace simd = smldist::kernel::simd;

namespace {

TEST_CASE_TEMPLATE("sweep: covers every index once, in order", T, float, double) {
    for (std::size_t n = 0; n < 70; ++n) {
        std::size_t next = 0;
        bool in_order = true;
        simd::sweep<T>(n, [&](auto p, std::size_t i) {
            in_order = in_order && i == next;
            next += p.size;
        });
        CHECK(in_order);
        CHECK(next == n);
    }
}

/// Every function of the seam on one pack type against <cmath>.
template <class V> void functions() {
    using T = typename V::value_type;
    const auto a = values<T>(V::size, 1), b = values<T>(V::size, 2), c = values<T>(V::size, 3);
    const V va = simd::load<V>(a.data()), vb = simd::load<V>(b.data()), vc = simd::load<V>(c.data());
    const auto check = [&](V got, auto f, double eps = 4) {
        std::vector<T> lanes(V::size), want(V::size);
        simd::store(lanes.data(), got);
        for (std::size_t i = 0; i < V::size; ++i) want[i] = f(a[i], b[i], c[i]);
        CHECK(distance(lanes, want) <= eps * double(std::numeric_limits<T>::epsilon()));
    };
    check(simd::fma(va, vb, vc), [](T x, T y, T z) { return std::fma(x, y, z); });
    check(simd::max(va, vb), [](T x, T y, T) { return std::max(x, y); });
    check(simd::min(va, vb), [](T x, T y, T) { return std::min(x, y); });
    check(simd::abs(va), [](T x, T, T) { return std::abs(x); });
    check(simd::sqrt(simd::abs(va)), [](T x, T, T) { return std::sqrt(std::abs(x)); });
    check(simd::exp(va), [](T x, T, T) { return std::exp(x); });
    check(simd::log(simd::abs(va)), [](T x, T, T) { return std::log(std::abs(x)); });
    check(simd::tanh(va), [](T x, T, T) { return std::tanh(x); });
    check(
        simd::erf(va), [](T x, T, T) { return std::erf(x); }, 40);
    check(simd::select(va > vb, va, vc), [](T x, T y, T z) { return x > y ? x : z; });
    check(simd::constant<V>(0.25), [](T, T, T) { return T(0.25); });
    check(-va / vb, [](T x, T y, T) { return -x / y; });
    T sum(0);
    for (T x : a) sum += x;
    CHECK(double(simd::sum(va)) == doctest::Approx(double(sum)).epsilon(tolerance<T>).scale(1));
    CHECK(simd::largest(va) == *std::max_element(a.begin(), a.end()));
    for (std::size_t n = 0; n <= V::size; ++n) {
        std::vector<T> lanes(V::size);
        simd::store(lanes.data(), simd::load_partial<V>(a.data(), n, T(9)));
        for (std::size_t i = 0; i < V::size; ++i) CHECK(lanes[i] == (i < n ? a[i] : T(9)));
    }
}

TEST_CASE_TEMPLATE("simd: functions on every pack", T, float, double) {
    functions<simd::full<T>>();
    functions<simd::half<T>>();
    functions<simd::quarter<T>>();
    functions<simd::single<T>>();
}

TEST_CASE_TEMPLATE("simd: fma rounds once where the machine has the instruction", T, float, double) {
#if defined(__FMA__)
    const T e = std::numeric_limits<T>::epsilon();
    const auto exact = [&](auto v) {
        using V = decltype(v);
        std::vector<T> lanes(V::size);
        simd::store(lanes.data(), simd::fma(V(T(1) + e), V(T(1) - e), V(T(-1))));
        for (T x : lanes) CHECK(x == -e * e);
    };
    exact(simd::full<T>(T(0)));
    exact(simd::half<T>(T(0)));
    exact(simd::quarter<T>(T(0)));
    exact(simd::single<T>(T(0)));
#endif
}

TEST_CASE_TEMPLATE("simd: quotients and roots are rounded correctly in every pack", T, float, double) {
    const auto a = values<T>(512, 2), b = values<T>(512, 3);
    const auto check = [&](auto one_pack) {
        using V = decltype(one_pack);
        for (std::size_t i = 0; i < a.size(); i += V::size) {
            T quotient[V::size], root[V::size];
            simd::store(quotient, simd::load<V>(&a[i]) / simd::load<V>(&b[i]));
            simd::store(root, simd::sqrt(simd::abs(simd::load<V>(&a[i]))));
            for (std::size_t k = 0; k < V::size; ++k) {
                CHECK(quotient[k] == a[i + k] / b[i + k]);
                CHECK(root[k] == std::sqrt(std::abs(a[i + k])));
            }
        }
    };
    check(simd::full<T>(T(0)));
    check(simd::half<T>(T(0)));
    check(simd::quarter<T>(T(0)));
    check(simd::single<T>(T(0)));
}

TEST_CASE_TEMPLATE("simd: max and min return a NaN that is their second operand", T, float, double) {
    const auto check = [](auto one) {
        using V = decltype(one);
        const V nan(std::numeric_limits<T>::quiet_NaN());
        for (const V& y : {simd::max(one, nan), simd::min(one, nan)}) {
            T lanes[V::size];
            simd::store(lanes, y);
            for (const T lane : lanes) CHECK(std::isnan(lane));
        }
#if defined(__SSE2__) // elsewhere it may be the NaN too
        for (const V& y : {simd::max(nan, one), simd::min(nan, one)}) {
            T lanes[V::size];
            simd::store(lanes, y);
            for (const T lane : lanes) CHECK(lane == T(0));
        }
#endif
    };
    check(simd::full<T>(T(0)));
    check(simd::half<T>(T(0)));
    check(simd::quarter<T>(T(0)));
    check(simd::single<T>(T(0)));
}

TEST_CASE_TEMPLATE("simd: exp at its limits", T, float, double) {
    using V = simd::full<T>;
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const auto first = [](V v) {
        std::vector<T> lanes(V::size);
        simd::store(lanes.data(), v);
        return lanes[0];
    };
    CHECK(first(simd::exp(V(-infinity))) == T(0));
    CHECK(first(simd::exp(V(infinity))) == infinity);
    CHECK(first(simd::exp(V(T(0)))) == T(1));
    CHECK(std::isnan(first(simd::exp(V(std::numeric_limits<T>::quiet_NaN())))));
    CHECK(first(simd::log(V(T(0)))) == -infinity);
}

TEST_CASE_TEMPLATE("simd: transpose", T, float, double) {
    using V = simd::smallest<T>;
    constexpr std::size_t n = V::size;
    const auto a = values<T>(n * n, 1);
    V rows[n];
    for (std::size_t i = 0; i < n; ++i) rows[i] = simd::load<V>(a.data() + i * n);
    simd::transpose(rows);
    for (std::size_t i = 0; i < n; ++i) {
        T lanes[n];
        simd::store(lanes, rows[i]);
        for (std::size_t j = 0; j < n; ++j) CHECK(lanes[j] == a[j * n + i]);
    }
}

TEST_CASE("unroll: indices in order, as constants") {
    std::vector<std::size_t> seen;
    simd::unroll<4>([&](auto i) { seen.push_back(std::integral_constant<std::size_t, i>::value); });
    CHECK(seen == std::vector<std::size_t>{0, 1, 2, 3});
}

} // namespace
