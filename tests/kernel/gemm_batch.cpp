// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/gemm_batch.hpp"

#include "../allocations.hpp"
#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

struct extents {
    std::size_t batch, M, N, K;
};

/// A batch of dense matrices, those of A and B shared if their step is 0.
kernel::matrix_batch dense(std::size_t count, std::size_t a, std::size_t b, std::size_t c) {
    kernel::matrix_batch to;
    to.axes = 1;
    to.count = to.extent[0] = count;
    to.a[0] = a;
    to.b[0] = b;
    to.c[0] = c;
    return to;
}

template <class T>
void one_product(std::size_t M, std::size_t N, std::size_t K, const T* a, bool ta, const T* b, bool tb, T* c,
                 bool add) {
    std::vector<T> turned(M * K);
    if (ta && tb) {
        for (std::size_t k = 0; k < K; ++k)
            for (std::size_t m = 0; m < M; ++m) turned[m * K + k] = a[k * M + m];
        kernel::gemm_nt(M, N, K, turned.data(), K, b, K, c, N, add);
    } else if (ta) {
        kernel::gemm_tn(M, N, K, a, M, b, N, c, N, add);
    } else if (tb) {
        kernel::gemm_nt(M, N, K, a, K, b, K, c, N, add);
    } else {
        kernel::gemm_nn(M, N, K, a, K, b, N, c, N, add);
    }
}

} // namespace

TEST_CASE_TEMPLATE("gemm_batch: every product has the bits of a single product for any number of threads", T, float,
                   double) {
    for (const extents& e :
         {extents{1, 3, 4, 5}, extents{5, 3, 17, 6}, extents{3, 70, 24, 9}, extents{20, 8, 48, 16},
          extents{2, 1, 1, 0}, extents{0, 2, 3, 4}, extents{3, 160, 96, 96}, extents{17, 160, 96, 96}})
        for (const bool ta : {false, true})
            for (const bool tb : {false, true})
                for (const bool shared_a : {false, true})
                    for (const bool shared_b : {false, true})
                        for (const bool add : {false, true}) {
                            const std::size_t batch = e.batch, M = e.M, N = e.N, K = e.K;
                            CAPTURE(batch);
                            CAPTURE(M);
                            CAPTURE(ta);
                            CAPTURE(tb);
                            CAPTURE(shared_a);
                            CAPTURE(shared_b);
                            const std::size_t sa = shared_a ? 0 : M * K, sb = shared_b ? 0 : K * N;
                            const auto a = values<T>((shared_a ? 1 : batch) * M * K, 1),
                                       b = values<T>((shared_b ? 1 : batch) * K * N, 2);
                            auto want = values<T>(batch * M * N, 3);
                            const auto before = want;
                            for (std::size_t i = 0; i < batch; ++i)
                                one_product(M, N, K, a.data() + i * sa, ta, b.data() + i * sb, tb,
                                            want.data() + i * M * N, add);
                            const auto run = [&] {
                                auto c = before;
                                kernel::gemm_batch(dense(batch, sa, sb, M * N), M, N, K, a.data(), ta, b.data(), tb,
                                                   c.data(), add);
                                return c;
                            };
                            CHECK(same_bits(run(), want));
                            if (batch == 20 || batch == 3) CHECK(same_on_any_threads(run));
                        }
}

TEST_CASE("gemm_batch: a shared C is the sum, in order") {
    const std::size_t M = 3, N = 4, K = 5, batch = 6;
    const auto a = values<float>(batch * M * K, 1), b = values<float>(batch * K * N, 2);
    for (const bool add : {false, true}) {
        auto want = values<float>(2 * M * N, 3), got = want;
        // Axes (3, 2); C is shared along the first of them.
        kernel::matrix_batch to;
        to.axes = 2;
        to.count = batch;
        to.extent = {3, 2};
        to.a = {2 * M * K, M * K};
        to.b = {2 * K * N, K * N};
        to.c = {0, M * N};
        kernel::gemm_batch(to, M, N, K, a.data(), false, b.data(), false, got.data(), add);
        for (std::size_t i = 0; i < batch; ++i)
            one_product(M, N, K, a.data() + i * M * K, false, b.data() + i * K * N, false,
                        want.data() + i % 2 * M * N, add || i >= 2);
        CHECK(same_bits(got, want));
    }
}

TEST_CASE("gemm_batch: no chunk allocates") {
    const std::size_t M = 5, N = 7, K = 3, batch = 200;
    const auto a = values<float>(batch * M * K, 1), b = values<float>(batch * K * N, 2);
    std::vector<float> c(batch * M * N);
    const std::size_t before = allocations_in_chunks();
    for (const bool ta : {false, true})
        for (const bool tb : {false, true})
            kernel::gemm_batch(dense(batch, M * K, K * N, M * N), M, N, K, a.data(), ta, b.data(), tb, c.data(),
                               false);
    CHECK(allocations_in_chunks() == before);
}
