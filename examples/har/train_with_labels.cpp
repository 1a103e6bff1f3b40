// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>

#include "networks.hpp"
#include "smldist/ref2021/training.hpp"
#include "smldist/search/head_search.hpp"
#include "trainings.hpp"

namespace har {

using namespace smldist;

namespace {

io::json to_json(const search::search_report& report, double tolerance) {
    io::json::array candidates;
    for (const auto& c : report.candidates) {
        io::json one;
        one.set("head", c.name);
        one.set("weight", c.weight);
        one.set("extra_macs", c.macs);
        one.set("validation_macro_f1", c.validation.macro_f1);
        candidates.push_back(std::move(one));
    }
    io::json j;
    j.set("candidates", std::move(candidates));
    j.set("mixture_validation_macro_f1", report.mixture.macro_f1);
    j.set("reason", report.reason(tolerance));
    return j;
}

void tell(const search::search_report& report, double tolerance) {
    for (const auto& c : report.candidates)
        std::fprintf(stderr, "head %-9s weight %.3f  validation macro-F1 %.4f  %+.0f MACs\n", c.name.c_str(),
                     c.weight, c.validation.macro_f1, c.macs);
    std::fprintf(stderr, "chosen %s\n", report.reason(tolerance).c_str());
}

/// Trains a network with candidate heads as a mixture, then keeps one of them.
io::json search_head(experiment& run, const std::string& name, network& net, std::size_t epochs,
                     experiment::hooks around) {
    search::search_options so;
    so.label_smoothing = run.o.losses.logits.label_smoothing;
    search::head_search objective(search::candidate_costs(net, shape{1, run.set.train.length(), run.channel_count()}),
                                  so);
    io::json search;
    around.finish = [&](network& trained) {
        const auto report = search::decide(trained, run.split.validation, run.normal, so, run.channels);
        if (&trained != &net) return; // the best epoch's network is decided in silence
        search = to_json(report, so.tolerance);
        if (!run.o.quiet) tell(report, so.tolerance);
    };
    io::json figures = run.run(name, net, objective, epochs, around);
    figures.set("search", std::move(search));
    return figures;
}

} // namespace

io::json train_with_labels(experiment& run, const std::string& name, network& net, std::size_t epochs) {
    train::supervised labels{run.o.losses.logits.label_smoothing};
    experiment::hooks around;
    if (published(run.o)) {
        labels.label_smoothing = 0;
        around.adjust = [](train::training_options& t) { t = ref2021::training_options(ref2021::phase::teacher, t); };
    } else {
        around.adjust = [&](train::training_options& t) { t.memory = run.o.training.memory; };
    }
    return net.under_search() ? search_head(run, name, net, epochs, around)
                              : run.run(name, net, labels, epochs, around);
}

} // namespace har
