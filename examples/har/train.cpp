// SPDX-License-Identifier: BSD-3-Clause
/// train: one network, with labels.
#include <memory>

#include "commands.hpp"
#include "plan.hpp"
#include "recipe.hpp"
#include "trainings.hpp"

namespace har {

void train_network(experiment& run) {
    if (!run.work) run.work = std::make_shared<job>(plan_training(run.o, run.size()));
    auto all = train_members(run, "model", epochs_for(run.o.preset, run.o.training.epochs),
                             [&](const std::string& name, std::uint64_t stream) { return run.begin(name, stream); });
    join(run, "model", all);
}

void train(const options& o) {
    check_training(o);
    if (already_complete(o)) return;
    experiment run(o);
    train_network(run);
    run.finish();
}

} // namespace har
