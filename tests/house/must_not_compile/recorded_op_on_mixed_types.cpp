// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: an op's inputs must have one floating-point type
#include "smldist/op/linear.hpp"

#ifdef MISUSE
using wider = double;
#else
using wider = float;
#endif

auto line(const smldist::var<float>& x, const smldist::parameter<wider>& w, const smldist::parameter<wider>& b) {
    return smldist::op::linear(x, w, b);
}
