// SPDX-License-Identifier: BSD-3-Clause
/// 14: a recurrent network on a stream. Its state is carried from block to block, so the size of the blocks does not matter.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "smldist/loss/cross_entropy.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/recurrent.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/schedule.hpp"

using namespace smldist;

namespace {

/// Says after every sample which gesture came last. It returns the decisions' logits and advances the state.
struct listener {
    nn::gru<float> memory;
    nn::linear<float> head;

    explicit listener(generator g) : memory(1, 16, g), head(16, 3, g) {}

    template <class X> X operator()(const X& x, nn::gru_state<X>& state) const {
        const auto [y, next] = memory(x, state);
        state = next;
        return head(y);
    }
    static void visit(auto& self, auto&& member) {
        member("memory", self.memory);
        member("head", self.head);
    }
};

struct streams {
    tensor<float> x;        ///< (B, L, 1)
    std::vector<int> label; ///< (B L): 0 before the first gesture, then 1 or 2, that of the last one that ended
};

/// One channel: noise, and now and then a swing up and then down (gesture 1), or down and then up (gesture 2).
streams perform(std::size_t count, std::size_t length, generator g) {
    constexpr std::size_t duration = 12;
    streams s{tensor<float>(shape{count, length, 1}), {}};
    for (std::size_t b = 0; b < count; ++b) {
        int last = 0, current = 0;
        std::size_t begin = g.below(40);
        for (std::size_t t = 0; t < length; ++t) {
            if (t == begin) current = g.chance(0.5) ? 1 : 2;
            double swing = 0;
            if (t >= begin) {
                swing = std::sin(2 * std::numbers::pi * double(t - begin + 1) / duration) * (current == 1 ? 1 : -1);
                if (t + 1 == begin + duration) {
                    last = current;
                    begin = t + 10 + g.below(50);
                }
            }
            s.x(b, t, 0) = float(swing + 0.2 * g.normal());
            s.label.push_back(last);
        }
    }
    return s;
}

/// Decisions of a stream (1, L, 1) that arrives in blocks; with `forget` the state is not carried on.
std::vector<float> decide(const listener& net, const tensor<float>& x, std::size_t block, bool forget = false) {
    std::vector<float> all;
    nn::gru_state<tensor<float>> state; // empty: zeros
    for (std::size_t begin = 0, L = x.shape()[1]; begin < L; begin += block) {
        if (forget) state = {};
        const tensor<float> part = op::slice(x, 1, begin, std::min(begin + block, L));
        const tensor<float> best = op::argmax(net(part, state), {.axis = -1});
        all.insert(all.end(), best.begin(), best.end());
    }
    return all;
}

double accuracy(const std::vector<float>& decisions, const std::vector<int>& label) {
    std::size_t right = 0;
    for (std::size_t i = 0; i < label.size(); ++i) right += int(decisions[i]) == label[i];
    return double(right) / double(label.size());
}

} // namespace

int main() {
    listener net(generator(1));
    const std::size_t steps = 800, batch = 32, length = 128;
    const optim::one_cycle rate{.max = 2e-2, .total = steps};
    auto optimiser = optim::adamw<float>();
    tape<float> t;
    for (std::size_t step = 0; step < steps; ++step) {
        const streams s = perform(batch, length, generator(2).split(step)); // new streams in every step
        t.reset();
        nn::gru_state<var<float>> state;
        const auto logits = net(t.input(s.x), state);
        const auto loss = loss::cross_entropy(op::reshape(logits, {batch * length, 3}), s.label);
        t.backward(loss);
        optim::clip_gradient_norm(net, t, 1);
        optimiser.options.lr = rate(step);
        optimiser.step(net, t);
        if (step % 200 == 199) std::printf("step %zu: loss %.3f\n", step + 1, double(loss.value().item()));
    }

    // A stream that is 40 times as long as those of the training.
    const streams test = perform(1, 5120, generator(3));
    const std::vector<float> whole = decide(net, test.x, test.x.shape()[1]);
    std::printf("in one piece: accuracy %.3f\n", accuracy(whole, test.label));
    bool same = true;
    for (const std::size_t block : {1u, 7u, 50u, 1000u}) {
        const bool equal = decide(net, test.x, block) == whole;
        std::printf("in blocks of %zu: %s\n", block, equal ? "the same decisions" : "other decisions");
        same = same && equal;
    }
    const double forgetful = accuracy(decide(net, test.x, 50, true), test.label);
    std::printf("in blocks of 50, each from a new state: accuracy %.3f\n", forgetful);
    return same && accuracy(whole, test.label) > 0.9 && forgetful < 0.8 ? 0 : 1;
}
