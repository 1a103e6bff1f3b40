// SPDX-License-Identifier: BSD-3-Clause
/// Normalised and activated columns, computed while they are read:
///
///     y[r,c] = f(z[r,c]) · gate[c],   z[r,c] = (x[r,c] − mean[c]) · scale[c] + beta[c]
///
/// A training step stores only x. An op that reads y, forward or backward, computes the rows it works on into scratch
/// that stays in cache. A pass of four operations costs less than writing y to memory and reading it back.
#ifndef SMLDIST_KERNEL_NORMALISE_HPP
#define SMLDIST_KERNEL_NORMALISE_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/scratch.hpp"
#include "smldist/kernel/simd.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// The columns of z = (x − mean) · scale + beta.
template <class T> struct column_map {
    const T *mean, *scale, *beta;

    /// From the rows of a (3,C) array.
    column_map(const T* rows, std::size_t C) : mean(rows), scale(rows + C), beta(rows + 2 * C) {}
    /// The columns from c on.
    column_map from(std::size_t c) const {
        column_map m = *this;
        m.mean += c;
        m.scale += c;
        m.beta += c;
        return m;
    }
};

namespace detail {

/// Rows that share one load of their columns' constants.
inline constexpr std::size_t row_group = 4;

/// How far ahead of its use x is prefetched: about 8 KB, in whole rows. x comes from memory or L3, and the rows of a
/// group are too short for the hardware prefetcher (MobileNetV3-Small at batch 64 waited for a third of the pass).
template <class T> std::size_t fetch_distance(std::size_t step) {
    const std::size_t wanted = 8192 / sizeof(T);
    return std::max(row_group * step, (wanted + step - 1) / std::max<std::size_t>(1, step) * step);
}

/// Calls f(pack, c, first, last) for groups of rows and packs of n columns.
template <class T, class F> SMLDIST_INLINE void for_row_groups(std::size_t R, std::size_t n, F&& f) {
    for (std::size_t first = 0; first < R; first += row_group) {
        const std::size_t last = std::min(R, first + row_group);
        simd::sweep<T>(n, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA { f(p, c, first, last); });
    }
}

} // namespace detail

/// y = f(z) · gate for R rows of n columns, x's rows x_step apart and y's y_step; gate may be null (1), y may be x.
template <class F, class T>
SMLDIST_NOINLINE void normalise_rows(std::size_t R, std::size_t n, const T* x, std::size_t x_step,
                                     const column_map<T>& m, const T* gate, T* y, std::size_t y_step) {
    const std::size_t ahead = detail::fetch_distance<T>(x_step);
    detail::for_row_groups<T>(
        R, n, [&](auto p, std::size_t c, std::size_t first, std::size_t last) SMLDIST_INLINE_LAMBDA {
            const auto mean = p.load(m.mean + c), scale = p.load(m.scale + c), beta = p.load(m.beta + c);
            const auto g = gate ? p.load(gate + c) : p.set(T(1));
            for (std::size_t r = first; r < last; ++r) {
                const T* const from = x + r * x_step + c;
                detail::fetch(from + ahead);
                p.store(y + r * y_step + c, F{}.value(simd::fma(p.load(from) - mean, scale, beta)) * g);
            }
        });
}

/// Gradients of normalise_rows; rows of x and dx are `step` apart, those of dy dy_step (0: one row for all), those of y
/// y_step. With dz = dy · gate · f'(z):
///
///     dx (+)= dz · scale,   sums[c] += Σ_r dz,   sums[sums_step + c] += Σ_r dz (x − mean),   dgate[c] += Σ_r dy · f(z)
///
/// y = f(z) · gate is also written, unless y is null. gate and dgate are both null or both given. dx may be dy. The
/// gradients of beta and scale are the two sums, that of mean is −scale Σ dz.
template <class F, class T>
SMLDIST_NOINLINE void normalise_rows_backward(std::size_t R, std::size_t n, const T* x, const T* dy,
                                              std::size_t dy_step, T* dx, std::size_t step, const column_map<T>& m,
                                              bool add, const T* gate, T* dgate, T* sums, std::size_t sums_step, T* y,
                                              std::size_t y_step) {
    const std::size_t ahead = detail::fetch_distance<T>(step);
    detail::for_row_groups<T>(
        R, n, [&](auto p, std::size_t c, std::size_t first, std::size_t last) SMLDIST_INLINE_LAMBDA {
            const auto mean = p.load(m.mean + c), scale = p.load(m.scale + c), beta = p.load(m.beta + c);
            const auto g = gate ? p.load(gate + c) : p.set(T(1));
            auto sum = p.load(sums + c), moment = p.load(sums + sums_step + c), dg = gate ? p.load(dgate + c) : g;
            for (std::size_t r = first; r < last; ++r) {
                const std::size_t at = r * step + c;
                detail::fetch(x + at + ahead);
                const auto centred = p.load(x + at) - mean, z = simd::fma(centred, scale, beta),
                           d = p.load(dy + r * dy_step + c);
                if (y || gate) {
                    const auto value = F{}.value(z);
                    dg = simd::fma(d, value, dg);
                    if (y) p.store(y + r * y_step + c, value * g);
                }
                const auto dz = d * g * F{}.derivative(z);
                sum = sum + dz;
                moment = simd::fma(dz, centred, moment);
                p.store(dx + at, add ? simd::fma(dz, scale, p.load(dx + at)) : dz * scale);
            }
            p.store(sums + c, sum);
            p.store(sums + sums_step + c, moment);
            if (gate) p.store(dgate + c, dg);
        });
}

/// The two row functions of an activation. The functions below take them by address and are compiled once, not once per
/// activation.
template <class T> struct row_functions {
    decltype(&normalise_rows<identity, T>) apply;
    decltype(&normalise_rows_backward<identity, T>) gradients;
};
template <class F, class T>
inline constexpr row_functions<T> rows_of{&normalise_rows<F, T>, &normalise_rows_backward<F, T>};

namespace detail {

/// The partial results of every chunk: two vectors of sums, initially 0, and the gradient of the weights, if any.
template <class T> class chunk_sums {
public:
    chunk_sums(std::size_t chunks, std::size_t C, std::size_t weights)
        : chunks_(chunks), C_(C), weights_(weights), step_(2 * C + weights), all_(chunks * step_) {
        for (std::size_t i = 0; i < chunks; ++i) std::fill_n(this->sums(i), 2 * C, T(0));
    }
    T* sums(std::size_t chunk) const { return all_.data() + chunk * step_; }
    T* weights(std::size_t chunk) const { return sums(chunk) + 2 * C_; }

    /// sums (2,C) = Σ, dw (+)= Σ over the chunks in order
    void add_up(T* sums, T* dw, bool add_dw) const {
        add_partials(chunks_, 2 * C_, step_, all_.data(), sums, false);
        if (dw) add_partials(chunks_, weights_, step_, weights(0), dw, add_dw);
    }

private:
    std::size_t chunks_, C_, weights_, step_;
    scratch<T> all_;
};

} // namespace detail

/// y = f(z), x and y (R,C)
template <class T>
SMLDIST_NOINLINE void normalise(const row_functions<T>& f, std::size_t R, std::size_t C, const T* x, const T* map,
                                T* y) {
    parallel_for(R, chunk_rows(C), [&](std::size_t first, std::size_t last) {
        f.apply(last - first, C, x + first * C, C, {map, C}, nullptr, y + first * C, C);
    });
}

/// Gradients of normalise: dx (+)= and sums (2,C) as in normalise_rows_backward.
template <class T>
SMLDIST_NOINLINE void normalise_backward(const row_functions<T>& f, std::size_t R, std::size_t C, const T* x,
                                         const T* map, const T* dy, T* dx, bool add, T* sums) {
    const std::size_t rows = std::max(chunk_rows(C), (R + 15) / 16);
    const detail::chunk_sums<T> partial((R + rows - 1) / rows, C, 0);
    parallel_for(R, rows, [&](std::size_t first, std::size_t last) {
        f.gradients(last - first, C, x + first * C, dy + first * C, C, dx + first * C, C, {map, C}, add, nullptr,
                    nullptr, partial.sums(first / rows), C, nullptr, 0);
    });
    partial.add_up(sums, nullptr, false);
}

/// dx[r,c] (+)= slope[c] (x[r,c] − mean[c]) + level[c]: the gradient through the batch statistics.
template <class T>
SMLDIST_NOINLINE void add_through_statistics(std::size_t R, std::size_t C, const T* x, const T* mean, const T* slope,
                                             const T* level, T* dx, bool add) {
    const std::size_t ahead = detail::fetch_distance<T>(C);
    parallel_for(R, chunk_rows(C), [&](std::size_t from, std::size_t to) {
        detail::for_row_groups<T>(
            to - from, C, [&](auto p, std::size_t c, std::size_t first, std::size_t last) SMLDIST_INLINE_LAMBDA {
                const auto m = p.load(mean + c), a = p.load(slope + c), b = p.load(level + c);
                for (std::size_t r = from + first; r < from + last; ++r) {
                    const T* const in = x + r * C + c;
                    T* const out = dx + r * C + c;
                    detail::fetch(in + ahead);
                    detail::fetch(out + ahead);
                    const auto v = simd::fma(p.load(in) - m, a, b);
                    p.store(out, add ? p.load(out) + v : v);
                }
            });
    });
}

/// y[b,c] = 1/L Σ_l f(z[b,l,c]), x (B,L,C)
template <class T>
SMLDIST_NOINLINE void normalised_mean(const row_functions<T>& f, std::size_t B, std::size_t L, std::size_t C,
                                      const T* x, const T* map, T* y) {
    parallel_for_scratch<T>(B, chunk_rows(L * C), L * C, [&](std::size_t first, std::size_t last, T* normal) {
        for (std::size_t b = first; b < last; ++b) {
            f.apply(L, C, x + b * L * C, C, {map, C}, nullptr, normal, C);
            pool_mean(1, L, C, normal, y + b * C);
        }
    });
}

/// Gradients of normalised_mean: with dz = dy[b,c] / L · f'(z), dx (+)= and sums (2,C) as in normalise_rows_backward.
template <class T>
SMLDIST_NOINLINE void normalised_mean_backward(const row_functions<T>& f, std::size_t B, std::size_t L, std::size_t C,
                                               const T* x, const T* map, const T* dy, T* dx, bool add, T* sums) {
    const std::size_t samples = std::max(chunk_rows(L * C), (B + 15) / 16);
    const detail::chunk_sums<T> partial((B + samples - 1) / samples, C, 0);
    const scratch<T> shares(B * C);
    std::copy_n(dy, B * C, shares.data());
    scale(B * C, T(1) / static_cast<T>(L), shares.data());
    parallel_for(B, samples, [&](std::size_t first, std::size_t last) {
        for (std::size_t b = first; b < last; ++b)
            f.gradients(L, C, x + b * L * C, shares.data() + b * C, 0, dx + b * L * C, C, {map, C}, add, nullptr,
                        nullptr, partial.sums(first / samples), C, nullptr, 0);
    });
    partial.add_up(sums, nullptr, false);
}

namespace naive {

/// y[r,c] = f((x[r,c] − mean[c]) scale[c] + beta[c]) gate[c]
template <class F, class T>
void normalise_rows(std::size_t R, std::size_t C, const T* x, const column_map<T>& m, const T* gate, T* y) {
    for (std::size_t i = 0; i < R * C; ++i) {
        const std::size_t c = i % C;
        y[i] = F{}.value(simd::single<T>((x[i] - m.mean[c]) * m.scale[c] + m.beta[c])).v * (gate ? gate[c] : T(1));
    }
}

/// dx = dz scale, sums of dz and of dz (x − mean), dgate = Σ_r dy f(z); outputs are overwritten
template <class F, class T>
void normalise_rows_backward(std::size_t R, std::size_t C, const T* x, const T* dy, T* dx, const column_map<T>& m,
                             const T* gate, T* dgate, T* sums) {
    for (std::size_t c = 0; c < C; ++c) {
        sums[c] = sums[C + c] = T(0);
        if (gate) dgate[c] = T(0);
        for (std::size_t i = c; i < R * C; i += C) {
            const simd::single<T> z((x[i] - m.mean[c]) * m.scale[c] + m.beta[c]);
            if (gate) dgate[c] += dy[i] * F{}.value(z).v;
            const T dz = dy[i] * (gate ? gate[c] : T(1)) * F{}.derivative(z).v;
            sums[c] += dz;
            sums[C + c] += dz * (x[i] - m.mean[c]);
            dx[i] = dz * m.scale[c];
        }
    }
}

} // namespace naive

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(normalise<float>)
SMLDIST_INSTANTIATE_KERNEL(normalise_backward<float>)
SMLDIST_INSTANTIATE_KERNEL(add_through_statistics<float>)
SMLDIST_INSTANTIATE_KERNEL(normalised_mean<float>)
SMLDIST_INSTANTIATE_KERNEL(normalised_mean_backward<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif
