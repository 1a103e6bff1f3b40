// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: ignoring return value
#include "smldist/op/pointwise.hpp"

#ifdef MISUSE
#pragma GCC diagnostic error "-Wunused-result"
#endif

void positive(smldist::tensor<float>& x) {
#ifdef MISUSE
    smldist::op::relu(x); // computes a new tensor, x is as before
#else
    x = smldist::op::relu(x);
#endif
}
