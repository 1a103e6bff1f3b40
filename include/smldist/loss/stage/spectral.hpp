// SPDX-License-Identifier: BSD-3-Clause
/// Differences of two features in a basis along time: by row, and without the phase.
#ifndef SMLDIST_LOSS_STAGE_SPECTRAL_HPP
#define SMLDIST_LOSS_STAGE_SPECTRAL_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/loss/stage/time_basis.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// pen(d) of a difference d.
enum class penalty : std::uint8_t {
    square,  ///< d²
    huber,   ///< d²/2 for |d| ≤ δ, else δ(|d| - δ/2)
    absolute ///< |d|
};
constexpr auto enum_names(penalty) { return enum_table("loss::penalty", "square", "huber", "absolute"); }

namespace detail {
inline void check_rows(std::string_view where, const shape& x, const shape& t) {
    if (x.rank() != 3 || x.size() == 0 || !(x == t))
        raise<shape_error>(where, "shapes of x and target are ", x.text(), " and ", t.text(),
                           ", expected them equal and (B, L, C)");
}
/// Calls f(pen), where pen has the penalty's value and derivative on packs.
template <class F> void with_penalty(penalty p, double delta, F&& f) {
    namespace simd = kernel::simd;
    const auto square = [](auto d) SMLDIST_INLINE_LAMBDA { return d * d; };
    const auto huber = [delta](auto d) SMLDIST_INLINE_LAMBDA {
        const auto a = simd::abs(d), q = simd::min(a, simd::constant<decltype(d)>(delta));
        return q * (a - simd::constant<decltype(d)>(0.5) * q);
    };
    const auto absolute = [](auto d) SMLDIST_INLINE_LAMBDA { return simd::abs(d); };
    const auto clipped = [](auto d, double limit) SMLDIST_INLINE_LAMBDA {
        return simd::max(simd::min(d, simd::constant<decltype(d)>(limit)), simd::constant<decltype(d)>(-limit));
    };
    switch (p) {
    case penalty::square:
        return f(square, [](auto d) SMLDIST_INLINE_LAMBDA { return d + d; });
    case penalty::huber:
        return f(huber, [=](auto d) SMLDIST_INLINE_LAMBDA { return clipped(d, delta); });
    case penalty::absolute:
        return f(absolute, [=](auto d) SMLDIST_INLINE_LAMBDA {
            return d / simd::max(simd::abs(d), simd::constant<decltype(d)>(1e-30)); // sign, 0 at 0
        });
    }
}
} // namespace detail

/// Mean penalty of each row (time step or coefficient) against a constant target.
///
///     y[r] = 1/(B·C) Σ_{b,c} pen(x[b,r,c] - t[b,r,c])
///
/// Shapes     x (B, L, C) · t as x, constant · y (L)
/// Gradients  dx = dy[r]/(B·C) pen'(x - t);  none into t.
/// Keeps      nothing.
/// Throws     shape_error if t does not fit x.
template <class T> struct row_penalty_op {
    using scalar = T;
    penalty kind = penalty::square;
    double delta = 1; ///< δ of huber
    struct saved {};
    static constexpr std::string_view name = "row_penalty";
    static void visit(auto& self, auto&& f) {
        f("kind", name_of(self.kind));
        f("delta", self.delta);
    }
    shape infer(const shape& x, const shape& t) const {
        detail::check_rows("loss::row_penalty", x, t);
        return {x[1]};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& t) const {
        const std::size_t B = x.shape()[0], L = x.shape()[1], C = x.shape()[2];
        detail::with_penalty(kind, delta, [&](auto pen, auto) {
            parallel_for(L, kernel::chunk_rows(B * C), [&](std::size_t first, std::size_t last) {
                for (std::size_t r = first; r < last; ++r) {
                    T sum(0);
                    for (std::size_t b = 0; b < B; ++b) {
                        const T *xi = x.data() + (b * L + r) * C, *ti = t.data() + (b * L + r) * C;
                        sum += kernel::row_total<T>(C, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
                            return pen(p.load(xi + i) - p.load(ti + i));
                        });
                    }
                    y[r] = sum / static_cast<T>(B * C);
                }
            });
        });
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& t,
                  tensor<T>* dx, tensor<T>*) const {
        if (!dx) return;
        const std::size_t B = x.shape()[0], L = x.shape()[1], C = x.shape()[2];
        const bool add = dx->ensure(x.shape());
        detail::with_penalty(kind, delta, [&](auto, auto slope) {
            parallel_for(B * L, kernel::chunk_rows(C), [&](std::size_t first, std::size_t last) {
                for (std::size_t i = first; i < last; ++i) {
                    const T g = dy[i % L] / static_cast<T>(B * C);
                    const T *xi = x.data() + i * C, *ti = t.data() + i * C;
                    T* to = dx->data() + i * C;
                    kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                        const auto d = p.set(g) * slope(p.load(xi + c) - p.load(ti + c));
                        p.store(to + c, add ? p.load(to + c) + d : d);
                    });
                }
            });
        });
    }
};

/// Mean penalty of each row. See row_penalty_op.
template <class X, class T>
[[nodiscard]] X row_penalty(const X& x, const tensor<T>& target, penalty kind = penalty::square, double delta = 1) {
    return op::apply(row_penalty_op<T>{kind, delta}, x, target);
}

/// Power of each band of a basis along time.
///
///     y[b,k,c] = 1/n_k Σ_{rows r of band k} x[b,r,c]²          for rdft: |X_k|² of the orthonormal DFT
///
/// Shapes     x (B, L, C) · y (B, K, C)
/// Gradients  dx[b,r,c] = 2/n_k dy[b,k,c] x[b,r,c]
/// Keeps      nothing.
/// Throws     shape_error if x is not (B, L, C) with the L rows of the bands.
template <class T> struct band_power_op {
    using scalar = T;
    std::shared_ptr<const std::vector<typename time_bands<T>::band>> bands; ///< shared with the tape's record
    struct saved {};
    static constexpr std::string_view name = "band_power";
    shape infer(const shape& x) const {
        const std::size_t rows = bands->back().first_row + bands->back().rows;
        if (x.rank() != 3 || x[1] != rows)
            raise<shape_error>("loss::band_power", "shape of x is ", x.text(), ", expected (B, ", rows, ", C)");
        return {x[0], bands->size(), x[2]};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        for_each_band(x.shape(), [&](std::size_t from, std::size_t rows, std::size_t to, std::size_t C) {
            const T *xi = x.data() + from, share = T(1) / static_cast<T>(rows);
            T* out = y.data() + to;
            kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                auto sum = p.set(T(0));
                for (std::size_t r = 0; r < rows; ++r) {
                    const auto v = p.load(xi + r * C + c);
                    sum = kernel::simd::fma(v, v, sum);
                }
                p.store(out + c, p.set(share) * sum);
            });
        });
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        const bool add = dx->ensure(x.shape());
        for_each_band(x.shape(), [&](std::size_t from, std::size_t rows, std::size_t to, std::size_t C) {
            const T *xi = x.data() + from, *g = dy.data() + to, share = T(2) / static_cast<T>(rows);
            T* out = dx->data() + from;
            kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto k = p.set(share) * p.load(g + c);
                for (std::size_t r = 0; r < rows; ++r) {
                    const auto d = k * p.load(xi + r * C + c);
                    p.store(out + r * C + c, add ? p.load(out + r * C + c) + d : d);
                }
            });
        });
    }

private:
    /// Calls f(offset of the band's first row in x, its rows, offset of its row in y, C) for every sample and band.
    template <class F> void for_each_band(const shape& x, F&& f) const {
        const std::size_t L = x[1], C = x[2], K = bands->size();
        parallel_for(x[0], kernel::chunk_rows(L * C), [&](std::size_t first, std::size_t last) {
            for (std::size_t b = first; b < last; ++b)
                for (std::size_t k = 0; k < K; ++k)
                    f((b * L + (*bands)[k].first_row) * C, (*bands)[k].rows, (b * K + k) * C, C);
        });
    }
};

/// ln(1 + |X|) of a power |X|², with |X| softened at 0.
///
///     y = ln(1 + m),   m = √(x + ε²),   ε = 1e-3
///
/// Shapes     y as x
/// Gradients  dx = dy / (2 m (1 + m))
template <class T> struct log_magnitude_op {
    using scalar = T;
    struct saved {};
    static constexpr std::string_view name = "log_magnitude";
    static constexpr double eps = 1e-3;
    shape infer(const shape& x) const { return x; }
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::map(
            x.size(),
            [](auto v) SMLDIST_INLINE_LAMBDA {
                using V = decltype(v);
                return kernel::simd::log(kernel::simd::constant<V>(1) +
                                         kernel::simd::sqrt(v + kernel::simd::constant<V>(eps * eps)));
            },
            y.data(), x.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        kernel::map_add(
            x.size(),
            [](auto g, auto v) SMLDIST_INLINE_LAMBDA {
                using V = decltype(v);
                const V m = kernel::simd::sqrt(v + kernel::simd::constant<V>(eps * eps));
                return kernel::simd::constant<V>(0.5) * g / (m * (kernel::simd::constant<V>(1) + m));
            },
            dx->data(), dy.data(), x.data());
    }
};

/// Kullback-Leibler divergence of the spectra of each channel, as distributions over the bands above the mean.
///
///     y = 1/(B·C) Σ_{b,c} KL(q ‖ π),   π = softmax_{k≥1}(ln(x[b,k,c] + ε)/τ),   ε = 1e-6
///
/// Independent of the scale of a channel, up to ε.
/// Shapes     x (B, K, C) band powers · q (B, K, C) constant, the target's π, row 0 unused · y ()
/// Gradients  dx[b,k,c] = dy/(B·C) (π - q)/(τ (x + ε)), 0 in band 0;  none into q.
/// Keeps      π.
/// Throws     shape_error if q does not fit x, or there are fewer than 2 bands.
template <class T> struct spectral_kl_op {
    using scalar = T;
    double temperature = 1;
    struct saved {
        tensor<T> pi;
    };
    static constexpr std::string_view name = "spectral_kl";
    static constexpr double eps = 1e-6;
    static void visit(auto& self, auto&& f) { f("temperature", self.temperature); }
    shape infer(const shape& x, const shape& q) const {
        detail::check_rows("loss::spectral_kl", x, q);
        if (x[1] < 2) raise<shape_error>("loss::spectral_kl", "number of bands is ", x[1], ", expected at least 2");
        return {};
    }
    /// π of band powers x.
    static tensor<T> distribution(const tensor<T>& x, double temperature) {
        const std::size_t B = x.shape()[0], K = x.shape()[1], C = x.shape()[2];
        auto pi = tensor<T>::uninitialized(x.shape());
        for (std::size_t b = 0; b < B; ++b)
            for (std::size_t c = 0; c < C; ++c) {
                const auto at = [&](std::size_t k) { return (b * K + k) * C + c; };
                T top = x[at(1)], sum(0);
                for (std::size_t k = 2; k < K; ++k) top = std::max(top, x[at(k)]);
                pi[at(0)] = T(0);
                for (std::size_t k = 1; k < K; ++k)
                    sum += pi[at(k)] =
                        std::pow((x[at(k)] + T(eps)) / (top + T(eps)), static_cast<T>(1 / temperature));
                for (std::size_t k = 1; k < K; ++k) pi[at(k)] /= sum;
            }
        return pi;
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& q) const {
        tensor<T> pi = distribution(x, temperature);
        double sum = 0;
        for (std::size_t i = 0; i < pi.size(); ++i)
            if (q[i] > 0) sum += double(q[i]) * std::log(double(q[i]) / std::max(double(pi[i]), 1e-300));
        y[0] = static_cast<T>(sum / double(x.shape()[0] * x.shape()[2]));
        if (keep) keep->pi = std::move(pi);
    }
    void backward(const saved& kept, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& q,
                  tensor<T>* dx, tensor<T>*) const {
        if (!dx) return;
        const T g = dy[0] / static_cast<T>(temperature * double(x.shape()[0] * x.shape()[2]));
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        kernel::map_add(
            x.size(),
            [g](auto pi, auto target, auto v) SMLDIST_INLINE_LAMBDA {
                using V = decltype(v);
                return V(g) * (pi - target) / (v + kernel::simd::constant<V>(eps));
            },
            dx->data(), kept.pi.data(), q.data(), x.data());
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif
