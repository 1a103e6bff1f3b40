// SPDX-License-Identifier: BSD-3-Clause
/// Statistics and normalisation along the columns (batch norm) and rows (layer norm) of (R,C).
///
/// Chunks are fixed and combined in order, so results do not depend on the number of threads.
#ifndef SMLDIST_KERNEL_NORM_HPP
#define SMLDIST_KERNEL_NORM_HPP

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

/// mean[c] = 1/R Σ_r x[r,c],   var[c] = 1/R Σ_r (x[r,c] − mean[c])², the biased variance;   R ≥ 1
///
/// Each chunk takes two passes over rows that are in L1; chunks are combined by
/// M ← M_a + M_b + (μ_b − μ_a)² n_a n_b / (n_a + n_b)   (Chan, Golub, LeVeque 1983), so nothing cancels.
template <class T> SMLDIST_NOINLINE void column_moments(std::size_t R, std::size_t C, const T* x, T* mean, T* var) {
    const std::size_t rows = detail::reduction_rows<T>(C);
    detail::reduce_rows<T, 2>(
        R, C,
        [&](std::size_t first, std::size_t last, T* out) {
            const T scale = T(1) / static_cast<T>(last - first);
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                using V = typename decltype(p)::pack;
                const V mu =
                    p.set(scale) * detail::rows_total<V>(first, last, [&](std::size_t r) SMLDIST_INLINE_LAMBDA {
                        detail::fetch(x + (r + rows) * C + c); // next chunk: column access defeats the prefetcher
                        return p.load(x + r * C + c);
                    });
                const V m2 = detail::rows_total<V>(first, last, [&](std::size_t r) SMLDIST_INLINE_LAMBDA {
                    const V d = p.load(x + r * C + c) - mu;
                    return d * d;
                });
                p.store(out + c, mu);
                p.store(out + C + c, m2);
            });
        },
        [&](std::size_t chunks, const T* partial) {
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                auto mu = p.load(partial + c), m2 = p.load(partial + C + c);
                for (std::size_t i = 1; i < chunks; ++i) {
                    const T na = static_cast<T>(i * rows), n = static_cast<T>(std::min(R, (i + 1) * rows));
                    const T nb = n - na;
                    const auto d = p.load(partial + 2 * i * C + c) - mu;
                    mu = simd::fma(d, p.set(nb / n), mu);
                    m2 = m2 + simd::fma(d * d, p.set(na * nb / n), p.load(partial + (2 * i + 1) * C + c));
                }
                p.store(mean + c, mu);
                p.store(var + c, m2 * p.set(T(1) / static_cast<T>(R)));
            });
        });
}

/// y[r,c] = x[r,c] · scale[c] + shift[c];   y may be x
template <class T>
SMLDIST_NOINLINE void column_affine(std::size_t R, std::size_t C, const T* x, const T* scale, const T* shift, T* y) {
    map_columns(
        R, C, [](auto v, auto a, auto b) SMLDIST_INLINE_LAMBDA { return simd::fma(v, a, b); }, y, x, scale, shift);
}

namespace detail {

/// Column sums over fixed chunks:  out[c] = Σ_r dy[r,c],  out[C + c] = Σ_r dy[r,c] · (x[r,c] − mean) · invstd, where mean
/// and invstd belong to the column (batch norm) or to the row (layer norm).
template <bool by_row, class T>
void affine_gradients(std::size_t R, std::size_t C, const T* x, const T* dy, const T* mean, const T* invstd, T* out) {
    reduce_rows<T, 2>(
        R, C,
        [&](std::size_t first, std::size_t last, T* part) {
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                using V = typename decltype(p)::pack;
                V s0(T(0)), s1(T(0)), g0(T(0)), g1(T(0));
                const auto add = [&](std::size_t r, V& s, V& g) SMLDIST_INLINE_LAMBDA {
                    const V d = p.load(dy + r * C + c);
                    const V centred = p.load(x + r * C + c) - (by_row ? p.set(mean[r]) : p.load(mean + c));
                    s = s + d;
                    g = simd::fma(by_row ? d * p.set(invstd[r]) : d, centred, g);
                };
                std::size_t r = first;
                for (; r + 2 <= last; r += 2) {
                    add(r, s0, g0);
                    add(r + 1, s1, g1);
                }
                if (r < last) add(r, s0, g0);
                p.store(part + c, s0 + s1);
                p.store(part + C + c, by_row ? g0 + g1 : (g0 + g1) * p.load(invstd + c));
            });
        },
        [&](std::size_t chunks, const T* partial) { add_partials(chunks, 2 * C, 2 * C, partial, out, false); });
}

template <class T> void put(std::size_t n, const T* from, T* to, bool add) {
    if (!to) return;
    for (std::size_t i = 0; i < n; ++i) to[i] = add ? to[i] + from[i] : from[i];
}

} // namespace detail

/// Gradients of y = gamma · x̂ + beta with x̂ = (x − mean) · invstd and the batch's own mean and variance:
///
///     dbeta = Σ_r dy,   dgamma = Σ_r dy x̂,   dx = gamma · invstd · (dy − dbeta/R − x̂ · dgamma/R)
///
/// gamma may be null (1); dx, dgamma and dbeta may be null. With `add` the gradient is added to what is there.
template <class T>
SMLDIST_NOINLINE void batch_norm_backward(std::size_t R, std::size_t C, const T* x, const T* dy, const T* mean,
                                          const T* invstd, const T* gamma, T* dx, bool add_dx, T* dgamma,
                                          bool add_dgamma, T* dbeta, bool add_dbeta) {
    const scratch<T> buffer(5 * C);
    T* const sums = buffer.data();
    detail::affine_gradients<false>(R, C, x, dy, mean, invstd, sums);
    detail::put(C, sums, dbeta, add_dbeta);
    detail::put(C, sums + C, dgamma, add_dgamma);
    if (!dx) return;
    // dx = a·dy + (q·(x − mean) + s)
    T *const a = sums + 2 * C, *const q = sums + 3 * C, *const s = sums + 4 * C;
    for (std::size_t c = 0; c < C; ++c) {
        a[c] = (gamma ? gamma[c] : T(1)) * invstd[c];
        q[c] = -a[c] * invstd[c] * sums[C + c] / static_cast<T>(R);
        s[c] = -a[c] * sums[c] / static_cast<T>(R);
    }
    parallel_for(R, chunk_rows(C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r)
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto centred = p.load(x + r * C + c) - p.load(mean + c);
                const auto rest = simd::fma(p.load(q + c), centred, p.load(s + c));
                const auto d = simd::fma(p.load(a + c), p.load(dy + r * C + c), rest);
                p.store(dx + r * C + c, add_dx ? p.load(dx + r * C + c) + d : d);
            });
    });
}

/// mean[r], invstd[r] = 1/√(var[r] + eps) over the row, y[r,c] = (x[r,c] − mean[r]) · invstd[r] · gamma[c] + beta[c]
///
/// The variance is biased; gamma (1) and beta (0) may be null.
template <class T>
SMLDIST_NOINLINE void layer_norm_forward(std::size_t R, std::size_t C, const T* x, const T* gamma, const T* beta,
                                         T eps, T* y, T* mean, T* invstd) {
    const T scale = T(1) / static_cast<T>(C);
    parallel_for(R, chunk_rows(2 * C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T* const from = x + r * C;
            const T mu = scale * row_total<T>(C, [&](auto p, std::size_t c)
                                                     SMLDIST_INLINE_LAMBDA { return p.load(from + c); });
            const T var = scale * row_total<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                              const auto d = p.load(from + c) - p.set(mu);
                              return d * d;
                          });
            const T inverse = T(1) / std::sqrt(var + eps);
            mean[r] = mu;
            invstd[r] = inverse;
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                auto v = (p.load(from + c) - p.set(mu)) * p.set(inverse);
                if (gamma) v = v * p.load(gamma + c);
                if (beta) v = v + p.load(beta + c);
                p.store(y + r * C + c, v);
            });
        }
    });
}

/// Gradients of layer_norm_forward; with g = dy · gamma and x̂ = (x − mean) · invstd,
///
///     dbeta = Σ_r dy,   dgamma = Σ_r dy x̂,   dx = invstd · (g − 1/C Σ_c g − x̂ · 1/C Σ_c g x̂)
///
/// gamma may be null (1); dx, dgamma and dbeta may be null.
template <class T>
SMLDIST_NOINLINE void layer_norm_backward(std::size_t R, std::size_t C, const T* x, const T* dy, const T* mean,
                                          const T* invstd, const T* gamma, T* dx, bool add_dx, T* dgamma,
                                          bool add_dgamma, T* dbeta, bool add_dbeta) {
    if (dgamma || dbeta) {
        const scratch<T> sums(2 * C);
        detail::affine_gradients<true>(R, C, x, dy, mean, invstd, sums.data());
        detail::put(C, sums.data(), dbeta, add_dbeta);
        detail::put(C, sums.data() + C, dgamma, add_dgamma);
    }
    if (!dx) return;
    const T scale = T(1) / static_cast<T>(C);
    parallel_for(R, chunk_rows(2 * C), [&](std::size_t first, std::size_t last) {
        for (std::size_t r = first; r < last; ++r) {
            const T* const from = x + r * C;
            const T* const d = dy + r * C;
            const auto upstream = [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                return gamma ? p.load(d + c) * p.load(gamma + c) : p.load(d + c);
            };
            const T g = scale * row_total<T>(C, upstream);
            const T gx = scale * invstd[r] * row_total<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                             return upstream(p, c) * (p.load(from + c) - p.set(mean[r]));
                         });
            simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto normal = (p.load(from + c) - p.set(mean[r])) * p.set(invstd[r]);
                const auto v = p.set(invstd[r]) * simd::fma(-normal, p.set(gx), upstream(p, c) - p.set(g));
                p.store(dx + r * C + c, add_dx ? p.load(dx + r * C + c) + v : v);
            });
        }
    });
}

/// y[r,:] = x[r,:] / max(‖x[r,:]‖, eps);   y may be x
///
/// The squares are added in the chunks of dot(x, x) and in its order, so the bits are the same, without its scratch.
template <class T> SMLDIST_NOINLINE void l2_normalize(std::size_t R, std::size_t C, const T* x, T eps, T* y) {
    for (std::size_t r = 0; r < R; ++r, x += C, y += C) {
        T square(0);
        for (std::size_t at = 0; at < C; at += chunk_elements)
            square += row_total<T>(std::min(chunk_elements, C - at),
                                   [from = x + at](auto p, std::size_t c)
                                       SMLDIST_INLINE_LAMBDA { return p.load(from + c) * p.load(from + c); });
        const T scale = T(1) / std::max(std::sqrt(square), eps);
        simd::sweep<T>(C, [&](auto p, std::size_t c)
                              SMLDIST_INLINE_LAMBDA { p.store(y + c, p.load(x + c) * p.set(scale)); });
    }
}

namespace naive {

/// mean[c] = 1/R Σ_r x[r,c],   var[c] = 1/R Σ_r (x[r,c] − mean[c])²
template <class T> void column_moments(std::size_t R, std::size_t C, const T* x, T* mean, T* var) {
    for (std::size_t c = 0; c < C; ++c) {
        T s(0), q(0);
        for (std::size_t r = 0; r < R; ++r) s += x[r * C + c];
        mean[c] = s / static_cast<T>(R);
        for (std::size_t r = 0; r < R; ++r) q += (x[r * C + c] - mean[c]) * (x[r * C + c] - mean[c]);
        var[c] = q / static_cast<T>(R);
    }
}

/// y[r,c] = x[r,c] scale[c] + shift[c]
template <class T>
void column_affine(std::size_t R, std::size_t C, const T* x, const T* scale, const T* shift, T* y) {
    for (std::size_t i = 0; i < R * C; ++i) y[i] = x[i] * scale[i % C] + shift[i % C];
}

/// dx = gamma invstd (dy − dbeta/R − x̂ dgamma/R); outputs are overwritten
template <class T>
void batch_norm_backward(std::size_t R, std::size_t C, const T* x, const T* dy, const T* mean, const T* invstd,
                         const T* gamma, T* dx, T* dgamma, T* dbeta) {
    for (std::size_t c = 0; c < C; ++c) {
        dgamma[c] = dbeta[c] = T(0);
        for (std::size_t i = c; i < R * C; i += C) {
            dbeta[c] += dy[i];
            dgamma[c] += dy[i] * (x[i] - mean[c]) * invstd[c];
        }
        for (std::size_t i = c; i < R * C; i += C) {
            const T normal = (x[i] - mean[c]) * invstd[c];
            dx[i] = gamma[c] * invstd[c] *
                    (dy[i] - dbeta[c] / static_cast<T>(R) - normal * dgamma[c] / static_cast<T>(R));
        }
    }
}

/// y[r,c] = (x[r,c] − mean[r]) invstd[r] gamma[c] + beta[c]
template <class T>
void layer_norm_forward(std::size_t R, std::size_t C, const T* x, const T* gamma, const T* beta, T eps, T* y, T* mean,
                        T* invstd) {
    for (std::size_t r = 0; r < R; ++r) {
        T s(0), q(0);
        for (std::size_t c = 0; c < C; ++c) s += x[r * C + c];
        mean[r] = s / static_cast<T>(C);
        for (std::size_t c = 0; c < C; ++c) q += (x[r * C + c] - mean[r]) * (x[r * C + c] - mean[r]);
        invstd[r] = T(1) / std::sqrt(q / static_cast<T>(C) + eps);
        for (std::size_t c = 0; c < C; ++c) y[r * C + c] = (x[r * C + c] - mean[r]) * invstd[r] * gamma[c] + beta[c];
    }
}

/// dx = invstd (g − mean_c g − x̂ mean_c(g x̂)) with g = dy gamma; outputs are overwritten
template <class T>
void layer_norm_backward(std::size_t R, std::size_t C, const T* x, const T* dy, const T* mean, const T* invstd,
                         const T* gamma, T* dx, T* dgamma, T* dbeta) {
    std::fill_n(dgamma, C, T(0));
    std::fill_n(dbeta, C, T(0));
    for (std::size_t r = 0; r < R; ++r) {
        T g(0), gx(0);
        for (std::size_t c = 0; c < C; ++c) {
            const T d = dy[r * C + c], normal = (x[r * C + c] - mean[r]) * invstd[r];
            dbeta[c] += d;
            dgamma[c] += d * normal;
            g += d * gamma[c] / static_cast<T>(C);
            gx += d * gamma[c] * normal / static_cast<T>(C);
        }
        for (std::size_t c = 0; c < C; ++c) {
            const T normal = (x[r * C + c] - mean[r]) * invstd[r];
            dx[r * C + c] = invstd[r] * (dy[r * C + c] * gamma[c] - g - normal * gx);
        }
    }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(column_moments<float>)
SMLDIST_INSTANTIATE_KERNEL(column_affine<float>)
SMLDIST_INSTANTIATE_KERNEL(batch_norm_backward<float>)
SMLDIST_INSTANTIATE_KERNEL(layer_norm_forward<float>)
SMLDIST_INSTANTIATE_KERNEL(layer_norm_backward<float>)
SMLDIST_INSTANTIATE_KERNEL(l2_normalize<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif
