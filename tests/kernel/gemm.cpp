// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/gemm.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

/// Columns beyond the matrix in every leading dimension; they must stay untouched.
constexpr std::size_t gap = 3;

TEST_CASE_TEMPLATE("gemm: equal to the plain loops", T, float, double) {
    for (std::size_t M : counts{1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 31, 33, 65})
        for (std::size_t N : counts{1, 3, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130})
            for (std::size_t K : counts{0, 1, 2, 7, 16, 40, 97})
                for (bool add : {false, true}) {
                    CAPTURE(M);
                    CAPTURE(N);
                    CAPTURE(K);
                    CAPTURE(add);
                    const std::size_t ldc = N + gap;
                    const auto start = values<T>(M * ldc, 3), bias = values<T>(N, 4);
                    {
                        const auto a = values<T>(M * (K + gap), 1), b = values<T>(N * (K + gap), 2);
                        for (const T* v : {static_cast<const T*>(nullptr), bias.data()}) {
                            CAPTURE((v != nullptr));
                            auto got = start, want = start;
                            kernel::gemm_nt(M, N, K, a.data(), K + gap, b.data(), K + gap, got.data(), ldc, add, v);
                            kernel::naive::gemm_nt(M, N, K, a.data(), K + gap, b.data(), K + gap, want.data(), ldc,
                                                   add, v);
                            CHECK(close(got, want));
                        }
                    }
                    {
                        const auto a = values<T>(M * (K + gap), 1), b = values<T>(K * N, 2);
                        auto got = start, want = start;
                        kernel::gemm_nn(M, N, K, a.data(), K + gap, b.data(), N, got.data(), ldc, add);
                        kernel::naive::gemm_nn(M, N, K, a.data(), K + gap, b.data(), N, want.data(), ldc, add);
                        CHECK(close(got, want));
                    }
                    {
                        const auto a = values<T>(K * M, 1), b = values<T>(K * N, 2);
                        auto got = start, want = start;
                        kernel::gemm_tn(M, N, K, a.data(), M, b.data(), N, got.data(), ldc, add);
                        kernel::naive::gemm_tn(M, N, K, a.data(), M, b.data(), N, want.data(), ldc, add);
                        CHECK(close(got, want));
                    }
                }
}

TEST_CASE_TEMPLATE("gemm_tn: a long batch in parts", T, float, double) {
    for (std::size_t K : counts{255, 256, 257, 2048, 2049, 5000, 9001}) {
        const std::size_t M = 9, N = 27;
        const auto a = values<T>(K * M, 1), b = values<T>(K * N, 2);
        for (bool add : {false, true}) {
            CAPTURE(add);
            auto got = values<T>(M * N, 3), want = got;
            kernel::gemm_tn(M, N, K, a.data(), M, b.data(), N, got.data(), N, add);
            kernel::naive::gemm_tn(M, N, K, a.data(), M, b.data(), N, want.data(), N, add);
            CAPTURE(K);
            CHECK(close(got, want));
        }
    }
}

TEST_CASE("gemm: strided rows of A may overlap, as a convolution's do") {
    const std::size_t M = 20, N = 24, K = 15, step = 6;
    const auto a = values<float>((M - 1) * step + K, 1), b = values<float>(N * K, 2);
    std::vector<float> got(M * N), want(M * N);
    kernel::gemm_nt(M, N, K, a.data(), step, b.data(), K, got.data(), N, false);
    kernel::naive::gemm_nt(M, N, K, a.data(), step, b.data(), K, want.data(), N, false);
    CHECK(close(got, want));
}

TEST_CASE_TEMPLATE("gemm: a row has the same bits whatever the number of rows", T, float, double) {
    const std::size_t most = 130;
    for (const auto& row :
         {std::pair<std::size_t, std::size_t>{7, 33}, {16, 5}, {24, 33}, {24, 48}, {32, 48}, {40, 33}, {96, 33}}) {
        const auto& [N, K] = row;
        CAPTURE(row.first);
        CAPTURE(row.second);
        const auto a = values<T>(most * K, 1), w = values<T>(N * K, 2), bias = values<T>(N, 3);
        std::vector<T> all_nt(most * N), all_nn(most * N);
        kernel::gemm_nt(most, N, K, a.data(), K, w.data(), K, all_nt.data(), N, false, bias.data());
        kernel::gemm_nn(most, N, K, a.data(), K, w.data(), N, all_nn.data(), N, false);
        for (std::size_t M : counts{1, 2, 3, 4, 5, 7, 8, 10, 11, 16, 17, 64, 129}) {
            CAPTURE(M);
            std::vector<T> nt(M * N), nn(M * N);
            kernel::gemm_nt(M, N, K, a.data(), K, w.data(), K, nt.data(), N, false, bias.data());
            kernel::gemm_nn(M, N, K, a.data(), K, w.data(), N, nn.data(), N, false);
            CHECK(std::memcmp(nt.data(), all_nt.data(), M * N * sizeof(T)) == 0);
            CHECK(std::memcmp(nn.data(), all_nn.data(), M * N * sizeof(T)) == 0);
        }
    }
}

TEST_CASE("gemm: packed weights give the bits of the unpacked product") {
    const std::size_t M = 37, N = 88, K = 50;
    const auto a = values<float>(M * K, 1), b = values<float>(N * K, 2), bias = values<float>(N, 3);
    std::vector<float> packed(kernel::packed_size<float>(N, K)), got(M * N), want(M * N);
    const auto view = kernel::pack_nt(N, K, b.data(), K, packed.data());
    kernel::gemm_packed(M, a.data(), K, view, got.data(), N, false, bias.data());
    kernel::gemm_nt(M, N, K, a.data(), K, b.data(), K, want.data(), N, false, bias.data());
    CHECK(same_bits(got, want));
    CHECK(packed.size() >= N * K);
}

TEST_CASE_TEMPLATE("for_packed_panels: where the elements of a packed matrix are", T, float, double) {
    for (const std::size_t N : counts{0, 1, 3, 8, 9, 16, 17, 24, 40, 47, 48, 72, 96, 130})
        for (const std::size_t K : counts{1, 7}) {
            CAPTURE(N);
            CAPTURE(K);
            const auto b = values<T>(N * K, 1);
            std::vector<T> packed(kernel::packed_size<T>(N, K), T(9)), want(packed.size(), T(8));
            kernel::pack_nt(N, K, b.data(), K, packed.data());
            std::size_t next = 0;
            kernel::for_packed_panels<T>(N, [&](std::size_t first, std::size_t width) {
                CHECK(first == next);
                next = first + width;
                REQUIRE(next * K <= want.size());
                for (std::size_t k = 0; k < K; ++k)
                    for (std::size_t j = 0; j < width; ++j)
                        want[first * K + k * width + j] = first + j < N ? b[(first + j) * K + k] : T(0);
            });
            CHECK(next * K == want.size());
            CHECK(packed == want);
        }
}

TEST_CASE_TEMPLATE("gemm: the epilogue is f(product + bias + addend)", T, float, double) {
    const auto plain = [](activation f, T x) {
        using one = kernel::simd::single<T>;
        switch (f) {
        case activation::relu:
            return kernel::relu{}.value(one(x)).v;
        case activation::relu6:
            return kernel::relu6{}.value(one(x)).v;
        case activation::hard_sigmoid:
            return kernel::hard_sigmoid{}.value(one(x)).v;
        case activation::hard_swish:
            return kernel::hard_swish{}.value(one(x)).v;
        default:
            break;
        }
        return x;
    };
    const std::size_t K = 20;
    for (std::size_t M : counts{1, 2, 4, 7, 8, 21, 66})
        for (std::size_t N : counts{1, 6, 8, 16, 24, 27, 40, 48, 56, 70})
            for (activation f : {activation::none, activation::relu, activation::relu6, activation::hard_sigmoid,
                                 activation::hard_swish})
                for (int operands : {0, 1, 2, 3}) {
                    CAPTURE(M);
                    CAPTURE(N);
                    CAPTURE(static_cast<int>(f));
                    CAPTURE(operands);
                    const std::size_t ldc = N + gap, step = N + 1;
                    auto a = values<T>(M * K, 1);
                    for (T& x : a) x *= T(4); // beyond the kinks
                    const auto w = values<T>(N * K, 2), bias = values<T>(N, 3), addend = values<T>(M * step, 4);
                    std::vector<T> packed(kernel::packed_size<T>(N, K));
                    const auto view = kernel::pack_nt(N, K, w.data(), K, packed.data());
                    const T* const v = operands & 1 ? bias.data() : nullptr;
                    const T* const d = operands & 2 ? addend.data() : nullptr;
                    auto got = values<T>(M * ldc, 5), want = got;
                    kernel::gemm_packed(M, a.data(), K, view, got.data(), ldc, {v, d, step, f});
                    kernel::naive::gemm_nt(M, N, K, a.data(), K, w.data(), K, want.data(), ldc, false, v);
                    for (std::size_t m = 0; m < M; ++m)
                        for (std::size_t n = 0; n < N; ++n) {
                            T& x = want[m * ldc + n];
                            x = plain(f, d ? x + d[m * step + n] : x);
                        }
                    CHECK(close(got, want));
                }
}

TEST_CASE("gemm: finish sees every output once, after its value is final") {
    const std::size_t M = 77, N = 130, K = 40, ldc = N + gap;
    const auto a = values<float>(M * K, 1), b = values<float>(N * K, 2), bias = values<float>(N, 3);
    std::vector<float> packed(kernel::packed_size<float>(N, K)), got(M * ldc), want(M * ldc);
    const auto view = kernel::pack_nt(N, K, b.data(), K, packed.data());
    kernel::gemm_packed(M, a.data(), K, view, got.data(), ldc, false, bias.data(),
                        [](float* c, std::size_t step, std::size_t rows, std::size_t first, std::size_t columns) {
                            for (std::size_t r = 0; r < rows; ++r)
                                for (std::size_t n = 0; n < columns; ++n)
                                    c[r * step + n] += static_cast<float>(first + n);
                        });
    kernel::naive::gemm_nt(M, N, K, a.data(), K, b.data(), K, want.data(), ldc, false, bias.data());
    for (std::size_t i = 0; i < want.size(); ++i)
        if (i % ldc < N) want[i] += static_cast<float>(i % ldc);
    CHECK(close(got, want));
}

TEST_CASE("gemm: empty extents") {
    std::vector<float> c{1, 2, 3, 4};
    const std::vector<float> x(4, 1.0f), start = c;
    for (bool add : {false, true}) {
        kernel::gemm_nt(0, 2, 2, x.data(), 2, x.data(), 2, c.data(), 2, add);
        kernel::gemm_nn(2, 0, 2, x.data(), 2, x.data(), 1, c.data(), 2, add);
        kernel::gemm_tn(2, 0, 2, x.data(), 2, x.data(), 1, c.data(), 2, add);
        kernel::gemm_tn(0, 2, 2, x.data(), 1, x.data(), 2, c.data(), 2, add);
    }
    kernel::gemm_tn(2, 2, 0, x.data(), 2, x.data(), 2, c.data(), 2, true);
    CHECK(c == start);
    kernel::gemm_tn(2, 2, 0, x.data(), 2, x.data(), 2, c.data(), 2, false);
    CHECK(c == std::vector<float>(4, 0.0f));
}

TEST_CASE_TEMPLATE("gemm: a sum over no k is 0, and A and B may be null", T, float, double) {
    const std::size_t M = 9, N = 27;
    const T* const null = nullptr;
    const auto bias = values<T>(N, 1), start = values<T>(M * N, 2);
    auto c = start;
    kernel::gemm_nn(M, N, 0, null, 0, null, N, c.data(), N, true);
    kernel::gemm_nt(M, N, 0, null, 0, null, 0, c.data(), N, true);
    CHECK(c == start);
    kernel::gemm_nn(M, N, 0, null, 0, null, N, c.data(), N, false);
    CHECK(c == std::vector<T>(M * N, T(0)));
    kernel::gemm_nt(M, N, 0, null, 0, null, 0, c.data(), N, false, bias.data());
    for (std::size_t i = 0; i < M * N; ++i) CHECK(c[i] == bias[i % N]);
}

TEST_CASE("gemm: the same bits on any number of threads") {
    const std::size_t M = 700, N = 72, K = 130;
    const auto a = values<float>(M * K, 1), b = values<float>(N * K, 2), c = values<float>(M * N, 3);
    CHECK(same_on_any_threads([&] {
        auto y = c;
        kernel::gemm_nt(M, N, K, a.data(), K, b.data(), K, y.data(), N, true);
        return y;
    }));
    CHECK(same_on_any_threads([&] {
        auto y = c;
        kernel::gemm_nn(M, N, K, a.data(), K, b.data(), N, y.data(), N, true);
        return y;
    }));
    struct extents {
        std::size_t M, N, K;
    };
    for (extents e : {extents{24, 40, 9000}, {200, 130, 300}, {130, 200, 300}}) { // cut in K, in M, in N
        CAPTURE(e.M);
        CAPTURE(e.N);
        CAPTURE(e.K);
        const auto dy = values<float>(e.K * e.M, 4), x = values<float>(e.K * e.N, 5);
        std::vector<float> want(e.M * e.N);
        kernel::naive::gemm_tn(e.M, e.N, e.K, dy.data(), e.M, x.data(), e.N, want.data(), e.N, false);
        const auto run = [&] {
            std::vector<float> y(e.M * e.N);
            kernel::gemm_tn(e.M, e.N, e.K, dy.data(), e.M, x.data(), e.N, y.data(), e.N, false);
            return y;
        };
        CHECK(same_on_any_threads(run));
        CHECK(close(run(), want));
    }
}

} // namespace
