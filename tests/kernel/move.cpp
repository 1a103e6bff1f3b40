// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/move.hpp"

#include <numeric>

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

/// y with `extents` whose axis i is axis order[i] of a row-major x.
kernel::strided permuted(const std::vector<std::size_t>& extents, const std::vector<std::size_t>& order) {
    std::vector<std::size_t> of_x(extents.size()), step(extents.size(), 1);
    for (std::size_t i = 0; i < order.size(); ++i) of_x[order[i]] = extents[i];
    for (std::size_t a = of_x.size(); a-- > 1;) step[a - 1] = step[a] * of_x[a];
    kernel::strided s;
    for (std::size_t i = 0; i < order.size(); ++i) s.add(extents[i], step[order[i]]);
    return s;
}

template <class T> void check(const kernel::strided& s, std::size_t x_size, std::size_t y_size) {
    const auto x = values<T>(x_size, 1);
    auto y = values<T>(y_size, 2), want = y;
    kernel::strided_copy<true>(s, x.data(), y.data());
    kernel::naive::strided_copy(s, x.data(), want.data(), true);
    CHECK(same_bits(y, want));
    kernel::strided_copy<false>(s, x.data(), y.data());
    kernel::naive::strided_copy(s, x.data(), want.data(), false);
    CHECK(same_bits(y, want));
}

TEST_CASE_TEMPLATE("strided_copy: equal to the plain loop for every order of axes", T, float, double) {
    for (const std::vector<std::size_t>& extents : {std::vector<std::size_t>{},
                                                    {1},
                                                    {7},
                                                    {5, 9},
                                                    {33, 35},
                                                    {64, 3},
                                                    {3, 70},
                                                    {2, 3, 4},
                                                    {6, 1, 37},
                                                    {2, 33, 4, 5}}) {
        std::vector<std::size_t> order(extents.size());
        std::iota(order.begin(), order.end(), std::size_t(0));
        std::size_t n = 1;
        for (const std::size_t e : extents) n *= e;
        do {
            CAPTURE(n);
            check<T>(permuted(extents, order), n, n);
        } while (std::next_permutation(order.begin(), order.end()));
    }
}

TEST_CASE_TEMPLATE("strided_copy: repeats along axes of step 0; empty axes", T, float, double) {
    kernel::strided rows, columns, all, none;
    rows.add(3, 0), rows.add(5, 1);
    columns.add(3, 1), columns.add(5, 0);
    all.add(3, 0), all.add(5, 0);
    none.add(3, 4), none.add(0, 1);
    check<T>(rows, 5, 15);
    check<T>(columns, 3, 15);
    check<T>(all, 1, 15);
    check<T>(none, 0, 0);
}

TEST_CASE("strided: axes that lie one behind the other are one") {
    kernel::strided s;
    s.add(2, 60), s.add(3, 20), s.add(1, 7), s.add(4, 5), s.add(5, 1);
    CHECK(s.rank == 1);
    CHECK(s.extent[0] == 120);
    CHECK(s.step[0] == 1);
    s = permuted({4, 2, 3}, {2, 0, 1});
    CHECK(s.rank == 2);
    CHECK(s.extent[1] == 6);
}

TEST_CASE_TEMPLATE("pad: equal to the plain loop, and its gradient takes the same places", T, float, double) {
    for (const kernel::padded& s : {kernel::padded{1, {5}, {2}, {9}},
                                    {1, {5}, {0}, {5}},
                                    {1, {0}, {1}, {3}},
                                    {2, {3, 4}, {1, 0}, {6, 9}},
                                    {2, {3, 4}, {3, 3}, {6, 7}},
                                    {3, {2, 3, 4}, {1, 0, 2}, {3, 5, 7}},
                                    {4, {2, 1, 3, 19}, {0, 1, 1, 1}, {2, 3, 4, 21}}}) {
        std::size_t nx = 1, ny = 1;
        for (std::size_t a = 0; a < s.rank; ++a) nx *= s.extent[a], ny *= s.whole[a];
        CAPTURE(nx);
        CAPTURE(ny);
        const auto x = values<T>(nx, 1);
        std::vector<T> y(ny), want(ny);
        kernel::pad(s, T(0.5), x.data(), y.data());
        kernel::naive::pad(s, T(0.5), x.data(), want.data());
        CHECK(same_bits(y, want));
        auto dx = values<T>(nx, 2), sum = dx;
        for (std::size_t i = 0; i < nx; ++i) sum[i] += x[i];
        kernel::pad_backward(s, y.data(), dx.data(), true);
        CHECK(same_bits(dx, sum));
        kernel::pad_backward(s, y.data(), dx.data(), false);
        CHECK(same_bits(dx, x));
    }
}

} // namespace
