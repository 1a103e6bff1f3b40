// SPDX-License-Identifier: BSD-3-Clause
/// 10: one training on several processes. Needs an MPI:
///
///     mpicxx -std=c++20 -O2 -march=native -I include examples/10_data_parallel.cpp -o data_parallel
///     mpirun -n 2 ./data_parallel
#include <cstdio>

#include "smldist/core/parallel.hpp"
#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/mpi.hpp"

using namespace smldist;

int main() try {
    const train::mpi::world world;
    set_threads(1); // of each rank

    // Every rank makes the same data, the same network and the same training.
    const data::train_test set = data::synthetic({.users = 8, .test_users = 3, .seconds = 20});
    const data::hold_out people = data::hold_out_subjects(set.train, 2, 0);
    const normaliser normal = data::fit_normaliser(people.train);
    model::network<float> net(model::preset("har_nano"), generator(1));
    train::supervised labels;
    train::training t(net, labels, people.train, people.validation, normal, {.epochs = 10, .batch = 64});
    t.on_epoch = [&](const train::epoch_report& e) {
        if (world.root())
            std::printf("epoch %2zu: loss %.3f, validation macro-F1 %.3f\n", e.epoch, e.train.total, e.score);
    };

    const auto result = train::mpi::run(t, {.synchronised_batch_norm = true});
    const double f1 = train::evaluate(result.best, set.test, normal).macro_f1;
    if (world.root()) std::printf("%zu ranks: macro-F1 on people never seen %.3f\n", world.size(), f1);
    return f1 > 0.5 ? 0 : 1;
} catch (const error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
