// SPDX-License-Identifier: BSD-3-Clause
/// Normalisation of logits before softening, so that their pattern is distilled but not their scale.
#ifndef SMLDIST_LOSS_LOGIT_NORM_HPP
#define SMLDIST_LOSS_LOGIT_NORM_HPP

#include <cmath>
#include <string_view>
#include <utility>

#include "smldist/core/enum_names.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/norm.hpp"

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN

/// The normalisation of a row z of logits, the same for student and teacher.
enum class logit_norm : std::uint8_t {
    none,
    l2,    ///< scale · z/‖z‖
    zscore ///< (z - mean)/(std + eps): logit standardisation
};

constexpr auto enum_names(logit_norm) { return enum_table("loss::logit_norm", "none", "l2", "zscore"); }

/// Rows standardised.
///
///     y[b] = (z[b] - mean) / (std + eps),   std unbiased: divided by N - 1
///
/// Shapes     z (…, N) · y as z
/// Gradients  dz = (dy - mean dy)/(std + eps) - <dy, y> (z - mean)/((std + eps)(N - 1) std); for a constant row only
///            the first part.
/// Keeps      the std of every row.
/// Throws     shape_error if N < 2.
/// Source     Sun et al., Logit Standardization in Knowledge Distillation, CVPR 2024, and its code: eps = 1e-7.
template <class T> struct zscore_op {
    using scalar = T;
    double eps = 1e-7;
    struct saved {
        tensor<T> std; ///< one per row
    };
    static constexpr std::string_view name = "zscore";
    static void visit(auto& self, auto&& f) { f("eps", self.eps); }
    shape infer(const shape& z) const {
        if (z.rank() < 1 || z.back() < 2)
            raise<shape_error>("loss::zscore", "shape of z is ", z.text(), ", expected (…, N) with N >= 2");
        return z;
    }
    void forward(saved* keep, tensor<T>& y, const tensor<T>& z) const {
        const std::size_t N = z.shape().back(), R = z.shape().rows();
        if (keep) keep->std = tensor<T>::uninitialized({R});
        for (std::size_t r = 0; r < R; ++r) {
            const T* from = z.data() + r * N;
            T* to = y.data() + r * N;
            const T mean = kernel::sum(N, from) / static_cast<T>(N);
            for (std::size_t n = 0; n < N; ++n) to[n] = from[n] - mean;
            const T std = std::sqrt(kernel::dot(N, to, to) / static_cast<T>(N - 1));
            if (keep) keep->std[r] = std;
            kernel::scale(N, T(1) / (std + static_cast<T>(eps)), to);
        }
    }
    void backward(const saved& keep, const tensor<T>& y, const tensor<T>& dy, const tensor<T>& z,
                  tensor<T>* dz) const {
        if (!dz) return;
        if (!dz->ensure(z.shape())) dz->fill(T(0));
        const std::size_t N = z.shape().back();
        for (std::size_t r = 0; r < z.shape().rows(); ++r) {
            const T *value = y.data() + r * N, *g = dy.data() + r * N;
            T* to = dz->data() + r * N;
            const T std = keep.std[r], inverse = T(1) / (std + static_cast<T>(eps));
            const T mean = kernel::sum(N, g) / static_cast<T>(N);
            // z - mean is y (std + eps), so one factor of the second part cancels.
            const T along = std > T(0) ? kernel::dot(N, g, value) / (static_cast<T>(N - 1) * std) : T(0);
            for (std::size_t n = 0; n < N; ++n) to[n] += (g[n] - mean) * inverse - along * value[n];
        }
    }
};

/// The logits normalised as `n` says; `scale` is the s of l2. Recorded on the tape for a var.
template <class X> [[nodiscard]] X normalise(X z, logit_norm n, double scale) {
    switch (n) {
    case logit_norm::l2:
        return op::scale(op::l2_normalize(z), scale);
    case logit_norm::zscore:
        return op::apply(zscore_op<op::scalar_of_t<X>>{}, z);
    case logit_norm::none:
        break;
    }
    return z;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss

#endif
