// SPDX-License-Identifier: BSD-3-Clause
/// 09: federated averaging. Five people share a network, and none of them gives away a recording.
#include <cstdio>
#include <vector>

#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/model/network.hpp"
#include "smldist/optim/average.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;

int main() {
    const data::train_test set = data::synthetic({.users = 5, .test_users = 6, .seconds = 40});
    std::vector<data::windows> users;
    std::vector<double> windows;
    for (const int person : set.train.subjects()) {
        users.push_back(data::by_subject(set.train, {person}).in);
        windows.push_back(double(users.back().size()));
    }
    // Ranges of the channels, which the five agree on beforehand; here they are those of all data.
    const normaliser normal = data::fit_normaliser(set.train);
    const auto f1 = [&](const model::network<float>& net) { return train::evaluate(net, set.test, normal).macro_f1; };

    // A round: everyone trains a copy of the shared network for a short while, and the copies are averaged.
    const std::size_t rounds = 10, epochs = 4;
    const model::network<float> start(model::preset("har_nano"), generator(1));
    model::network<float> shared = start;
    train::training_options local{.epochs = epochs, .batch = 32, .lr = 4e-3};
    local.schedule.kind = optim::schedule_kind::constant;
    std::printf("macro-F1 on people never seen, untrained: %.3f\n", f1(shared));
    for (std::size_t round = 1; round <= rounds; ++round) {
        std::vector<model::network<float>> copies(users.size(), shared);
        for (std::size_t k = 0; k < users.size(); ++k) {
            local.seed = round * users.size() + k;
            train::fit(copies[k], users[k], users[k], normal, local);
        }
        shared = optim::average_models(copies, windows);
        std::printf("round %zu: %.3f\n", round, f1(shared));
    }

    // For comparison, with the same number of epochs: each person trains separately, and then one network on all data.
    train::training_options alone = local;
    alone.epochs = rounds * epochs;
    double sum = 0;
    std::printf("each on their own data only:");
    for (const data::windows& mine : users) {
        model::network<float> own = start;
        train::fit(own, mine, mine, normal, alone);
        sum += f1(own);
        std::printf(" %.3f", f1(own));
    }
    const double mean = sum / double(users.size());
    model::network<float> pooled = start;
    train::fit(pooled, set.train, set.train, normal, alone);
    std::printf(", mean %.3f\nall data in one place: %.3f\n", mean, f1(pooled));
    return f1(shared) > mean ? 0 : 1;
}
