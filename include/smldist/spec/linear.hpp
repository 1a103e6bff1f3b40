// SPDX-License-Identifier: BSD-3-Clause
/// Descriptions of the linear map of the last axis and of matrix products.
#ifndef SMLDIST_SPEC_LINEAR_HPP
#define SMLDIST_SPEC_LINEAR_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/spec/shapes.hpp"

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

/// Matrix product of the last two axes; the axes before them are a batch, with NumPy's broadcasting.
///
///     y[…] = A[…] B[…],   A = a or its transpose, B likewise
///
/// Shapes     a (…, M, K), transposed (…, K, M) · b (…, K, N), transposed (…, N, K) · y (…, M, N), the axes … of a and b
///            broadcast: equal, or 1 or missing in one of them, which then serves every matrix along that axis
/// Cost       batch * M * N * K multiply-accumulates.
/// Throws     shape_error if a rank is below 2, if the inner extents differ or the axes … do not broadcast.
/// Source     torch.matmul.
struct matmul {
    bool transpose_a = false, transpose_b = false;

    /// The extents of one product.
    struct sizes {
        std::size_t M, N, K;
    };

    static constexpr std::string_view name = "matmul";
    static void visit(auto& self, auto&& f) {
        f("transpose_a", self.transpose_a);
        f("transpose_b", self.transpose_b);
    }
    std::uint64_t macs(const shape& a, const shape& b) const {
        const shape y = infer(a, b);
        return std::uint64_t(y.size()) * measure(a, b).K;
    }
    shape infer(const shape& a, const shape& b) const {
        for (const shape* s : {&a, &b})
            if (s->rank() < 2) raise<shape_error>("op::matmul", "shape is ", s->text(), ", expected rank 2 or more");
        const sizes s = measure(a, b);
        const std::size_t inner = b[b.rank() - (transpose_b ? 1 : 2)];
        if (s.K != inner)
            raise<shape_error>("op::matmul", "inner extents are ", s.K, " and ", inner, " of shapes ", a.text(),
                               " and ", b.text(), ", expected them equal");
        shape y = broadcast("op::matmul", shape(a.begin(), a.end() - 2), shape(b.begin(), b.end() - 2));
        y.push_back(s.M);
        y.push_back(s.N);
        return y;
    }
    sizes measure(const shape& a, const shape& b) const {
        const std::size_t ra = a.rank(), rb = b.rank();
        return {a[ra - (transpose_a ? 1 : 2)], b[rb - (transpose_b ? 2 : 1)], a[ra - (transpose_a ? 2 : 1)]};
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif
