// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/distiller.hpp"

#include <cmath>
#include <string>

#include "distiller.hpp"

using namespace smldist;
using distill::distill_options;

namespace {

/// The network with running statistics of few().
network settled(network net) {
    data::loader loader(few().train, {.batch = 26}, few().normal, generator(1));
    data::batch b;
    tape<float> t;
    for (std::size_t k = 1; loader.next(b); ++k) {
        t.reset();
        net(t.input(b.x), mode::train);
        optim::refresh_statistics(net, t, k);
    }
    return net;
}

} // namespace

TEST_CASE("distiller: the terms sum to the total and have the weights of the options") {
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        const network teacher = make(teacher_config(head), 1), student = make(student_config(head), 2);
        distill_options o = frequency_aware();
        auto whole = distiller_of(teacher, student, o);
        const auto all = terms_of(whole, student, mode::eval);
        CHECK(all["hard"] + all["soft"] + all["stage"] + all["memory"] == doctest::Approx(all.total).epsilon(1e-6));
        CHECK(all["hard"] > 0);
        CHECK(all["soft"] > 0);
        CHECK(all["stage"] > 0);
        CHECK((all["memory"] > 0) == (head == heads::memory));
        CHECK(all["repaired"] > 0.3); // an untrained teacher

        const data::batch b = first_batch();
        const auto of_teacher = teacher(b.x, mode::eval), of_student = student(b.x, mode::eval);
        const auto logits = loss::logits(of_student.logits, of_teacher.logits, b.label, o.logits);
        CHECK(all["hard"] == double(logits.hard.item()));
        CHECK(all["soft"] == double(logits.soft.item()));
        CHECK(all["repaired"] == double(logits.repaired) / double(b.size()));
        if (head == heads::memory)
            CHECK(all["memory"] ==
                  doctest::Approx(0.5 * double(loss::memory(of_student.memory, of_teacher.memory).item())));

        o.memory_weight = 0;
        auto without_memory = distiller_of(teacher, student, o);
        CHECK(terms_of(without_memory, student, mode::eval)["memory"] == 0);
        o.stage_first = o.stage_last = 0;
        auto logits_only = distiller_of(teacher, student, o);
        const auto bare = terms_of(logits_only, student, mode::eval);
        CHECK(bare["stage"] == 0);
        CHECK(bare.total == double(logits.value.item()));
    }
}

TEST_CASE("distiller: in a mixed batch the hard term has mixed targets and the teacher sees the mixed windows") {
    const network teacher = make(teacher_config()), student = make(student_config());
    auto objective = distiller_of(teacher, student);
    const data::batch b = first_batch(5);
    REQUIRE(b.share < 0.95);
    data::batch unmixed_labels = b;
    unmixed_labels.other.clear();
    tape<float> t;
    const auto out = student(t.input(b.x), mode::eval);
    const auto mixed = objective(t, out, b, 0).terms, dominant = objective(t, out, unmixed_labels, 0).terms;
    const auto logits = student(b.x).logits, expected = teacher(b.x).logits;
    const auto wanted = loss::logits(logits, expected, b.label, {}, {b.other, b.share});
    CHECK(mixed["hard"] == doctest::Approx(double(wanted.hard.item())).epsilon(1e-5));
    CHECK(mixed["soft"] == doctest::Approx(double(wanted.soft.item())).epsilon(1e-5));
    CHECK(mixed["hard"] != dominant["hard"]);
    CHECK(mixed["soft"] == dominant["soft"]);
    CHECK(mixed["stage"] == dominant["stage"]);
    CHECK(mixed["repaired"] == dominant["repaired"]);
}

TEST_CASE("distiller: stage and memory loss are 0 for a student equal to its teacher") {
    const network teacher = settled(make(teacher_config(heads::memory)));
    distill_options o = frequency_aware();
    o.logits.hard = 0;
    o.logits.rule = loss::repair::off;
    auto objective = distiller_of(teacher, teacher, o);
    CHECK(parameter_count(objective) == 0); // equal channels of equal scale need no projector
    const auto terms = terms_of(objective, teacher, mode::eval);
    CHECK(terms["stage"] < 1e-10);
    CHECK(std::abs(terms["memory"]) < 1e-5);
    CHECK(std::abs(terms["soft"]) < 1e-5);
}

TEST_CASE("distiller: the stage weight falls from first to last along a cosine") {
    const network teacher = make(teacher_config()), student = make(student_config());
    distill_options plain = frequency_aware();
    plain.stage = loss::stage_options::plain();
    auto objective = distiller_of(teacher, student, plain);
    const double first = terms_of(objective, student, mode::train, 0)["stage"];
    CHECK(first == doctest::Approx(2).epsilon(0.15)); // untrained projectors: the sum of two unit variances
    CHECK(terms_of(objective, student, mode::train, 0.5)["stage"] == doctest::Approx(0.55 * first).epsilon(1e-6));
    CHECK(terms_of(objective, student, mode::train, 1)["stage"] == doctest::Approx(0.1 * first).epsilon(1e-6));
    CHECK(terms_of(objective, student, mode::train, 0.25)["stage"] ==
          doctest::Approx((0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2) * first).epsilon(1e-6));
}

TEST_CASE("distiller: stages and features with different channels have one projector each") {
    const network teacher = make(teacher_config()), student = make(student_config());
    const auto names = [](const auto& objective) {
        std::string s;
        walk(objective, [&](const std::string& path, const auto& leaf) {
            if (path.ends_with("map.weight")) s += path + leaf.shape().text() + " ";
        });
        return s;
    };
    distill_options o = frequency_aware();
    const auto principal = distiller_of(teacher, student, o);
    const std::size_t n =
        principal.stage(2).components(); // of the feature; the anchors need all that the student has
    CHECK(n > 0);
    CHECK(n <= 16);
    CHECK(names(principal) == "stages.0.projector.map.weight(8, 8) stages.1.projector.map.weight(12, 12) "
                              "stages.2.projector.map.weight(" +
                                  std::to_string(n) + ", 16) ");
    o.stage.channels = loss::channel_match::all;
    CHECK(distiller_of(teacher, student, o).stage(2).components() == 0);
    CHECK(names(distiller_of(teacher, student, o)) == "stages.0.projector.map.weight(16, 8) "
                                                      "stages.1.projector.map.weight(24, 12) "
                                                      "stages.2.projector.map.weight(32, 16) ");
    o.feature = false;
    CHECK(names(distiller_of(teacher, student, o)) == "stages.0.projector.map.weight(16, 8) "
                                                      "stages.1.projector.map.weight(24, 12) ");
    auto partly = teacher_config();
    partly.backbone.rows[0].out = 8;
    CHECK(names(distiller_of(make(partly), student, o)) == "stages.1.projector.map.weight(24, 12) ");
}

TEST_CASE("distiller: the last anchor can be left out as in the public code") {
    const network teacher = make(teacher_config()), student = make(student_config());
    distill_options o = frequency_aware();
    o.feature = false;
    auto both = distiller_of(teacher, student, o);
    o.include_last = false;
    auto first = distiller_of(teacher, student, o);
    CHECK(parameter_count(first) == 8 * 8 + 2 * 8);
    const data::batch b = first_batch();
    const auto wanted = first.stage(0)(student(b.x).stages[0], teacher(b.x).stages[0]);
    CHECK(terms_of(first, student, mode::eval)["stage"] == doctest::Approx(double(wanted.item())).epsilon(1e-6));
    CHECK(terms_of(both, student, mode::eval)["stage"] != terms_of(first, student, mode::eval)["stage"]);
    o.feature = true;
    auto with_feature = distiller_of(teacher, student, o);
    const std::size_t n = with_feature.stage(1).components();
    CHECK(parameter_count(with_feature) == 8 * 8 + 2 * 8 + 16 * n + 2 * n);
    CHECK(std::isfinite(terms_of(with_feature, student)["stage"]));
}

TEST_CASE("distiller: stages of different lengths are compared at the shorter length") {
    const network student = make(student_config(heads::linear));
    auto config = teacher_config(heads::linear);
    config.backbone.rows[1].stride = 1;
    const network teacher = make(config);
    const auto lengths = distill::common_lengths(teacher, student, one_window, one_window);
    CHECK(lengths == std::vector<std::size_t>{8, 4});
    distill::distiller objective(teacher, student,
                                 distill::calibrate(teacher, few().train, few().normal, {}, lengths),
                                 frequency_aware(), one_window, generator(5));
    CHECK(terms_of(objective, student)["stage"] > 0);
    CHECK(objective.stage(1).basis().bands.size() == 3); // of 4 samples
    CHECK(objective.stage(0).weights().size() == 5);
}

TEST_CASE("distiller: the schedule decides which losses are active") {
    const network teacher = make(teacher_config(heads::memory)), student = make(student_config(heads::memory));
    distill_options o = frequency_aware();
    o.stage = loss::stage_options::plain();
    const auto at = [&](distill::distill_schedule schedule, double progress) {
        o.schedule = schedule;
        auto objective = distiller_of(teacher, student, o);
        return terms_of(objective, student, mode::train, progress);
    };
    using enum distill::distill_schedule;
    for (const auto schedule : {progressive, sequential})
        for (const double progress : {0.0, 0.2, 0.4, 0.49}) { // three stages in the first half
            CAPTURE(name_of(schedule));
            CAPTURE(progress);
            const auto terms = at(schedule, progress);
            CHECK(terms["soft"] == 0);
            CHECK(terms["hard"] == 0);
            CHECK(terms["memory"] == 0);
            CHECK(terms.total == doctest::Approx(terms["stage"]));
            CHECK(terms["stage"] == doctest::Approx(2).epsilon(0.3));
        }
    const auto jointly = at(joint, 0), after = at(progressive, 0.5), later = at(sequential, 0.5);
    CHECK(after["stage"] == doctest::Approx(jointly["stage"]).epsilon(1e-6));
    CHECK(after.total == doctest::Approx(jointly.total).epsilon(1e-6));
    CHECK(later["stage"] == 0);
    CHECK(later["memory"] > 0);
    CHECK(later["soft"] == after["soft"]);
    CHECK(at(progressive, 0.2)["stage"] != at(sequential, 0.2)["stage"]); // stages 0 and 1, or only 1
}

TEST_CASE("distiller: a stage phase gives no gradient to layers above its anchor") {
    const network teacher = make(teacher_config());
    network student = make(student_config());
    distill_options o = frequency_aware();
    o.schedule = distill::distill_schedule::sequential;
    auto objective = distiller_of(teacher, student, o);
    const data::batch b = first_batch();
    tape<float> t;
    t.backward(objective(t, student(t.input(b.x), mode::train), b, 0).loss);
    std::size_t reached = 0, left = 0;
    walk(std::as_const(student), [&](const std::string& path, const auto& leaf) {
        if constexpr (requires { leaf.trainable; }) {
            const bool below = path.starts_with("backbone.stem") || path.starts_with("backbone.blocks.0");
            const tensor<float>* g = t.gradient(leaf);
            const bool moved = g && !g->empty();
            CHECK_MESSAGE(moved == below, path);
            (below ? reached : left) += 1;
        }
    });
    CHECK(reached > 3);
    CHECK(left > 3);
}
