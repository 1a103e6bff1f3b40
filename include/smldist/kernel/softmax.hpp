// SPDX-License-Identifier: BSD-3-Clause
/// Softmax, its logarithm and log-sum-exp over the rows of (R,N), with their gradients.
///
/// The row's maximum is subtracted first. An entry −∞ has weight 0; a row of only −∞ gives lse = −∞, softmax 0,
/// log-softmax −∞ and gradients 0, never NaN. Outputs may be the input of the same shape (same address).
#ifndef SMLDIST_KERNEL_SOFTMAX_HPP
#define SMLDIST_KERNEL_SOFTMAX_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Rows of one parallel chunk; an exponential costs about eight plain element-wise operations.
inline std::size_t softmax_rows(std::size_t N) { return chunk_rows(8 * N); }

/// What to subtract from a row: its maximum, or 0 when the row is all −∞ (−∞ − −∞ would be NaN).
template <class T> SMLDIST_NOINLINE T row_shift(std::size_t N, const T* x) {
    const T m = largest_of(N, x);
    return m == -std::numeric_limits<T>::infinity() ? T(0) : m;
}

/// Σ_n exp(x[n] − shift)
template <class T> SMLDIST_NOINLINE T exp_total(std::size_t N, const T* x, T shift) {
    return row_total<T>(N, [&](auto p, std::size_t n)
                               SMLDIST_INLINE_LAMBDA { return simd::exp(p.load(x + n) - p.set(shift)); });
}

} // namespace detail

/// y[r,n] = exp(x[r,n]) / Σ_j exp(x[r,j])
template <class T> SMLDIST_NOINLINE void softmax(std::size_t R, std::size_t N, const T* x, T* y) {
    parallel_for(R, detail::softmax_rows(N), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T* const from = x + r * N;
            T* const to = y + r * N;
            const T shift = detail::row_shift(N, from);
            simd::sweep<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA {
                p.store(to + n, simd::exp(p.load(from + n) - p.set(shift)));
            });
            const T total =
                row_total<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA { return p.load(to + n); });
            const T factor = total == T(0) ? T(0) : T(1) / total;
            simd::sweep<T>(N, [&](auto p, std::size_t n)
                                  SMLDIST_INLINE_LAMBDA { p.store(to + n, p.load(to + n) * p.set(factor)); });
        }
    });
}

/// y[r] = log Σ_n exp(x[r,n])
template <class T> SMLDIST_NOINLINE void log_sum_exp(std::size_t R, std::size_t N, const T* x, T* y) {
    parallel_for(R, detail::softmax_rows(N), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T shift = detail::row_shift(N, x + r * N);
            y[r] = shift + std::log(detail::exp_total(N, x + r * N, shift));
        }
    });
}

/// y[r,n] = x[r,n] − log Σ_j exp(x[r,j])
template <class T> SMLDIST_NOINLINE void log_softmax(std::size_t R, std::size_t N, const T* x, T* y) {
    parallel_for(R, detail::softmax_rows(N), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T* const from = x + r * N;
            T* const to = y + r * N;
            const T shift = detail::row_shift(N, from);
            const T total = detail::exp_total(N, from, shift);
            const T log_total = total == T(0) ? T(0) : std::log(total);
            simd::sweep<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA {
                p.store(to + n, (p.load(from + n) - p.set(shift)) - p.set(log_total));
            });
        }
    });
}

/// dx[r,n] (+)= y[r,n] (dy[r,n] − Σ_j dy[r,j] y[r,j]),   y = softmax(x)
template <class T>
SMLDIST_NOINLINE void softmax_backward(std::size_t R, std::size_t N, const T* dy, const T* y, T* dx, bool add) {
    parallel_for(R, chunk_rows(N), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T* const d = dy + r * N;
            const T* const v = y + r * N;
            T* const out = dx + r * N;
            const T mean = row_total<T>(N, [&](auto p, std::size_t n)
                                               SMLDIST_INLINE_LAMBDA { return p.load(d + n) * p.load(v + n); });
            simd::sweep<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA {
                const auto g = p.load(v + n) * (p.load(d + n) - p.set(mean));
                p.store(out + n, add ? p.load(out + n) + g : g);
            });
        }
    });
}

/// dx[r,n] (+)= dy[r,n] − exp(y[r,n]) Σ_j dy[r,j],   y = log_softmax(x)
template <class T>
SMLDIST_NOINLINE void log_softmax_backward(std::size_t R, std::size_t N, const T* dy, const T* y, T* dx, bool add) {
    parallel_for(R, detail::softmax_rows(N), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T* const d = dy + r * N;
            const T* const v = y + r * N;
            T* const out = dx + r * N;
            const T total =
                row_total<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA { return p.load(d + n); });
            simd::sweep<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA {
                const auto g = simd::fma(-simd::exp(p.load(v + n)), p.set(total), p.load(d + n));
                p.store(out + n, add ? p.load(out + n) + g : g);
            });
        }
    });
}

/// dx[r,n] (+)= dy[r] exp(x[r,n] − y[r]),   y = log_sum_exp(x)
template <class T>
SMLDIST_NOINLINE void log_sum_exp_backward(std::size_t R, std::size_t N, const T* dy, const T* x, const T* y, T* dx,
                                           bool add) {
    parallel_for(R, detail::softmax_rows(N), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T* const from = x + r * N;
            T* const out = dx + r * N;
            const T shift = y[r] == -std::numeric_limits<T>::infinity() ? T(0) : y[r];
            simd::sweep<T>(N, [&](auto p, std::size_t n) SMLDIST_INLINE_LAMBDA {
                const auto g = p.set(dy[r]) * simd::exp(p.load(from + n) - p.set(shift));
                p.store(out + n, add ? p.load(out + n) + g : g);
            });
        }
    });
}

/// y[r,n] = ln 1/J Σ_j exp(x[r, j N + n])
template <class T> void log_mean_exp(std::size_t R, std::size_t J, std::size_t N, const T* x, T* y) {
    for (std::size_t r = 0; r < R; ++r, x += J * N, y += N)
        for (std::size_t n = 0; n < N; ++n) {
            T top = x[n], total(0);
            for (std::size_t j = 1; j < J; ++j) top = std::max(top, x[j * N + n]);
            for (std::size_t j = 0; j < J; ++j) total += std::exp(x[j * N + n] - top);
            y[n] = top + std::log(total / static_cast<T>(J));
        }
}

/// z[r,n] = ln Σ_{m: label[m] = n} exp(s[r,m]) − prior[n]
///
/// s (R,M), label (M) whole numbers below N, prior (N), z (R,N); top (N) is scratch; share (R,M) or null becomes
/// exp(s − lse of its class).
template <class T, class L>
void class_log_sum_exp(std::size_t R, std::size_t M, std::size_t N, const T* s, const L* label, const T* prior,
                       T* top, T* z, T* share) {
    const auto of = [label](std::size_t m) { return static_cast<std::size_t>(label[m]); };
    for (std::size_t r = 0; r < R; ++r, s += M, z += N) {
        std::fill_n(top, N, -std::numeric_limits<T>::infinity());
        std::fill_n(z, N, T(0));
        for (std::size_t m = 0; m < M; ++m) top[of(m)] = std::max(top[of(m)], s[m]);
        for (std::size_t m = 0; m < M; ++m) z[of(m)] += std::exp(s[m] - top[of(m)]);
        for (std::size_t n = 0; n < N; ++n) z[n] = top[n] + std::log(z[n]);
        for (std::size_t m = 0; share && m < M; ++m) share[r * M + m] = std::exp(s[m] - z[of(m)]);
        for (std::size_t n = 0; n < N; ++n) z[n] -= prior[n];
    }
}

/// y[b,n] = ln Σ_j ω_j p_jn,   ω = softmax(a),   p_j = softmax(z[b,j,:])
///
/// z (B,J,N), a (J), y (B,N); log_p (B,J,N) and log_weight (J) become ln p and ln ω.
template <class T>
void mixture(std::size_t B, std::size_t J, std::size_t N, const T* z, const T* a, T* log_p, T* log_weight, T* y) {
    log_softmax(B * J, N, z, log_p);
    log_softmax(std::size_t(1), J, a, log_weight);
    for (std::size_t b = 0; b < B; ++b)
        for (std::size_t n = 0; n < N; ++n) {
            const auto term = [&](std::size_t j) { return log_weight[j] + log_p[(b * J + j) * N + n]; };
            T top = term(0), sum(0);
            for (std::size_t j = 1; j < J; ++j) top = std::max(top, term(j));
            for (std::size_t j = 0; j < J; ++j) sum += std::exp(term(j) - top);
            y[b * N + n] = top + std::log(sum);
        }
}

namespace naive {

/// log Σ_n exp(x[n] − m) + m with m = max_n x[n]; −∞ when every entry is −∞
template <class T> T log_sum_exp(std::size_t N, const T* x) {
    T m = -std::numeric_limits<T>::infinity();
    for (std::size_t n = 0; n < N; ++n) m = x[n] > m ? x[n] : m;
    if (m == -std::numeric_limits<T>::infinity()) return m;
    T s(0);
    for (std::size_t n = 0; n < N; ++n) s += std::exp(x[n] - m);
    return m + std::log(s);
}

/// y[r] = log Σ_n exp(x[r,n])
template <class T> void log_sum_exp(std::size_t R, std::size_t N, const T* x, T* y) {
    for (std::size_t r = 0; r < R; ++r) y[r] = log_sum_exp(N, x + r * N);
}

/// y[r,n] = x[r,n] − lse(x[r,:])
template <class T> void log_softmax(std::size_t R, std::size_t N, const T* x, T* y) {
    for (std::size_t r = 0; r < R; ++r) {
        const T lse = log_sum_exp(N, x + r * N);
        for (std::size_t n = 0; n < N; ++n)
            y[r * N + n] = std::isinf(x[r * N + n]) ? x[r * N + n] : x[r * N + n] - lse;
    }
}

/// y[r,n] = exp(x[r,n] − lse(x[r,:]))
template <class T> void softmax(std::size_t R, std::size_t N, const T* x, T* y) {
    log_softmax(R, N, x, y);
    for (std::size_t i = 0; i < R * N; ++i) y[i] = std::exp(y[i]);
}

/// dx[r,n] (+)= y[r,n] (dy[r,n] − Σ_j dy[r,j] y[r,j])
template <class T> void softmax_backward(std::size_t R, std::size_t N, const T* dy, const T* y, T* dx, bool add) {
    for (std::size_t r = 0; r < R; ++r) {
        T s(0);
        for (std::size_t n = 0; n < N; ++n) s += dy[r * N + n] * y[r * N + n];
        for (std::size_t i = r * N; i < (r + 1) * N; ++i) dx[i] = (add ? dx[i] : T(0)) + y[i] * (dy[i] - s);
    }
}

/// dx[r,n] (+)= dy[r,n] − exp(y[r,n]) Σ_j dy[r,j]
template <class T> void log_softmax_backward(std::size_t R, std::size_t N, const T* dy, const T* y, T* dx, bool add) {
    for (std::size_t r = 0; r < R; ++r) {
        T s(0);
        for (std::size_t n = 0; n < N; ++n) s += dy[r * N + n];
        for (std::size_t i = r * N; i < (r + 1) * N; ++i) dx[i] = (add ? dx[i] : T(0)) + dy[i] - std::exp(y[i]) * s;
    }
}

/// dx[r,n] (+)= dy[r] exp(x[r,n] − y[r]), 0 where x[r,n] = −∞
template <class T>
void log_sum_exp_backward(std::size_t R, std::size_t N, const T* dy, const T* x, const T* y, T* dx, bool add) {
    for (std::size_t r = 0; r < R; ++r)
        for (std::size_t i = r * N; i < (r + 1) * N; ++i) {
            const T weight = x[i] == -std::numeric_limits<T>::infinity() ? T(0) : std::exp(x[i] - y[r]);
            dx[i] = (add ? dx[i] : T(0)) + dy[r] * weight;
        }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(softmax<float>)
SMLDIST_INSTANTIATE_KERNEL(log_sum_exp<float>)
SMLDIST_INSTANTIATE_KERNEL(log_softmax<float>)
SMLDIST_INSTANTIATE_KERNEL(softmax_backward<float>)
SMLDIST_INSTANTIATE_KERNEL(log_softmax_backward<float>)
SMLDIST_INSTANTIATE_KERNEL(log_sum_exp_backward<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif
