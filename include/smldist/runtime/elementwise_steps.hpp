// SPDX-License-Identifier: BSD-3-Clause
/// The steps that do not multiply by weights: element-wise maps, gates, pooling, reductions, copies, and the parts of
/// heads. Each computes the same as the op of its name (op/), for n samples of fixed shape.
#ifndef SMLDIST_RUNTIME_ELEMENTWISE_STEPS_HPP
#define SMLDIST_RUNTIME_ELEMENTWISE_STEPS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

#include "smldist/kernel/group_norm.hpp"
#include "smldist/kernel/norm.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/kernel/upsample.hpp"
#include "smldist/kernel/vector.hpp"
#include "smldist/runtime/product.hpp"
#include "smldist/runtime/step.hpp"

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN

/// y = the normalised input, for a network that does not begin with a dense convolution.
struct normalise_step {
    static constexpr std::string_view name = "normalise";
    std::size_t rows, C;
    operand x, y;
    normalising normal;

    void operands(operand_list& f) const { f(x), normal.operands(f), f(y); }
    void run(const frame& f) const {
        std::copy_n(f.read(x), f.n * rows * C, f.write(y));
        normal.apply(f, f.n * rows, C, f.write(y));
    }
};

/// y = f(min(high, max(low, scale x + offset)))
struct map_step {
    static constexpr std::string_view name = "map";
    std::size_t size = 0;
    operand x = {}, y = {}; ///< y may be x
    activation f = activation::none;
    float scale = 1, offset = 0;
    float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();

    void operands(operand_list& g) const { g(x), g(y); }
    void run(const frame& at) const {
        float* const to = at.write(y);
        const float* const from = at.read(x);
        const std::size_t n = at.n * size;
        kernel::simd::sweep<float>(n, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
            const auto v = kernel::simd::fma(p.set(scale), p.load(from + i), p.set(offset));
            p.store(to + i, kernel::simd::min(p.set(high), kernel::simd::max(p.set(low), v)));
        });
        finish(f, 1, n, to, n, nullptr, nullptr);
    }
};

enum class curve : std::uint8_t { leaky_relu, power };

/// y = a function of x with one option: the slope of leaky ReLU, or the exponent.
struct curve_step {
    static constexpr std::string_view name = "curve";
    curve what;
    std::size_t size;
    double option;
    operand x, y; ///< y may be x

    void operands(operand_list& g) const { g(x), g(y); }
    void run(const frame& at) const {
        const auto work = [&](const auto& f) {
            kernel::simd::sweep<float>(at.n * size, [&](auto p, std::size_t i) SMLDIST_INLINE_LAMBDA {
                p.store(at.write(y) + i, f.value(p.load(at.read(x) + i)));
            });
        };
        if (what == curve::leaky_relu) work(kernel::leaky_relu{option});
        if (what == curve::power) kernel::with_power(option, work);
    }
};

/// y[r,c] = f(x[r,c] scale[c] + shift[c]): a batch-norm that does not follow a product.
struct affine_step {
    static constexpr std::string_view name = "affine";
    std::size_t rows, C;
    operand x, scale, shift, y; ///< y may be x
    activation f = activation::none;

    void operands(operand_list& g) const { g(x), g(scale), g(shift), g(y); }
    void run(const frame& at) const {
        kernel::column_affine(at.n * rows, C, at.read(x), at.read(scale), at.read(shift), at.write(y));
        finish(f, at.n * rows, C, at.write(y), C, nullptr, nullptr);
    }
};

/// y[t,c] = f(x[t,c] g[c]) in each sample: the gate of a squeeze-excite without a pointwise convolution after it.
struct gate_step {
    static constexpr std::string_view name = "gate";
    std::size_t L, C;
    operand x, g, y; ///< y may be x
    activation f = activation::none;

    void operands(operand_list& visit) const { visit(x), visit(g), visit(y); }
    void run(const frame& at) const {
        for (std::size_t b = 0; b < at.n; ++b)
            detail::apply_gate(f, L, C, at.read(x, b), at.read(g, b), at.write(y, b));
    }
};

enum class binary : std::uint8_t { add, sub, mul, div };

/// y = a + b, a − b, a b or a / b in each sample, with broadcasting: an operand is repeated along an axis whose step is 0.
struct binary_step {
    static constexpr std::string_view name = "binary";
    binary what;
    std::array<std::size_t, 8> extent, a_step, b_step; ///< of the axes of a sample; the last one is the fastest
    std::size_t rank;                                  ///< at least 1
    operand a, b, y;                                   ///< y may be an operand of the same shape
    activation f = activation::none;

    void operands(operand_list& visit) const { visit(a), visit(b), visit(y); }
    void run(const frame& at) const {
        const auto work = [&](const auto& op) {
            for (std::size_t i = 0; i < at.n; ++i) one(at.read(a, i), at.read(b, i), at.write(y, i), op);
        };
        if (what == binary::add) work([](const auto& u, const auto& v) SMLDIST_INLINE_LAMBDA { return u + v; });
        if (what == binary::sub) work([](const auto& u, const auto& v) SMLDIST_INLINE_LAMBDA { return u - v; });
        if (what == binary::mul) work([](const auto& u, const auto& v) SMLDIST_INLINE_LAMBDA { return u * v; });
        if (what == binary::div) work([](const auto& u, const auto& v) SMLDIST_INLINE_LAMBDA { return u / v; });
        const std::size_t n = at.n * size();
        finish(f, 1, n, at.write(y), n, nullptr, nullptr);
    }
    std::size_t size() const {
        std::size_t n = 1;
        for (std::size_t i = 0; i < rank; ++i) n *= extent[i];
        return n;
    }

private:
    template <class F> void one(const float* u, const float* v, float* to, const F& op) const {
        const std::size_t last = rank - 1, n = extent[last], rows = n == 0 ? 0 : size() / n;
        for (std::size_t r = 0; r < rows; ++r, to += n) {
            std::size_t rest = r, from_u = 0, from_v = 0;
            for (std::size_t axis = last; axis-- > 0; rest /= extent[axis]) {
                from_u += rest % extent[axis] * a_step[axis];
                from_v += rest % extent[axis] * b_step[axis];
            }
            kernel::simd::sweep<float>(n, [&](auto p, std::size_t c) SMLDIST_INLINE_LAMBDA {
                const auto x = a_step[last] ? p.load(u + from_u + c) : p.set(u[from_u]);
                const auto z = b_step[last] ? p.load(v + from_v + c) : p.set(v[from_v]);
                p.store(to + c, op(x, z));
            });
        }
    }
};

/// y[i,c] = mean of x[t,c] over floor(i L/Lo) ≤ t < ceil((i+1) L/Lo); Lo = 1 is the mean over time.
struct pool_step {
    static constexpr std::string_view name = "pool";
    std::size_t L, C, Lo;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b)
            for (std::size_t i = 0; i < Lo; ++i) {
                const kernel::pool_window w(i, L, Lo);
                kernel::pool_mean(1, w.end - w.first, C, f.read(x, b) + w.first * C, f.write(y, b) + i * C);
            }
    }
};

/// y[t,c] = max_k x[t·stride + k − padding, c]; a NaN wins.
struct max_pool_step {
    static constexpr std::string_view name = "max_pool";
    std::size_t L, C, Lo, K, stride, padding;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b)
            for (std::size_t t = 0; t < Lo; ++t)
                kernel::max_pool_row(L, C, K, t * stride, padding, f.read(x, b), f.write(y, b) + t * C, nullptr);
    }
};

/// y (rows.count, columns.count, C) from x (rows.n, columns.n, C): nearest or linear resampling.
struct upsample_step {
    static constexpr std::string_view name = "upsample";
    kernel::resampled_axis rows, columns;
    std::size_t C;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b)
            for (std::size_t i = 0; i < rows.count; ++i)
                kernel::upsample_row(rows, columns, C, i, f.read(x, b), f.write(y, b) + i * columns.count * C);
    }
};

/// y = scale · sum of x (outer, m, inner) over the middle axis.
struct sum_step {
    static constexpr std::string_view name = "sum";
    std::size_t outer, m, inner;
    float scale;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        const float* from = f.read(x);
        float* to = f.write(y);
        for (std::size_t o = 0; o < f.n * outer; ++o, from += m * inner, to += inner) {
            std::fill_n(to, inner, 0.0f);
            for (std::size_t i = 0; i < m; ++i)
                for (std::size_t c = 0; c < inner; ++c) to[c] += from[i * inner + c];
            for (std::size_t c = 0; c < inner; ++c) to[c] *= scale;
        }
    }
};

/// Copies `rows` blocks of m elements in each sample; blocks are x_step and y_step apart. Slices and concatenations.
struct copy_step {
    static constexpr std::string_view name = "copy";
    std::size_t rows, m, x_first, x_step, y_first, y_step;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b)
            kernel::copy_blocks(rows, m, f.read(x, b) + x_first, x_step, f.write(y, b) + y_first, y_step);
    }
};

enum class row_function : std::uint8_t { softmax, log_softmax, log_sum_exp, l2_normalize };

/// A function of each row of x (rows, N); log_sum_exp gives one number per row.
struct row_step {
    static constexpr std::string_view name = "row";
    row_function what;
    std::size_t rows, N;
    operand x, y; ///< y may be x, except for log_sum_exp
    float eps = 0;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const {
        const std::size_t R = f.n * rows;
        const float* const from = f.read(x);
        float* const to = f.write(y);
        if (what == row_function::softmax) kernel::softmax(R, N, from, to);
        if (what == row_function::log_softmax) kernel::log_softmax(R, N, from, to);
        if (what == row_function::log_sum_exp) kernel::log_sum_exp(R, N, from, to);
        if (what == row_function::l2_normalize) kernel::l2_normalize(R, N, from, eps, to);
    }
};

/// y[r,c] = (x[r,c] − mean) / sqrt(var + eps) weight[c] + bias[c]; weight and bias may be none.
struct layer_norm_step {
    static constexpr std::string_view name = "layer_norm";
    std::size_t rows, C;
    float eps;
    operand x, weight, bias, y; ///< y may be x

    void operands(operand_list& f) const { f(x), f(weight), f(bias), f(y); }
    void run(const frame& f) const {
        float mean, inverse;
        for (std::size_t r = 0; r < f.n * rows; ++r)
            kernel::layer_norm_forward(1, C, f.read(x) + r * C, f.read(weight), f.read(bias), eps, f.write(y) + r * C,
                                       &mean, &inverse);
    }
};

/// y[l,c] = (x[l,c] − mean) / sqrt(var + eps) weight[c] + bias[c] in each sample, mean and var those of the group of channel c;
/// weight and bias may be none.
struct group_norm_step {
    static constexpr std::string_view name = "group_norm";
    std::size_t L, C, groups;
    float eps;
    operand x, weight, bias, work, y; ///< y may be x; work: scratch (2 C + 2 groups)

    void operands(operand_list& f) const { f(x), f(weight), f(bias), f(work), f(y); }
    void run(const frame& f) const {
        float *const mean = f.write(work) + 2 * C, *const inverse = mean + groups;
        for (std::size_t b = 0; b < f.n; ++b)
            kernel::group_norm_sample(L, C, groups, f.read(x, b), f.read(weight), f.read(bias), eps, f.write(y, b),
                                      mean, inverse, f.write(work));
    }
};

/// y[n] = ln 1/J Σ_j exp(x[j N + n]) in each row.
struct log_mean_exp_step {
    static constexpr std::string_view name = "log_mean_exp";
    std::size_t rows, J, N;
    operand x, y;

    void operands(operand_list& f) const { f(x), f(y); }
    void run(const frame& f) const { kernel::log_mean_exp(f.n * rows, J, N, f.read(x), f.write(y)); }
};

/// z[n] = ln Σ_{m: label[m] = n} exp(s[m]) − prior[n]: the class logits of a memory.
struct class_log_sum_exp_step {
    static constexpr std::string_view name = "class_log_sum_exp";
    std::size_t rows, M, N;
    operand s, label, prior, top, z; ///< label (M), whole numbers as float; prior κ ln M_n (N); top: scratch (N)

    void operands(operand_list& f) const { f(s), f(label), f(prior), f(top), f(z); }
    void run(const frame& f) const {
        kernel::class_log_sum_exp<float>(f.n * rows, M, N, f.read(s), f.read(label), f.read(prior), f.write(top),
                                         f.write(z), nullptr);
    }
};

/// y[n] = ln Σ_j ω_j p_jn,  ω = softmax(a),  p_j = softmax(z[j N …]): the mixture of a search.
struct mixture_step {
    static constexpr std::string_view name = "mixture";
    std::size_t J, N;
    operand z, a, log_p, log_weight, y; ///< log_p (J, N), log_weight (J): scratch

    void operands(operand_list& f) const { f(z), f(a), f(log_p), f(log_weight), f(y); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b)
            kernel::mixture(1, J, N, f.read(z, b), f.read(a, b), f.write(log_p), f.write(log_weight), f.write(y, b));
    }
};

/// At most `updates` updates q ← keysᵀ softmax(β keys q + mask) of each of the Q states of a sample; see op/hopfield.hpp.
struct hopfield_step {
    static constexpr std::string_view name = "hopfield";
    std::size_t Q, M, h, updates;
    float eps;
    operand q, keys, beta, association, next, y; ///< association (M), next (h): scratch
    operand mask{};                              ///< (M), or (Q, M) with mask_step = M; may be absent
    std::size_t mask_step = 0;

    void operands(operand_list& f) const { f(q), f(keys), f(beta), f(association), f(next), f(y), f(mask); }
    void run(const frame& f) const {
        for (std::size_t b = 0; b < f.n; ++b) {
            std::copy_n(f.read(q, b), Q * h, f.write(y, b));
            const float* const hidden = f.read(mask);
            for (std::size_t i = 0; i < Q; ++i)
                update(f, f.read(keys, b), *f.read(beta, b), hidden ? hidden + i * mask_step : nullptr,
                       f.write(y, b) + i * h);
        }
    }

private:
    void update(const frame& f, const float* k, float inverse_temperature, const float* hidden, float* state) const {
        float *p = f.write(association), *to = f.write(next);
        for (std::size_t u = 0; u < updates; ++u) {
            multiply(1, M, h, state, h, 1, k, true, p);
            for (std::size_t m = 0; m < M; ++m) p[m] *= inverse_temperature;
            for (std::size_t m = 0; hidden && m < M; ++m) p[m] += hidden[m];
            kernel::softmax(std::size_t(1), M, p, p);
            multiply(1, h, M, p, M, 1, k, false, to);
            float moved = 0;
            for (std::size_t c = 0; c < h; ++c) moved += (to[c] - state[c]) * (to[c] - state[c]);
            std::copy_n(to, h, state);
            if (std::sqrt(moved) < eps) return;
        }
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

#endif
