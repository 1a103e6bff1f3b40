// SPDX-License-Identifier: BSD-3-Clause
/// Matrix products of a batch of dense matrices, row-major, each with the bits of the product of kernel/gemm.hpp.
#ifndef SMLDIST_KERNEL_GEMM_BATCH_HPP
#define SMLDIST_KERNEL_GEMM_BATCH_HPP

#include <algorithm>
#include <array>
#include <cstddef>

#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/kernel/gemm.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// Where the matrices of C_i = A_i B_i lie: the axes of i, and the elements from one matrix to the next along each; 0 where
/// a matrix is shared. C shared along an axis is the sum over it.
struct matrix_batch {
    std::size_t axes = 0, count = 1; ///< count: product of the extents
    std::array<std::size_t, 8> extent = {}, a = {}, b = {}, c = {};

    /// The offset of the i-th matrix whose steps are `step`.
    std::size_t at(std::size_t i, const std::array<std::size_t, 8>& step) const {
        std::size_t offset = 0;
        for (std::size_t axis = axes; axis-- > 0; i /= extent[axis]) offset += i % extent[axis] * step[axis];
        return offset;
    }
    /// Whether the i-th product is the first of its C.
    bool is_first(std::size_t i) const {
        for (std::size_t axis = axes; axis-- > 0; i /= extent[axis])
            if (c[axis] == 0 && i % extent[axis] > 0) return false;
        return true;
    }
    /// Whether one matrix serves all products.
    bool is_single(const std::array<std::size_t, 8>& step) const {
        for (std::size_t axis = 0; axis < axes; ++axis)
            if (extent[axis] > 1 && step[axis] > 0) return false;
        return true;
    }
    /// Whether matrices of `size` elements lie one after the other, one for each product.
    bool is_dense(const std::array<std::size_t, 8>& step, std::size_t size) const {
        for (std::size_t axis = axes; axis-- > 0; size *= extent[axis])
            if (extent[axis] > 1 && step[axis] != size) return false;
        return true;
    }
};

namespace detail {

/// Elements of working memory that `product` needs.
template <class T> std::size_t product_scratch(std::size_t M, std::size_t N, std::size_t K, bool ta, bool tb) {
    if (ta && tb) return M * K + packed_size<T>(N, K);
    if (ta) return gemm_tn_scratch<T>(M, N, K);
    return tb ? packed_size<T>(N, K) : gemm_nn_scratch<T>(M, N, K);
}

/// C (M, N) (+)= op(A) op(B) for dense matrices; TT, which has no kernel, goes through a transposed copy of A.
template <class T>
void product(std::size_t M, std::size_t N, std::size_t K, const T* a, bool ta, const T* b, bool tb, T* c, bool add,
             T* memory) {
    if (ta && tb) {
        for (std::size_t k = 0; k < K; ++k)
            for (std::size_t m = 0; m < M; ++m) memory[m * K + k] = a[k * M + m];
        gemm_packed(M, memory, K, pack_nt(N, K, b, K, memory + M * K), c, N, add);
    } else if (ta) {
        gemm_tn(M, N, K, a, M, b, N, c, N, add, memory);
    } else if (tb) {
        gemm_packed(M, a, K, pack_nt(N, K, b, K, memory), c, N, add);
    } else {
        gemm_nn(M, N, K, a, K, b, N, c, N, add, memory);
    }
}

} // namespace detail

/// C_i (M, N) (+)= op(A_i) op(B_i) for all products of a batch; op transposes where ta and tb say so.
///
/// Small products, and many, run in parallel over the batch; few large ones one after the other, each in parallel. A
/// shared B with rows of A that lie one after the other is one product.
template <class T>
SMLDIST_NOINLINE void gemm_batch(const matrix_batch& batch, std::size_t M, std::size_t N, std::size_t K, const T* a,
                                 bool ta, const T* b, bool tb, T* c, bool add) {
    std::size_t count = batch.count;
    if (!ta && batch.is_single(batch.b) && batch.is_dense(batch.a, M * K) && batch.is_dense(batch.c, M * N)) {
        M *= count;
        count = std::min<std::size_t>(count, 1);
    }
    const bool sums = !batch.is_dense(batch.c, M * N) && count > 1, small = M * N * K < 4 * detail::chunk_macs;
    const auto one = [&](std::size_t i, T* memory) {
        detail::product(M, N, K, a + batch.at(i, batch.a), ta, b + batch.at(i, batch.b), tb, c + batch.at(i, batch.c),
                        add || (sums && !batch.is_first(i)), memory);
    };
    const std::size_t elements = detail::product_scratch<T>(M, N, K, ta, tb);
    if (count > 1 && !sums && (small || count >= 16))
        return parallel_for_scratch<T>(count, 1 + detail::chunk_macs / std::max<std::size_t>(1, M * N * K), elements,
                                       [&](std::size_t first, std::size_t last, T* memory) {
                                           for (std::size_t i = first; i < last; ++i) one(i, memory);
                                       });
    const scratch<T> memory(elements);
    for (std::size_t i = 0; i < count; ++i) one(i, memory.data());
}

// For smldist::compiled.
SMLDIST_INSTANTIATE_KERNEL(gemm_batch<float>)

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif
