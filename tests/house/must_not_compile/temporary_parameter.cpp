// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/autograd/tape.hpp"

using namespace smldist;

var<float> leaf(tape<float>& t, const parameter<float>& p) {
#ifdef MISUSE
    return t.leaf(parameter<float>(p));
#else
    return t.leaf(p);
#endif
}
