// SPDX-License-Identifier: BSD-3-Clause
/// Normalisation: over the rows of each channel (batch-norm) or over the channels of each row (layer-norm).
#ifndef SMLDIST_OP_NORM_HPP
#define SMLDIST_OP_NORM_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "smldist/kernel/norm.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/op/batch_share.hpp"
#include "smldist/op/normed.hpp"
#include "smldist/spec/norm.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

struct batch_norm_options {
    double eps = 1e-5;
    double momentum = 0.1; ///< weight of the new batch in the running statistics
};

namespace detail {
/// infer of batch_norm_train_op and batch_norm_map_op.
inline shape infer_batch_norm(const shape& x, const shape& gamma, const shape& beta, const shape& mean,
                              const shape& var) {
    const shape y = spec::infer_norm("op::batch_norm", x, gamma, beta, 2);
    if (mean.size() != 0 || var.size() != 0) spec::infer_norm("op::batch_norm", x, mean, var, 2);
    if (x.rows() < 2)
        raise<shape_error>("op::batch_norm", "number of rows is 1 of x ", x.text(),
                           ", expected at least 2 in training (a variance needs them)");
    return y;
}
/// What the two training ops keep, and the map (3, C) that both compute: mean, gamma/σ, beta.
template <class T> struct batch_statistics {
    tensor<T> mean, inverse, var;
    std::size_t rows = 0; ///< that the statistics are of
    double part = 1;      ///< of these rows, x's

    /// With `joined` the statistics are those of all shares of the batch.
    void take(const tensor<T>& x, const tensor<T>& gamma, const tensor<T>& beta, double eps, T* map,
              const batch_share* joined = nullptr) {
        const std::size_t C = x.shape().back();
        for (tensor<T>* t : {&mean, &inverse, &var}) *t = tensor<T>::uninitialized({C});
        rows = x.size() / C;
        kernel::column_moments(rows, C, x.data(), mean.data(), var.data());
        if (joined) join(*joined);
        for (std::size_t c = 0; c < C; ++c) {
            inverse[c] = T(1) / std::sqrt(var[c] + static_cast<T>(eps));
            map[c] = mean[c];
            map[C + c] = gamma[c] * inverse[c];
            map[2 * C + c] = beta[c];
        }
    }
    /// Notes the update of the running statistics, if they are present.
    void note(tape<T>& t, const tensor<T>& running_mean, const tensor<T>& running_var, double momentum) {
        if (running_mean.empty()) return;
        const T unbias = static_cast<T>(double(rows) / double(rows - 1));
        for (T& v : var) v *= unbias;
        t.note(running_mean, mean, static_cast<T>(momentum));
        t.note(running_var, std::move(var), static_cast<T>(momentum), tape<T>::noted::variance);
    }
    /// The mean of dy over the shares, weighted by their rows.
    SMLDIST_NOINLINE tensor<T> mean_over(const batch_share& shares, const tensor<T>& dy) const {
        auto sums = tensor<double>::uninitialized(dy.shape());
        for (std::size_t i = 0; i < dy.size(); ++i) sums[i] = part * double(dy[i]);
        shares.sum(shares.context, sums.data(), sums.size());
        return cast<T>(sums);
    }

private:
    SMLDIST_NOINLINE void join(const batch_share& shares) {
        const std::size_t C = mean.size();
        const double own = shares.weight * double(rows);
        auto sums = tensor<double>::uninitialized({2 * C + 1});
        for (std::size_t c = 0; c < C; ++c) {
            const double m = double(mean[c]);
            sums[c] = own * m;
            sums[C + c] = own * (double(var[c]) + m * m);
        }
        sums[2 * C] = own;
        shares.sum(shares.context, sums.data(), sums.size());
        const double all = sums[2 * C];
        for (std::size_t c = 0; c < C; ++c) {
            const double m = sums[c] / all;
            mean[c] = static_cast<T>(m);
            var[c] = static_cast<T>(std::max(sums[C + c] / all - m * m, 0.0));
        }
        rows = static_cast<std::size_t>(all + 0.5);
        part = own / all;
    }
};
/// The shares whose statistics batch-norm takes together; null: only this thread's batch.
inline const batch_share* joined_shares() {
    const batch_share* const share = current_share();
    return share && share->sum ? share : nullptr;
}
} // namespace detail

/// Batch normalisation with the statistics of this batch (training).
///
///     y[r,c] = gamma[c] * (x[r,c] - mean[c]) / sqrt(var[c] + eps) + beta[c]
///     mean, var: over the R = B·L rows, var biased
///     running_mean ← (1-m) running_mean + m mean,   running_var ← (1-m) running_var + m var R/(R-1)
///
/// The running statistics are noted on the tape and written by the optimiser's step; on plain tensors nothing is noted.
///
/// Shapes     x (…, C) · gamma, beta (C) · running_mean, running_var (C), or both empty · y as x
/// Gradients  with x̂ = (x - mean)/σ:  dbeta = Σ dy · dgamma = Σ dy x̂ · dx = gamma/σ (dy - dbeta/R - x̂ dgamma/R); none
///            into the running statistics.
/// Keeps      mean and 1/σ.
/// Throws     shape_error if a vector does not fit x, or if there is only one row.
/// Source     Ioffe and Szegedy 2015; torch.nn.BatchNorm1d.
template <class T> struct batch_norm_train_op {
    using scalar = T;
    batch_norm_options options;
    using saved = detail::batch_statistics<T>;
    static constexpr std::string_view name = "batch_norm_train";
    static void visit(auto& self, auto&& f) {
        f("eps", self.options.eps);
        f("momentum", self.options.momentum);
    }
    shape infer(const shape& x, const shape& gamma, const shape& beta, const shape& mean, const shape& var) const {
        return detail::infer_batch_norm(x, gamma, beta, mean, var);
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& gamma, const tensor<T>& beta,
                 const tensor<T>&, const tensor<T>&) const {
        const std::size_t C = x.shape().back();
        saved local;
        auto map = tensor<T>::uninitialized({3, C});
        (keep ? *keep : local).take(x, gamma, beta, options.eps, map.data());
        kernel::normalise(detail::rows_of<T>(activation::none), x.size() / C, C, x.data(), map.data(), y.data());
    }
    void backward(const saved& s, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& gamma,
                  const tensor<T>&, const tensor<T>&, const tensor<T>&, tensor<T>* dx, tensor<T>* dgamma,
                  tensor<T>* dbeta, tensor<T>*, tensor<T>*) const {
        const std::size_t C = x.shape().back();
        const bool add_x = dx && dx->ensure(x.shape());
        const bool add_gamma = dgamma && dgamma->ensure(gamma.shape());
        const bool add_beta = dbeta && dbeta->ensure(gamma.shape());
        kernel::batch_norm_backward(x.size() / C, C, x.data(), dy.data(), s.mean.data(), s.inverse.data(),
                                    gamma.data(), dx ? dx->data() : nullptr, add_x, dgamma ? dgamma->data() : nullptr,
                                    add_gamma, dbeta ? dbeta->data() : nullptr, add_beta);
    }
    void notes(saved& s, tape<T>& t, const tensor<T>&, const tensor<T>&, const tensor<T>&, const tensor<T>& mean,
               const tensor<T>& var) const {
        s.note(t, mean, var, options.momentum);
    }
};

/// The map by which this batch is normalised (training).
///
///     y[0] = mean[c],   y[1] = gamma[c] / sqrt(var[c] + eps),   y[2] = beta[c]
///
/// mean, var and the running statistics as in batch_norm_train_op, or those of all shares of a batch (batch_share).
///
/// Shapes     x (…, C) · gamma, beta (C) · running_mean, running_var (C), or both empty · y (3, C)
/// Gradients  with dy = (dmean, dscale, dbeta') and σ² = var + eps:  dbeta = dbeta' · dgamma = dscale / σ ·
///            dx = dmean / R - dscale gamma (x - mean) / (R σ³); with shares, dmean and dscale are here their means over the
///            shares, weighted by the rows, and R is the number of this share's rows
/// Keeps      mean and 1/σ.
/// Throws     as batch_norm_train_op.
template <class T> struct batch_norm_map_op {
    using scalar = T;
    batch_norm_options options;
    using saved = detail::batch_statistics<T>;
    static constexpr std::string_view name = "batch_norm_map";
    static void visit(auto& self, auto&& f) { batch_norm_train_op<T>::visit(self, f); }
    shape infer(const shape& x, const shape& gamma, const shape& beta, const shape& mean, const shape& var) const {
        return {3, detail::infer_batch_norm(x, gamma, beta, mean, var).back()};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& gamma, const tensor<T>& beta,
                 const tensor<T>&, const tensor<T>&) const {
        saved local;
        (keep ? *keep : local).take(x, gamma, beta, options.eps, y.data(), detail::joined_shares());
    }
    void backward(const saved& s, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& gamma,
                  const tensor<T>&, const tensor<T>&, const tensor<T>&, tensor<T>* dx, tensor<T>* dgamma,
                  tensor<T>* dbeta, tensor<T>*, tensor<T>*) const {
        const std::size_t C = gamma.size(), R = x.size() / C;
        const T *dmean = dy.data(), *dscale = dmean + C, *const dshift = dscale + C;
        if (dgamma) {
            const bool add = dgamma->ensure(gamma.shape());
            for (std::size_t c = 0; c < C; ++c) (*dgamma)[c] = (add ? (*dgamma)[c] : T(0)) + dscale[c] * s.inverse[c];
        }
        if (dbeta) {
            const bool add = dbeta->ensure(gamma.shape());
            for (std::size_t c = 0; c < C; ++c) (*dbeta)[c] = (add ? (*dbeta)[c] : T(0)) + dshift[c];
        }
        if (!dx) return;
        tensor<T> joined;
        if (const batch_share* const shares = detail::joined_shares()) {
            joined = s.mean_over(*shares, dy);
            dmean = joined.data();
            dscale = dmean + C;
        }
        auto constants = tensor<T>::uninitialized({2, C}); // dx = slope (x - mean) + level
        T *const slope = constants.data(), *const level = slope + C;
        for (std::size_t c = 0; c < C; ++c) {
            slope[c] = -dscale[c] * y[C + c] * s.inverse[c] * s.inverse[c] / static_cast<T>(R);
            level[c] = dmean[c] / static_cast<T>(R);
        }
        const bool add = dx->ensure(x.shape());
        kernel::add_through_statistics(R, C, x.data(), y.data(), slope, level, dx->data(), add);
    }
    void notes(saved& s, tape<T>& t, const tensor<T>&, const tensor<T>&, const tensor<T>&, const tensor<T>& mean,
               const tensor<T>& var) const {
        s.note(t, mean, var, options.momentum);
    }
};

/// See spec::batch_norm.
///
/// Gradients  dx = dy gamma/σ · dgamma = Σ dy x̂ · dbeta = Σ dy; none into the statistics.
/// Keeps      nothing.
template <class T> struct batch_norm_eval_op : spec::batch_norm {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& gamma, const tensor<T>& beta,
                 const tensor<T>& mean, const tensor<T>& var) const {
        const std::size_t C = x.shape().back();
        auto scale = tensor<T>::uninitialized({C}), shift = tensor<T>::uninitialized({C});
        for (std::size_t c = 0; c < C; ++c) {
            scale[c] = gamma[c] / std::sqrt(var[c] + static_cast<T>(eps));
            shift[c] = beta[c] - mean[c] * scale[c];
        }
        kernel::column_affine(x.size() / C, C, x.data(), scale.data(), shift.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& gamma,
                  const tensor<T>&, const tensor<T>& mean, const tensor<T>& var, tensor<T>* dx, tensor<T>* dgamma,
                  tensor<T>* dbeta, tensor<T>*, tensor<T>*) const {
        const std::size_t C = x.shape().back(), R = x.size() / C;
        auto inverse = tensor<T>::uninitialized({C}), scale = tensor<T>::uninitialized({C});
        for (std::size_t c = 0; c < C; ++c) {
            inverse[c] = T(1) / std::sqrt(var[c] + static_cast<T>(eps));
            scale[c] = gamma[c] * inverse[c];
        }
        if (dgamma || dbeta) {
            const bool add_gamma = dgamma && dgamma->ensure(gamma.shape());
            const bool add_beta = dbeta && dbeta->ensure(gamma.shape());
            kernel::batch_norm_backward(R, C, x.data(), dy.data(), mean.data(), inverse.data(), gamma.data(),
                                        static_cast<T*>(nullptr), false, dgamma ? dgamma->data() : nullptr, add_gamma,
                                        dbeta ? dbeta->data() : nullptr, add_beta);
        }
        if (dx) {
            const auto times = [](auto g, auto k) { return g * k; };
            if (dx->ensure(x.shape()))
                kernel::map_columns_add(R, C, times, dx->data(), dy.data(), scale.data());
            else
                kernel::map_columns(R, C, times, dx->data(), dy.data(), scale.data());
        }
    }
};

/// Batch normalisation, channels last: of this batch in mode::train, with the running statistics in mode::eval.
/// See batch_norm_train_op and batch_norm_eval_op.
///
/// On a tape in mode::train only batch_norm_map_op runs here. An activation and a gate that follow are deferred with
/// it, and the op that reads the value computes it from x (normed_value). Convolutions and the mean over time then give
/// the same bits as the separate ops.
template <class X, class T>
[[nodiscard]] auto batch_norm(X&& x, const parameter<T>& weight, const parameter<T>& bias,
                              const buffer<T>& running_mean, const buffer<T>& running_var, mode m,
                              batch_norm_options o = {}) {
    if (m == mode::eval)
        return apply(batch_norm_eval_op<T>{{o.eps}}, std::forward<X>(x), weight, bias, running_mean, running_var);
    if constexpr (std::is_same_v<std::remove_cvref_t<X>, var<T>>) {
        const var<T> stored{x.owner, x.owner->node_of(x)};
        const var<T> map = apply(batch_norm_map_op<T>{o}, stored, weight, bias, running_mean, running_var);
        return x.owner->push_normed({stored, map, activation::none, {}, &detail::store_normed<T>});
    } else {
        return apply(batch_norm_train_op<T>{o}, std::forward<X>(x), weight, bias, running_mean, running_var);
    }
}

using layer_norm_options = spec::layer_norm;

/// See spec::layer_norm.
///
/// Gradients  with x̂ the normalised row and g = dy gamma:  dx = (g - mean g - x̂ mean(g x̂)) / σ ·
///            dgamma = Σ dy x̂ · dbeta = Σ dy
/// Keeps      mean and 1/σ of each row.
template <class T> struct layer_norm_op : spec::layer_norm {
    using scalar = T;
    struct saved {
        tensor<T> mean, inverse;
    };
    void forward(saved* keep, tensor<T>& y, const tensor<T>& x, const tensor<T>& gamma, const tensor<T>& beta) const {
        const std::size_t C = x.shape().back(), R = x.size() / C;
        saved local;
        saved& s = keep ? *keep : local;
        s.mean = tensor<T>::uninitialized({R});
        s.inverse = tensor<T>::uninitialized({R});
        kernel::layer_norm_forward(R, C, x.data(), gamma.data(), beta.data(), static_cast<T>(eps), y.data(),
                                   s.mean.data(), s.inverse.data());
    }
    void backward(const saved& s, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& gamma,
                  const tensor<T>& beta, tensor<T>* dx, tensor<T>* dgamma, tensor<T>* dbeta) const {
        const std::size_t C = x.shape().back();
        const bool add_x = dx && dx->ensure(x.shape());
        const bool add_gamma = dgamma && dgamma->ensure(gamma.shape());
        const bool add_beta = dbeta && dbeta->ensure(beta.shape());
        kernel::layer_norm_backward(x.size() / C, C, x.data(), dy.data(), s.mean.data(), s.inverse.data(),
                                    gamma.data(), dx ? dx->data() : nullptr, add_x, dgamma ? dgamma->data() : nullptr,
                                    add_gamma, dbeta ? dbeta->data() : nullptr, add_beta);
    }
};

template <class X, class W, class B>
[[nodiscard]] auto layer_norm(X&& x, const W& weight, const B& bias, layer_norm_options o = {}) {
    return apply(layer_norm_op<scalar_of_t<X, W>>{o}, std::forward<X>(x), weight, bias);
}

/// See spec::l2_normalize.
///
/// Gradients  dx = (dy - y <dy, y>) / ‖x‖; where ‖x‖ ≤ eps the divisor is a constant: dx = dy / eps.
/// Keeps      nothing beyond x and y.
template <class T> struct l2_normalize_op : spec::l2_normalize {
    using scalar = T;
    struct saved {};
    void forward(saved*, tensor<T>& y, const tensor<T>& x) const {
        kernel::l2_normalize(x.shape().rows(), x.shape().back(), x.data(), static_cast<T>(eps), y.data());
    }
    void backward(const saved&, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& x, tensor<T>* dx) const {
        if (!dx) return;
        if (!dx->ensure(x.shape())) dx->fill(T(0));
        const std::size_t C = x.shape().back();
        for (std::size_t r = 0; r < x.shape().rows(); ++r) {
            const T *from = x.data() + r * C, *unit = y.data() + r * C, *g = dy.data() + r * C;
            const T length = std::sqrt(kernel::dot(C, from, from));
            const bool clamped = length <= static_cast<T>(eps);
            const T along = clamped ? T(0) : kernel::dot(C, g, unit);
            const T scale = T(1) / (clamped ? static_cast<T>(eps) : length);
            for (std::size_t c = 0; c < C; ++c) (*dx)[r * C + c] += (g[c] - unit[c] * along) * scale;
        }
    }
};

template <class X> [[nodiscard]] auto l2_normalize(X&& x) {
    return apply(l2_normalize_op<scalar_of_t<X>>{}, std::forward<X>(x));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif
