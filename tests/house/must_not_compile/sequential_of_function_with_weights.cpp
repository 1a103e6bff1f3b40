// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: an element of nn::sequential must be a layer with visit\(\), or a function that owns nothing
#include "smldist/nn/linear.hpp"
#include "smldist/nn/sequential.hpp"

using namespace smldist;

std::size_t parameters() {
    generator g(1);
    nn::linear<float> layer(3, 4, g);
#ifdef MISUSE
    const nn::sequential net([layer](const auto& x) { return layer(x); });
#else
    const nn::sequential net(layer, [](const auto& x) { return x; });
#endif
    return parameter_count(net);
}
