// SPDX-License-Identifier: BSD-3-Clause
/// What train/mpi.hpp gains: steps of har_teacher at a joint batch of 256, by one rank without MPI and by all together, in
/// turns. Each rank has one thread.
///
///     mpirun -n 2 build/bench/bin/mpi_train_step [ROUNDS]
///
/// Prints the median time of a step for both and the efficiency, time of one / (ranks · time of all).
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "smldist/core/parallel.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/mpi.hpp"

using namespace smldist;
using network = model::network<float>;
using clock_type = std::chrono::steady_clock;

namespace {

double median(std::vector<double> x) {
    std::nth_element(x.begin(), x.begin() + std::ptrdiff_t(x.size() / 2), x.end());
    return x[x.size() / 2];
}

/// Waits for the other ranks without using their cores, as MPI_Barrier would.
void meet() {
    MPI_Request request{};
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    for (int done = 0;; std::this_thread::sleep_for(std::chrono::milliseconds(5))) {
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (done) return;
    }
}

/// Times of the steps of one epoch, in ms; not those of its first two, which allocate.
template <class Run> std::vector<double> steps(const data::windows& train, const data::windows& validation, Run run) {
    const normaliser normal = data::fit_normaliser(train);
    network net(model::preset("har_teacher"), generator(1));
    train::supervised labels;
    train::training t(net, labels, train, validation, normal, {.epochs = 1, .batch = 256});
    std::vector<double> times;
    auto last = clock_type::now();
    t.on_step = [&](const train::step_report& s) {
        const auto now = clock_type::now();
        if (s.step > 2) times.push_back(std::chrono::duration<double, std::milli>(now - last).count());
        last = now;
    };
    run(t);
    return times;
}

} // namespace

int main(int argc, char** argv) try {
    const train::mpi::world world;
    set_threads(1);
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 5;
    const data::train_test set = data::synthetic({.users = 16, .test_users = 1, .seconds = 40});
    const data::windows few = set.test.select({0, 40, 80});
    std::vector<double> alone, together[2];
    for (int round = 0; round < rounds; ++round) {
        meet();
        if (world.root())
            for (const double ms : steps(set.train, few, [](auto& t) { t.run(); })) alone.push_back(ms);
        for (const bool joined : {false, true}) {
            meet();
            const train::mpi::options o{.synchronised_batch_norm = joined};
            for (const double ms : steps(set.train, few, [&](auto& t) { train::mpi::run(t, o); }))
                together[joined].push_back(ms);
        }
    }
    if (!world.root()) return 0;
    std::printf("one rank              %8.2f ms a step\n", median(alone));
    for (const bool joined : {false, true})
        std::printf("%zu ranks%s  %8.2f ms a step, efficiency %.3f\n", world.size(),
                    joined ? ", joined norms" : "              ", median(together[joined]),
                    median(alone) / (double(world.size()) * median(together[joined])));
} catch (const error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
