// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: an op's inputs must have one floating-point type
#include "smldist/op/arithmetic.hpp"

#ifdef MISUSE
using second_type = double;
#else
using second_type = float;
#endif

auto ratio(const smldist::var<float>& a, const smldist::tensor<second_type>& b) { return a / b; }
