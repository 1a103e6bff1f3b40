// SPDX-License-Identifier: BSD-3-Clause
/// The functions of distill/distiller.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/loss/logits.hpp"
#include "smldist/loss/memory.hpp"
#include "smldist/loss/stage/band_weights.hpp"
#include "smldist/op/arithmetic.hpp"

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN

std::vector<std::size_t> common_lengths(const outputs<shape>& teacher, const outputs<shape>& student) {
    if (student.stages.size() != teacher.stages.size())
        raise<usage_error>("distill::common_lengths", "numbers of stages of student and teacher are ",
                           student.stages.size(), " and ", teacher.stages.size(), ", expected them equal");
    std::vector<std::size_t> lengths;
    for (std::size_t i = 0; i < student.stages.size(); ++i) {
        const shape &s = student.stages[i], &t = teacher.stages[i];
        if (s.rank() != t.rank())
            raise<usage_error>("distill::common_lengths", "stages ", i, " of student and teacher are ", s.text(),
                               " and ", t.text(), ", expected both of windows or both of images");
        lengths.push_back(1);
        for (std::size_t axis = 1; axis + 1 < s.rank(); ++axis) lengths.back() *= std::min(s[axis], t[axis]);
    }
    return lengths;
}

train::objective_value distiller::operator()(tape<float>& t, const outputs<var<float>>& student, const data::batch& b,
                                             double progress) {
    auto teacher = teacher_(b.x);
    train::loss_terms terms; // with all names in each step, so that the reports of all epochs have the same
    for (const std::string_view name : {"hard", "soft", "stage", "memory", "repaired"}) terms.add(name, 0);
    var<float> loss;
    const auto include = [&](const var<float>& term, double weight, std::string_view name) {
        const auto part = op::scale(term, weight);
        terms.add(name, double(part.value().item()));
        loss = loss.empty() ? part : op::add(loss, part);
    };
    const phase now = phase_at(progress);
    if (now.logits) {
        const auto logits =
            loss::logits(student.logits, teacher.logits, b.label, options_.logits, {b.other, b.share});
        loss = logits.value;
        terms.add("hard", double(logits.hard.value().item()));
        terms.add("soft", double(logits.soft.value().item()));
        terms.add("repaired", double(logits.repaired) / double(b.size()));
    }
    if (now.stage_weight > 0)
        for (std::size_t i = now.first_stage; i < now.last_stage; ++i) {
            const bool anchor = i < anchors_;
            include(stages_[i](anchor ? student.stages[i] : student.feature,
                               std::move(anchor ? teacher.stages[i] : teacher.feature)),
                    now.stage_weight / double(now.last_stage - now.first_stage), "stage");
        }
    if (now.logits && options_.memory_weight > 0 && !student.memory.empty() && !teacher.memory.empty())
        include(loss::memory(student.memory, teacher.memory, options_.memory, options_.merged),
                options_.memory_weight, "memory");
    if (loss.empty()) loss = t.input(tensor<float>(shape{}));
    terms.total = double(loss.value().item());
    return {loss, terms};
}

distiller::distiller(parts p, const distill_options& o, generator g)
    : teacher_(std::move(p.teacher)), statistics_(std::move(p.statistics)), options_(o) {
    o.check();
    const auto &s = p.of_student, &t = p.of_teacher;
    const auto lengths = common_lengths(t, s);
    if (!(s.logits == t.logits.with(0, s.logits[0])))
        raise<usage_error>("distiller", "logits of student and teacher are ", s.logits.text(), " and ",
                           t.logits.text(), ", expected the same classes");
    if (t.stages.size() != statistics_.stages.size())
        raise<usage_error>("distiller", "numbers of stages of teacher and statistics are ", t.stages.size(), " and ",
                           statistics_.stages.size(), ", expected them equal");
    anchors_ = lengths.size() - (!o.include_last && !lengths.empty() ? 1 : 0);
    for (std::size_t i = 0; i < anchors_; ++i) {
        const auto& known = statistics_.stages[i];
        if (known.length != lengths[i])
            raise<usage_error>("distiller", "length of stage ", i, " is ", known.length,
                               " in the statistics, expected ", lengths[i], "; see the lengths of calibrate");
        std::vector<double> weights;
        if (o.stage.alpha > 0)
            weights = loss::band_weights(loss::make_basis<float>(o.stage.basis, lengths[i]), known.bands,
                                         known.rate_hz, o.stage.weights);
        stages_.emplace_back(s.stages[i], t.stages[i], known.feature, o.stage, weights, g);
    }
    if (o.memory_weight > 0 && s.memory.scores.rank() > 0 && t.memory.scores.rank() > 0)
        check_memories(s.memory, t.memory);
    else if (o.memory_weight > 0 && !o.merged.empty())
        raise<usage_error>("distiller", "number of merged patterns is ", o.merged.size(),
                           ", expected 0 where a network has no memory");
    if (o.feature) stages_.emplace_back(s.feature, t.feature, statistics_.feature, o.stage, std::vector<double>(), g);
    if (o.schedule != distill_schedule::joint && stages_.empty())
        raise<usage_error>("distiller", "schedule is ", name_of(o.schedule),
                           " and there are no stages, expected joint");
}

void distiller::check_memories(const memory_outputs<shape>& student, const memory_outputs<shape>& teacher) const {
    const std::size_t mine = student.scores[1], theirs = teacher.scores[1];
    const auto& to = options_.merged;
    if (!(student.retrieved == teacher.retrieved) || (to.empty() ? mine != theirs : to.size() != theirs))
        raise<usage_error>("distiller", "memories of student and teacher are ", student.scores.text(), " and ",
                           teacher.scores.text(), ", retrieved ", student.retrieved.text(), " and ",
                           teacher.retrieved.text(), ", merged patterns ", to.size(),
                           ", expected equal patterns and widths, or an assignment of each pattern of the teacher"
                           "; see take_memory");
    std::vector<std::size_t> members(to.empty() ? 0 : mine, 0);
    for (const std::size_t j : to) {
        if (j >= mine) raise<usage_error>("distiller", "a merged pattern is ", j, ", expected 0 to ", mine - 1);
        ++members[j];
    }
    for (std::size_t j = 0; j < members.size(); ++j)
        if (members[j] == 0)
            raise<usage_error>("distiller", "pattern ", j,
                               " of the student represents 0 of the teacher's, expected at least 1");
}

distiller::phase distiller::phase_at(double progress) const {
    const double share = options_.schedule == distill_schedule::joint ? 0 : options_.stage_share;
    phase p;
    if (progress < share && !stages_.empty()) {
        const auto now =
            std::min(stages_.size() - 1, static_cast<std::size_t>(progress / share * double(stages_.size())));
        p.logits = false;
        p.stage_weight = 1;
        p.first_stage = options_.schedule == distill_schedule::sequential ? now : 0;
        p.last_stage = now + 1;
        return p;
    }
    p.last_stage = stages_.size();
    const double rest = (progress - share) / (1 - share);
    if (options_.schedule != distill_schedule::sequential && !stages_.empty())
        p.stage_weight = options_.stage_last +
                         (options_.stage_first - options_.stage_last) * (1 + std::cos(std::numbers::pi * rest)) / 2;
    return p;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::distill
