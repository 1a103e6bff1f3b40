// SPDX-License-Identifier: BSD-3-Clause
/// A constant linear map along time, sample by sample; the real DFT in half the multiplications.
#ifndef SMLDIST_LOSS_TIME_MAP_HPP
#define SMLDIST_LOSS_TIME_MAP_HPP

#include <algorithm>
#include <cstddef>

#include "smldist/core/tensor.hpp"
#include "smldist/kernel/mix_rows.hpp"

namespace smldist::inline SMLDIST_ABI::loss {

/// y = P M x for samples x (from, C) and a matrix M (L, from); P is a permutation of the rows.
///
/// Of the real DFT a cosine is the same, a sine the negative at t and L - t. So e[t] = x[t] + x[L-t] for t ≤ L/2 meets the
/// cosines alone and o[t] = x[t] - x[L-t] the sines, two products of half the size each way. The cosines then come first.
template <class T> class time_map {
public:
    time_map() = default;
    /// Of any matrix; P = 1.
    explicit time_map(const tensor<T>& m) : rows_(m.shape()[0]), from_(m.shape()[1]), even_(rows_, from_) {
        for (std::size_t r = 0; r < rows_; ++r)
            for (std::size_t t = 0; t < from_; ++t) even_.set(r, t, m(r, t));
    }
    /// Of the real DFT of L ≥ 4 samples, make_basis(time_basis::rdft, L).
    static time_map rdft(const tensor<T>& m) {
        time_map y;
        const std::size_t L = m.shape()[0], half = L / 2;
        y.rows_ = y.from_ = L;
        y.folded_ = true;
        y.even_ = matrix(half + 1, half + 1);
        y.odd_ = matrix(L - 1 - half, L - 1 - half);
        for (std::size_t k = 0; k <= half; ++k)
            for (std::size_t t = 0; t <= half; ++t) y.even_.set(k, t, m(k == 0 ? 0 : 2 * k - 1, t));
        for (std::size_t k = 1; k < L - half; ++k)
            for (std::size_t t = 1; t < L - half; ++t) y.odd_.set(k - 1, t - 1, m(2 * k, t));
        return y;
    }

    std::size_t rows() const { return rows_; }
    std::size_t from() const { return from_; }
    /// Where row r of the matrix is in y.
    std::size_t place(std::size_t r) const {
        return !folded_ ? r : r % 2 == 1 ? (r + 1) / 2 : r == 0 ? 0 : from_ / 2 + r / 2;
    }

    /// x (from, C), y (rows, C), buffer of from·C elements.
    void forward(std::size_t C, const T* x, T* y, T* buffer) const {
        if (!folded_) return even_.times(C, x, y);
        const std::size_t L = from_, half = L / 2, odd = L - 1 - half;
        std::copy_n(x, C, buffer);
        if (odd < half) std::copy_n(x + half * C, C, buffer + half * C);
        for (std::size_t t = 1; t <= odd; ++t)
            kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto a = p.load(x + t * C + c), b = p.load(x + (L - t) * C + c);
                p.store(buffer + t * C + c, a + b);
                p.store(buffer + (half + t) * C + c, a - b);
            });
        even_.times(C, buffer, y);
        odd_.times(C, buffer + (half + 1) * C, y + (half + 1) * C);
    }
    /// dx = Mᵀ Pᵀ g for g (rows, C), dx (from, C), buffer of from·C elements.
    void backward(std::size_t C, const T* g, T* dx, T* buffer) const {
        if (!folded_) return even_.turned_times(C, g, dx);
        const std::size_t L = from_, half = L / 2, odd = L - 1 - half;
        even_.turned_times(C, g, buffer);
        odd_.turned_times(C, g + (half + 1) * C, buffer + (half + 1) * C);
        std::copy_n(buffer, C, dx);
        if (odd < half) std::copy_n(buffer + half * C, C, dx + half * C);
        for (std::size_t t = 1; t <= odd; ++t)
            kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto a = p.load(buffer + t * C + c), b = p.load(buffer + (half + t) * C + c);
                p.store(dx + t * C + c, a + b);
                p.store(dx + (L - t) * C + c, a - b);
            });
    }

private:
    /// A matrix both ways round, as kernel::mix_rows wants it for a product with it and with its transpose.
    class matrix {
    public:
        matrix() = default;
        matrix(std::size_t rows, std::size_t columns)
            : straight_(shape{rows, columns}), turned_(shape{columns, rows}) {}
        void set(std::size_t r, std::size_t t, T value) { straight_(r, t) = turned_(t, r) = value; }
        void times(std::size_t C, const T* x, T* y) const {
            kernel::mix_rows(turned_.shape()[1], turned_.shape()[0], C, turned_.data(), x, y);
        }
        void turned_times(std::size_t C, const T* x, T* y) const {
            kernel::mix_rows(straight_.shape()[1], straight_.shape()[0], C, straight_.data(), x, y);
        }

    private:
        tensor<T> straight_, turned_;
    };

    std::size_t rows_ = 0, from_ = 0;
    bool folded_ = false;
    matrix even_, odd_; ///< of the folded halves; otherwise the whole in even_
};

} // namespace smldist::inline SMLDIST_ABI::loss

#endif
