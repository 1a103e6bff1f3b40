// SPDX-License-Identifier: BSD-3-Clause
/// 06: distillation. A student learns from the labels and from its teacher's stages, memory and logits.
#include <cstdio>

#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;
using network = model::network<float>;

int main() {
    const data::train_test set = data::synthetic({.users = 10, .test_users = 6, .seconds = 20});
    const data::hold_out people = data::hold_out_subjects(set.train, 2, 0);
    const normaliser normal = data::fit_normaliser(people.train);

    const auto make = [](std::string_view preset, std::uint64_t seed) {
        auto config = model::preset(preset); // nine channels and six classes, as the data
        config.head = model::memory_head{};
        return network(config, generator(seed));
    };
    const auto epochs = [](std::size_t n) { return train::training_options{.epochs = n, .batch = 32}; };

    // The teacher learns only from labels. It is small here, so that the example takes seconds.
    network teacher = make("har_student", 1);
    train::fit(teacher, people.train, people.validation, normal, epochs(20));

    // The same student twice: alone, and distilled.
    network alone = make("har_nano", 2), student = alone;
    train::fit(alone, people.train, people.validation, normal, epochs(12));

    const network before = teacher;
    // The stored patterns of the memory are handed over; the losses compare stages, memory and logits.
    const auto history = distill::fit(student, teacher, people.train, people.validation, normal, epochs(12)).history;
    for (const auto& epoch : history)
        std::printf("epoch %2zu: hard %.3f, soft %.3f, stage %.3f, memory %.3f; validation macro-F1 %.3f\n",
                    epoch.epoch, epoch.train["hard"], epoch.train["soft"], epoch.train["stage"],
                    epoch.train["memory"], epoch.validation.macro_f1);

    // One seed on made-up data says nothing about the gain; docs/results.md has means over seeds on real data.
    const auto report = [&](const char* name, const network& net) {
        std::printf("%-18s %6zu parameters, macro-F1 on unseen people %.3f\n", name, parameter_count(net),
                    train::evaluate(net, set.test, normal).macro_f1);
    };
    report("teacher", teacher);
    report("student alone", alone);
    report("student distilled", student);

    // The student explains windows as the teacher does, by the same patterns. The teacher was only read.
    const bool follows = history.back().train["memory"] < 0.25 * history.front().train["memory"];
    const bool untouched = identical(before(set.test.x).logits, teacher(set.test.x).logits);
    return follows && untouched ? 0 : 1;
}
