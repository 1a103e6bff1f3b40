// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: ignoring return value
#include "smldist/core/tensor.hpp"

#ifdef MISUSE
#pragma GCC diagnostic error "-Wunused-result"
#endif

void flatten(smldist::tensor<float>& x) {
#ifdef MISUSE
    x.reshaped({x.size()}); // returns another tensor
#else
    x = x.reshaped({x.size()});
#endif
}
