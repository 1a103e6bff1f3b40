// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/baseline.hpp"

#include <limits>

#include "train/resuming.hpp"
#include "train/run.hpp"
#include "train/step_allocations.hpp"

using namespace smldist;
using loss::baseline::method;
using distiller = distill::baseline_distiller<network, method<float>>;

namespace {

const shape window{2, 32, 9};
const std::string every_name[] = {"hinton", "fitnets", "at", "nst", "sp", "rkd", "pkt", "dkd", "dist", "simkd"};

/// A student that the method can train: simkd's borrows the teacher's classifier.
network student_for(const std::string& name, const network& teacher, model::head_config head = heads::linear) {
    network student = make(student_config(head), 2);
    if (name == "simkd") student.take_classifier(teacher, generator(3));
    return student;
}

using session = train::training<network, distiller>;

train::training_result<network> trained(network& student, distiller& objective, const train::training_options& o,
                                        const sets& s = few()) {
    return session(student, objective, s.train, s.validation, s.normal, o).run();
}

} // namespace

TEST_CASE("baseline: every method trains its student; the teacher does not change; one seed gives the same bits") {
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        const network teacher = make(teacher_config(head), 1), before = teacher;
        for (const auto& name : every_name) {
            CAPTURE(name);
            const network start = student_for(name, teacher, head);
            const auto run = [&](std::size_t on_threads) {
                const std::size_t all = threads();
                set_threads(on_threads);
                network student = start;
                distiller objective(teacher, student, method<float>(name), window, generator(5));
                const auto result = trained(student, objective, brief(2));
                set_threads(all);
                for (const auto& epoch : result.history) {
                    CAPTURE(epoch.epoch);
                    CHECK(epoch.train["hard"] + epoch.train["soft"] ==
                          doctest::Approx(epoch.train.total).epsilon(1e-5));
                    CHECK(epoch.train["soft"] > 0);
                    CHECK((epoch.train["hard"] > 0) == (name != "simkd"));
                    CHECK(epoch.train["stage"] == 0);
                    CHECK(epoch.train["memory"] == 0);
                }
                return student;
            };
            const network one = run(1);
            CHECK(same_bits(run(2), one));
            CHECK_FALSE(same_bits(one, start));
        }
        CHECK(same_bits(teacher, before));
    }
}

TEST_CASE("baseline: every method teaches a student that sees only some of the channels") {
    const network teacher = make(teacher_config(), 1);
    for (const auto& name : every_name) {
        CAPTURE(name);
        network student = make(narrow_config(), 2);
        if (name == "simkd") student.take_classifier(teacher, generator(3));
        distiller objective(teacher, student, method<float>(name), window, generator(5), 0, shape{2, 32, 3});
        auto o = brief(1);
        o.channels = total_acc;
        CHECK(trained(student, objective, o).history[0].train["soft"] > 0);
    }
}

TEST_CASE("baseline: a warmed-up step allocates nothing") {
    const network teacher = make(teacher_config(), 1);
    const data::batch b = first_batch();
    for (const auto& name : every_name) {
        CAPTURE(name);
        network student = student_for(name, teacher);
        distiller objective(teacher, student, method<float>(name), window, generator(5));
        session t(student, objective, few().train, few().validation, few().normal, brief(2));
        check_steps_allocate_nothing(t, b);
    }
}

TEST_CASE("baseline: weights and label smoothing and warm-up scale the terms") {
    const network teacher = make(teacher_config(), 1), student = make(student_config(), 2);
    const data::batch b = first_batch();
    const auto terms = [&](const method<float>& m, double progress, double smoothing = 0) {
        distiller objective(teacher, student, m, window, generator(5), smoothing);
        tape<float> t;
        return objective(t, student(t.input(b.x), mode::eval), b, progress).terms;
    };
    const auto logits = student(b.x, mode::eval).logits;
    const auto cross_entropy = [&](double smoothing) {
        return double(
            loss::cross_entropy(logits, b.label, {.label_smoothing = smoothing, .class_weight = {}}).item());
    };
    method<float> m("hinton");
    CHECK(terms(m, 0)["hard"] == doctest::Approx(0.1 * cross_entropy(0)).epsilon(1e-6));
    CHECK(terms(m, 0, 0.2)["hard"] == doctest::Approx(0.1 * cross_entropy(0.2)).epsilon(1e-6));
    const double soft = terms(m, 0)["soft"];
    m.weight() = {.hard = 0, .term = 1.8, .warm_up = 0.5};
    CHECK(terms(m, 0)["hard"] == 0);
    CHECK(terms(m, 0)["soft"] == 0);
    CHECK(terms(m, 0.25)["soft"] == doctest::Approx(soft).epsilon(1e-6));
    for (const double progress : {0.5, 0.8, 1.0}) {
        CAPTURE(progress);
        CHECK(terms(m, progress)["soft"] == doctest::Approx(2 * soft).epsilon(1e-6));
    }
}

TEST_CASE("baseline: a method given by type or by name has the same parameters") {
    const network teacher = make(teacher_config(), 1), student = make(student_config(), 2);
    const distill::baseline_distiller of_type(teacher, student, loss::baseline::fitnets<float>{}, window,
                                              generator(5));
    const distiller of_name(teacher, student, method<float>("fitnets"), window, generator(5));
    CHECK(parameter_count(of_type) == 12 * 24 + 2 * 24); // the second of two stages
    CHECK(parameter_count(of_name) == parameter_count(of_type));
    CHECK(of_name.method().name() == "fitnets");
    CHECK(parameter_count(distiller(teacher, student, method<float>("rkd"), window, generator(5))) == 0);
}

TEST_CASE("baseline: a hinton student follows its teacher") {
    // Without labels: what the student knows it has from the teacher.
    network teacher = make(teacher_config(), 1);
    train::supervised labels;
    train::training_options o;
    o.epochs = 8;
    o.lr = 1e-2;
    o.augment = data::augment_options::none();
    train::training<network, train::supervised>(teacher, labels, many().train, many().validation, many().normal, o)
        .run();
    network student = make(student_config(), 2);
    const auto f1 = [&] { return train::evaluate(student, many().test, many().normal).macro_f1; };
    method<float> m("hinton");
    m.weight().hard = 0;
    distiller objective(teacher, student, m, window, generator(5));
    o.epochs = 6;
    const double untrained = f1();
    const auto result = trained(student, objective, o, many());
    CHECK(result.history.back().train["soft"] < 0.5 * result.history.front().train["soft"]);
    CHECK(f1() > untrained + 0.2);
}

TEST_CASE("baseline: simkd trains projector and backbone but not the teacher's classifier") {
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        const network teacher = make(teacher_config(head), 1);
        network student = student_for("simkd", teacher, head);
        const network start = student;
        distiller objective(teacher, student, method<float>("simkd"), window, generator(5));
        trained(student, objective, brief(2));
        CHECK_FALSE(identical(student.projector->expand.weight.value, start.projector->expand.weight.value));
        if (head == heads::linear)
            CHECK(identical(student.head<nn::linear<float>>()->weight.value,
                            teacher.head<nn::linear<float>>()->weight.value));
        else
            CHECK(identical(student.memory()->keys.value, teacher.memory()->keys.value));
    }
}

TEST_CASE("baseline: networks that do not fit and options out of range fail before training") {
    const network teacher = make(teacher_config(), 1), student = make(student_config(), 2);
    const auto fails = [&](const network& t, const network& s, const method<float>& m, const shape& w = window) {
        CHECK_THROWS_AS(distiller(t, s, m, w, generator(5)), usage_error);
    };
    auto classes = student_config();
    classes.classes = 5;
    for (const std::string name : {"hinton", "dkd", "dist", "simkd"}) {
        CAPTURE(name);
        fails(teacher, make(classes), method<float>(name));
    }
    fails(teacher, student, method<float>("simkd")); // without the teacher's classifier
    auto one_stage = student_config(), no_stage = student_config();
    one_stage.backbone.rows[0].anchor = false;
    for (auto& row : no_stage.backbone.rows) row.anchor = false;
    fails(teacher, make(one_stage), method<float>("at"));
    for (const std::string name : {"fitnets", "at", "sp"}) {
        CAPTURE(name);
        fails(teacher, make(no_stage), method<float>(name));
    }
    for (const double bad : {-1.0, std::numeric_limits<double>::quiet_NaN()})
        for (const auto& name : every_name) {
            CAPTURE(bad);
            CAPTURE(name);
            method<float> m(name);
            m.weight().term = bad;
            fails(teacher, student_for(name, teacher), m);
        }
    CHECK_THROWS_AS(distiller(teacher, student, method<float>("hinton"), window, generator(5), 1.5), usage_error);
    CHECK_THROWS_AS(distiller(teacher, student, method<float>("hinton"), shape{2, 32, 8}, generator(5)), shape_error);
}

TEST_CASE("baseline_distiller: a temporary teacher does not compile") {
    const auto possible = []<class Teacher>(Teacher&&) {
        return std::is_constructible_v<distiller, Teacher, const network&, method<float>, const shape&, generator>;
    };
    const network teacher;
    CHECK(possible(teacher));
    CHECK(!possible(network()));
}

TEST_CASE("baseline: every method goes on from a checkpoint bit for bit") {
    const network teacher = make(teacher_config(), 1);
    for (const auto& name : every_name) {
        CAPTURE(name);
        check_resume(
            [&](std::uint64_t seed) {
                network student = make(student_config(), seed);
                if (name == "simkd") student.take_classifier(teacher, generator(seed));
                return student;
            },
            [&](network& student) { return distiller(teacher, student, method<float>(name), window, generator(5)); },
            brief(2), some_places);
    }
}
