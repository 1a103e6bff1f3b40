// SPDX-License-Identifier: BSD-3-Clause
/// Orthonormal bases along time and maps between lengths: small constant matrices that op::matmul applies to (B, L, C).
#ifndef SMLDIST_LOSS_STAGE_TIME_BASIS_HPP
#define SMLDIST_LOSS_STAGE_TIME_BASIS_HPP

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/tensor.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// Orthonormal basis along time.
enum class time_basis : std::uint8_t {
    none, ///< samples as they are
    rdft, ///< real discrete Fourier transform: constant, then a cosine and a sine of each frequency
    dct,  ///< DCT-II
    haar  ///< periodised Haar wavelets: the smooth part, then the details from coarse to fine
};
constexpr auto enum_names(time_basis) { return enum_table("loss::time_basis", "none", "rdft", "dct", "haar"); }

/// How features of two lengths are brought to the shorter one.
enum class length_match : std::uint8_t {
    spectral, ///< keep the frequencies that both have; exact for band-limited signals
    pool,     ///< adaptive average pool
    linear    ///< linear interpolation, ends kept
};
constexpr auto enum_names(length_match) { return enum_table("loss::length_match", "spectral", "pool", "linear"); }

/// A basis of L samples, and the frequency bands that its rows fall into.
template <class T> struct time_bands {
    /// A band; its edges are in cycles per sample, 0 to 0.5.
    struct band {
        std::size_t first_row, rows; ///< consecutive rows of the matrix
        double low, high;
    };
    tensor<T> matrix; ///< (L, L), row r is basis vector r
    std::vector<band> bands;
};

namespace detail {
template <class T> time_bands<T> rdft(std::size_t L) {
    time_bands<T> out{tensor<T>(shape{L, L}), {}};
    const double n = double(L), turn = 2 * std::numbers::pi / n;
    for (std::size_t k = 0, row = 0; k <= L / 2; ++k) {
        const bool alone = k == 0 || 2 * k == L;
        const double norm = std::sqrt((alone ? 1 : 2) / n);
        for (std::size_t t = 0; t < L; ++t) { // k t mod L keeps the angle small, hence exact
            const double angle = turn * double(k * t % L);
            out.matrix(row, t) = static_cast<T>(norm * std::cos(angle));
            if (!alone) out.matrix(row + 1, t) = static_cast<T>(norm * std::sin(angle));
        }
        const double half = 0.5 / n;
        out.bands.push_back(
            {row, alone ? 1u : 2u, std::max(0.0, double(k) / n - half), std::min(0.5, double(k) / n + half)});
        row += alone ? 1 : 2;
    }
    return out;
}
template <class T> time_bands<T> dct(std::size_t L) {
    time_bands<T> out{tensor<T>(shape{L, L}), {}};
    const double n = double(L);
    for (std::size_t k = 0; k < L; ++k) {
        for (std::size_t t = 0; t < L; ++t)
            out.matrix(k, t) =
                static_cast<T>(std::sqrt((k == 0 ? 1 : 2) / n) *
                               std::cos(std::numbers::pi * double((2 * t + 1) * k % (4 * L)) / (2 * n)));
        const double at = double(k) / (2 * n), half = 0.25 / n;
        out.bands.push_back({k, 1, std::max(0.0, at - half), k + 1 == L ? 0.5 : at + half});
    }
    return out;
}
/// Haar basis with as many levels as L has factors of 2.
template <class T> time_bands<T> haar(std::size_t L) {
    time_bands<T> out{tensor<T>(shape{L, L}), {}};
    std::size_t smooth = L;
    while (smooth % 2 == 0) smooth /= 2;
    const auto place = [&](std::size_t row, std::size_t first, std::size_t count, double sign_of_second) {
        const double norm = 1 / std::sqrt(double(count));
        for (std::size_t i = 0; i < count; ++i)
            out.matrix(row, first + i) = static_cast<T>(norm * (2 * i < count ? 1 : sign_of_second));
    };
    for (std::size_t row = 0; row < smooth; ++row) place(row, row * (L / smooth), L / smooth, 1);
    out.bands.push_back({0, smooth, 0, double(smooth) / (2 * double(L))});
    for (std::size_t rows = smooth; rows < L; rows *= 2) { // details of `rows` pieces; their rows start at `rows`
        for (std::size_t i = 0; i < rows; ++i) place(rows + i, i * (L / rows), L / rows, -1);
        out.bands.push_back({rows, rows, double(rows) / (2 * double(L)), double(rows) / double(L)});
    }
    return out;
}
} // namespace detail

/// The basis of L samples. Every matrix M has M Mᵀ = I.
///
///     rdft  1/√L;  √(2/L) cos(2πkt/L), √(2/L) sin(2πkt/L) for 0 < k < L/2;  (-1)^t/√L for even L
///     dct   √(1/L);  √(2/L) cos(π(2t+1)k/(2L))
///     haar  ±1/√w on blocks of w samples
///
/// `none`, and any basis below 4 samples, is the identity with one band.
///
/// Shapes     matrix (L, L)
/// Throws     usage_error for L = 0.
/// Source     textbook.
template <class T> [[nodiscard]] time_bands<T> make_basis(time_basis kind, std::size_t L) {
    if (L == 0) raise<usage_error>("loss::make_basis", "length is 0, expected at least 1");
    if (L >= 4 && kind == time_basis::rdft) return detail::rdft<T>(L);
    if (L >= 4 && kind == time_basis::dct) return detail::dct<T>(L);
    if (L >= 4 && kind == time_basis::haar) return detail::haar<T>(L);
    time_bands<T> out{tensor<T>(shape{L, L}), {{0, L, 0, 0.5}}};
    for (std::size_t t = 0; t < L; ++t) out.matrix(t, t) = T(1);
    return out;
}

/// The product A·B of two matrices, in T. For set-up, not for hot loops.
template <class T> [[nodiscard]] tensor<T> product(const tensor<T>& a, const tensor<T>& b) {
    tensor<T> y(shape{a.shape()[0], b.shape()[1]});
    for (std::size_t i = 0; i < y.shape()[0]; ++i)
        for (std::size_t k = 0; k < b.shape()[0]; ++k)
            for (std::size_t j = 0; j < y.shape()[1]; ++j) y(i, j) += a(i, k) * b(k, j);
    return y;
}

/// Matrix (to, from) that brings `from` samples to `to` ≤ `from`, both spanning the same time.
///
///     spectral  bins of the 1/√L-normalised DFT up to to/2, scaled by √(to/from); the Nyquist bin of an even `to` is dropped,
///               also for from = to, so that both features of a pair keep the same bins
///     pool      row i averages the samples from floor(i·from/to) up to ceil((i+1)·from/to)
///     linear    position i·(from-1)/(to-1)
///
/// Throws     usage_error unless 1 ≤ to ≤ from.
/// Source     torch.nn.functional.adaptive_avg_pool1d for pool.
template <class T> [[nodiscard]] tensor<T> make_length_map(length_match kind, std::size_t to, std::size_t from) {
    if (to == 0 || to > from)
        raise<usage_error>("loss::make_length_map", "lengths are ", to, " from ", from, ", expected 1 to ", from);
    tensor<T> m(shape{to, from});
    if (kind == length_match::spectral) {
        const auto longer = detail::rdft<double>(from), shorter = detail::rdft<double>(to);
        const double scale = std::sqrt(double(to) / double(from));
        for (std::size_t row = 0; row < (to % 2 == 0 ? to - 1 : to); ++row) // rows of one frequency agree in both
            for (std::size_t i = 0; i < to; ++i)
                for (std::size_t j = 0; j < from; ++j)
                    m(i, j) += static_cast<T>(scale * shorter.matrix(row, i) * longer.matrix(row, j));
        return m;
    }
    for (std::size_t i = 0; i < to; ++i) {
        if (kind == length_match::pool) {
            const std::size_t first = i * from / to, last = ((i + 1) * from + to - 1) / to;
            for (std::size_t j = first; j < last; ++j) m(i, j) = static_cast<T>(1 / double(last - first));
        } else {
            const double at = to == 1 ? double(from - 1) / 2 : double(i) * double(from - 1) / double(to - 1);
            const auto j = std::min(static_cast<std::size_t>(at), from - 1);
            m(i, j) += static_cast<T>(1 - (at - double(j)));
            if (at > double(j)) m(i, j + 1) += static_cast<T>(at - double(j));
        }
    }
    return m;
}

/// The Kronecker product of two matrices: what they do to the rows and the columns of an image, on its pixels row by row.
///
///     y[(i,k),(j,l)] = a[i,j] b[k,l]
///
/// Shapes     a (I, J) · b (K, L) · y (I·K, J·L)
template <class T> [[nodiscard]] tensor<T> kronecker(const tensor<T>& a, const tensor<T>& b) {
    const std::size_t K = b.shape()[0], L = b.shape()[1];
    tensor<T> y(shape{a.shape()[0] * K, a.shape()[1] * L});
    for (std::size_t i = 0; i < y.shape()[0]; ++i)
        for (std::size_t j = 0; j < y.shape()[1]; ++j) y(i, j) = a(i / K, j / L) * b(i % K, j % L);
    return y;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif
