// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor)
#include "smldist/autograd/tape.hpp"

smldist::tape<float> original;
#ifdef MISUSE
smldist::tape<float> copy = original;
#else
smldist::tape<float>& same = original;
#endif
