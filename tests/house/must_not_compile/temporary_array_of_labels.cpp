// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include <array>

#include "smldist/loss/cross_entropy.hpp"

using namespace smldist;

double share(const std::vector<int>& other) {
#ifdef MISUSE
    const loss::mixed_labels mix(std::array<int, 2>{other[0], other[1]}, 0.75);
#else
    const loss::mixed_labels mix(other, 0.75);
#endif
    return mix.share;
}
