// SPDX-License-Identifier: BSD-3-Clause
/// A constant linear map along time, sample by sample; the real DFT with a quarter of the multiplications.
#ifndef SMLDIST_LOSS_STAGE_TIME_MAP_HPP
#define SMLDIST_LOSS_STAGE_TIME_MAP_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "smldist/core/tensor.hpp"
#include "smldist/kernel/time_matmul.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// y = P M x for samples x (from, C) and a matrix M (L, from); P is a permutation of the rows.
///
/// The real DFT is folded first. A cosine has the same value at t and L - t, a sine the negative one, so only the cosines
/// need e[t] = x[t] + x[L-t], t ≤ L/2, and only the sines o[t] = x[t] - x[L-t]. With an even L the same holds between t and
/// L/2 - t: cosines of even and sines of odd frequency have the same value there, the others the negative one. Four products
/// remain, each with a quarter of the rows and columns.
///
/// Shapes     x (from, C) · M (L, from) · y (L, C)
/// Source     textbook symmetries of the DFT.
template <class T> class time_map {
public:
    time_map() = default;
    /// The map of any matrix; P = 1.
    explicit time_map(const tensor<T>& m) : rows_(m.shape()[0]), from_(m.shape()[1]), place_(rows_) {
        std::iota(place_.begin(), place_.end(), std::size_t(0));
        parts_.emplace_back(rows_, from_);
        for (std::size_t r = 0; r < rows_; ++r)
            for (std::size_t t = 0; t < from_; ++t) parts_[0].set(r, t, m(r, t));
    }
    /// The map of the real DFT of L ≥ 4 samples, make_basis(time_basis::rdft, L).
    static time_map rdft(const tensor<T>& m) {
        time_map y;
        const std::size_t L = m.shape()[0], half = L / 2;
        y.rows_ = y.from_ = L;
        y.place_.resize(L);
        // Rows and representative columns of the next part: frequencies `first`, `first` + step, … as cosine or sine.
        std::size_t row = 0;
        const auto part = [&](bool sine, std::size_t first, std::size_t step, std::size_t count, auto&& time) {
            matrix& next = y.parts_.emplace_back(count, count);
            for (std::size_t i = 0; i < count; ++i, ++row) {
                const std::size_t k = first + i * step, r = k == 0 ? 0 : 2 * k - (sine ? 0 : 1);
                y.place_[r] = row;
                for (std::size_t j = 0; j < count; ++j) next.set(i, j, m(r, time(j)));
            }
        };
        const std::size_t sines = L - 1 - half;
        if (L % 2 == 1) {
            part(false, 0, 1, half + 1, [](std::size_t j) { return j; });
            part(true, 1, 1, sines, [&](std::size_t j) { return half - j; });
        } else { // in the order in which fold() leaves the sums and differences
            const std::size_t odd = (half + 1) / 2, even = sines - half / 2; // frequencies of the differences
            part(false, 0, 2, half / 2 + 1, [](std::size_t j) { return j; });
            part(false, 1, 2, odd, [&](std::size_t j) { return odd - 1 - j; });
            part(true, 1, 2, half / 2, [&](std::size_t j) { return half - 1 - j; });
            part(true, 2, 2, even, [&](std::size_t j) { return half - even + j; });
        }
        return y;
    }

    /// Rows of the map; 0: no map.
    std::size_t rows() const { return rows_; }
    std::size_t from() const { return from_; }
    /// Where row r of the matrix is in y.
    std::size_t place(std::size_t r) const { return place_[r]; }

    /// x (from, C), y (rows, C), buffer of from·C elements.
    void forward(std::size_t C, const T* x, T* y, T* buffer) const {
        if (parts_.size() == 1) return parts_[0].times(C, x, y);
        std::copy_n(x, C, buffer);
        fold(from_ - 1, C, x + C, buffer + C);
        if (parts_.size() == 4) fold_halves(C, buffer);
        for (const matrix& part : parts_) {
            part.times(C, buffer, y);
            buffer += part.columns() * C;
            y += part.rows() * C;
        }
    }
    /// dx = Mᵀ Pᵀ g for g (rows, C), dx (from, C), buffer of from·C elements.
    void backward(std::size_t C, const T* g, T* dx, T* buffer) const {
        if (parts_.size() == 1) return parts_[0].turned_times(C, g, dx);
        T* to = buffer;
        for (const matrix& part : parts_) {
            part.turned_times(C, g, to);
            g += part.rows() * C;
            to += part.columns() * C;
        }
        if (parts_.size() == 4) fold_halves(C, buffer);
        std::copy_n(buffer, C, dx);
        fold(from_ - 1, C, buffer + C, dx + C);
    }

private:
    /// A matrix and its transpose, for kernel::time_matmul of either.
    class matrix {
    public:
        matrix(std::size_t rows, std::size_t columns)
            : straight_(shape{rows, columns}), turned_(shape{columns, rows}) {}
        void set(std::size_t r, std::size_t t, T value) { straight_(r, t) = turned_(t, r) = value; }
        std::size_t rows() const { return straight_.shape()[0]; }
        std::size_t columns() const { return straight_.shape()[1]; }
        void times(std::size_t C, const T* x, T* y) const {
            kernel::time_matmul(rows(), columns(), C, turned_.data(), x, y);
        }
        void turned_times(std::size_t C, const T* x, T* y) const {
            kernel::time_matmul(columns(), rows(), C, straight_.data(), x, y);
        }

    private:
        tensor<T> straight_, turned_;
    };

    /// y[t] = x[t] + x[n-1-t], y[n-1-t] = x[t] - x[n-1-t] for 2t < n-1, and y = x in the middle; y may be x. Its own transpose.
    static SMLDIST_NOINLINE void fold(std::size_t n, std::size_t C, const T* x, T* y) {
        kernel::simd::sweep<T>(C, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
            std::size_t i = c, j = (n - 1) * C + c;
            for (; i < j; i += C, j -= C) {
                const auto a = p.load(x + i), b = p.load(x + j);
                p.store(y + i, a + b);
                p.store(y + j, a - b);
            }
            if (i == j) p.store(y + i, p.load(x + i));
        });
    }
    /// The cosines' L/2 + 1 rows and the sines' L/2 - 1 rows, each in place.
    void fold_halves(std::size_t C, T* x) const {
        const std::size_t cosines = from_ / 2 + 1;
        fold(cosines, C, x, x);
        fold(from_ - cosines, C, x + cosines * C, x + cosines * C);
    }

    std::size_t rows_ = 0, from_ = 0;
    std::vector<std::size_t> place_;
    std::vector<matrix>
        parts_; ///< one, or of the real DFT: cosines, sines (odd L); cosines, sines by even and odd frequencies
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif
