// SPDX-License-Identifier: BSD-3-Clause
/// train: one network, with labels.
#include "commands.hpp"
#include "recipe.hpp"
#include "trainings.hpp"

namespace har {

void train(const options& o) {
    check_training(o);
    experiment run(o);
    network net = run.make(o.preset, 2);
    run.result.set("model", train_with_labels(run, "model", net, epochs_for(o.preset, o.training.epochs)));
    run.finish();
}

} // namespace har
