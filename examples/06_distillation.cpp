// SPDX-License-Identifier: BSD-3-Clause
/// 06: distillation. A student learns from the labels and from a teacher's stages, memory and logits.
#include <cstdio>

#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/model/load.hpp"

using namespace smldist;
using network = model::network<float>;

int main() {
    const auto [all, test] = data::synthetic({.users = 10, .test_users = 6, .seconds = 20});
    const auto [train, validation, people] = data::hold_out_subjects(all, 2, 0);
    const normaliser normal = data::fit_normaliser(train);

    const auto make = [&](std::string_view preset, std::uint64_t seed) {
        auto config = model::preset(preset);
        config.head = model::head_kind::memory; // a label-valued Hopfield memory
        return network(config, generator(seed));
    };
    const auto fit = [&](network& net, auto& objective, std::size_t epochs) {
        return distill::training(net, objective, train, validation, normal, {.epochs = epochs, .batch = 32}).run();
    };
    const auto report = [&](const char* name, const network& net) {
        const double f1 = distill::evaluate(net, test, normal).macro_f1;
        std::printf("%-18s %6zu parameters %7llu MACs   macro-F1 %.3f\n", name, parameter_count(net),
                    static_cast<unsigned long long>(model::trace(net, test.length()).macs()), f1);
        return f1;
    };

    // The teacher, from labels alone. Here it is small, so that the example takes seconds.
    distill::supervised labels;
    network teacher = make("har_student", 1);
    fit(teacher, labels, 20);

    // The same student twice: alone, and distilled.
    network alone = make("har_nano", 2), student = alone;
    fit(alone, labels, 12);

    student.take_memory(teacher, model::memory_transfer::copy_slow); // store: the teacher's patterns
    const network before = teacher;
    distill::distiller smldist(teacher, student, distill::calibrate(teacher, train, normal), {},
                               shape{1, train.length(), train.channels()}, generator(3));
    fit(student, smldist, 12);

    report("teacher", teacher);
    report("student alone", alone);
    const double distilled = report("student distilled", student);

    // One seed on made-up data shows the way, not the gain: docs/results.md has means on real data.
    // The teacher is read, never written.
    const bool untouched = identical(before(test.x).logits, teacher(test.x).logits);
    return distilled > 0.7 && untouched ? 0 : 1;
}
