// SPDX-License-Identifier: BSD-3-Clause
/// Update rules of optimisers and averages, one fused pass over a parameter and its state.
#ifndef SMLDIST_KERNEL_UPDATE_HPP
#define SMLDIST_KERNEL_UPDATE_HPP

#include <cmath>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/simd.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
/// Calls f(pack, i) over [0, n) in chunks of at most 128 KB of four arrays, so that threads share one parameter.
template <class T, class F> SMLDIST_INLINE void update_chunks(std::size_t n, F&& f) {
    parallel_for(n, 8192, [&](std::size_t first, std::size_t last) {
        simd::sweep<T>(last - first, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA { f(p, first + i); });
    });
}
} // namespace detail

/// What one Adam step needs, computed once per parameter.
template <class T> struct adam_factors {
    T beta1, beta2;
    T rate;       ///< lr / (1 - beta1^t)
    T correction; ///< 1 / sqrt(1 - beta2^t)
    T eps;
    T decay; ///< factor on the parameter before the step: 1 - lr·λ when decoupled, else 1
    T l2;    ///< λ added to the gradient when not decoupled, else 0
};

/// m = beta1 m + (1-beta1) g,  v = beta2 v + (1-beta2) g²,  w = decay w - rate m / (sqrt(v) correction + eps),
/// with g + l2 w for g.
template <class T>
SMLDIST_NOINLINE void adam_update(std::size_t n, const adam_factors<T>& f, const T* g, T* w, T* m, T* v) {
    detail::update_chunks<T>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
        const auto w0 = p.load(w + i);
        const auto gi = simd::fma(p.set(f.l2), w0, p.load(g + i));
        const auto mi = simd::fma(p.set(f.beta1), p.load(m + i), p.set(T(1) - f.beta1) * gi);
        const auto vi = simd::fma(p.set(f.beta2), p.load(v + i), p.set(T(1) - f.beta2) * gi * gi);
        const auto step = mi / simd::fma(simd::sqrt(vi), p.set(f.correction), p.set(f.eps));
        p.store(m + i, mi);
        p.store(v + i, vi);
        p.store(w + i, simd::fma(p.set(-f.rate), step, p.set(f.decay) * w0));
    });
}

/// u = momentum u + g + l2 w (u = g + l2 w at the first step),  w -= rate (g + momentum u with nesterov, else u).
template <class T>
SMLDIST_NOINLINE void sgd_update(std::size_t n, T rate, T momentum, T l2, bool nesterov, bool first, const T* g, T* w,
                                 T* u) {
    detail::update_chunks<T>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
        const auto w0 = p.load(w + i);
        const auto gi = simd::fma(p.set(l2), w0, p.load(g + i));
        const auto ui = first ? gi : simd::fma(p.set(momentum), p.load(u + i), gi);
        p.store(u + i, ui);
        p.store(w + i, simd::fma(p.set(-rate), nesterov ? simd::fma(p.set(momentum), ui, gi) : ui, w0));
    });
}

/// y moves the share s of its way to x: y += s (x - y), or x - (1-s)(x - y) from s = 1/2 on, so that s = 0 and s = 1 are
/// exact.
template <class T> SMLDIST_NOINLINE void approach(std::size_t n, T s, const T* x, T* y) {
    const bool near = s < T(0.5);
    detail::update_chunks<T>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
        const auto from = p.load(y + i), to = p.load(x + i);
        p.store(y + i, near ? simd::fma(p.set(s), to - from, from) : simd::fma(p.set(s - T(1)), to - from, to));
    });
}

namespace naive {

template <class T> void adam_update(std::size_t n, const adam_factors<T>& f, const T* g, T* w, T* m, T* v) {
    for (std::size_t i = 0; i < n; ++i) {
        const T gi = g[i] + f.l2 * w[i];
        m[i] = f.beta1 * m[i] + (T(1) - f.beta1) * gi;
        v[i] = f.beta2 * v[i] + (T(1) - f.beta2) * gi * gi;
        w[i] = f.decay * w[i] - f.rate * m[i] / (std::sqrt(v[i]) * f.correction + f.eps);
    }
}

template <class T>
void sgd_update(std::size_t n, T rate, T momentum, T l2, bool nesterov, bool first, const T* g, T* w, T* u) {
    for (std::size_t i = 0; i < n; ++i) {
        const T gi = g[i] + l2 * w[i];
        u[i] = first ? gi : momentum * u[i] + gi;
        w[i] -= rate * (nesterov ? gi + momentum * u[i] : u[i]);
    }
}

template <class T> void approach(std::size_t n, T s, const T* x, T* y) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (T(1) - s) * y[i] + s * x[i];
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(adam_update<float>)
SMLDIST_INSTANTIATE_KERNEL(sgd_update<float>)
SMLDIST_INSTANTIATE_KERNEL(approach<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif
