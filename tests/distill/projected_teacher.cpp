// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/projected_teacher.hpp"

#include "options.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/network.hpp"
#include "smldist/distill/distiller.hpp"
#include "train/tiny.hpp"

using namespace smldist;

TEST_CASE("projected_teacher: gives a distiller the losses of its teacher whether compiled or not") {
    const shape window{26, 32, 9};
    const network teacher = make(teacher_config(heads::memory), 1);
    network student = make(student_config(heads::memory), 2);
    student.take_memory(teacher, model::memory_transfer::copy_slow);
    const data::batch b = first_batch();
    const distill::teacher_statistics plan = distill::calibrate(teacher, few().train, few().normal);

    for (const auto& stage : {loss::stage_options::frequency_aware(), loss::stage_options::plain()}) {
        CAPTURE(stage.alpha);
        distill::distill_options o = frequency_aware();
        o.stage = stage;
        const distill::projected_teacher answers(teacher, student, plan, o.stage, window);
        const deploy::network fast(
            deploy::compile(answers, {.batch = 26, .length = 32, .channels = 9, .outputs = {"all"}}));
        const auto out = answers(b.x);
        CHECK(out.stages[0].shape() == shape{26, 8, 8}); // the student's channels, 16 the teacher's
        CHECK(out.stages[1].shape() == shape{26, 4, 12});
        CHECK(out.feature.shape()[1] < 16);
        CHECK(fast(b.x).stages[1].shape() == out.stages[1].shape());

        const auto losses = [&](const auto& by, const distill::teacher_statistics& of_teacher) {
            distill::distiller objective(by, student, of_teacher, o, window, generator(4));
            tape<float> t;
            const auto value = objective(t, student(t.input(b.x), mode::eval), b, 0);
            t.backward(value.loss);
            double gradient = 0;
            for_each_parameter(student, [&](const parameter<float>& p) {
                if (const auto* g = t.gradient(p))
                    for (const float v : *g) gradient += double(v) * double(v);
            });
            return std::vector<double>{value.terms["hard"], value.terms["soft"], value.terms["stage"],
                                       value.terms["memory"], gradient};
        };
        const auto want = losses(teacher, plan), same = losses(answers, answers.statistics()),
                   compiled = losses(fast, answers.statistics());
        REQUIRE(want[2] > 0);
        for (std::size_t i = 0; i < want.size(); ++i) {
            CHECK(same[i] == doctest::Approx(want[i]).epsilon(1e-5));
            CHECK(compiled[i] == doctest::Approx(want[i]).epsilon(1e-4));
        }
    }
}

TEST_CASE("projected_teacher: components are distinguished from channels of the same number") {
    const shape window{26, 32, 9};
    const network teacher = make(student_config(), 1), student = make(teacher_config(), 2); // the student is wider
    const distill::teacher_statistics plan = distill::calibrate(teacher, few().train, few().normal);
    distill::distill_options o = frequency_aware();
    o.stage.explained = 1;
    const data::batch b = first_batch();
    const distill::projected_teacher answers(teacher, student, plan, o.stage, window);
    const auto& first = answers.statistics().stages[0].feature;
    CHECK(first.space == loss::teacher_space::components);
    CHECK(plan.stages[0].feature.space == loss::teacher_space::channels);
    REQUIRE(answers(b.x).stages[0].shape() == teacher(b.x).stages[0].shape());
    const auto stage_term = [&](const auto& by, const distill::teacher_statistics& of_teacher) {
        distill::distiller objective(by, student, of_teacher, o, window, generator(4));
        tape<float> t;
        return objective(t, student(t.input(b.x), mode::eval), b, 0).terms["stage"];
    };
    CHECK(stage_term(answers, answers.statistics()) == doctest::Approx(stage_term(teacher, plan)).epsilon(1e-4));
}

TEST_CASE("projected_teacher: channels stay unprojected where channels are compared; statistics that do not fit are "
          "refused") {
    const shape window{1, 32, 9};
    const network teacher = make(teacher_config(), 1), student = make(student_config(), 2);
    distill::teacher_statistics plan = distill::calibrate(teacher, few().train, few().normal);
    auto all = loss::stage_options::frequency_aware();
    all.channels = loss::channel_match::all;
    const tensor<float> x(window);
    const auto shapes = [&](const auto& answers) {
        const auto out = answers(x, mode::eval);
        return out.stages[0].shape().text() + out.stages[1].shape().text() + out.feature.shape().text();
    };
    CHECK(shapes(distill::projected_teacher(teacher, student, plan, all, window)) == shapes(teacher));
    CHECK(shapes(distill::projected_teacher(teacher, teacher, plan, {}, window)) == shapes(teacher));
    const distill::projected_teacher once(teacher, student, plan, {}, window);
    CHECK_THROWS_WITH_AS(distill::projected_teacher(once, student, once.statistics(), {}, window),
                         doctest::Contains("statistics are of a projected teacher"), usage_error);
    // statistics that are not of the teacher that answers
    const shape pair{2, 32, 9};
    CHECK_THROWS_WITH_AS(distill::distiller(once, student, plan, {}, pair, generator(1)),
                         doctest::Contains("channels of the statistics are 16, expected 8"), usage_error);
    CHECK_THROWS_WITH_AS(distill::distiller(teacher, student, once.statistics(), {}, pair, generator(1)),
                         doctest::Contains("components of the teacher's feature are 16, expected 8"), usage_error);
    plan.stages.pop_back();
    CHECK_THROWS_WITH_AS(distill::projected_teacher(teacher, student, plan, {}, window),
                         doctest::Contains("numbers of stages of student, teacher and statistics are 2, 2 and 1"),
                         usage_error);
}

TEST_CASE("projected_teacher: a temporary teacher does not compile") {
    const auto possible = []<class Teacher>(Teacher&&) {
        return std::is_constructible_v<distill::projected_teacher<network>, Teacher, const network&,
                                       const distill::teacher_statistics&, const loss::stage_options&, const shape&>;
    };
    const network teacher;
    CHECK(possible(teacher));
    CHECK(!possible(network()));
}
