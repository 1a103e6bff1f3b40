// SPDX-License-Identifier: BSD-3-Clause
/// The second half of a batch normalisation in training: ops that apply its map and an activation to what they read.
///
///     map = batch_norm_map(x)                 (3, C): mean, gamma/σ, beta; see op/norm.hpp
///     z   = (x - mean) scale + beta           what the ops below start from
///
/// Each half is differentiable on its own: an op that applies a map gives dx at fixed statistics and the gradient of
/// the map; batch_norm_map adds the part of the gradient that flows through the statistics.
#ifndef SMLDIST_OP_NORMED_HPP
#define SMLDIST_OP_NORMED_HPP

#include <cstdint>
#include <string_view>
#include <utility>

#include "smldist/kernel/normalise.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/pointwise.hpp"

namespace smldist::op {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The row functions of an activation for which follows_norm() holds.
template <class T> const kernel::row_functions<T>& rows_of(activation f) {
    SMLDIST_ASSERT(follows_norm(f));
    if (f == activation::relu) return kernel::rows_of<kernel::relu, T>;
    if (f == activation::hard_swish) return kernel::rows_of<kernel::hard_swish, T>;
    if (f == activation::selu) return kernel::rows_of<kernel::selu, T>;
    return kernel::rows_of<kernel::identity, T>;
}

} // namespace detail

/// Throws shape_error unless `map`, of batch_norm_map, is (3, C) for x (…, C).
inline void check_norm_map(std::string_view where, const shape& x, const shape& map) {
    if (x.rank() < 2 || x.size() == 0 || !(map == shape{3, x.back()}))
        raise<shape_error>(where, "shapes of x and map are ", x.text(), " and ", map.text(),
                           ", expected (…, C) and (3, C)");
}

/// Destinations of the gradients of x and of the map in the backward of an op of z = (x - mean) scale + beta.
///
///     dmap = (-scale Σ dz, Σ dz (x - mean), Σ dz), each sum over the rows of a column
///
/// The op writes dx(), or adds to it where `add` says so, and writes `sums` (2, C): Σ dz and Σ dz (x - mean). finish()
/// then writes or adds dmap. dx and dmap are the op's sinks; with a null dx, dx() is a buffer that nobody reads.
template <class T> class norm_map_gradients {
public:
    norm_map_gradients(const shape& x, tensor<T>* dx, const tensor<T>& map, tensor<T>* dmap)
        : add(dx && dx->ensure(x)),
          sums(tensor<T>::uninitialized({2, x.back()})),
          unwanted_(dx ? tensor<T>() : tensor<T>::uninitialized(x)),
          dx_(dx ? dx : &unwanted_),
          map_(map),
          dmap_(dmap) {}
    T* dx() { return dx_->data(); }
    void finish() {
        if (!dmap_) return;
        const bool more = dmap_->ensure(map_.shape());
        const std::size_t C = sums.shape()[1];
        const auto put = [&](std::size_t i, T v) { (*dmap_)[i] = more ? (*dmap_)[i] + v : v; };
        for (std::size_t c = 0; c < C; ++c) {
            put(c, -map_[C + c] * sums[c]);
            put(C + c, sums[C + c]);
            put(2 * C + c, sums[c]);
        }
    }

    const bool add;
    tensor<T> sums; ///< (2, C)

private:
    tensor<T> unwanted_;
    tensor<T>* dx_;
    const tensor<T>& map_;
    tensor<T>* dmap_;
};

/// y = f(z), the normalisation with its activation.
///
/// Shapes     x (…, C) · map (3, C) · y as x
/// Gradients  with dz = dy f'(z):  dx = dz scale · dmap = (-scale Σ dz, Σ dz (x - mean), Σ dz)
/// Keeps      nothing beyond x and map.
/// Cost       one pass, backward too; counted as 0 MACs.
/// Throws     shape_error if map does not fit x.
template <class T> struct normalise_op {
    using scalar = T;
    activation f = activation::none;
    struct saved {};
    static constexpr std::string_view name = "normalise";
    static void visit(auto& self, auto&& g) { g("activation", self.f); }
    shape infer(const shape& x, const shape& map) const {
        check_norm_map("op::normalise", x, map);
        return x;
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& map) const {
        const std::size_t C = x.shape().back();
        kernel::normalise(detail::rows_of<T>(f), x.size() / C, C, x.data(), map.data(), y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& map,
                  tensor<T>* dx, tensor<T>* dmap) const {
        const std::size_t C = x.shape().back();
        norm_map_gradients<T> to(x.shape(), dx, map, dmap);
        kernel::normalise_backward(detail::rows_of<T>(f), x.size() / C, C, x.data(), map.data(), dy.data(), to.dx(),
                                   to.add, to.sums.data());
        to.finish();
    }
};

namespace detail {
/// Records the ops that store a normalised value.
template <class T> var<T> store_normed(normed_value<T> n) {
    const var<T> y = op::apply(normalise_op<T>{n.f}, n.x, n.map);
    return n.gate.empty() ? y : op::apply(gate_op<T>{}, y, n.gate);
}
} // namespace detail

/// y[b,c] = 1/L Σ_t f(z[b,t,c]), the mean over time of the activated normalisation.
///
/// Shapes     x (B, L, C) or (B, H, W, C) with L = H·W · map (3, C) · y (B, C)
/// Gradients  as normalise_op with dy/L at every t.
/// Keeps      nothing beyond x and map.
/// Cost       one pass, backward too; counted as 0 MACs.
/// Throws     shape_error if x is not of these shapes or map does not fit it.
template <class T> struct normed_mean_op {
    using scalar = T;
    activation f = activation::none;
    struct saved {};
    static constexpr std::string_view name = "normed_mean";
    static void visit(auto& self, auto&& g) { g("activation", self.f); }
    shape infer(const shape& x, const shape& map) const {
        check_norm_map("op::normed_mean", x, map);
        if (x.rank() < 3)
            raise<shape_error>("op::normed_mean", "shape of x is ", x.text(), ", expected (B, L, C) or (B, H, W, C)");
        return {x[0], x.back()};
    }
    void forward(saved*, tensor<T>& y, const tensor<T>& x, const tensor<T>& map) const {
        const auto& s = x.shape();
        kernel::normalised_mean(detail::rows_of<T>(f), s[0], s.sample_rows(), s.back(), x.data(), map.data(),
                                y.data());
    }
    void backward(const saved&, const tensor<T>&, const tensor<T>& dy, const tensor<T>& x, const tensor<T>& map,
                  tensor<T>* dx, tensor<T>* dmap) const {
        const auto& s = x.shape();
        norm_map_gradients<T> to(s, dx, map, dmap);
        kernel::normalised_mean_backward(detail::rows_of<T>(f), s[0], s.sample_rows(), s.back(), x.data(), map.data(),
                                         dy.data(), to.dx(), to.add, to.sums.data());
        to.finish();
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::op

#endif
