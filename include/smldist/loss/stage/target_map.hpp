// SPDX-License-Identifier: BSD-3-Clause
/// A constant affine map of a target's channels.
#ifndef SMLDIST_LOSS_STAGE_TARGET_MAP_HPP
#define SMLDIST_LOSS_STAGE_TARGET_MAP_HPP

#include <algorithm>
#include <cstddef>
#include <utility>

#include "smldist/core/tensor.hpp"
#include "smldist/kernel/gemm.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// Affine map of a target's channels, y = t Dᵀ + offset; y = t when default-constructed.
///
/// Shapes     t (R, C_T) · D (C, C_T) · offset (C) · y (R, C)
template <class T> class target_map {
public:
    target_map() = default;
    /// Diagonal D: a factor per channel (C).
    target_map(tensor<T> factor, tensor<T> offset) : factor_(std::move(factor)), offset_(std::move(offset)) {}
    /// Any D (C, C_T).
    static target_map onto(const tensor<T>& directions, tensor<T> offset) {
        target_map y;
        y.from_ = directions.shape()[1];
        y.offset_ = std::move(offset);
        y.packed_ = tensor<T>(shape{kernel::packed_size<T>(y.offset_.size(), y.from_)});
        kernel::pack_nt(y.offset_.size(), y.from_, directions.data(), y.from_, y.packed_.data());
        return y;
    }
    /// Channels of y and of t, given the channels C of the student's feature.
    std::size_t to(std::size_t C) const { return offset_.empty() ? C : offset_.size(); }
    std::size_t from(std::size_t C) const { return packed_.empty() ? to(C) : from_; }
    /// t (R, from(C)), y (R, C)
    void operator()(std::size_t R, std::size_t C, const T* t, T* y) const {
        if (!packed_.empty())
            return kernel::gemm_packed(R, t, from_, {packed_.data(), C, from_}, y, C, false, offset_.data());
        if (factor_.empty()) return static_cast<void>(std::copy_n(t, R * C, y));
        for (std::size_t r = 0; r < R; ++r)
            kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                p.store(y + r * C + c, kernel::simd::fma(p.load(t + r * C + c), p.load(factor_.data() + c),
                                                         p.load(offset_.data() + c)));
            });
    }

private:
    std::size_t from_ = 0;
    tensor<T> factor_, packed_, offset_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif
