// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/gemm_tile.hpp"

#include <doctest/doctest.h>

using namespace smldist;

TEST_CASE_TEMPLATE("panels cover the columns once, in order, with widths that have a tile", T, float, double) {
    namespace d = kernel::detail;
    for (std::size_t N = 1; N <= 200; ++N) {
        CAPTURE(N);
        const d::panels<T> p(N);
        std::size_t next = 0;
        for (std::size_t i = 0; i < p.count(); ++i) {
            CHECK(p[i].first == next);
            const std::size_t u = p[i].units;
            CHECK(u >= 1);
            CHECK(u <= d::widest<T>);
            if (p.count() > 1) CHECK(3 * u > d::widest<T>); // only a single panel may be narrow
            next += u * d::unit<T>;
        }
        CHECK(next >= N);
        CHECK(next < N + d::unit<T>);
    }
}
