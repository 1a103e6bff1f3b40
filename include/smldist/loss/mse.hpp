// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_LOSS_MSE_HPP
#define SMLDIST_LOSS_MSE_HPP

#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

/// Mean squared difference of x from a constant target, both scaled by channel.
///
///     y = scale / n * sum_i ((x[i] - t[i]) * w[c(i)])²,   n elements, w = 1 when empty
///
/// Shapes     x (…, C) · t as x, constant · w (C), constant, or empty · y ()
/// Gradients  dx[i] = dy * 2 * scale / n * w² * (x[i] - t[i]);  none into t and w.
/// Keeps      nothing.
/// Throws     shape_error if t or w does not fit x.
/// Source     torch.nn.functional.mse_loss for scale = 1 without w.
template <class T> struct mse_op {
    using scalar = T;
    double scale = 1;
    struct saved {};
    static constexpr std::string_view name = "mse";
    static void visit(auto& self, auto&& f) { f("scale", self.scale); }
    shape infer(const shape& x, const shape& t, const shape& w) const {
        if (x.rank() < 1 || x.size() == 0 || !(x == t))
            raise<shape_error>("loss::mse", "shapes of x and target are ", x.text(), " and ", t.text(),
                               ", expected them equal, with at least one axis and one element");
        if (w.size() != 0 && !(w == shape{x.back()}))
            raise<shape_error>("loss::mse", "shape of the channel scale is ", w.text(), ", expected (", x.back(),
                               ")");
        return {};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& t, const tensor<T>& w) const {
        const T factor = static_cast<T>(scale / double(x.size()));
        if (w.empty()) {
            y[0] = factor * kernel::chunked_total<T>(x.size(), [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
                       const auto d = p.load(x.data() + i) - p.load(t.data() + i);
                       return d * d;
                   });
            return;
        }
        auto d = tensor<T>::uninitialized(x.shape());
        difference(x, t, w, d.data());
        y[0] = factor * kernel::dot(d.size(), d.data(), d.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& t,
                  const tensor<T>& w, tensor<T>* dx, tensor<T>*, tensor<T>*) const {
        if (!dx) return;
        const T factor = dy[0] * static_cast<T>(2 * scale / double(x.size()));
        const bool add = dx->ensure(x.shape());
        if (w.empty()) {
            const auto slope = [factor](auto a, auto b)
                                   SMLDIST_INLINE_LAMBDA { return decltype(a)(factor) * (a - b); };
            if (add)
                kernel::map_add(x.size(), slope, dx->data(), x.data(), t.data());
            else
                kernel::map(x.size(), slope, dx->data(), x.data(), t.data());
            return;
        }
        auto d = tensor<T>::uninitialized(x.shape());
        difference(x, t, w, d.data());
        kernel::map_columns(
            x.shape().rows(), w.size(), [](auto v, auto k) { return v * k; }, d.data(), d.data(), w.data());
        if (!add) dx->fill(T(0));
        kernel::axpy(d.size(), factor, d.data(), dx->data());
    }

private:
    static void difference(const tensor<T>& x, const tensor<T>& t, const tensor<T>& w, T* d) {
        kernel::map(
            x.size(), [](auto a, auto b) { return a - b; }, d, x.data(), t.data());
        kernel::map_columns(
            x.shape().rows(), w.size(), [](auto v, auto k) { return v * k; }, d, d, w.data());
    }
};

/// Mean squared error against a constant target. See mse_op.
template <class X, class T> [[nodiscard]] auto mse(const X& x, tensor<T> target, double scale = 1) {
    return op::apply(mse_op<T>{scale}, x, std::move(target), tensor<T>());
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif
