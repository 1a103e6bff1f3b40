// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>
#include <variant>

#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/network.hpp"
#include "smldist/distill/baseline.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/ref2021/presets.hpp"
#include "smldist/ref2021/training.hpp"
#include "trainings.hpp"

namespace har {

using namespace smldist;

namespace {

/// The teacher as a program for batches of that shape: it answers faster than the network, and the same to rounding.
template <class Teacher> deploy::network compiled(const Teacher& teacher, const shape& window) {
    return deploy::network(deploy::compile(
        teacher, {.batch = window[0], .length = window[1], .channels = window[2], .outputs = {"all"}}));
}

/// Each stage's sampling rate and the bands that got the weight: on stderr, and all of them in stage_bands.csv, when there
/// are bands.
void report_bands(experiment& run, const distill::distiller& objective) {
    std::string rows;
    const auto& stages = objective.statistics().stages;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        const auto& bands = objective.stage(i).basis().bands;
        const auto& weights = objective.stage(i).weights();
        if (bands.empty()) continue;
        const double rate = stages[i].rate_hz;
        std::size_t top = 0;
        for (std::size_t k = 0; k < bands.size(); ++k) {
            if (weights[k] > weights[top]) top = k;
            rows += std::to_string(i) + ',' + std::to_string(rate) + ',' + std::to_string(bands[k].low * rate) + ',' +
                    std::to_string(bands[k].high * rate) + ',' + std::to_string(weights[k]) + '\n';
        }
        if (!run.o.quiet)
            std::fprintf(stderr, "stage %zu: %.2f Hz, most weight %.2f on %.2f to %.2f Hz\n", i, rate, weights[top],
                         bands[top].low * rate, bands[top].high * rate);
    }
    if (!rows.empty()) run.folder.keep("stage_bands.csv", "stage,rate_hz,low_hz,high_hz,weight\n" + rows);
}

/// One training of the public code.
template <class Objective>
io::json train_published(experiment& run, const std::string& name, network& student, Objective& objective,
                         std::size_t epochs, ref2021::phase which) {
    experiment::hooks around;
    around.adjust = [which](train::training_options& t) { t = ref2021::training_options(which, t); };
    return run.run(name, student, objective, epochs, around);
}

} // namespace

io::json distill_smldist(experiment& run, const teachers& from, network student, std::size_t epochs) {
    const options& o = run.o;
    distill::distill_options d = losses_of(o);
    if (student.memory() && from.leader().memory())
        d.merged = student.take_memory(from.leader(), o.transfer, o.student_patterns);
    distill::distiller objective(from, student, run.split.train, run.normal, d, generator(o.seed, 4), run.channels);
    if (!o.quiet)
        std::fprintf(stderr, "teacher: accuracy on its training windows %.4f\n",
                     objective.statistics().teacher_accuracy);
    report_bands(run, objective);
    return run.run("student", student, objective, epochs);
}

io::json distill_baseline(experiment& run, const baseline_method& method, const teachers& from, network student,
                          std::size_t epochs) {
    const options& o = run.o;
    if (std::holds_alternative<loss::baseline::simkd>(method.chosen))
        student.take_classifier(from.leader(), generator(o.seed, 5));
    const deploy::network fast = compiled(from, run.window());
    distill::baseline_distiller objective(fast, student, method, run.window(), generator(o.seed, 4),
                                          o.losses.logits.label_smoothing, run.seen_window());
    return run.run("student", student, objective, epochs);
}

void distill_published(experiment& run, const teachers& from, network student, std::size_t epochs) {
    const options& o = run.o;
    const network& teacher = from.leader();
    if (teacher.config.feature_width() == student.config.feature_width())
        ref2021::take_head(student, teacher);
    else if (!o.quiet)
        std::fprintf(stderr, "the features have widths %zu and %zu: the head is not copied\n",
                     teacher.config.feature_width(), student.config.feature_width());
    const std::size_t stages = ref2021::stage_count(student.backbone.anchors.size());
    const deploy::network fast = compiled(from, run.window());
    for (std::size_t i = 0; i < stages; ++i) {
        const std::string name = "student_stage" + std::to_string(i);
        if (run.stopped_before(name)) return;
        ref2021::stage_objective objective(fast, student, i, run.window(), generator(o.seed, 4 + i));
        if (parameter_count(objective) > 0 && !o.quiet)
            std::fprintf(stderr, "stage %zu: other channels, a projector is trained along\n", i);
        run.result.set(name, train_published(run, name, student, objective, epochs, ref2021::phase::stage));
    }
    if (run.stopped_before("student")) return;
    ref2021::logits_objective objective(fast);
    run.result.set("student", train_published(run, "student", student, objective, epochs, ref2021::phase::logits));
}

} // namespace har
