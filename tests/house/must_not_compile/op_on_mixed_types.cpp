// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: an op's inputs must have one floating-point type
#include "smldist/op/arithmetic.hpp"

#ifdef MISUSE
using wider = double;
#else
using wider = float;
#endif

auto sum(const smldist::tensor<float>& a, const smldist::tensor<wider>& b) { return smldist::op::add(a, b); }
