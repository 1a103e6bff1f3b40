// SPDX-License-Identifier: BSD-3-Clause
/// Sorting by index. All callers share one compiled sort; std::sort is compiled again for every type and comparison.
#ifndef SMLDIST_CORE_ARGSORT_HPP
#define SMLDIST_CORE_ARGSORT_HPP

#include <cstddef>
#include <vector>

#include "smldist/core/config.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Merge sort from the bottom up; `before(of, i, j)` tells whether i must come before j.
SMLDIST_NOINLINE inline std::vector<std::size_t>
merge_sort(std::size_t n, bool (*before)(const void*, std::size_t, std::size_t), const void* of) {
    std::vector<std::size_t> from(n), to(n);
    for (std::size_t i = 0; i < n; ++i) from[i] = i;
    for (std::size_t run = 1; run < n; run *= 2, from.swap(to))
        for (std::size_t i = 0, left = 0, right = 0, middle = 0, end = 0; i < n; ++i) {
            if (i == end) {
                left = i;
                right = middle = n - left < run ? n : left + run;
                end = n - middle < run ? n : middle + run;
            }
            const bool take_right = left == middle || (right < end && before(of, from[right], from[left]));
            to[i] = from[take_right ? right++ : left++];
        }
    return from;
}

} // namespace detail

/// The indices 0 … n − 1, sorted: i comes before j if before(i, j); of two that tie the smaller comes first.
/// Cost       at most n log₂ n comparisons, whatever the values.
template <class F> [[nodiscard]] std::vector<std::size_t> argsort(std::size_t n, const F& before) {
    return detail::merge_sort(
        n, [](const void* f, std::size_t i, std::size_t j) -> bool { return (*static_cast<const F*>(f))(i, j); },
        &before);
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
