// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_BASELINE_RKD_HPP
#define SMLDIST_LOSS_BASELINE_RKD_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "smldist/core/check.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/loss/baseline/setting.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

/// Compares the distances and angles among the rows of x with those among the rows of a teacher's feature.
///
///     d_ij = ‖x_i - x_j‖,   ψ_ij = d_ij / mean_{k≠l} d_kl,   a_ijk = cos of the angle at x_i between x_j and x_k
///     y = distance/B² * sum_ij h(ψ_ij - ψ'_ij) + angle/B³ * sum_ijk h(a_ijk - a'_ijk)
///     h(e) = e²/2 for |e| ≤ 1, else |e| - 1/2;   primes: the teacher;   a cosine with x_i = x_j or x_i = x_k is 0
///
/// By the law of cosines a_ijk = (d²_ij + d²_ik - d²_jk)/(2 d_ij d_ik), so everything is a function of d² only: B³
/// short operations instead of B³ D.
///
/// Shapes     x (B, D) · t (B, B), squared distances of the teacher, constant · y ()
/// Gradients  with q = d², h' = clip(e, -1, 1), v = 1/d (0 for d = 0), V = angle/B³, μ the mean distance:
///            dq_ik = V sum_j h'_ijk v_ik (v_ij - a_ijk v_ik) - V/2 sum_j h'_jik v_ji v_jk
///                    + distance/B² (h'_ik/μ - sum_lm h'_lm d_lm/(μ² B(B-1))) v_ik/2
///            dx_i = 2 sum_j (dq_ij + dq_ji)(x_i - x_j)
/// Keeps      the matrix M with dx = M x for dy = 1, (B, B).
/// Cost       about B² D + 10 B³ operations forward, B² D backward.
/// Throws     shape_error unless x is (B, D) with B ≥ 2 and t (B, B).
template <class T> struct relation_op {
    using scalar = T;
    double distance = 25, angle = 50;
    struct saved {
        tensor<T> map;
    };
    static constexpr std::string_view name = "relation";
    static void visit(auto& self, auto&& f) {
        f("distance", self.distance);
        f("angle", self.angle);
    }
    shape infer(const shape& x, const shape& t) const {
        if (x.rank() != 2 || x[0] < 2 || x[1] == 0 || !(t == shape{x[0], x[0]}))
            raise<shape_error>("loss::baseline::rkd", "shapes of the feature and of the teacher's distances are ",
                               x.text(), " and ", t.text(), ", expected (B, D) and (B, B) with B >= 2");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& t) const {
        const std::size_t B = x.shape()[0];
        const tensor<T> q = squared_distances(x);
        tensor<T> dq(shape{B, B});
        double value = 0;
        if (distance > 0) value += distances(q, t, dq);
        if (angle > 0) value += angles(q, t, dq);
        y[0] = static_cast<T>(value);
        if (!keep) return;
        // dx_i = sum_j s_ij (x_i - x_j) with s_ij = 2 (dq_ij + dq_ji), so M = diag(row sums of s) - s.
        keep->map = tensor<T>::uninitialized({B, B});
        for (std::size_t i = 0; i < B; ++i) {
            T sum = 0;
            for (std::size_t j = 0; j < B; ++j) {
                const T s = i == j ? T(0) : T(2) * (dq[i * B + j] + dq[j * B + i]);
                keep->map[i * B + j] = -s;
                sum += s;
            }
            keep->map[i * B + i] = sum;
        }
    }
    void backward(const saved& keep, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>&,
                  tensor<T>* dx, tensor<T>*) const {
        if (!dx) return;
        const std::size_t B = x.shape()[0], D = x.shape()[1];
        tensor<T> map = keep.map;
        kernel::scale(map.size(), dy[0], map.data());
        const bool add = dx->ensure(x.shape());
        kernel::gemm_nn(B, D, B, map.data(), B, x.data(), D, dx->data(), D, add);
    }

    /// ‖x_i - x_j‖² of all pairs of rows, (B, B). From differences: the Gram matrix would cancel for close rows.
    static tensor<T> squared_distances(const tensor<T>& x) {
        const std::size_t B = x.shape()[0], D = x.shape()[1];
        tensor<T> q(shape{B, B});
        auto difference = tensor<T>::uninitialized({D});
        for (std::size_t i = 0; i < B; ++i)
            for (std::size_t j = 0; j < i; ++j) {
                kernel::map(
                    D, [](const auto& a, const auto& b) SMLDIST_INLINE_LAMBDA { return a - b; }, difference.data(),
                    x.data() + i * D, x.data() + j * D);
                q[i * B + j] = q[j * B + i] = kernel::dot(D, difference.data(), difference.data());
            }
        return q;
    }

private:
    /// e clipped to ±1: the derivative g of h; h itself is g (e - g/2).
    template <class V> SMLDIST_INLINE static V clip(const V& e) {
        return kernel::simd::min(V(T(1)), kernel::simd::max(V(T(-1)), e));
    }

    /// The distance part; adds its derivative to dq.
    double distances(const tensor<T>& q, const tensor<T>& t, tensor<T>& dq) const {
        const std::size_t B = q.shape()[0], n = B * B;
        auto d = tensor<T>::uninitialized({n}), d_t = tensor<T>::uninitialized({n});
        for (std::size_t i = 0; i < n; ++i) d[i] = std::sqrt(q[i]), d_t[i] = std::sqrt(t[i]);
        const T pairs = static_cast<T>(B * (B - 1));
        const T mean = kernel::sum(n, d.data()) / pairs, mean_t = kernel::sum(n, d_t.data()) / pairs;
        const T inverse = mean > T(0) ? T(1) / mean : T(0), inverse_t = mean_t > T(0) ? T(1) / mean_t : T(0);
        T total = 0, pull = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const T e = d[i] * inverse - d_t[i] * inverse_t, g = std::clamp(e, T(-1), T(1));
            total += g * (e - g / T(2));
            pull += g * d[i];
            d_t[i] = g; // the teacher's distance is no longer needed
        }
        const T share = static_cast<T>(distance / double(n)), shift = pull * inverse / pairs;
        for (std::size_t i = 0; i < n; ++i)
            if (d[i] > T(0)) dq[i] += share * inverse * (d_t[i] - shift) / (T(2) * d[i]);
        return double(total) * distance / double(n);
    }

    /// The angle part; adds its derivative to dq.
    double angles(const tensor<T>& q, const tensor<T>& t, tensor<T>& dq) const {
        const std::size_t B = q.shape()[0];
        const tensor<T> v = inverse_root(q), v_t = inverse_root(t);
        const T share = static_cast<T>(angle / (double(B) * double(B) * double(B)));
        auto sums = tensor<T>::uninitialized({B});
        double total = 0;
        for (std::size_t i = 0; i < B; ++i) {
            sums.fill(T(0));
            for (std::size_t j = 0; j < B; ++j)
                if (j != i) corner(B, i, j, q.data(), t.data(), v.data(), v_t.data(), share, sums.data(), dq.data());
            total += double(kernel::sum(B, sums.data()));
        }
        return total * double(share);
    }
    /// All angles at i between j and any k: h added to sums[k], derivatives to rows i and j of dq.
    SMLDIST_NOINLINE static void corner(std::size_t B, std::size_t i, std::size_t j, const T* q, const T* t,
                                        const T* v, const T* v_t, T share, T* sums, T* dq) {
        const T *q_i = q + i * B, *q_j = q + j * B, *t_i = t + i * B, *t_j = t + j * B;
        const T *v_i = v + i * B, *w_i = v_t + i * B;
        T *d_i = dq + i * B, *d_j = dq + j * B;
        const T q_ij = q_i[j], t_ij = t_i[j], v_ij = v_i[j], w_ij = w_i[j];
        kernel::simd::sweep<T>(B, [&](auto p, std::size_t k) SMLDIST_INLINE_LAMBDA {
            const auto half = p.set(T(0.5)), vij = p.set(v_ij), vik = p.load(v_i + k);
            const auto both = vij * vik;
            const auto a = (p.set(q_ij) + p.load(q_i + k) - p.load(q_j + k)) * half * both;
            const auto a_t = (p.set(t_ij) + p.load(t_i + k) - p.load(t_j + k)) * half * p.set(w_ij) * p.load(w_i + k);
            const auto e = a - a_t, g = clip(e), slope = p.set(share) * g;
            p.store(sums + k, p.load(sums + k) + g * (e - half * g));
            p.store(d_i + k, p.load(d_i + k) + slope * vik * (vij - a * vik));
            p.store(d_j + k, p.load(d_j + k) - slope * half * both);
        });
    }
    /// 1/√q, 0 where q is 0
    static tensor<T> inverse_root(const tensor<T>& q) {
        auto v = tensor<T>::uninitialized(q.shape());
        for (std::size_t i = 0; i < q.size(); ++i) v[i] = q[i] > T(0) ? T(1) / std::sqrt(q[i]) : T(0);
        return v;
    }
};

struct rkd_options {
    weights weight;
    double distance = 25, angle = 50; ///< weights of the two parts

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"loss::baseline::rkd_options"};
        weight.check(o.where);
        o.at_least_0("distance", distance);
        o.at_least_0("angle", angle);
    }
};

/// Relational distillation (RKD): the windows of a batch have the same geometry for student and teacher.
///
///     y = weight * (distance part + angle part);   see relation_op
///
/// Unchanged when the features are rotated, shifted or scaled. Works for any widths.
///
/// Shapes     feature (B, D_S) of the student, (B, D_T) of the teacher, B ≥ 2 · y ()
/// Throws     shape_error if the batches differ or the features are not (B, D).
/// Source     Park et al., CVPR 2019 (arXiv 1904.05068); weights 25 and 50 of RepDistiller. Its mean distance leaves out
///            pairs at distance 0; this one is over all pairs, as in the paper.
struct rkd {
    static constexpr std::string_view name = "rkd";
    rkd_options options;

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator&) const {
        options.check();
        detail::check_features("loss::baseline::rkd", student, teacher);
    }
    template <class X, class T>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int>) const {
        if (teacher.feature.shape().rank() != 2)
            raise<shape_error>("loss::baseline::rkd", "shape of the teacher's feature is ",
                               teacher.feature.shape().text(), ", expected (B, D)");
        const auto& o = options;
        return op::apply(relation_op<T>{o.weight.term * o.distance, o.weight.term * o.angle}, student.feature,
                         relation_op<T>::squared_distances(teacher.feature));
    }
    static void visit(auto&, auto&&) {}
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif
