// SPDX-License-Identifier: BSD-3-Clause
/// 04: a modern Hopfield network retrieves a stored pattern from a damaged one, in one update.
#include <algorithm>
#include <cstdio>

#include "smldist/core/random.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/norm.hpp"

using namespace smldist;

namespace {

tensor<float> directions(std::size_t count, std::size_t width, generator g) {
    tensor<float> x(shape{count, width});
    for (float& v : x) v = static_cast<float>(g.normal());
    return op::l2_normalize(x);
}

/// Smallest cosine between rows of the same number; b has rows of length 1.
double worst_cosine(const tensor<float>& a, const tensor<float>& b) {
    const tensor<float> unit = op::l2_normalize(a);
    double worst = 1;
    for (std::size_t r = 0; r < a.shape()[0]; ++r) {
        double cosine = 0;
        for (std::size_t c = 0; c < a.shape()[1]; ++c) cosine += double(unit(r, c)) * double(b(r, c));
        worst = std::min(worst, cosine);
    }
    return worst;
}

} // namespace

int main() {
    const std::size_t patterns = 50, width = 64;
    const tensor<float> stored = directions(patterns, width, generator(1));
    const tensor<float> noise = directions(patterns, width, generator(2));
    const tensor<float> damaged = op::l2_normalize(tensor<float>(stored.array() + noise.array()));
    std::printf("%zu patterns of width %zu, each half noise: worst cosine %.3f\n\n", patterns, width,
                worst_cosine(damaged, stored));

    // q <- keysᵀ softmax(beta keys q). A large beta picks the nearest pattern; a small one averages over many.
    double sharp = 0, blurred = 1;
    for (const float beta : {1.0f, 8.0f, 50.0f}) {
        const tensor<float> found = op::hopfield(damaged, stored, tensor<float>{beta}, {.updates = 1});
        const double worst = worst_cosine(found, stored);
        std::printf("beta %4.0f: worst cosine after one update %.3f\n", double(beta), worst);
        if (beta == 1.0f) blurred = worst;
        if (beta == 50.0f) sharp = worst;
    }
    return sharp > 0.99 && blurred < 0.9 ? 0 : 1;
}
