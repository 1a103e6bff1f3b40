// SPDX-License-Identifier: BSD-3-Clause
/// The extents of a tensor: an inline type of rank ≤ 8 that never allocates.
#ifndef SMLDIST_CORE_SHAPE_HPP
#define SMLDIST_CORE_SHAPE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>

#include "smldist/core/error.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Extents of a row-major tensor, rank 0 (a scalar) to 8.
///
/// Throws     shape_error when the rank exceeds 8 or when the number of elements does not fit std::size_t.
class shape {
public:
    static constexpr std::size_t max_rank = 8;

    shape() = default;
    SMLDIST_NOINLINE shape(std::initializer_list<std::size_t> extents) : shape(extents.begin(), extents.end()) {}
    template <class It> shape(It first, It last) {
        for (; first != last; ++first) push_back(static_cast<std::size_t>(*first));
    }

    std::size_t rank() const { return rank_; }
    std::size_t operator[](std::size_t axis) const { return extents_[axis]; }
    std::size_t back() const { return extents_[rank_ - 1]; }
    const std::size_t* begin() const { return extents_.data(); }
    const std::size_t* end() const { return extents_.data() + rank_; }

    /// Number of elements; 1 for a scalar.
    std::size_t size() const { return size_; }
    /// Product of the extents [first, last).
    [[nodiscard]] SMLDIST_NOINLINE std::size_t product(std::size_t first, std::size_t last) const {
        std::size_t n = 1;
        for (std::size_t a = first; a < last; ++a) n *= extents_[a];
        return n;
    }
    /// Elements divided by the last extent: the rows of a channels-last tensor.
    std::size_t rows() const { return rank_ == 0 ? 1 : product(0, std::size_t(rank_) - 1); }
    /// Rows of one sample of (B, …, C): the steps of a window (B, L, C), the pixels of an image (B, H, W, C).
    std::size_t sample_rows() const { return rank_ < 2 ? 1 : product(1, std::size_t(rank_) - 1); }

    SMLDIST_NOINLINE SMLDIST_FUNCTION void push_back(std::size_t extent);
    /// The same shape with another extent at `axis`.
    [[nodiscard]] SMLDIST_NOINLINE shape with(std::size_t axis, std::size_t extent) const {
        shape s;
        for (std::size_t a = 0; a < rank_; ++a) s.push_back(a == axis ? extent : extents_[a]);
        return s;
    }

    SMLDIST_NOINLINE friend bool operator==(const shape& a, const shape& b) {
        return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
    }

    /// "(64, 128, 9)".
    SMLDIST_NOINLINE SMLDIST_FUNCTION std::string text() const;

private:
    std::array<std::size_t, max_rank> extents_{};
    std::size_t size_ = 1;
    std::size_t rank_ = 0;
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#if SMLDIST_BASE_BODIES
#include "smldist/core/shape.ipp"
#endif

#endif
