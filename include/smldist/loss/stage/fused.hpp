// SPDX-License-Identifier: BSD-3-Clause
/// The stage loss as one op: the difference of two features in a basis along time and of their magnitudes, in one pass.
///
/// It is optional: it gives the same value and gradients as stage_loss::composed (tests/loss/stage/fused_options.cpp)
/// and is faster, since a sample stays in L1 from its transform to its gradient. No other part of the engine depends on
/// this file.
#ifndef SMLDIST_LOSS_STAGE_FUSED_HPP
#define SMLDIST_LOSS_STAGE_FUSED_HPP

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/kernel/logarithm.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/loss/stage/compared_channels.hpp"
#include "smldist/loss/stage/compared_rows.hpp"
#include "smldist/loss/stage/spectral.hpp"
#include "smldist/loss/stage/target_map.hpp"
#include "smldist/loss/stage/time_map.hpp"
#include "smldist/op/normed.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// Constants of discrepancy_op: maps along time and weights.
template <class T> struct discrepancy_tables {
    /// Rows of the mapped features that make up a band.
    struct band {
        std::size_t first, rows, step;
        T share; ///< 1/rows
    };
    target_map<T> target;
    time_map<T> student, teacher; ///< M_S and M_T, their rows in the order of time_map; empty: both are 1, for any L
    tensor<T> row_weight;         ///< w (L), in that order; empty: 1/L
    std::vector<band> bands;      ///< of the magnitudes, each row in one band; empty: no magnitudes
    tensor<T> band_weight;        ///< v, one per band
    tensor<T> row_sum;            ///< (L), M_S 1

    /// No maps along time, equal weights.
    explicit discrepancy_tables(target_map<T> m) : target(std::move(m)) {}
    /// Rows and bands as make_basis has them. With `rdft` both maps are the real DFT of L samples and their student's matrix.
    discrepancy_tables(target_map<T> m, const tensor<T>& of_student, const tensor<T>& of_teacher, bool rdft,
                       const tensor<T>& rows, const std::vector<typename time_bands<T>::band>& of_magnitudes,
                       tensor<T> weights)
        : target(std::move(m)),
          student(rdft ? time_map<T>::rdft(of_student) : time_map<T>(of_student)),
          teacher(rdft ? student : time_map<T>(of_teacher)),
          row_weight(rows.shape()),
          band_weight(std::move(weights)),
          row_sum(rows.shape()) {
        for (std::size_t r = 0; r < rows.size(); ++r) {
            row_weight[student.place(r)] = rows[r];
            const T* const row = of_student.data() + r * student.from();
            row_sum[student.place(r)] = static_cast<T>(std::accumulate(row, row + student.from(), 0.0));
        }
        for (const auto& b : of_magnitudes) {
            const std::size_t first = student.place(b.first_row), last = student.place(b.first_row + b.rows - 1);
            SMLDIST_ASSERT(b.rows == 1 || (last - first) % (b.rows - 1) == 0);
            bands.push_back(
                {first, b.rows, b.rows == 1 ? 1 : (last - first) / (b.rows - 1), T(1) / static_cast<T>(b.rows)});
        }
    }
};

/// Weighted difference of two features in a basis along time, and of the logarithms of their magnitudes.
///
///     z = (x - mean) scale + beta,   X = M_S z[b],   Z = M_T (t[b] Dᵀ + offset)
///     y = 1/(B·C) Σ_{b,c} (Σ_r w[r] pen(X[r,c] - Z[r,c]) + Σ_k v[k] (ln(1 + |X|_kc) - ln(1 + |Z|_kc))²)
///     |X|²_kc = 1/n_k Σ_{rows r of band k} X[r,c]² + ε²,   ε = 1e-3
///
/// The same as row_penalty_op and band_power_op with log_magnitude_op on transformed features; a sample stays in L1 from its
/// transform to its gradient, the real DFT is folded (time_map), two logarithms become one of a quotient, and the
/// normalisation by `map`, which commutes with a transform, is applied to the transformed rows. In float, magnitudes above
/// 1e12 give NaN.
///
/// Shapes     x (B, L_S, C) or images of L_S pixels, or without maps along time any (…, C) · map (3, C) of
///            op::batch_norm_map, or empty: z = x · t (B, L_T, C_T) or images of L_T pixels, or (…, C_T) with the rows of x,
///            constant · y ()
/// Gradients  dz[b] = dy/(B·C) M_Sᵀ G,   G[r,c] = w[r] pen'(X - Z) + 2 v[k] X[r,c] ln(…)/(n_k |X| (1 + |X|)) of r's band k;
///            dx = dz scale · dmap = (-scale Σ dz, Σ dz (x - mean), Σ dz);  none into t.
/// Keeps      dz for dy = 1.
/// Cost       B·C·(L·L_S + L·L_T) multiply-adds forward, B·C·L·L_S more with a gradient; a quarter of it for the real DFT
///            of even length; B·L_T·C·C_T for the target.
/// Throws     shape_error if x, map or t does not fit the maps or each other.
template <class T> struct discrepancy_op {
    using scalar = T;
    std::shared_ptr<const discrepancy_tables<T>> tables; ///< shared with the tape's record
    penalty kind = penalty::square;
    double delta = 1; ///< δ of huber
    using band = typename discrepancy_tables<T>::band;
    struct saved {
        tensor<T> slope; ///< as x, dz
        tensor<T> sums;  ///< (2, C), Σ dz and Σ dz (x - mean)
    };
    static constexpr std::string_view name = "discrepancy";
    static void visit(auto& self, auto&& f) {
        f("kind", name_of(self.kind));
        f("delta", self.delta);
    }
    std::uint64_t macs(const shape& x, const shape&, const shape& t) const {
        const std::uint64_t L = tables->row_weight.size(), brought = std::uint64_t(t.rows()) * x.back();
        return L * x.size() + (L + (t.back() == x.back() ? 0 : t.back())) * brought;
    }
    shape infer(const shape& x, const shape& map, const shape& t) const {
        const std::size_t S = tables->student.from(), R = tables->teacher.from();
        const std::size_t C = tables->target.to(x.rank() == 0 ? 0 : x.back()), D = tables->target.from(C);
        const auto fits = [&](const shape& s, std::size_t rows, std::size_t channels) {
            return s.rank() > 1 && s.back() == channels && (S == 0 || (s.rank() > 2 && s.sample_rows() == rows));
        };
        if (x.size() == 0 || !fits(x, S, C) || !fits(t, R, D) || (S == 0 ? x.rows() != t.rows() : x[0] != t[0]))
            raise<shape_error>("loss::discrepancy", "shapes of x and target are ", x.text(), " and ", t.text(),
                               ", expected (B, ", S == 0 ? std::string("…") : std::to_string(S), ", ", C,
                               ") and (B, ", S == 0 ? std::string("…") : std::to_string(R), ", ", D, ")");
        if (map.size() != 0) op::check_norm_map("loss::discrepancy", x, map);
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& map, const tensor<T>& t) const {
        const bool timeless = tables->student.from() == 0;
        const std::size_t B = x.shape().rank() > 2 ? x.shape()[0] : 1, C = x.shape().back(), S = x.shape().rows() / B,
                          R = t.shape().rows() / B, L = timeless ? S : tables->row_weight.size();
        const std::size_t K = tables->bands.size(), D = t.shape().back();
        const std::size_t group = std::max<std::size_t>(1, 64 / R); // samples whose targets are made together
        if (keep) {
            keep->slope = tensor<T>::uninitialized(x.shape());
            keep->sums = tensor<T>::uninitialized({2, C});
        }
        const kernel::scratch<T> totals(B), sums(keep && !map.empty() ? B * 2 * C : 0);
        const std::size_t grain = kernel::chunk_rows(8 * L * C);
        const std::size_t rows = 2 * L + 2 * K + std::max(S, R) + std::min({group, grain, B}) * R;
        parallel_for_scratch<T>(B, grain, rows * C, [&](std::size_t first, std::size_t last, T* X) {
            T *const Z = X + L * C, *const P = Z + L * C, *const Q = P + K * C, *const spare = Q + K * C,
                     *const targets = spare + std::max(S, R) * C;
            for (std::size_t b = first; b < last; ++b) {
                const T* const xb = x.data() + b * S * C;
                if ((b - first) % group == 0)
                    tables->target(std::min(group, last - b) * R, C, t.data() + b * R * D, targets);
                T* const tb = targets + (b - first) % group * R * C;
                if (timeless) {
                    std::copy_n(xb, L * C, X);
                    std::copy_n(tb, L * C, Z);
                } else {
                    tables->student.forward(C, xb, X, spare);
                    tables->teacher.forward(C, tb, Z, spare);
                }
                if (!map.empty()) normalise(L, C, map.data(), X);
                T total(0);
                if (K > 0) magnitudes(C, X, Z, P, Q);
                detail::with_penalty(kind, delta, [&](auto pen, auto slope) {
                    total = differences(L, C, X, Z, P, Q, pen, slope, keep != nullptr);
                });
                totals.data()[b] = total;
                if (!keep) continue;
                T* const slope = keep->slope.data() + b * S * C;
                if (timeless)
                    std::copy_n(Z, L * C, slope);
                else
                    tables->student.backward(C, Z, slope, spare);
                if (!map.empty()) add_up(S, C, map.data(), xb, slope, sums.data() + b * 2 * C);
            }
        });
        if (sums.size() > 0) kernel::add_partials(B, 2 * C, 2 * C, sums.data(), keep->sums.data(), false);
        y[0] = static_cast<T>(std::accumulate(totals.data(), totals.data() + B, 0.0) / double(B * C));
    }
    void backward(const saved& kept, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& map,
                  const tensor<T>&, tensor<T>* dx, tensor<T>* dmap, tensor<T>*) const {
        const std::size_t C = x.shape().back(), B = x.shape().rank() > 2 ? x.shape()[0] : 1;
        const T factor = dy[0] / static_cast<T>(B * C);
        if (dmap) {
            op::norm_map_gradients<T> to(shape{1, C}, nullptr, map, dmap);
            for (std::size_t i = 0; i < 2 * C; ++i) to.sums[i] = factor * kept.sums[i];
            to.finish();
        }
        if (!dx) return;
        tensor<T> factors(shape{C}, factor);
        if (!map.empty())
            for (std::size_t c = 0; c < C; ++c) factors[c] *= map[C + c];
        const auto product = [](auto v, auto k) SMLDIST_INLINE_LAMBDA { return v * k; };
        if (dx->ensure(x.shape()))
            kernel::map_columns_add(x.shape().rows(), C, product, dx->data(), kept.slope.data(), factors.data());
        else
            kernel::map_columns(x.shape().rows(), C, product, dx->data(), kept.slope.data(), factors.data());
    }
    /// If `map` is empty, the result of a projector (linear, then batch-norm) supplies the map of its normalisation.
    template <class Target> var<T> read_normed(const normed_value<T>& n, const tensor<T>& map, Target&& t) const {
        const bool projected = n.x.owner->origin_of(n.x) == tape<T>::origin::linear;
        if (!projected || !map.empty() || n.f != activation::none || !n.gate.empty()) return {};
        return op::apply(*this, n.x, n.map, std::forward<Target>(t));
    }

private:
    /// X ← M_S ((x - mean) scale + beta) of X = M_S x.
    SMLDIST_NOINLINE void normalise(std::size_t L, std::size_t C, const T* map, T* X) const {
        const T* const ones = tables->row_sum.data();
        kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            const auto mean = p.load(map + c), scale = p.load(map + C + c), beta = p.load(map + 2 * C + c);
            for (std::size_t r = 0; r < L; ++r) {
                const auto one = p.set(ones ? ones[r] : T(1));
                p.store(X + r * C + c, kernel::simd::fma(p.load(X + r * C + c) - mean * one, scale, beta * one));
            }
        });
    }
    /// sums ← Σ dz, Σ dz (x - mean) of one sample.
    SMLDIST_NOINLINE void add_up(std::size_t S, std::size_t C, const T* map, const T* x, const T* dz, T* sums) const {
        kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            const auto mean = p.load(map + c);
            auto sum = p.set(T(0)), moment = p.set(T(0));
            for (std::size_t i = c; i < S * C; i += C) {
                const auto g = p.load(dz + i);
                sum = sum + g;
                moment = kernel::simd::fma(g, p.load(x + i) - mean, moment);
            }
            p.store(sums + c, sum);
            p.store(sums + C + c, moment);
        });
    }
    /// P ← l = ln((1 + |X|)/(1 + |Z|)),   Q ← l/(|X| (1 + |X|)), for each band and channel.
    SMLDIST_NOINLINE void magnitudes(std::size_t C, const T* X, const T* Z, T* P, T* Q) const {
        const auto power = [&](auto p, const T* from, const band& of) SMLDIST_INLINE_LAMBDA {
            auto sum = p.set(T(0));
            for (std::size_t r = 0; r < of.rows; ++r) {
                const auto v = p.load(from + (of.first + r * of.step) * C);
                sum = kernel::simd::fma(v, v, sum);
            }
            return sum * p.set(of.share);
        };
        kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            for (std::size_t k = 0; k < tables->bands.size(); ++k) {
                p.store(P + k * C + c, power(p, X + c, tables->bands[k]));
                p.store(Q + k * C + c, power(p, Z + c, tables->bands[k]));
            }
        });
        kernel::simd::sweep<T>(tables->bands.size() * C, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
            using V = typename decltype(p)::pack;
            const V one(T(1)),
                square = kernel::simd::constant<V>(log_magnitude_op<T>::eps * log_magnitude_op<T>::eps);
            const V x = kernel::simd::sqrt(p.load(P + i) + square), z = kernel::simd::sqrt(p.load(Q + i) + square);
            const V a = one + x, b = one + z, xa = x * a, inverse = one / (xa * b); // one division for both quotients
            const V l = kernel::simd::log_normal(a * xa * inverse);
            p.store(P + i, l);
            p.store(Q + i, l * b * inverse);
        });
    }
    /// Σ w pen(X - Z) + Σ v l²;  Z ← G if a gradient is needed.
    template <class F, class S>
    SMLDIST_NOINLINE T differences(std::size_t L, std::size_t C, const T* X, T* Z, const T* P, const T* Q, F&& pen,
                                   S&& slope, bool gradient) const {
        const T* const w = tables->row_weight.data();
        const T uniform = T(1) / static_cast<T>(L);
        const std::size_t K = tables->bands.size();
        T total(0);
        kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            auto sum = p.set(T(0));
            for (std::size_t k = 0; k < std::max<std::size_t>(1, K); ++k) {
                const band of = K > 0 ? tables->bands[k] : band{0, L, 1, T(0)};
                auto factor = p.set(T(0));
                if (K > 0) {
                    const T v = tables->band_weight[k];
                    const auto l = p.load(P + k * C + c);
                    sum = kernel::simd::fma(p.set(v) * l, l, sum);
                    factor = p.set(T(2) * v * of.share) * p.load(Q + k * C + c);
                }
                for (std::size_t i = 0, r = of.first; i < of.rows; ++i, r += of.step) {
                    const auto x = p.load(X + r * C + c), d = x - p.load(Z + r * C + c);
                    const auto weight = p.set(w ? w[r] : uniform);
                    sum = kernel::simd::fma(weight, pen(d), sum);
                    if (gradient) p.store(Z + r * C + c, kernel::simd::fma(factor, x, weight * slope(d)));
                }
            }
            total += kernel::simd::sum(sum);
        });
        return total;
    }
};

/// discrepancy_op for one pair of features and its options.
///
/// It covers every basis, length_match, penalty, scale and fixed weights, and phase_free::magnitude if the basis is the real
/// DFT. It does not cover learned variances, other phase-free terms, and magnitudes together with another basis: then
/// it is empty, and stage_loss is computed as ops.
template <class T> class fused_comparison {
public:
    fused_comparison(const compared_channels<T>& channels, const compared_rows<T>& rows, const stage_options& o)
        : normal_(channels.student_normal()), by_sample_(channels.by_sample()), pen_(o.pen), delta_(o.delta) {
        const bool rdft = o.basis == time_basis::rdft;
        if (rows.learned || (rows.eta > 0 && !(rdft && o.term == phase_free::magnitude))) return;
        if (rows.basis.bands.empty()) {
            tables_ = std::make_shared<const discrepancy_tables<T>>(channels.target());
            return;
        }
        const std::size_t L = rows.weight.size();
        tensor<T> row_weight = rows.weight, band_weight = rows.magnitude_weight;
        kernel::scale(row_weight.size(), T(1) / static_cast<T>(L), row_weight.data());
        kernel::scale(band_weight.size(), static_cast<T>(rows.eta), band_weight.data());
        const bool folded =
            rdft && rows.basis.bands.size() > 1 && rows.student.shape()[1] == L && rows.teacher.shape()[1] == L;
        using bands = std::vector<typename time_bands<T>::band>;
        tables_ = std::make_shared<const discrepancy_tables<T>>(channels.target(), rows.student, rows.teacher, folded,
                                                                row_weight, rows.spectrum ? *rows.spectrum : bands(),
                                                                std::move(band_weight));
    }

    /// Whether the options have a fused form.
    explicit operator bool() const { return tables_ != nullptr; }
    /// The loss of s, which is F_S or the projector's result, and F_T.
    template <class X> X operator()(X s, tensor<T> teacher) const {
        if (by_sample_) s = unit_rows(s), teacher = unit_rows(teacher);
        return op::apply(discrepancy_op<T>{tables_, pen_, delta_}, s, normal_, std::move(teacher));
    }

private:
    std::shared_ptr<const discrepancy_tables<T>> tables_;
    tensor<T> normal_; ///< (3, C) of the student, or empty
    bool by_sample_ = false;
    penalty pen_ = penalty::square;
    double delta_ = 1;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif
