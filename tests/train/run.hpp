// SPDX-License-Identifier: BSD-3-Clause
/// A brief training on few() and everything that it reported.
#ifndef SMLDIST_TESTS_TRAIN_RUN_HPP
#define SMLDIST_TESTS_TRAIN_RUN_HPP

#include <vector>

#include "smldist/train/loop.hpp"
#include "train/tiny.hpp"

inline smldist::train::training_options brief(std::size_t epochs = 3) {
    smldist::train::training_options o;
    o.epochs = epochs;
    o.batch = 26;
    return o;
}

/// A run on few(), and everything that it reported.
struct run {
    network net;
    smldist::train::training_result<network> result;
    std::vector<network> after_epoch;
    std::vector<smldist::train::step_report> steps;

    explicit run(const smldist::train::training_options& o,
                 const smldist::data::windows& validation = few().validation, std::uint64_t network_seed = 0)
        : net(make(student_config(), network_seed)) {
        smldist::train::supervised objective;
        smldist::train::training t(net, objective, few().train, validation, few().normal, o);
        t.on_epoch = [this](const smldist::train::epoch_report&) { after_epoch.push_back(net); };
        t.on_step = [this](const smldist::train::step_report& s) { steps.push_back(s); };
        result = t.run();
    }
};

/// The first epoch with the best score, from 1.
inline std::size_t first_best(const std::vector<smldist::train::epoch_report>& history) {
    std::size_t best = 0;
    for (std::size_t e = 1; e < history.size(); ++e)
        if (history[e].score > history[best].score) best = e;
    return best + 1;
}

#endif
