// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/normalise.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

/// x, map, gate and dy of R rows of C columns; the scales lie around 1 so that z meets every piece of f.
template <class T> struct rows {
    std::size_t R, C;
    std::vector<T> x = values<T>(R * C, 1), map = values<T>(3 * C, 2), gate = values<T>(C, 3),
                   dy = values<T>(R * C, 4);
    rows(std::size_t r, std::size_t c) : R(r), C(c) {
        for (T& v : x) v *= T(6);
        for (std::size_t i = C; i < 2 * C; ++i) map[i] += T(1);
    }
    kernel::column_map<T> columns() const { return {map.data(), C}; }
};

template <class T, class F> void check_rows() {
    for (const std::size_t R : counts{1, 3, 4, 11})
        for (const std::size_t C : counts{1, 8, 16, 45})
            for (const bool gated : {false, true}) {
                CAPTURE(gated);
                CAPTURE(R);
                CAPTURE(C);
                const rows<T> in(R, C);
                const T* const gate = gated ? in.gate.data() : nullptr;
                std::vector<T> got(R * C), want(R * C);
                kernel::normalise_rows<F>(R, C, in.x.data(), C, in.columns(), gate, got.data(), C);
                kernel::naive::normalise_rows<F>(R, C, in.x.data(), in.columns(), gate, want.data());
                CHECK(close(got, want));

                std::vector<T> dx(R * C), dx_want(R * C), dgate(C), dgate_want(C), again_y(R * C), sums(2 * C),
                    sums_want(2 * C);
                kernel::rows_of<F, T>.gradients(R, C, in.x.data(), in.dy.data(), C, dx.data(), C, in.columns(), false,
                                                gate, gated ? dgate.data() : nullptr, sums.data(), C, again_y.data(),
                                                C);
                CHECK(same_bits(again_y, got));
                kernel::naive::normalise_rows_backward<F>(R, C, in.x.data(), in.dy.data(), dx_want.data(),
                                                          in.columns(), gate, dgate_want.data(), sums_want.data());
                CHECK(close(dx, dx_want));
                CHECK(close(sums, sums_want));
                if (gated) CHECK(close(dgate, dgate_want));

                // in place, and added
                std::vector<T> place = in.dy, again = dx;
                kernel::rows_of<F, T>.gradients(R, C, in.x.data(), place.data(), C, place.data(), C, in.columns(),
                                                false, gate, gated ? dgate.data() : nullptr, sums.data(), C, nullptr,
                                                0);
                CHECK(same_bits(place, dx));
                kernel::rows_of<F, T>.gradients(R, C, in.x.data(), in.dy.data(), C, again.data(), C, in.columns(),
                                                true, gate, gated ? dgate.data() : nullptr, sums.data(), C, nullptr,
                                                0);
                for (T& v : dx_want) v *= T(2);
                CHECK(close(again, dx_want));
            }
}

} // namespace

TEST_CASE_TEMPLATE("normalise_rows and its gradients", T, float, double) {
    check_rows<T, kernel::identity>();
    check_rows<T, kernel::relu>();
    check_rows<T, kernel::hard_swish>();
    check_rows<T, kernel::selu>();
}

TEST_CASE_TEMPLATE("normalise and its gradients agree with one chunk of rows, on any number of threads", T, float,
                   double) {
    using F = kernel::hard_swish;
    const std::size_t R = 3000, C = 45;
    const rows<T> in(R, C);
    std::vector<T> want(R * C), dx_want(R * C), sums_want(2 * C);
    kernel::naive::normalise_rows<F>(R, C, in.x.data(), in.columns(), static_cast<const T*>(nullptr), want.data());
    kernel::naive::normalise_rows_backward<F>(R, C, in.x.data(), in.dy.data(), dx_want.data(), in.columns(),
                                              static_cast<const T*>(nullptr), static_cast<T*>(nullptr),
                                              sums_want.data());
    std::vector<T> y(R * C), dx(R * C), sums(2 * C);
    CHECK(same_on_any_threads([&] {
        kernel::normalise(kernel::rows_of<F, T>, R, C, in.x.data(), in.map.data(), y.data());
        return y;
    }));
    CHECK(close(y, want));
    CHECK(same_on_any_threads([&] {
        kernel::normalise_backward(kernel::rows_of<F, T>, R, C, in.x.data(), in.map.data(), in.dy.data(), dx.data(),
                                   false, sums.data());
        return sums;
    }));
    CHECK(close(dx, dx_want));
    CHECK(close(sums, sums_want));
}

TEST_CASE_TEMPLATE("normalised_mean and its gradients", T, float, double) {
    using F = kernel::hard_swish;
    const std::size_t B = 70, L = 9, C = 45;
    const rows<T> in(B * L, C);
    const auto d = values<T>(B * C, 5);
    std::vector<T> normal(B * L * C), want(B * C), dy(B * L * C), dx_want(B * L * C), sums_want(2 * C);
    kernel::naive::normalise_rows<F>(B * L, C, in.x.data(), in.columns(), static_cast<const T*>(nullptr),
                                     normal.data());
    for (std::size_t i = 0; i < B * L * C; ++i) {
        const std::size_t at = i / (L * C) * C + i % C;
        want[at] += normal[i] / T(L);
        dy[i] = d[at] / T(L);
    }
    kernel::naive::normalise_rows_backward<F>(B * L, C, in.x.data(), dy.data(), dx_want.data(), in.columns(),
                                              static_cast<const T*>(nullptr), static_cast<T*>(nullptr),
                                              sums_want.data());
    std::vector<T> y(B * C), dx(B * L * C), sums(2 * C);
    CHECK(same_on_any_threads([&] {
        kernel::normalised_mean(kernel::rows_of<F, T>, B, L, C, in.x.data(), in.map.data(), y.data());
        return y;
    }));
    CHECK(close(y, want));
    CHECK(same_on_any_threads([&] {
        kernel::normalised_mean_backward(kernel::rows_of<F, T>, B, L, C, in.x.data(), in.map.data(), d.data(),
                                         dx.data(), false, sums.data());
        return sums;
    }));
    CHECK(close(dx, dx_want));
    CHECK(close(sums, sums_want));
    kernel::normalised_mean_backward(kernel::rows_of<F, T>, B, L, C, in.x.data(), in.map.data(), d.data(), dx.data(),
                                     true, sums.data());
    for (T& v : dx_want) v *= T(2);
    CHECK(close(dx, dx_want));
}

TEST_CASE_TEMPLATE("add_through_statistics", T, float, double) {
    const std::size_t R = 3001, C = 45;
    const auto x = values<T>(R * C, 1), v = values<T>(3 * C, 2), before = values<T>(R * C, 3);
    for (const bool add : {false, true}) {
        CAPTURE(add);
        std::vector<T> want(R * C), dx;
        for (std::size_t i = 0; i < R * C; ++i) {
            const std::size_t c = i % C;
            want[i] = (add ? before[i] : T(0)) + v[C + c] * (x[i] - v[c]) + v[2 * C + c];
        }
        CHECK(same_on_any_threads([&] {
            dx = before;
            kernel::add_through_statistics(R, C, x.data(), v.data(), &v[C], &v[2 * C], dx.data(), add);
            return dx;
        }));
        CHECK(close(dx, want));
    }
}
