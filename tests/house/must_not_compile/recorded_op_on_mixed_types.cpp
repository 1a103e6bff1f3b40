// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: an op's inputs must have one floating-point type
#include "smldist/op/linear.hpp"

#ifdef MISUSE
using second_type = double;
#else
using second_type = float;
#endif

auto line(const smldist::var<float>& x, const smldist::parameter<second_type>& w,
          const smldist::parameter<second_type>& b) {
    return smldist::op::linear(x, w, b);
}
