// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/update.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

constexpr std::size_t sizes[] = {0, 1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 47, 130, 1000, 20001};

template <class T> std::vector<T> squares(std::size_t n, std::uint64_t seed) {
    auto v = values<T>(n, seed);
    for (T& x : v) x *= x;
    return v;
}

} // namespace

TEST_CASE_TEMPLATE("adam_update: equal to the plain loop, at any length", T, float, double) {
    for (const std::size_t n : sizes)
        for (const T decay : {T(1), T(0.99)})
            for (const T l2 : {T(0), T(0.1)})
                for (const T eps : {T(1e-8), T(1e-2)}) {
                    CAPTURE(decay);
                    CAPTURE(l2);
                    CAPTURE(eps);
                    CAPTURE(n);
                    const kernel::adam_factors<T> f{.beta1 = T(0.9),
                                                    .beta2 = T(0.99),
                                                    .rate = T(0.05),
                                                    .correction = T(3),
                                                    .eps = eps,
                                                    .decay = decay,
                                                    .l2 = l2};
                    const auto g = values<T>(n, 1);
                    auto w = values<T>(n, 2), m = values<T>(n, 3), v = squares<T>(n, 4);
                    auto w_want = w, m_want = m, v_want = v;
                    for (int step = 0; step < 3; ++step) {
                        kernel::adam_update(n, f, g.data(), w.data(), m.data(), v.data());
                        kernel::naive::adam_update(n, f, g.data(), w_want.data(), m_want.data(), v_want.data());
                    }
                    CHECK(close(w, w_want));
                    CHECK(close(m, m_want));
                    CHECK(close(v, v_want));
                }
}

TEST_CASE_TEMPLATE("adam_update: elements beyond the end are untouched", T, float, double) {
    const std::size_t n = 13, room = 32;
    const kernel::adam_factors<T> f{.beta1 = T(0.9),
                                    .beta2 = T(0.99),
                                    .rate = T(0.05),
                                    .correction = T(1),
                                    .eps = T(1e-8),
                                    .decay = T(1),
                                    .l2 = T(0)};
    const auto g = values<T>(room, 1), start = values<T>(room, 2);
    auto w = start, m = start, v = squares<T>(room, 2);
    const auto v_start = v;
    kernel::adam_update(n, f, g.data(), w.data(), m.data(), v.data());
    for (std::size_t i = n; i < room; ++i) {
        CHECK(w[i] == start[i]);
        CHECK(m[i] == start[i]);
        CHECK(v[i] == v_start[i]);
    }
}

TEST_CASE_TEMPLATE("sgd_update: equal to the plain loop, at any length", T, float, double) {
    for (const std::size_t n : sizes)
        for (const T momentum : {T(0), T(0.9)})
            for (const T l2 : {T(0), T(0.1)})
                for (const bool nesterov : {false, true}) {
                    CAPTURE(momentum);
                    CAPTURE(l2);
                    CAPTURE(nesterov);
                    CAPTURE(n);
                    const auto g = values<T>(n, 1);
                    auto w = values<T>(n, 2), u = values<T>(n, 3);
                    auto w_want = w, u_want = u;
                    for (const bool first : {true, false, false}) {
                        kernel::sgd_update(n, T(0.1), momentum, l2, nesterov, first, g.data(), w.data(), u.data());
                        kernel::naive::sgd_update(n, T(0.1), momentum, l2, nesterov, first, g.data(), w_want.data(),
                                                  u_want.data());
                    }
                    CHECK(close(w, w_want));
                    CHECK(close(u, u_want));
                }
}

TEST_CASE("sgd_update: the first step does not read the velocity") {
    const std::vector<double> g{1, 2, 3};
    std::vector<double> w{0, 0, 0}, u(3, std::nan(""));
    kernel::sgd_update<double>(3, 0.5, 0.9, 0, false, true, g.data(), w.data(), u.data());
    CHECK(w == std::vector<double>{-0.5, -1, -1.5});
    CHECK(u == g);
}

TEST_CASE_TEMPLATE("approach: equal to the plain loop, at any length; exact at both ends", T, float, double) {
    for (const std::size_t n : sizes)
        for (const T s : {T(0), T(1e-3), T(0.3), T(0.5), T(0.7), T(1)}) {
            CAPTURE(s);
            CAPTURE(n);
            const auto x = values<T>(n, 1), start = values<T>(n, 2);
            auto y = start, wanted = start, same = x;
            kernel::approach(n, s, x.data(), y.data());
            kernel::naive::approach(n, s, x.data(), wanted.data());
            CHECK(close(y, wanted));
            if (s == T(0)) CHECK(y == start);
            if (s == T(1)) CHECK(y == x);
            kernel::approach(n, s, x.data(), same.data());
            CHECK(same == x); // nothing moves when nothing differs
        }
    const auto x = values<T>(32, 1);
    auto y = values<T>(32, 2);
    const auto before = y;
    kernel::approach(13, T(0.3), x.data(), y.data());
    CHECK(std::equal(y.begin() + 13, y.end(), before.begin() + 13));
}
