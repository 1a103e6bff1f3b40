// SPDX-License-Identifier: BSD-3-Clause
#include "plan.hpp"

#include <algorithm>

#include "networks.hpp"
#include "recipe.hpp"
#include "smldist/model/load.hpp"
#include "smldist/ref2021/training.hpp"

namespace har {

using namespace smldist;

namespace {

/// Multiply-accumulates of a network for one window. The mixture of a search counts as one of its heads.
double macs(model::network_config c, std::size_t length) {
    if (!c.candidates.empty()) {
        c.candidates.clear();
        c.head = model::linear_head();
    }
    return double(model::trace(model::network<float>(c, generator(0)), length).macs());
}

constexpr double step = 3; ///< forward and backward, in times of forward

} // namespace

std::string member_name(const std::string& name, std::size_t k) {
    return k == 0 ? name : name + "_" + std::to_string(k + 1);
}

std::vector<planned_training> plan_training(const options& o, const window_size& w) {
    const double work = step * macs(architecture(o, o.preset, w.channels, w.classes), w.length);
    std::vector<planned_training> plan;
    for (std::size_t k = 0; k < o.teachers; ++k)
        plan.push_back({member_name("model", k), epochs_for(o.preset, o.training.epochs), work});
    return plan;
}

std::vector<planned_training> plan_distillation(const options& o, const window_size& w,
                                                const std::vector<model::network_config>& teachers) {
    const auto student = architecture(o, o.preset, w.student_channels, w.classes);
    const double student_macs = macs(student, w.length);
    const std::size_t epochs = epochs_for(o.preset, o.training.epochs);
    std::vector<planned_training> plan;
    double teaching = 0;
    for (const model::network_config& teacher : teachers) teaching += macs(teacher, w.length);
    if (teachers.empty()) {
        const double one = macs(architecture(o, o.teacher_preset, w.channels, w.classes), w.length);
        for (std::size_t k = 0; k < o.teachers; ++k)
            plan.push_back({member_name("teacher", k), epochs_for(o.teacher_preset, o.teacher_epochs), step * one});
        teaching = one * double(o.teachers);
    }
    if (o.baseline) plan.push_back({"student_alone", epochs, step * student_macs});
    const double distilled = step * student_macs + teaching;
    if (published(o)) {
        const auto& rows = student.backbone.rows;
        const auto anchors = std::count_if(rows.begin(), rows.end(), [](const model::row& r) { return r.anchor; });
        for (std::size_t i = 0; i < ref2021::stage_count(static_cast<std::size_t>(anchors)); ++i)
            plan.push_back({"student_stage" + std::to_string(i), epochs, distilled});
    }
    plan.push_back({"student", epochs, distilled});
    return plan;
}

std::vector<planned_training> plan_validation(const options& o, const window_size& w,
                                              const std::vector<std::string>& methods, std::size_t repetitions) {
    const std::vector teachers(o.teachers, architecture(o, o.teacher_preset, w.channels, w.classes));
    std::vector<planned_training> once, plan;
    for (const std::string& method : methods) {
        const options one = options_for(o, method);
        for (const planned_training& p :
             distils(method) ? plan_distillation(one, w, teachers) : plan_training(one, w))
            once.push_back({method + "/" + p.kind, p.epochs, p.work});
    }
    for (std::size_t r = 0; r < repetitions; ++r) plan.insert(plan.end(), once.begin(), once.end());
    return plan;
}

} // namespace har
