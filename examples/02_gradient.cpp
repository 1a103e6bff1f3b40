// SPDX-License-Identifier: BSD-3-Clause
/// 02: a tape records what is computed and differentiates it. Gradients belong to the tape.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/op/softmax.hpp"
#include "smldist/testing/gradcheck.hpp"

using namespace smldist;

int main() {
    const tensor<double> z{{2, 1, -1}, {0, 3, 1}}; // logits of two windows, three classes
    const std::vector<int> label{0, 2};

    tape<double> t;
    const var<double> v = t.variable(z); // a value whose gradient is wanted
    const auto loss = loss::cross_entropy(v, label);
    t.backward(loss);
    std::printf("cross entropy %.6f\n", loss.value().item());

    // Theory: d loss / d z = (softmax(z) - one-hot) / B.
    const tensor<double> p = op::softmax(z); // the same op on a plain tensor just computes
    const tensor<double>& g = *t.gradient(v);
    double worst = 0;
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t n = 0; n < 3; ++n) {
            const double expected = (p(b, n) - (static_cast<int>(n) == label[b] ? 1 : 0)) / 2;
            std::printf("d loss / d z[%zu,%zu] = % .6f, expected % .6f\n", b, n, g(b, n), expected);
            worst = std::max(worst, std::abs(g(b, n) - expected));
        }

    // reset() forgets the computation and keeps the memory: there is no zero_grad.
    t.reset();
    std::printf("after reset the tape holds %zu values\n", t.size());

    // Your own function against central differences, in double.
    const auto check = testing::gradcheck({z}, [&](const auto& in) { return loss::cross_entropy(in[0], label); });
    std::printf("gradcheck: %s\n", check ? "passed" : check.message.c_str());
    return worst < 1e-15 && t.size() == 0 && check ? 0 : 1;
}
