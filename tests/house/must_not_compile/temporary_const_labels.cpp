// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/loss/cross_entropy.hpp"

using namespace smldist;

const std::vector<int> labels();

double share(const std::vector<int>& other) {
#ifdef MISUSE
    const loss::mixed_labels mix(labels(), 0.75);
#else
    const loss::mixed_labels mix(other, 0.75);
#endif
    return mix.share;
}
