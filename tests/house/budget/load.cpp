// SPDX-License-Identifier: BSD-3-Clause
/// A unit that loads a program from a model file and runs it.
#include "smldist/deploy/load.hpp"

void classify(const char* path, const float* window, float* logits) {
    const smldist::deploy::loaded model = smldist::deploy::load(path);
    model.net.run(window, logits);
}
