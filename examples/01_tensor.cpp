// SPDX-License-Identifier: BSD-3-Clause
/// 01: a tensor owns its numbers, row-major with channels last, and shows them to xtensor as a view.
#include <cstdio>

#include "smldist/core/tensor.hpp"

using namespace smldist;

int main() {
    // Four samples of a two-channel sensor: rows are time, columns are channels.
    const tensor<float> x{{1, 10}, {2, 20}, {3, 30}, {4, 40}};
    std::printf("x has shape %s; sample 2 of channel 1 is %g\n", x.shape().text().c_str(), double(x(2, 1)));

    // A shape goes into parentheses: tensor<float>{4, 2} would be the two values 4 and 2.
    const tensor<float> zeros(shape{4, 2});
    const tensor<float> values{4, 2};
    std::printf("shape{4, 2} makes %zu zeros, {4, 2} makes %zu values\n", zeros.size(), values.size());

    // array() is the view that xtensor works on; a tensor is made of any expression, evaluated at once.
    const tensor<float> shifted = x.array() * 2 - 1;
    std::printf("2x - 1 begins with %g, %g\n", double(shifted[0]), double(shifted[1]));

    // Copies are deep; a view writes through to its tensor.
    tensor<float> copy = x;
    copy.array() *= 2;
    std::printf("twice x ends with %g, x itself still with %g\n", double(copy(3, 1)), double(x(3, 1)));

    // The same numbers under another shape: a batch of two windows (B, L, C) of two samples each.
    const tensor<float> batch = x.reshaped({2, 2, 2});
    std::printf("window 1, sample 0, channel 1: %g\n", double(batch(1, 0, 1)));

    // What does not fit throws a typed error that says what was expected.
    bool refused = false;
    try {
        static_cast<void>(x.reshaped({3, 3}));
    } catch (const shape_error& e) {
        std::printf("refused: %s\n", e.what());
        refused = true;
    }

    const bool ok = zeros.size() == 8 && values.size() == 2 && shifted(0, 1) == 19 && copy(3, 1) == 80 &&
                    x(3, 1) == 40 && batch(1, 0, 1) == 30 && refused;
    return ok ? 0 : 1;
}
