// SPDX-License-Identifier: BSD-3-Clause
/// Normalisation of groups of channels in each sample of (B,L,C), L the positions (time steps, pixels).
///
/// Group g of G holds the C/G channels from g·C/G on. Sums run along the columns first, then over the channels of a group, so
/// that packs run over channels whatever G is; one sample is the work of one thread.
#ifndef SMLDIST_KERNEL_GROUP_NORM_HPP
#define SMLDIST_KERNEL_GROUP_NORM_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// One sample of group_norm_forward: x, y (L,C), mean and invstd (G); y may be x. `work` has 2·C elements.
template <class T>
SMLDIST_NOINLINE void group_norm_sample(std::size_t L, std::size_t C, std::size_t G, const T* x, const T* gamma,
                                        const T* beta, T eps, T* y, T* mean, T* invstd, T* work) {
    const std::size_t n = C / G;
    const T share = T(1) / static_cast<T>(L * n);
    T *const centre = work, *const slope = work + C;
    simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        p.store(slope + c, detail::rows_total<typename decltype(p)::pack>(
                               0, L, [&](std::size_t r) SMLDIST_INLINE_LAMBDA { return p.load(x + r * C + c); }));
    });
    for (std::size_t g = 0; g < G; ++g) {
        T total(0);
        for (std::size_t c = g * n; c < (g + 1) * n; ++c) total += slope[c];
        mean[g] = share * total;
        std::fill_n(centre + g * n, n, mean[g]);
    }
    simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
        const auto mu = p.load(centre + c);
        p.store(slope + c,
                detail::rows_total<typename decltype(p)::pack>(0, L, [&](std::size_t r) SMLDIST_INLINE_LAMBDA {
                    const auto d = p.load(x + r * C + c) - mu;
                    return d * d;
                }));
    });
    for (std::size_t g = 0; g < G; ++g) {
        T total(0);
        for (std::size_t c = g * n; c < (g + 1) * n; ++c) total += slope[c];
        invstd[g] = T(1) / std::sqrt(share * total + eps);
        for (std::size_t c = g * n; c < (g + 1) * n; ++c) slope[c] = gamma ? invstd[g] * gamma[c] : invstd[g];
    }
    for (std::size_t r = 0; r < L; ++r)
        simd::sweep<T>(C, [&, r](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            const auto d = p.load(x + r * C + c) - p.load(centre + c);
            p.store(y + r * C + c, simd::fma(d, p.load(slope + c), beta ? p.load(beta + c) : p.set(T(0))));
        });
}

/// y[b,l,c] = (x[b,l,c] − mean[b,g]) · invstd[b,g] · gamma[c] + beta[c],   g the group of channel c
///
/// mean (B,G) and invstd (B,G) = 1/√(var + eps) are those of the L·C/G values of a group; the variance is biased. gamma (1)
/// and beta (0) may be null.   L ≥ 1, G divides C
template <class T>
SMLDIST_NOINLINE void group_norm_forward(std::size_t B, std::size_t L, std::size_t C, std::size_t G, const T* x,
                                         const T* gamma, const T* beta, T eps, T* y, T* mean, T* invstd) {
    parallel_for_scratch<T>(B, chunk_rows(3 * L * C), 2 * C, [&](std::size_t first, std::size_t last, T* work) {
        for (std::size_t b = first; b < last; ++b)
            group_norm_sample(L, C, G, x + b * L * C, gamma, beta, eps, y + b * L * C, mean + b * G, invstd + b * G,
                              work);
    });
}

/// Gradients of group_norm_forward; with h = dy · gamma, x̂ = (x − mean) · invstd and means over the values of a group,
///
///     dbeta = Σ_{b,l} dy,   dgamma = Σ_{b,l} dy x̂,   dx = invstd · (h − mean h − x̂ · mean(h x̂))
///
/// gamma may be null (1); dx, dgamma and dbeta may be null. With `add` the gradient is added to what is there.
template <class T>
SMLDIST_NOINLINE void group_norm_backward(std::size_t B, std::size_t L, std::size_t C, std::size_t G, const T* x,
                                          const T* dy, const T* mean, const T* invstd, const T* gamma, T* dx,
                                          bool add_dx, T* dgamma, bool add_dgamma, T* dbeta, bool add_dbeta) {
    const std::size_t n = C / G;
    const T share = T(1) / static_cast<T>(L * n);
    const scratch<T> sums(B * 2 * C); // of each sample Σ_l dy and Σ_l dy x̂
    parallel_for_scratch<T>(B, chunk_rows(4 * L * C), 4 * C, [&](std::size_t first, std::size_t last, T* work) {
        T *const centre = work, *const a = work + C, *const q = a + C,
                 *const s = q + C; // dx = a·dy + (q·(x − mean) + s)
        for (std::size_t b = first; b < last; ++b) {
            const T *const from = x + b * L * C, *const d = dy + b * L * C;
            T *const total = sums.data() + 2 * b * C, *const along = total + C;
            for (std::size_t g = 0; g < G; ++g) {
                std::fill_n(centre + g * n, n, mean[b * G + g]);
                std::fill_n(s + g * n, n, invstd[b * G + g]);
            }
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                using V = typename decltype(p)::pack;
                const V mu = p.load(centre + c);
                p.store(total + c, detail::rows_total<V>(0, L, [&](std::size_t r) SMLDIST_INLINE_LAMBDA {
                            return p.load(d + r * C + c);
                        }));
                p.store(along + c,
                        p.load(s + c) * detail::rows_total<V>(0, L, [&](std::size_t r) SMLDIST_INLINE_LAMBDA {
                            return p.load(d + r * C + c) * (p.load(from + r * C + c) - mu);
                        }));
            });
            if (!dx) continue;
            for (std::size_t g = 0; g < G; ++g) {
                const T inverse = invstd[b * G + g];
                T mean_h(0), mean_hx(0);
                for (std::size_t c = g * n; c < (g + 1) * n; ++c) {
                    a[c] = gamma ? gamma[c] : T(1);
                    mean_h += share * a[c] * total[c];
                    mean_hx += share * a[c] * along[c];
                    a[c] *= inverse;
                }
                std::fill_n(q + g * n, n, -inverse * inverse * mean_hx);
                std::fill_n(s + g * n, n, -inverse * mean_h);
            }
            T* const to = dx + b * L * C;
            for (std::size_t r = 0; r < L; ++r)
                simd::sweep<T>(C, [&, r](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                    const auto centred = p.load(from + r * C + c) - p.load(centre + c);
                    const auto rest = simd::fma(p.load(q + c), centred, p.load(s + c));
                    const auto v = simd::fma(p.load(a + c), p.load(d + r * C + c), rest);
                    p.store(to + r * C + c, add_dx ? p.load(to + r * C + c) + v : v);
                });
        }
    });
    if (dbeta) add_partials(B, C, 2 * C, sums.data(), dbeta, add_dbeta);
    if (dgamma) add_partials(B, C, 2 * C, sums.data() + C, dgamma, add_dgamma);
}

namespace naive {

/// y = (x − mean) invstd gamma + beta
template <class T>
void group_norm_forward(std::size_t B, std::size_t L, std::size_t C, std::size_t G, const T* x, const T* gamma,
                        const T* beta, T eps, T* y, T* mean, T* invstd) {
    const std::size_t n = C / G;
    for (std::size_t i = 0; i < B * G; ++i) {
        const auto at = [&](std::size_t l, std::size_t c) { return (i / G * L + l) * C + i % G * n + c; };
        T s(0), q(0);
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t c = 0; c < n; ++c) s += x[at(l, c)];
        mean[i] = s / static_cast<T>(L * n);
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t c = 0; c < n; ++c) q += (x[at(l, c)] - mean[i]) * (x[at(l, c)] - mean[i]);
        invstd[i] = T(1) / std::sqrt(q / static_cast<T>(L * n) + eps);
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t c = 0; c < n; ++c)
                y[at(l, c)] = (x[at(l, c)] - mean[i]) * invstd[i] * gamma[i % G * n + c] + beta[i % G * n + c];
    }
}

/// dx = invstd (h − mean h − x̂ mean(h x̂)) with h = dy gamma; outputs are overwritten
template <class T>
void group_norm_backward(std::size_t B, std::size_t L, std::size_t C, std::size_t G, const T* x, const T* dy,
                         const T* mean, const T* invstd, const T* gamma, T* dx, T* dgamma, T* dbeta) {
    const std::size_t n = C / G;
    std::fill_n(dgamma, C, T(0));
    std::fill_n(dbeta, C, T(0));
    for (std::size_t i = 0; i < B * G; ++i) {
        const auto at = [&](std::size_t l, std::size_t c) { return (i / G * L + l) * C + i % G * n + c; };
        T h(0), hx(0);
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t c = 0; c < n; ++c) {
                const std::size_t k = i % G * n + c;
                const T d = dy[at(l, c)], normal = (x[at(l, c)] - mean[i]) * invstd[i];
                dbeta[k] += d;
                dgamma[k] += d * normal;
                h += d * gamma[k] / static_cast<T>(L * n);
                hx += d * gamma[k] * normal / static_cast<T>(L * n);
            }
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t c = 0; c < n; ++c) {
                const T normal = (x[at(l, c)] - mean[i]) * invstd[i];
                dx[at(l, c)] = invstd[i] * (dy[at(l, c)] * gamma[i % G * n + c] - h - normal * hx);
            }
    }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(group_norm_sample<float>)
SMLDIST_INSTANTIATE_KERNEL(group_norm_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(group_norm_backward<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif
