// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/time_matmul.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

TEST_CASE_TEMPLATE("time_matmul: equal to the plain loops", T, float, double) {
    for (std::size_t I : counts{1, 2, 4, 7, 8, 9, 13, 16, 31, 32})
        for (std::size_t L : counts{1, 2, 8, 17, 32})
            for (std::size_t C : counts{1, 3, 8, 16, 19, 24, 40, 48}) {
                CAPTURE(I);
                CAPTURE(L);
                CAPTURE(C);
                const auto m = values<T>(L * I, 1), x = values<T>(L * C, 2);
                auto y = values<T>(I * C, 3), want = y;
                kernel::time_matmul(I, L, C, m.data(), x.data(), y.data());
                kernel::naive::time_matmul(I, L, C, m.data(), x.data(), want.data());
                CHECK(close(y, want));
            }
}
