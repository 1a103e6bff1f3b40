// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/normed_conv.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

using F = kernel::hard_swish;

/// Results of a convolution of f(z) · gate, computed apart with the naive kernels or fused.
template <class T> struct results {
    std::vector<T> y, dx, sums, dgate, dw;
    /// All after one another, for comparisons of bits.
    std::vector<T> all() const {
        std::vector<T> v = y;
        for (const auto* more : {&dx, &sums, &dgate, &dw}) v.insert(v.end(), more->begin(), more->end());
        return v;
    }
};

template <class T> struct inputs {
    std::size_t B, L, C;
    std::vector<T> x = values<T>(B * L * C, 1), map = values<T>(3 * C, 2), gate = values<T>(B * C, 3);
    inputs(std::size_t b, std::size_t l, std::size_t c) : B(b), L(l), C(c) {
        for (T& v : x) v *= T(4);
        for (std::size_t i = C; i < 2 * C; ++i) map[i] += T(1);
    }
    kernel::column_map<T> columns() const { return {map.data(), C}; }
    /// f(z) · gate
    std::vector<T> normal(bool gated) const {
        std::vector<T> v(B * L * C);
        for (std::size_t b = 0; b < B; ++b)
            kernel::naive::normalise_rows<F>(L, C, x.data() + b * L * C, columns(), gated ? &gate[b * C] : nullptr,
                                             v.data() + b * L * C);
        return v;
    }
    /// dx, sums and dgate of the gradient d of f(z) · gate
    void turn(const std::vector<T>& d, bool gated, results<T>& r) const {
        r.dx.resize(x.size());
        r.sums.assign(2 * C, T(0));
        r.dgate.assign(gated ? B * C : 0, T(0));
        std::vector<T> part(2 * C);
        for (std::size_t b = 0; b < B; ++b) {
            const std::size_t at = b * L * C;
            kernel::naive::normalise_rows_backward<F>(L, C, x.data() + at, d.data() + at, r.dx.data() + at, columns(),
                                                      gated ? &gate[b * C] : nullptr,
                                                      gated ? &r.dgate[b * C] : nullptr, part.data());
            for (std::size_t c = 0; c < 2 * C; ++c) r.sums[c] += part[c];
        }
    }
};

template <class T> void check(const results<T>& got, const results<T>& want) {
    CHECK(close(got.y, want.y));
    CHECK(close(got.dx, want.dx));
    CHECK(close(got.sums, want.sums));
    CHECK(close(got.dgate, want.dgate));
    CHECK(close(got.dw, want.dw));
}

} // namespace

TEST_CASE_TEMPLATE("pointwise convolution of normalised columns", T, float, double) {
    struct sizes {
        std::size_t B, L, C, O;
    };
    for (const sizes s : {sizes{1, 2, 1, 1}, {3, 5, 17, 9}, {70, 8, 40, 24}, {2, 300, 24, 16}})
        for (const bool gated : {false, true})
            for (const bool add : {false, true}) {
                CAPTURE(add);
                const std::size_t B = s.B, L = s.L, C = s.C, O = s.O;
                CAPTURE(B);
                CAPTURE(gated);
                const inputs<T> in(B, L, C);
                const auto w = values<T>(O * C, 4), dy = values<T>(B * L * O, 5), before = values<T>(O * C, 6);
                const auto normal = in.normal(gated);
                results<T> want;
                want.y.resize(B * L * O);
                want.dw = before;
                std::vector<T> d(B * L * C);
                kernel::naive::gemm_nt(B * L, O, C, normal.data(), C, w.data(), C, want.y.data(), O, false);
                kernel::naive::gemm_nn(B * L, C, O, dy.data(), O, w.data(), C, d.data(), C, false);
                kernel::naive::gemm_tn(O, C, B * L, dy.data(), O, normal.data(), C, want.dw.data(), C, add);
                in.turn(d, gated, want);
                results<T> got;
                const auto run = [&] {
                    got = {std::vector<T>(B * L * O), std::vector<T>(B * L * C), std::vector<T>(2 * C),
                           std::vector<T>(gated ? B * C : 0), before};
                    const T* const gate = gated ? in.gate.data() : nullptr;
                    kernel::normed_pointwise_forward(kernel::rows_of<F, T>, B, L, C, O, in.x.data(), in.map.data(),
                                                     gate, w.data(), got.y.data());
                    kernel::normed_pointwise_backward(kernel::rows_of<F, T>, B, L, C, O, in.x.data(), in.map.data(),
                                                      gate, w.data(), dy.data(), got.dx.data(), got.sums.data(),
                                                      gated ? got.dgate.data() : nullptr, got.dw.data(), add);
                    return got.all();
                };
                CHECK(same_on_any_threads(run));
                check(got, want);
                // without the weights' gradient
                std::vector<T> dx(B * L * C), sums(2 * C), dgate(B * C);
                kernel::normed_pointwise_backward(kernel::rows_of<F, T>, B, L, C, O, in.x.data(), in.map.data(),
                                                  gated ? in.gate.data() : nullptr, w.data(), dy.data(), dx.data(),
                                                  sums.data(), gated ? dgate.data() : nullptr,
                                                  static_cast<T*>(nullptr), false);
                CHECK(same_bits(dx, got.dx));
            }
}

TEST_CASE_TEMPLATE("depthwise convolution of normalised columns", T, float, double) {
    struct sizes {
        std::size_t B, L, C, K, stride, pad, dilation;
    };
    for (const sizes s : {sizes{1, 1, 1, 1, 1, 0, 1},
                          {3, 9, 17, 3, 1, 1, 1},
                          {40, 16, 40, 5, 2, 2, 1},
                          {2, 12, 300, 3, 1, 1, 1},
                          {2, 9, 8, 4, 2, 3, 2},
                          {2, 7, 5, 3, 1, 2, 1}}) {
        CAPTURE(s.C);
        CAPTURE(s.K);
        const inputs<T> in(s.B, s.L, s.C);
        const std::size_t reach = (s.K - 1) * s.dilation, Lo = (s.L + 2 * s.pad - reach - 1) / s.stride + 1;
        const auto w = values<T>(s.C * s.K, 4), dy = values<T>(s.B * Lo * s.C, 5), before = values<T>(s.C * s.K, 6);
        const auto normal = in.normal(false);
        for (const bool add : {false, true}) {
            CAPTURE(add);
            results<T> want;
            want.y.resize(s.B * Lo * s.C);
            want.dw = before;
            std::vector<T> d(in.x.size());
            kernel::naive::depthwise_forward(s.B, s.L, s.C, Lo, s.K, s.stride, s.pad, s.dilation, normal.data(),
                                             w.data(), want.y.data());
            kernel::naive::depthwise_backward_input(s.B, s.L, s.C, Lo, s.K, s.stride, s.pad, s.dilation, dy.data(),
                                                    w.data(), d.data(), false);
            kernel::naive::depthwise_backward_weight(s.B, s.L, s.C, Lo, s.K, s.stride, s.pad, s.dilation, dy.data(),
                                                     normal.data(), want.dw.data(), add);
            in.turn(d, false, want);
            results<T> got;
            const auto run = [&] {
                got = {
                    std::vector<T>(want.y.size()), std::vector<T>(in.x.size()), std::vector<T>(2 * s.C), {}, before};
                kernel::normed_depthwise_forward(kernel::rows_of<F, T>, s.B, s.L, s.C, Lo, s.K, s.stride, s.pad,
                                                 s.dilation, in.x.data(), in.map.data(), w.data(), got.y.data());
                kernel::normed_depthwise_backward(kernel::rows_of<F, T>, s.B, s.L, s.C, Lo, s.K, s.stride, s.pad,
                                                  s.dilation, in.x.data(), in.map.data(), w.data(), dy.data(),
                                                  got.dx.data(), got.sums.data(), got.dw.data(), add);
                return got.all();
            };
            CHECK(same_on_any_threads(run));
            check(got, want);
        }
    }
}
