// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/mix_rows.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

TEST_CASE_TEMPLATE("mix_rows: equal to the plain loops", T, float, double) {
    for (std::size_t I : counts{1, 2, 4, 7, 8, 9, 13, 16, 31, 32})
        for (std::size_t L : counts{1, 2, 8, 17, 32})
            for (std::size_t C : counts{1, 3, 8, 16, 19, 24, 40, 48}) {
                CAPTURE(I);
                CAPTURE(L);
                CAPTURE(C);
                const auto m = values<T>(L * I, 1), x = values<T>(L * C, 2);
                auto y = values<T>(I * C, 3), want = y;
                kernel::mix_rows(I, L, C, m.data(), x.data(), y.data());
                kernel::naive::mix_rows(I, L, C, m.data(), x.data(), want.data());
                CHECK(close(y, want));
            }
}
