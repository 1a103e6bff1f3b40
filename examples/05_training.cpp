// SPDX-License-Identifier: BSD-3-Clause
/// 05: a training loop by hand. Five lines a step: reset, forward, loss, backward, update.
#include <cstdio>

#include "smldist/data/loader.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/model/network.hpp"
#include "smldist/optim/adam.hpp"
#include "smldist/optim/schedule.hpp"
#include "smldist/train/evaluate.hpp"

using namespace smldist;

int main() {
    // Made-up people walk, climb, sit, stand and lie; those of the test set are others than those of the training set.
    const auto [train, test] = data::synthetic({.users = 8, .test_users = 3, .seconds = 20});
    const normaliser normal = data::fit_normaliser(train);
    data::loader batches(train, {.batch = 32, .augment = data::augment_options::reference()}, normal, generator(1));

    auto config = model::preset("har_nano");
    config.backbone.channels = train.channels();
    config.classes = train.classes();
    model::network<float> net(config, generator(2));
    const double untrained = train::evaluate(net, test, normal).macro_f1;

    const std::size_t epochs = 8;
    const optim::one_cycle rate{.max = 8e-3, .total = epochs * batches.batches()};
    auto optimiser = optim::adamw<float>();
    tape<float> t; // made once, reset each step
    data::batch b;
    std::size_t step = 0;
    for (std::size_t epoch = 1; epoch <= epochs; ++epoch) {
        double sum = 0;
        for (batches.start(epoch); batches.next(b); ++step) {
            optimiser.options.lr = rate(step);
            t.reset();
            const auto out = net(t.input(b.x), mode::train);
            const auto loss = loss::cross_entropy(out.logits, b.label);
            t.backward(loss);
            optimiser.step(net, t);
            sum += double(loss.value().item());
        }
        std::printf("epoch %zu: mean loss %.3f\n", epoch, sum / double(batches.batches()));
    }

    const double trained = train::evaluate(net, test, normal).macro_f1;
    std::printf("macro-F1 on people never seen: %.3f before training, %.3f after\n", untrained, trained);
    return trained > 0.7 && trained > untrained + 0.3 ? 0 : 1;
}
