// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: an op's inputs must be tensors, vars, symbols, parameters or buffers
#include "smldist/op/pointwise.hpp"

#ifdef MISUSE
using input = float;
#else
using input = smldist::tensor<float>;
#endif

auto positive(const input& x) { return smldist::op::relu(x); }
