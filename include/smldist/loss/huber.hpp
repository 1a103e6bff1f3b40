// SPDX-License-Identifier: BSD-3-Clause
/// Losses on which large errors weigh less than on mse: huber, and mae, which is linear everywhere.
#ifndef SMLDIST_LOSS_HUBER_HPP
#define SMLDIST_LOSS_HUBER_HPP

#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

// What mae_op and huber_op share: y = scale / n Σ_i f(x[i] - t[i]), where f has `value` and `derivative` on packs.

inline shape infer_difference(std::string_view where, const shape& x, const shape& t) {
    if (x.rank() < 1 || x.size() == 0 || !(x == t))
        raise<shape_error>(where, "shapes of x and target are ", x.text(), " and ", t.text(),
                           ", expected them equal, with at least one axis and one element");
    return {};
}
template <class T, class F>
void mean_of_difference(const F& f, double scale, tensor<T>& y, const tensor<T>& x, const tensor<T>& t) {
    const auto term = [&](auto p, std::size_t i)
                          SMLDIST_INLINE_LAMBDA { return f.value(p.load(x.data() + i) - p.load(t.data() + i)); };
    y[0] = static_cast<T>(scale / double(x.size())) * kernel::chunked_total<T>(x.size(), term);
}
template <class T, class F>
void slope_of_difference(const F& f, double scale, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& t,
                         tensor<T>* dx) {
    const T factor = dy[0] * static_cast<T>(scale / double(x.size()));
    const auto slope = [&f, factor](auto a, auto b)
                           SMLDIST_INLINE_LAMBDA { return decltype(a)(factor) * f.derivative(a - b); };
    if (!dx) return;
    if (dx->ensure(x.shape()))
        kernel::map_add(x.size(), slope, dx->data(), x.data(), t.data());
    else
        kernel::map(x.size(), slope, dx->data(), x.data(), t.data());
}

/// |d|
struct absolute {
    template <class V> SMLDIST_INLINE V value(const V& d) const { return kernel::simd::abs(d); }
    /// -1, 0 or 1; NaN of NaN
    template <class V> SMLDIST_INLINE V derivative(const V& d) const {
        const V zero = kernel::simd::constant<V>(0), one = kernel::simd::constant<V>(1);
        return kernel::simd::select(d > zero, one, kernel::simd::select(d < zero, -one, d));
    }
};

/// d²/2 for |d| ≤ δ, else δ (|d| - δ/2)
struct quadratic_then_linear {
    double delta;
    template <class V> SMLDIST_INLINE V value(const V& d) const {
        const V a = kernel::simd::abs(d), q = kernel::simd::min(kernel::simd::constant<V>(delta), a);
        return q * (a - kernel::simd::constant<V>(0.5) * q);
    }
    /// min(δ, max(-δ, d))
    template <class V> SMLDIST_INLINE V derivative(const V& d) const {
        return kernel::simd::min(kernel::simd::constant<V>(delta),
                                 kernel::simd::max(kernel::simd::constant<V>(-delta), d));
    }
};

} // namespace detail

/// Mean absolute difference of x from a constant target.
///
///     y = scale / n Σ_i |x[i] - t[i]|,   n elements
///
/// Shapes     x any with at least one axis · t as x, constant · y ()
/// Gradients  dx[i] = dy scale / n sign(x[i] - t[i]), 0 where they are equal;  none into t.
/// Keeps      nothing.
/// Throws     shape_error if t does not fit x.
/// Source     torch.nn.functional.l1_loss for scale = 1.
template <class T> struct mae_op {
    using scalar = T;
    double scale = 1;
    struct saved {};
    static constexpr std::string_view name = "mae";
    static void visit(auto& self, auto&& f) { f("scale", self.scale); }
    shape infer(const shape& x, const shape& t) const { return detail::infer_difference("loss::mae", x, t); }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& t) const {
        detail::mean_of_difference(detail::absolute{}, scale, y, x, t);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& t,
                  tensor<T>* dx, tensor<T>*) const {
        detail::slope_of_difference(detail::absolute{}, scale, dy, x, t, dx);
    }
};

/// Mean absolute error against a constant target. See mae_op.
template <class X, class T> [[nodiscard]] auto mae(const X& x, tensor<T> target, double scale = 1) {
    return op::apply(mae_op<T>{scale}, x, std::move(target));
}

struct huber_options {
    double delta = 1; ///< δ: where the penalty becomes linear
    double scale = 1;
};

/// Mean Huber penalty of the difference of x from a constant target: quadratic for small errors, linear for large ones.
///
///     y = scale / n Σ_i h(x[i] - t[i]),   h(d) = d²/2 for |d| ≤ δ, else δ (|d| - δ/2),   n elements
///
/// The smooth L1 loss of PyTorch, with β = δ, is this divided by δ: {.delta = beta, .scale = 1 / beta}.
///
/// Shapes     x any with at least one axis · t as x, constant · y ()
/// Gradients  dx[i] = dy scale / n min(δ, max(-δ, x[i] - t[i]));  none into t.
/// Keeps      nothing.
/// Throws     shape_error if t does not fit x; usage_error if δ is not a positive number.
/// Source     Huber 1964; torch.nn.functional.huber_loss and smooth_l1_loss.
template <class T> struct huber_op {
    using scalar = T;
    huber_options options = {};
    struct saved {};
    static constexpr std::string_view name = "huber";
    static void visit(auto& self, auto&& f) {
        f("delta", self.options.delta);
        f("scale", self.options.scale);
    }
    shape infer(const shape& x, const shape& t) const {
        if (!(options.delta > 0 && std::isfinite(options.delta)))
            raise<usage_error>("loss::huber", "delta is ", options.delta, ", expected a positive number");
        return detail::infer_difference("loss::huber", x, t);
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& t) const {
        detail::mean_of_difference(detail::quadratic_then_linear{options.delta}, options.scale, y, x, t);
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& t,
                  tensor<T>* dx, tensor<T>*) const {
        detail::slope_of_difference(detail::quadratic_then_linear{options.delta}, options.scale, dy, x, t, dx);
    }
};

/// Mean Huber loss against a constant target. See huber_op.
template <class X, class T> [[nodiscard]] auto huber(const X& x, tensor<T> target, const huber_options& o = {}) {
    return op::apply(huber_op<T>{o}, x, std::move(target));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif
