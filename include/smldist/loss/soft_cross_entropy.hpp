// SPDX-License-Identifier: BSD-3-Clause
/// Cross entropy of tempered logits with soft targets: the op of cross_entropy, divergence and ref2021.
#ifndef SMLDIST_LOSS_SOFT_CROSS_ENTROPY_HPP
#define SMLDIST_LOSS_SOFT_CROSS_ENTROPY_HPP

#include <cstddef>
#include <string_view>
#include <utility>

#include "smldist/kernel/softmax.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/apply.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

/// Cross entropy of tempered logits with a matrix of targets, whose rows need not sum to one (they carry the weights).
///
///     y = offset - sum_{b,n} q[b,n] * ln softmax(z[b]/T)[n]
///
/// Shapes     z (B, N) · q (B, N), constant · y ()
/// Gradients  dz[b] = dy/T * (softmax(z[b]/T) * sum_n q[b,n] - q[b]);  none into q.
/// Keeps      ln softmax(z/T).
/// Throws     shape_error if q does not fit z; usage_error if T ≤ 0.
/// Source     Hinton et al. 2015, eq. 1 and 2.
template <class T> struct soft_cross_entropy_op {
    using scalar = T;
    double temperature = 1, offset = 0;
    struct saved {
        tensor<T> log_p;
    };
    static constexpr std::string_view name = "soft_cross_entropy";
    static void visit(auto& self, auto&& f) {
        f("temperature", self.temperature);
        f("offset", self.offset);
    }
    shape infer(const shape& z, const shape& q) const {
        if (!(temperature > 0))
            raise<usage_error>("loss", "temperature is ", temperature, ", expected a positive number");
        if (z.rank() != 2 || z.size() == 0 || !(z == q))
            raise<shape_error>("loss", "shapes of logits and targets are ", z.text(), " and ", q.text(),
                               ", expected two of (B, N)");
        return {};
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& z, const tensor<T>& q) const {
        saved local;
        auto& log_p = keep ? keep->log_p : local.log_p;
        log_p = z;
        for (T& v : log_p) v /= static_cast<T>(temperature);
        kernel::log_softmax(z.shape()[0], z.shape()[1], log_p.data(), log_p.data());
        T sum = 0;
        for (std::size_t i = 0; i < z.size(); ++i)
            if (q[i] != T(0)) sum -= q[i] * log_p[i];
        y[0] = sum + static_cast<T>(offset);
    }
    void backward(const saved& s, const tensor<T>&, const tensor<T>& dy, const tensor<T>& z, const tensor<T>& q,
                  tensor<T>* dz, tensor<T>*) const {
        if (!dz) return;
        if (!dz->ensure(z.shape())) dz->fill(T(0));
        const T scale = dy[0] / static_cast<T>(temperature);
        auto p = tensor<T>::uninitialized(z.shape());
        kernel::map(
            p.size(), [](auto v) SMLDIST_INLINE_LAMBDA { return kernel::simd::exp(v); }, p.data(), s.log_p.data());
        const std::size_t N = z.shape()[1];
        for (std::size_t b = 0; b < z.shape()[0]; ++b) {
            T mass = 0;
            for (std::size_t n = 0; n < N; ++n) mass += q[b * N + n];
            for (std::size_t i = b * N; i < (b + 1) * N; ++i) (*dz)[i] += scale * (p[i] * mass - q[i]);
        }
    }
};

/// See soft_cross_entropy_op.
template <class X, class T>
auto soft_cross_entropy(const X& z, tensor<T> q, double temperature = 1, double offset = 0) {
    return op::apply(soft_cross_entropy_op<T>{temperature, offset}, z, std::move(q));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif
