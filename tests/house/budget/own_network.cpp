// SPDX-License-Identifier: BSD-3-Clause
/// A network of one's own, trained by hand: two linear layers, a tape, an optimiser. Compiled by the budget test.
#include <cstdio>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/optim/adam.hpp"

using namespace smldist;

/// Logits of rows (B, in).
struct mlp {
    nn::linear<float> hidden, head;

    mlp(std::size_t in, std::size_t width, std::size_t classes, generator g)
        : hidden(in, width, g), head(width, classes, g) {}
    template <class X> X operator()(const X& x) const { return head(op::relu(hidden(x))); }
    static void visit(auto& self, auto&& member) {
        member("hidden", self.hidden);
        member("head", self.head);
    }
};

int main() {
    // Three clouds of points in the plane.
    tensor<float> x(shape{90, 2});
    std::vector<int> label(90);
    generator noise(1);
    for (std::size_t b = 0; b < 90; ++b) {
        label[b] = static_cast<int>(b % 3);
        x(b, 0) = float(label[b]) + 0.1f * float(noise.normal());
        x(b, 1) = float(label[b] == 1) + 0.1f * float(noise.normal());
    }

    mlp net(2, 16, 3, generator(0));
    optim::adam<float> optimiser({.lr = 0.01});
    tape<float> t;
    double first = 0, last = 0;
    for (int step = 0; step < 200; ++step) {
        t.reset();
        const auto loss = loss::cross_entropy(net(t.input(x)), label);
        t.backward(loss);
        optimiser.step(net, t);
        last = loss.value().item();
        if (step == 0) first = last;
    }
    std::printf("cross entropy %.3f -> %.3f\n", first, last);
    return last < 0.1 * first ? 0 : 1;
}
