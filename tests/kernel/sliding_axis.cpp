// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/sliding_axis.hpp"

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

/// Calls f(axis) for axes of every kind, also with padding beyond the taps and strides beyond the length.
template <class F> void for_axes(F&& f) {
    for (std::size_t L : counts{1, 2, 5, 8})
        for (std::size_t K : counts{1, 2, 3, 5})
            for (std::size_t stride : counts{1, 2, 3, 4, 11})
                for (std::size_t dilation : counts{1, 2, 3, 4})
                    for (std::size_t pad : counts{0, 1, 2, 7}) {
                        const std::size_t span = dilation * (K - 1) + 1;
                        if (L + 2 * pad < span) continue;
                        f(kernel::sliding_axis{L, (L + 2 * pad - span) / stride + 1, K, stride, pad, dilation});
                    }
}

} // namespace

TEST_CASE("sliding_axis: the taps and outputs that read inside") {
    for_axes([](const kernel::sliding_axis& a) {
        bool same = true;
        for (std::size_t i = 0; i < a.Lo; ++i)
            for (std::size_t k = 0; k < a.K; ++k) {
                const std::ptrdiff_t at = std::ptrdiff_t(i * a.stride + k * a.dilation) - std::ptrdiff_t(a.pad);
                const bool inside = at >= 0 && at < std::ptrdiff_t(a.L);
                same = same && a.at(i, k) == at && a.inside(at) == inside;
                same = same && inside == (k >= a.taps(i).first && k < a.taps(i).last);
                same = same && inside == (i >= a.outputs(k).first && i < a.outputs(k).last);
            }
        CHECK(same);
        CHECK(a.taps(0).first <= a.taps(0).last);
        CHECK(a.outputs(0).first <= a.outputs(0).last);
    });
}

TEST_CASE("tap_lattice: forward and backward visit every product of an axis once") {
    for_axes([](const kernel::sliding_axis& a) {
        std::vector<int> want(a.Lo * a.K * a.L), forward(want.size()), backward(want.size());
        for (std::size_t i = 0; i < a.Lo; ++i)
            for (std::size_t k = 0; k < a.K; ++k)
                if (a.inside(a.at(i, k))) ++want[(i * a.K + k) * a.L + std::size_t(a.at(i, k))];
        bool interior = true;
        const auto visit = [&interior](const kernel::tap_lattice& l, auto&& f) {
            for (std::size_t j = 0; j < l.count; ++j) {
                const auto m = l.inside(j), all = l.interior();
                interior = interior && (j >= all.first && j < all.last) == (l.taps > 0 && m.size() == l.taps);
                for (std::size_t t = m.first; t < m.last; ++t)
                    f(l.first + j * l.apart, std::size_t(l.tap + std::ptrdiff_t(t) * l.tap_apart),
                      std::size_t(l.at(j) + std::ptrdiff_t(t * l.reach)));
            }
        };
        std::vector<int> visited(a.L);
        visit(kernel::tap_lattice::forward(a),
              [&](std::size_t i, std::size_t k, std::size_t position) { ++forward[(i * a.K + k) * a.L + position]; });
        for (std::size_t rest = 0; rest < a.stride; ++rest) {
            const auto l = kernel::tap_lattice::backward(a, rest);
            for (std::size_t j = 0; j < l.count; ++j) ++visited[l.first + j * l.apart];
            visit(l, [&](std::size_t position, std::size_t k, std::size_t i) {
                ++backward[(i * a.K + k) * a.L + position];
            });
        }
        CHECK(forward == want);
        CHECK(backward == want);
        CHECK(interior);
        CHECK(visited == std::vector<int>(a.L, 1));
    });
}
