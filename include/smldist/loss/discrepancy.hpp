// SPDX-License-Identifier: BSD-3-Clause
/// The difference of two features in a basis along time and of their magnitudes, in one pass.
#ifndef SMLDIST_LOSS_DISCREPANCY_HPP
#define SMLDIST_LOSS_DISCREPANCY_HPP

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/loss/spectral.hpp"
#include "smldist/loss/time_map.hpp"

namespace smldist::inline SMLDIST_ABI::loss {

/// What discrepancy_op compares with: maps along time and weights.
template <class T> struct discrepancy_tables {
    /// Rows of the mapped features that make up a band.
    struct band {
        std::size_t first, rows, step;
    };
    time_map<T> student, teacher; ///< M_S and M_T, their rows in the order of time_map
    tensor<T> row_weight;         ///< w (L), in that order
    std::vector<band> bands;      ///< of the magnitudes, in that order; empty: without them
    tensor<T> band_weight;        ///< v, one a band

    /// Rows and bands as make_basis has them. With `rdft` both maps are the real DFT of L samples and their student's matrix.
    discrepancy_tables(const tensor<T>& of_student, const tensor<T>& of_teacher, bool rdft, const tensor<T>& rows,
                       const std::vector<typename time_bands<T>::band>& of_magnitudes, tensor<T> weights)
        : student(rdft ? time_map<T>::rdft(of_student) : time_map<T>(of_student)),
          teacher(rdft ? student : time_map<T>(of_teacher)),
          row_weight(rows.shape()),
          band_weight(std::move(weights)) {
        for (std::size_t r = 0; r < rows.size(); ++r) row_weight[student.place(r)] = rows[r];
        for (const auto& b : of_magnitudes) {
            const std::size_t first = student.place(b.first_row), last = student.place(b.first_row + b.rows - 1);
            SMLDIST_ASSERT(b.rows == 1 || (last - first) % (b.rows - 1) == 0);
            bands.push_back({first, b.rows, b.rows == 1 ? 1 : (last - first) / (b.rows - 1)});
        }
    }
};

/// Weighted difference of two features in a basis along time, and of the logarithms of their magnitudes.
///
///     X = M_S x[b],   Z = M_T t[b]
///     y = 1/(B·C) Σ_{b,c} (Σ_r w[r] pen(X[r,c] - Z[r,c]) + Σ_k v[k] (ln(1 + |X|_kc) - ln(1 + |Z|_kc))²)
///     |X|²_kc = 1/n_k Σ_{rows r of band k} X[r,c]² + ε²,   ε = 1e-3
///
/// The same as row_penalty_op and band_power_op with log_magnitude_op on transformed features; a sample stays in L1 from its
/// transform to its gradient, the real DFT is folded (time_map), and two logarithms become one of a quotient.
///
/// Shapes     x (B, L_S, C) · t (B, L_T, C), constant · y ()
/// Gradients  dx[b] = dy/(B·C) M_Sᵀ G,   G[r,c] = w[r] pen'(X - Z) + 2 v[k] X[r,c] ln(…)/(n_k |X| (1 + |X|)) of r's band k
/// Keeps      dx for dy = 1.
/// Cost       B·C·(L·L_S + L·L_T) multiply-adds forward, B·C·L·L_S more with a gradient; half of it for the real DFT.
/// Throws     shape_error if x or t does not fit the maps or each other.
template <class T> struct discrepancy_op {
    using scalar = T;
    std::shared_ptr<const discrepancy_tables<T>> tables; ///< shared with the tape's record
    penalty kind = penalty::square;
    double delta = 1; ///< δ of huber
    struct saved {
        tensor<T> slope;
    };
    static constexpr std::string_view name = "discrepancy";
    void attributes(auto&& visit) const {
        visit("kind", penalty_names[static_cast<std::size_t>(kind)]);
        visit("delta", delta);
    }
    std::uint64_t macs(const shape& x, const shape& t) const {
        return std::uint64_t(tables->student.rows()) * (x.size() + t.size());
    }
    shape infer(const shape& x, const shape& t) const {
        const std::size_t S = tables->student.from(), L = tables->teacher.from();
        if (x.rank() != 3 || t.rank() != 3 || x.size() == 0 || x[1] != S || t[1] != L || x[0] != t[0] || x[2] != t[2])
            raise<shape_error>("loss::discrepancy", "shapes of x and target are ", x.text(), " and ", t.text(),
                               ", expected (B, ", S, ", C) and (B, ", L, ", C)");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& t) const {
        const std::size_t B = x.shape()[0], C = x.shape()[2], L = tables->row_weight.size(), K = tables->bands.size();
        const std::size_t from_x = x.shape()[1], from_t = t.shape()[1];
        if (keep) keep->slope = tensor<T>::uninitialized(x.shape());
        const kernel::scratch<T> totals(B);
        parallel_for(B, kernel::chunk_rows(8 * L * C), [&](std::size_t first, std::size_t last) {
            const kernel::scratch<T> buffer((2 * L + 2 * K + std::max(from_x, from_t)) * C);
            T *const X = buffer.data(), *const Z = X + L * C, *const P = Z + L * C, *const Q = P + K * C,
                     *const spare = Q + K * C;
            for (std::size_t b = first; b < last; ++b) {
                tables->student.forward(C, x.data() + b * from_x * C, X, spare);
                tables->teacher.forward(C, t.data() + b * from_t * C, Z, spare);
                T total(0);
                if (K > 0) magnitudes(C, X, Z, P, Q);
                detail::with_penalty(kind, delta, [&](auto pen, auto slope) {
                    total = differences(C, X, Z, pen, slope, keep != nullptr);
                });
                if (K > 0) total += bands(C, X, Z, P, Q, keep != nullptr);
                totals.data()[b] = total;
                if (keep) tables->student.backward(C, Z, keep->slope.data() + b * from_x * C, spare);
            }
        });
        y[0] = static_cast<T>(std::accumulate(totals.data(), totals.data() + B, 0.0) / double(B * C));
    }
    void backward(const saved& kept, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>&,
                  tensor<T>* dx, tensor<T>*) const {
        if (!dx) return;
        const T factor = dy[0] / static_cast<T>(x.shape()[0] * x.shape()[2]);
        if (dx->ensure(x.shape()))
            kernel::axpy(x.size(), factor, kept.slope.data(), dx->data());
        else
            kernel::map(
                x.size(), [factor](auto v) SMLDIST_INLINE_LAMBDA { return decltype(v)(factor) * v; }, dx->data(),
                kept.slope.data());
    }

private:
    /// Σ w pen(X - Z);  Z ← w pen'(X - Z) if there shall be a gradient.
    template <class P, class S>
    SMLDIST_NOINLINE T differences(std::size_t C, const T* X, T* Z, P&& pen, S&& slope, bool gradient) const {
        const std::size_t L = tables->row_weight.size();
        const T* const w = tables->row_weight.data();
        T total(0);
        kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            auto sum = p.set(T(0));
            for (std::size_t r = 0; r < L; ++r) {
                const auto d = p.load(X + r * C + c) - p.load(Z + r * C + c);
                sum = kernel::simd::fma(p.set(w[r]), pen(d), sum);
                if (gradient) p.store(Z + r * C + c, p.set(w[r]) * slope(d));
            }
            total += kernel::simd::sum(sum);
        });
        return total;
    }
    /// P ← l = ln((1 + |X|)/(1 + |Z|)),   Q ← l/(|X| (1 + |X|)), for each band and channel.
    SMLDIST_NOINLINE void magnitudes(std::size_t C, const T* X, const T* Z, T* P, T* Q) const {
        const auto power = [&](auto p, const T* from, const auto& band, std::size_t c) SMLDIST_INLINE_LAMBDA {
            auto sum = p.set(T(0));
            for (std::size_t r = 0; r < band.rows; ++r) {
                const auto v = p.load(from + (band.first + r * band.step) * C + c);
                sum = kernel::simd::fma(v, v, sum);
            }
            return sum * p.set(T(1) / static_cast<T>(band.rows));
        };
        for (std::size_t k = 0; k < tables->bands.size(); ++k)
            kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                p.store(P + k * C + c, power(p, X, tables->bands[k], c));
                p.store(Q + k * C + c, power(p, Z, tables->bands[k], c));
            });
        kernel::simd::sweep<T>(tables->bands.size() * C, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
            using V = typename decltype(p)::pack;
            const V one(T(1)),
                square = kernel::simd::constant<V>(log_magnitude_op<T>::eps * log_magnitude_op<T>::eps);
            const V x = kernel::simd::sqrt(p.load(P + i) + square), z = kernel::simd::sqrt(p.load(Q + i) + square);
            const V l = kernel::simd::log((one + x) / (one + z));
            p.store(P + i, l);
            p.store(Q + i, l / (x * (one + x)));
        });
    }
    /// Σ v l²;  G += 2 v/n X l/(|X| (1 + |X|)) if there shall be a gradient.
    SMLDIST_NOINLINE T bands(std::size_t C, const T* X, T* G, const T* P, const T* Q, bool gradient) const {
        T total(0);
        kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            auto sum = p.set(T(0));
            for (std::size_t k = 0; k < tables->bands.size(); ++k) {
                const auto& band = tables->bands[k];
                const T v = tables->band_weight[k];
                const auto l = p.load(P + k * C + c);
                sum = kernel::simd::fma(p.set(v) * l, l, sum);
                if (!gradient) continue;
                const auto factor = p.set(T(2) * v / static_cast<T>(band.rows)) * p.load(Q + k * C + c);
                for (std::size_t i = band.first * C + c, r = 0; r < band.rows; ++r, i += band.step * C)
                    p.store(G + i, kernel::simd::fma(factor, p.load(X + i), p.load(G + i)));
            }
            total += kernel::simd::sum(sum);
        });
        return total;
    }
};

} // namespace smldist::inline SMLDIST_ABI::loss

#endif
