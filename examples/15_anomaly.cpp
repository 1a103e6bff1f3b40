// SPDX-License-Identifier: BSD-3-Clause
/// 15: anomalies without examples of them. An autoencoder learns normal windows; what it cannot rebuild is strange.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "smldist/loss/mse.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/upsample.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/schedule.hpp"

using namespace smldist;

namespace {

constexpr std::size_t length = 64;

/// (B, 64, 1) to a code (B, 8, 2), a quarter of the numbers, and back.
struct autoencoder {
    nn::conv1d<float> in1, in2, in3;
    nn::conv_transpose1d<float> out1, out2;
    nn::conv1d<float> out3;

    explicit autoencoder(generator g)
        : in1(1, 12, 5, g, {.stride = 2, .padding = 2}),
          in2(12, 16, 5, g, {.stride = 2, .padding = 2}),
          in3(16, 2, 5, g, {.stride = 2, .padding = 2}),
          out1(2, 16, 4, g, {.stride = 2, .padding = 1}),
          out2(16, 12, 4, g, {.stride = 2, .padding = 1}),
          out3(12, 1, 5, g, {.padding = 2}) {}

    template <class X> X operator()(const X& x) const {
        const X code = in3(op::silu(in2(op::silu(in1(x)))));
        // Time is doubled twice by a transposed convolution, once by interpolation.
        return out3(op::upsample(op::silu(out2(op::silu(out1(code)))), {.scale = 2, .linear = true}));
    }
    static void visit(auto& self, auto&& member) {
        member("in1", self.in1);
        member("in2", self.in2);
        member("in3", self.in3);
        member("out1", self.out1);
        member("out2", self.out2);
        member("out3", self.out3);
    }
};

enum class fault { none, knock, slip, stuck };

/// The vibration of a machine: a tone and its overtone, of random phase, strength and a speed that varies by a tenth.
tensor<float> vibration(std::size_t count, fault f, generator g) {
    tensor<float> x(shape{count, length, 1});
    for (std::size_t i = 0; i < count; ++i) {
        const double speed = g.uniform(0.9, 1.1) * 2 * std::numbers::pi / 20, strength = g.uniform(0.8, 1.2);
        const double phase = g.uniform(0, 2 * std::numbers::pi);
        const std::size_t from = 8 + g.below(32);
        for (std::size_t t = 0; t < length; ++t) {
            double angle = speed * double(t) + phase;
            if (f == fault::slip && t >= from) angle += std::numbers::pi; // half a turn is lost
            if (f == fault::stuck && t >= from && t < from + 16) angle = speed * double(from) + phase;
            double v = strength * (std::sin(angle) + 0.4 * std::sin(2 * angle + 1));
            if (f == fault::knock && t >= from && t < from + 3) v += 1.2; // three samples
            x(i, t, 0) = float(v + 0.1 * g.normal());
        }
    }
    return x;
}

/// Mean squared error of every window that is rebuilt, (N).
tensor<float> errors(const autoencoder& net, const tensor<float>& x) {
    const tensor<float> difference = op::flatten(x - net(x));
    return op::mean(difference * difference, {.axis = 1});
}

/// Area under the ROC curve: how often a strange window has a larger error than a normal one; ties count half.
double auc(const tensor<float>& normal, const tensor<float>& strange) {
    double wins = 0;
    for (const float s : strange)
        for (const float n : normal) wins += s > n ? 1 : s == n ? 0.5 : 0;
    return wins / (double(normal.size()) * double(strange.size()));
}

} // namespace

int main() {
    autoencoder net(generator(1));
    const std::size_t steps = 1500;
    const optim::one_cycle rate{.max = 1e-2, .total = steps};
    auto optimiser = optim::adamw<float>();
    tape<float> t;
    for (std::size_t step = 0; step < steps; ++step) {
        const tensor<float> x = vibration(64, fault::none, generator(2).split(step));
        t.reset();
        const auto loss = loss::mse(net(t.input(x)), x);
        t.backward(loss);
        optimiser.options.lr = rate(step);
        optimiser.step(net, t);
        if (step % 500 == 499) std::printf("step %zu: error %.4f\n", step + 1, double(loss.value().item()));
    }

    const tensor<float> normal = errors(net, vibration(500, fault::none, generator(3)));
    // An alarm at the error that one of 100 normal windows exceeds.
    std::vector<float> sorted(normal.begin(), normal.end());
    std::sort(sorted.begin(), sorted.end());
    const float threshold = sorted[sorted.size() * 99 / 100];
    double worst = 1;
    for (const auto& [name, f] : {std::pair("knock", fault::knock), {"slip", fault::slip}, {"stuck", fault::stuck}}) {
        const tensor<float> strange = errors(net, vibration(200, f, generator(4)));
        const auto found = std::count_if(strange.begin(), strange.end(), [&](float e) { return e > threshold; });
        const double area = auc(normal, strange);
        std::printf("%-6s AUC %.3f; %3.0f %% found with 1 %% false alarms\n", name, area, double(found) / 2);
        worst = std::min(worst, area);
    }
    return worst > 0.9 ? 0 : 1;
}
