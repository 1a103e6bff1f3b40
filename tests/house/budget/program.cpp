// SPDX-License-Identifier: BSD-3-Clause
/// A unit that runs a program and includes nothing else of the library.
#include "smldist/runtime/program.hpp"

int classify(const smldist::runtime::program& net, smldist::runtime::workspace& memory, const float* window,
             float* logits, int classes) {
    net.run(window, logits, 1, memory);
    int best = 0;
    for (int n = 1; n < classes; ++n)
        if (logits[n] > logits[best]) best = n;
    return best;
}
