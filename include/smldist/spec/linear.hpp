// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the linear map of the last axis and of matrix products.
#ifndef SMLDIST_SPEC_LINEAR_HPP
#define SMLDIST_SPEC_LINEAR_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// Linear map of the last axis.
///
///     y[…,o] = bias[o] + sum_c w[o,c] * x[…,c]
///
/// Shapes     x (…, C) · w (O, C) · bias (O) or empty · y (…, O)
/// Cost       rows * O * C multiply-accumulates.
/// Throws     shape_error if w or bias does not fit x.
/// Source     torch.nn.functional.linear.
struct linear {
    static constexpr std::string_view name = "linear";
    std::uint64_t macs(const shape& x, const shape& w, const shape&) const {
        return std::uint64_t(x.rows()) * w.size();
    }
    shape infer(const shape& x, const shape& w, const shape& bias) const {
        if (w.rank() != 2) raise<shape_error>("op::linear", "shape of weight is ", w.text(), ", expected (out, in)");
        if (x.rank() < 1 || x.back() != w[1])
            raise<shape_error>("op::linear", "shape of x is ", x.text(), ", expected a last extent of ", w[1],
                               " for weight ", w.text());
        if (bias.size() != 0 && !(bias == shape{w[0]}))
            raise<shape_error>("op::linear", "shape of bias is ", bias.text(), ", expected (", w[0], ") or none");
        return x.with(x.rank() - 1, w[0]);
    }
};

/// Matrix product, batched when an operand has rank 3.
///
///     y[b] = A[b] B[b],   A[b] = a[b] or its transpose, B[b] likewise
///
/// Shapes     a (M, K) or (B, M, K), transposed (K, M) · b (K, N) or (B, K, N), transposed (N, K) · y (M, N) or (B, M, N).
///            A rank-2 operand serves every matrix of the batch.
/// Cost       B * M * N * K multiply-accumulates.
/// Throws     shape_error if ranks are not 2 or 3, if the inner extents or the batches differ.
/// Source     torch.matmul.
struct matmul {
    bool transpose_a = false, transpose_b = false;

    /// The extents of a product. Steps are elements from one matrix to the next, 0 for a shared matrix.
    struct sizes {
        std::size_t batch, M, N, K, a_step, b_step;
    };

    static constexpr std::string_view name = "matmul";
    static void visit(auto& self, auto&& f) {
        f("transpose_a", self.transpose_a);
        f("transpose_b", self.transpose_b);
    }
    std::uint64_t macs(const shape& a, const shape& b) const {
        const sizes s = measure(a, b);
        return std::uint64_t(s.batch) * s.M * s.N * s.K;
    }
    shape infer(const shape& a, const shape& b) const {
        for (const shape* s : {&a, &b})
            if (s->rank() != 2 && s->rank() != 3)
                raise<shape_error>("op::matmul", "shape is ", s->text(), ", expected rank 2 or 3");
        const sizes s = measure(a, b);
        const std::size_t inner = b[b.rank() - (transpose_b ? 1 : 2)];
        if (s.K != inner)
            raise<shape_error>("op::matmul", "inner extents are ", s.K, " and ", inner, " of shapes ", a.text(),
                               " and ", b.text(), ", expected them equal");
        if (a.rank() == 3 && b.rank() == 3 && a[0] != b[0])
            raise<shape_error>("op::matmul", "batches are ", a[0], " and ", b[0], ", expected them equal");
        return a.rank() == 3 || b.rank() == 3 ? shape{s.batch, s.M, s.N} : shape{s.M, s.N};
    }
    sizes measure(const shape& a, const shape& b) const {
        const std::size_t ra = a.rank(), rb = b.rank();
        sizes s{};
        s.batch = ra == 3 ? a[0] : rb == 3 ? b[0] : 1;
        s.M = a[ra - (transpose_a ? 1 : 2)];
        s.K = a[ra - (transpose_a ? 2 : 1)];
        s.N = b[rb - (transpose_b ? 2 : 1)];
        s.a_step = ra == 3 ? a[1] * a[2] : 0;
        s.b_step = rb == 3 ? b[1] * b[2] : 0;
        return s;
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif
