// SPDX-License-Identifier: BSD-3-Clause
// A student is trained with a distiller: what moves, the same bits, no allocations, few channels.
#include <algorithm>
#include <vector>

#include "distiller.hpp"
#include "train/resuming.hpp"
#include "train/step_allocations.hpp"

using namespace smldist;
using distill::distill_options;

TEST_CASE("distiller: projectors are trained with the student; the teacher does not change") {
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        const network teacher = make(teacher_config(head)), before = teacher;
        network student = make(student_config(head));
        if (head == heads::memory) student.take_memory(teacher, model::memory_transfer::copy_slow);
        auto objective = distiller_of(teacher, student);
        const auto untrained = objective;
        train::training<network, decltype(objective)>(student, objective, few().train, few().validation, few().normal,
                                                      brief(2))
            .run();
        CHECK(same_bits(teacher, before));
        std::vector<const tensor<float>*> left;
        for_each_parameter(untrained, [&](const auto& p) { left.push_back(&p.value); });
        CHECK(left.size() == 9);
        std::size_t at = 0;
        for_each_parameter(objective, [&](const auto& p) { CHECK_FALSE(identical(p.value, *left[at++])); });
        CHECK(objective.statistics().stages.size() == 2);
    }
}

TEST_CASE("distillation: one seed gives the same bits for any number of threads") {
    const network teacher = make(teacher_config(heads::memory));
    network student = make(student_config(heads::memory));
    student.take_memory(teacher, model::memory_transfer::copy_slow);
    const std::size_t before = threads();
    set_threads(1);
    const network one = distilled(teacher, student, frequency_aware(), brief(2));
    for (const std::size_t n : {2u, 3u}) {
        CAPTURE(n);
        set_threads(n);
        CHECK(same_bits(distilled(teacher, student, frequency_aware(), brief(2)), one));
    }
    set_threads(before);
}

TEST_CASE("distillation: a warmed-up step allocates nothing with and without merged patterns") {
    const network teacher = make(teacher_config(heads::memory));
    for (const std::size_t patterns : {0u, 1u}) {
        CAPTURE(patterns);
        network student = make(student_config(heads::memory));
        distill_options o = frequency_aware();
        o.merged = student.take_memory(teacher, model::memory_transfer::copy_slow, patterns);
        CHECK(o.merged.empty() == (patterns == 0));
        auto objective = distiller_of(teacher, student, o);
        train::training<network, decltype(objective)> t(student, objective, few().train, few().validation,
                                                        few().normal, brief(2));
        check_steps_allocate_nothing(t, first_batch());
    }
}

namespace {

const shape narrow_window{1, 32, 3};

distill::distiller narrow_distiller(const network& teacher, const network& student,
                                    const distill_options& o = frequency_aware()) {
    return {teacher,      student,      distill::calibrate(teacher, few().train, few().normal), o, one_window,
            generator(5), narrow_window};
}

} // namespace

TEST_CASE("distillation: a student that sees some of the channels learns from a teacher that sees all") {
    const network teacher = make(teacher_config(heads::memory));
    network start = make(narrow_config(heads::memory));
    start.take_memory(teacher, model::memory_transfer::copy_slow);
    train::training_options o = brief(2);
    o.channels = total_acc;
    const auto taught = [&](std::size_t on_threads) {
        const std::size_t all = threads();
        set_threads(on_threads);
        network student = start;
        auto objective = narrow_distiller(teacher, student);
        const auto r = train::training<network, decltype(objective)>(student, objective, few().train,
                                                                     few().validation, few().normal, o)
                           .run();
        set_threads(all);
        for (const auto& e : r.history)
            for (const double term : {e.train["hard"], e.train["soft"], e.train["stage"], e.train["memory"]}) {
                CAPTURE(e.epoch);
                CAPTURE(term);
                CHECK(term > 0);
            }
        return student;
    };
    const network one = taught(1);
    CHECK(same_bits(taught(2), one));
    CHECK_FALSE(same_bits(one, start));
    CHECK_THROWS_AS(distill::distiller(teacher, start, distill::calibrate(teacher, few().train, few().normal), {},
                                       one_window, generator(5)),
                    shape_error); // the student's windows are not the teacher's
}

TEST_CASE(
    "distillation: without the teacher's terms a student of some channels gets the bits of supervised training") {
    const network teacher = make(teacher_config());
    network student = make(narrow_config()), alone = student;
    distill_options d = frequency_aware();
    d.logits.soft = d.stage_first = d.stage_last = d.memory_weight = 0;
    d.feature = false;
    auto objective = narrow_distiller(teacher, student, d);
    train::training_options o = brief(2);
    o.augment = data::augment_options::none();
    o.channels = total_acc;
    train::training<network, decltype(objective)>(student, objective, few().train, few().validation, few().normal, o)
        .run();
    o.channels.clear();
    train::supervised labels;
    const data::windows train = few().train.select_channels(total_acc),
                        validation = few().validation.select_channels(total_acc);
    const normaliser normal = few().normal.select_channels(total_acc);
    train::training<network, train::supervised>(alone, labels, train, validation, normal, o).run();
    CHECK(same_bits(student, alone));
}

TEST_CASE("distillation: a warmed-up step of a student of some channels allocates nothing") {
    const network teacher = make(teacher_config(heads::memory));
    network student = make(narrow_config(heads::memory));
    student.take_memory(teacher, model::memory_transfer::copy_slow);
    auto objective = narrow_distiller(teacher, student);
    train::training_options o = brief(2);
    o.channels = total_acc;
    train::training<network, decltype(objective)> t(student, objective, few().train, few().validation, few().normal,
                                                    o);
    check_steps_allocate_nothing(t, first_batch());
}

TEST_CASE("distiller: the loss stays small for a teacher whose features are a thousandth of the student's") {
    auto c = model::preset("har_nano");
    c.backbone.channels = total_acc.size();
    c.classes = few().train.classes();
    const auto train = few().train.select_channels(total_acc),
               validation = few().validation.select_channels(total_acc);
    const normaliser normal = few().normal.select_channels(total_acc);
    const shape windows{2, 32, 3};
    train::training_options o;
    o.epochs = 1;
    train::supervised labels;
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        c.head = head;
        network teacher = make(c, 1), student = make(c, 2);
        train::training(teacher, labels, train, validation, normal, o).run();
        const auto plan = distill::calibrate(teacher, train, normal);
        CHECK(*std::max_element(plan.feature.std.begin(), plan.feature.std.end()) <
              1e-3f); // its statistics lag behind
        distill::distiller objective(teacher, student, plan, {}, windows, generator(3));
        CHECK(parameter_count(objective) > 0);
        std::vector<double> losses;
        auto longer = o;
        longer.epochs = 10;
        train::training session(student, objective, train, validation, normal, longer);
        session.on_step = [&](const train::step_report& r) { losses.push_back(r.loss); };
        session.run();
        CHECK(losses.front() < 100); // 1e7 where the student's channels are divided by the teacher's
        CHECK(losses.back() < losses.front() / 2);
    }
}

TEST_CASE("distillation: goes on from a checkpoint bit for bit with every schedule, projectors and memories") {
    const network teacher = make(teacher_config(heads::memory), 1);
    for (const auto schedule : {distill::distill_schedule::joint, distill::distill_schedule::sequential}) {
        CAPTURE(name_of(schedule));
        distill::distill_options d = frequency_aware();
        d.schedule = schedule;
        check_resume([](std::uint64_t seed) { return make(student_config(heads::memory), seed); },
                     [&](network& student) { return distiller_of(teacher, student, d); }, brief(2), some_places);
    }
}
