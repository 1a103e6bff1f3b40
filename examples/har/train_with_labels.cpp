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

/// The random stream of member `k`, which gives its initial weights. The first member is trained with --seed itself; each
/// other member is trained with a seed drawn from its stream.
std::uint64_t stream_of(std::size_t k) { return k == 0 ? 2 : 1000 + k; }

} // namespace

io::json train_with_labels(experiment& run, const std::string& name, network& net, std::size_t epochs,
                           std::size_t member) {
    train::supervised labels{run.o.losses.logits.label_smoothing};
    experiment::hooks around;
    if (published(run.o)) {
        labels.label_smoothing = 0;
        around.adjust = [](train::training_options& t) { t = ref2021::training_options(ref2021::phase::teacher, t); };
    } else {
        around.adjust = [&](train::training_options& t) {
            t.memory = run.o.training.memory;
            if (member > 0) t.seed = generator(run.o.seed, stream_of(member)).split(0).bits64();
        };
    }
    return net.under_search() ? search_head(run, name, net, epochs, around)
                              : run.run(name, net, labels, epochs, around);
}

teachers train_members(experiment& run, const std::string& name, std::size_t epochs,
                       const std::function<network(const std::string&, std::uint64_t)>& make) {
    std::vector<network> members;
    for (std::size_t k = 0; k < run.o.teachers; ++k) {
        const std::string own = member_name(name, k);
        if (k > 0 && run.stopped_before(own)) break;
        network net = make(own, stream_of(k));
        run.result.set(own, train_with_labels(run, own, net, epochs, k));
        members.push_back(std::move(net));
    }
    return teachers(std::move(members));
}

void join(experiment& run, const std::string& name, teachers& members) {
    if (members.members().size() == 1 || run.stopped) return;
    const std::size_t leader = distill::nearest_member(members, run.split.validation, run.normal, run.channels);
    members.lead(leader);
    io::json j = run.test_together(name + "s", members);
    j.set("members", members.members().size());
    j.set("leader", member_name(name, leader));
    if (!run.o.quiet)
        std::fprintf(stderr, "%ss: %zu, led by %s\n", name.c_str(), members.members().size(),
                     member_name(name, leader).c_str());
    run.result.set(name + "s", std::move(j));
}

} // namespace har
