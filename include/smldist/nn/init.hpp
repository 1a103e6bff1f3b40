// SPDX-License-Identifier: BSD-3-Clause
/// Initial values of parameters, named and defined as in torch.nn.init.
#ifndef SMLDIST_NN_INIT_HPP
#define SMLDIST_NN_INIT_HPP

#include <cmath>

#include "smldist/core/random.hpp"
#include "smldist/core/tensor.hpp"

/// Every function fills a tensor in place from a generator. For a weight (O, C/groups, K) or (O, C):
/// fan_in = C/groups · K, fan_out = O · K; K is the product of all kernel extents.
namespace smldist::nn::init {
SMLDIST_NAMESPACE_BEGIN

/// Which fan keeps its variance: fan_in in the forward pass, fan_out in the backward pass.
enum class fan { in, out };

namespace detail {
inline double count(const shape& w, fan f) {
    if (w.rank() < 2)
        raise<shape_error>("nn::init", "shape of weight is ", w.text(), ", expected (out, in) or (out, in, kernel)");
    const double kernel = double(w.product(2, w.rank()));
    return kernel * double(f == fan::in ? w[1] : w[0]);
}
} // namespace detail

template <class T> void constant_(tensor<T>& w, T value) { w.fill(value); }
template <class T> void zeros_(tensor<T>& w) { w.fill(T(0)); }
template <class T> void ones_(tensor<T>& w) { w.fill(T(1)); }

/// N(mean, std²)
template <class T> void normal_(tensor<T>& w, generator& g, double mean = 0, double std = 1) {
    for (T& v : w) v = static_cast<T>(mean + std * g.normal());
}
/// U(low, high)
template <class T> void uniform_(tensor<T>& w, generator& g, double low = 0, double high = 1) {
    for (T& v : w) v = static_cast<T>(g.uniform(low, high));
}
/// N(mean, std²) restricted to [low, high]
template <class T>
void trunc_normal_(tensor<T>& w, generator& g, double mean = 0, double std = 1, double low = -2, double high = 2) {
    if (!(low < high) || mean + 4 * std < low || mean - 4 * std > high)
        raise<usage_error>("nn::init::trunc_normal_", "interval is [", low, ", ", high, "], expected one near mean ",
                           mean);
    for (T& v : w) {
        double x = mean + std * g.normal();
        while (x < low || x > high) x = mean + std * g.normal();
        v = static_cast<T>(x);
    }
}
/// N(0, gain²/fan); gain √2 suits ReLU-like activations. He et al. 2015.
template <class T>
void kaiming_normal_(tensor<T>& w, generator& g, fan f = fan::in, double gain = 1.4142135623730951) {
    normal_(w, g, 0, gain / std::sqrt(detail::count(w.shape(), f)));
}
/// U(-b, b), b = gain √(3/fan). He et al. 2015.
template <class T>
void kaiming_uniform_(tensor<T>& w, generator& g, fan f = fan::in, double gain = 1.4142135623730951) {
    const double bound = gain * std::sqrt(3 / detail::count(w.shape(), f));
    uniform_(w, g, -bound, bound);
}
/// N(0, 2 gain²/(fan_in + fan_out)). Glorot and Bengio 2010.
template <class T> void xavier_normal_(tensor<T>& w, generator& g, double gain = 1) {
    const double fans = detail::count(w.shape(), fan::in) + detail::count(w.shape(), fan::out);
    normal_(w, g, 0, gain * std::sqrt(2 / fans));
}
/// U(-b, b), b = gain √(6/(fan_in + fan_out)). Glorot and Bengio 2010.
template <class T> void xavier_uniform_(tensor<T>& w, generator& g, double gain = 1) {
    const double fans = detail::count(w.shape(), fan::in) + detail::count(w.shape(), fan::out);
    const double bound = gain * std::sqrt(6 / fans);
    uniform_(w, g, -bound, bound);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::nn::init

#endif
