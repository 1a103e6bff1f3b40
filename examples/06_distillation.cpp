// SPDX-License-Identifier: BSD-3-Clause
/// 06: distillation. A student learns from the labels and from its teacher's stages, memory and logits.
#include <cmath>
#include <cstdio>

#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;
using network = model::network<float>;

int main() {
    const auto [all, test] = data::synthetic({.users = 10, .test_users = 6, .seconds = 20});
    const auto [train, validation, people] = data::hold_out_subjects(all, 2, 0);
    const normaliser normal = data::fit_normaliser(train);

    const auto make = [](std::string_view preset, std::uint64_t seed) {
        auto config = model::preset(preset); // nine channels and six classes, as the data
        config.head = model::head_kind::memory;
        return network(config, generator(seed));
    };
    const auto fit = [&](network& net, auto& objective, std::size_t epochs) {
        return distill::training(net, objective, train, validation, normal, {.epochs = epochs, .batch = 32}).run();
    };

    // The teacher learns from labels alone. It is small here, so that the example takes seconds.
    distill::supervised labels;
    network teacher = make("har_student", 1);
    fit(teacher, labels, 20);

    // The same student twice: alone, and distilled.
    network alone = make("har_nano", 2), student = alone;
    fit(alone, labels, 12);

    const network before = teacher;
    student.take_memory(teacher, model::memory_transfer::copy_slow); // memory: the stored patterns are handed over
    distill::distiller objective(teacher, student, distill::calibrate(teacher, train, normal), {},
                                 shape{1, train.length(), train.channels()}, generator(3));
    const auto history = fit(student, objective, 12).history;
    for (const auto& epoch : {history.front(), history.back()})
        std::printf("epoch %2zu: logits %.3f, stage %.3f, memory %.3f\n", epoch.epoch, epoch.train.soft,
                    epoch.train.stage, epoch.train.memory);

    // How far a network's probabilities are from the teacher's on people whom nobody has seen (total variation).
    const tensor<float> p = distill::predict(teacher, test, normal);
    const auto distance = [&](const network& net) {
        const tensor<float> q = distill::predict(net, test, normal);
        double sum = 0;
        for (std::size_t i = 0; i < p.size(); ++i) sum += std::abs(double(p[i]) - double(q[i]));
        return sum / 2 / double(test.size());
    };
    const auto report = [&](const char* name, const network& net) {
        std::printf("%-18s %6zu parameters, macro-F1 %.3f, distance from the teacher %.3f\n", name,
                    parameter_count(net), distill::evaluate(net, test, normal).macro_f1, distance(net));
    };
    report("teacher", teacher);
    report("student alone", alone);
    report("student distilled", student);

    const bool untouched = identical(before(test.x).logits, teacher(test.x).logits); // a teacher is only read
    return distance(student) < distance(alone) && untouched ? 0 : 1;
}
