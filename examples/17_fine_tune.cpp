// SPDX-License-Identifier: BSD-3-Clause
/// 17: fine-tuning. A saved network gets a head for new classes; its backbone is frozen, and nothing in it moves.
#include <cstdio>
#include <string>
#include <vector>

#include "smldist/core/parameter_groups.hpp"
#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/model/network.hpp"
#include "smldist/model/state_dict.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;
using network = model::network<float>;

namespace {

/// The windows of the first `count` classes, as a task of its own.
data::windows first_classes(const data::windows& w, std::size_t count) {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < w.size(); ++i)
        if (std::size_t(w.label[i]) < count) chosen.push_back(i);
    data::windows task = w.select(chosen);
    task.info.labels.resize(count);
    return task;
}

network make(const data::windows& task, std::uint64_t seed) {
    model::network_config config = model::preset("har_nano");
    config.head = model::linear_head{};
    config.backbone.channels = task.channels();
    config.classes = task.classes();
    return network(config, generator(seed));
}

} // namespace

int main() {
    // The first task: twelve people walk, climb stairs up and down, and sit. The second: three others also stand and lie.
    const data::train_test all = data::synthetic({.users = 15, .test_users = 4, .seconds = 20});
    const auto [second, others] = data::by_subject(all.train, {1, 2, 3});
    const data::windows first = first_classes(others, 4);
    const normaliser normal = data::fit_normaliser(first);
    {
        network net = make(first, 1);
        train::fit(net, first, first, normal, {.epochs = 12, .batch = 32});
        model::save_state_dict("first_task.safetensors", net);
    }

    // Another program, later. Without `strict` whatever fits is taken; the head, for other classes, stays new.
    network net = make(second, 2);
    const auto report = model::load_state_dict(net, "first_task.safetensors", {.strict = false});
    std::printf("%zu tensors taken, %s\n", report.loaded.size(), model::text(report).c_str());

    freeze(net, "backbone"); // every parameter whose path begins so; "*.norm" would be all batch-norms
    std::size_t learning = 0;
    walk(net, [&](const std::string&, const auto& leaf) {
        if constexpr (requires { leaf.trainable; })
            if (leaf.trainable) learning += leaf.value.size();
    });
    std::printf("%zu of %zu parameters learn\n", learning, parameter_count(net));

    const auto f1 = [&](const network& n) { return train::evaluate(n, all.test, normal).macro_f1; };
    const network before = net;
    train::fit(net, second, second, normal, {.epochs = 30, .batch = 32, .lr = 2e-2});
    std::printf("macro-F1 of the six classes, on people never seen: %.3f before, %.3f after\n", f1(before), f1(net));

    // All tensors of the backbone are as they were, to the bit: also the running statistics of its batch-norms, although the
    // data are new.
    const bool untouched = model::state_dict_bytes(net.backbone) == model::state_dict_bytes(before.backbone);
    const bool learned = model::state_dict_bytes(net) != model::state_dict_bytes(before);
    std::printf("backbone %s, head %s\n", untouched ? "identical" : "changed", learned ? "changed" : "identical");
    return untouched && learned && f1(net) > f1(before) + 0.2 ? 0 : 1;
}
