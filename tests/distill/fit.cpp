// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/fit.hpp"

#include <memory>

#include "options.hpp"
#include "smldist/train/fit.hpp"
#include "train/tiny.hpp"

using namespace smldist;

namespace {

train::training_options brief(std::vector<std::size_t> channels = {}) {
    train::training_options o;
    o.epochs = 2;
    o.channels = std::move(channels);
    return o;
}

/// A teacher that has learned a little.
network taught(model::head_config head) {
    network net = make(teacher_config(std::move(head)), 1);
    train::fit(net, few().train, few().validation, few().normal, brief());
    return net;
}

/// The student after a training with the distiller made from its parts, as the page on tutorials has it.
network by_parts(const network& teacher, network student, distill::distill_options o,
                 const train::training_options& options) {
    const sets& s = few();
    const shape window{1, s.train.length(), s.train.channels()};
    const shape seen = options.channels.empty() ? window : window.with(2, options.channels.size());
    if (student.memory() && teacher.memory())
        o.merged = student.take_memory(teacher, model::memory_transfer::copy_slow);
    const auto compiled = [&](const auto& net) {
        return deploy::network(
            deploy::compile(net, {.length = window[1], .channels = window[2], .outputs = {"all"}}));
    };
    const auto statistics = distill::calibrate(compiled(teacher), s.train, s.normal, o.stage,
                                               distill::common_lengths(teacher, student, window, seen));
    const distill::projected_teacher projected(teacher, student, statistics, o.stage, window, seen);
    const deploy::network fast = compiled(projected);
    distill::distiller objective(fast, student, projected.statistics(), o, window, generator(0), seen);
    train::training(student, objective, s.train, s.validation, s.normal, options).run();
    return student;
}

} // namespace

TEST_CASE("distill::fit: gives the bits of the parts assembled by hand for every head and stage option") {
    for (const auto& head : {heads::linear, heads::memory})
        for (const auto& losses : {distill::distill_options(), frequency_aware()}) {
            CAPTURE(model::text(head));
            CAPTURE(losses.stage.alpha);
            const network teacher = taught(head), start = make(student_config(head), 2);
            network student = start;
            const auto result =
                distill::fit(student, teacher, few().train, few().validation, few().normal, brief(), losses);
            CHECK(same_bits(student, by_parts(teacher, start, losses, brief())));
            REQUIRE(result.history.size() == 2);
            CHECK(result.history[0].train["stage"] > 0);
            CHECK((result.history[0].train["memory"] > 0) == (student.memory() != nullptr));
        }
}

TEST_CASE("distill::fit: trains students with fewer channels and students with other stage lengths") {
    const network teacher = taught(heads::linear);
    auto narrow = student_config();
    narrow.backbone.channels = 3;
    network student = make(narrow, 2);
    const network start = student;
    distill::fit(student, teacher, few().train, few().validation, few().normal, brief({0, 1, 2}));
    CHECK(same_bits(student, by_parts(teacher, start, {}, brief({0, 1, 2}))));

    auto longer = student_config();
    longer.backbone.rows[1].stride = 1;
    network unlike = make(longer, 2);
    const auto history = distill::fit(unlike, teacher, few().train, few().validation, few().normal, brief()).history;
    CHECK(history[1].train["stage"] < history[0].train["stage"]);
}

TEST_CASE("distiller: made from data it owns what it needs and uses a compiled teacher as it is") {
    const sets& s = few();
    const network student = make(student_config(), 2);
    const auto b = [&] {
        data::loader_options l;
        l.batch = 16;
        data::loader loader(s.train, l, s.normal, generator(0));
        loader.start(1);
        data::batch batch;
        loader.next(batch);
        return batch;
    }();
    const auto total = [&](distill::distiller& d) {
        tape<float> t;
        return d(t, student(t.input(b.x), mode::eval), b, 0.5).terms.total;
    };
    auto teacher = std::make_unique<network>(taught(heads::linear));
    const deploy::network program(deploy::compile(*teacher, {.length = s.train.length(), .outputs = {"all"}}));
    distill::distiller objective(*teacher, student, s.train, s.normal);
    const double before = total(objective);
    teacher.reset();
    CHECK(total(objective) == before);
    distill::distiller of_program(program, student, s.train, s.normal);
    CHECK(total(of_program) == doctest::Approx(before).epsilon(1e-4));
    CHECK_THROWS_AS(
        distill::distiller(program, make(config(8, {"3,8,8,SE,RE,2,A"}, 16, heads::linear)), s.train, s.normal),
        usage_error);
}

TEST_CASE("distiller: statistics measured for other band weights are refused") {
    const sets& s = few();
    const network teacher = make(teacher_config(), 1), student = make(student_config(), 2);
    const shape window{2, s.train.length(), s.train.channels()};
    auto uniform = frequency_aware();
    uniform.stage.weights.kind = loss::weighting::uniform;
    const auto measured = distill::calibrate(teacher, s.train, s.normal, frequency_aware().stage),
               unmeasured = distill::calibrate(teacher, s.train, s.normal, uniform.stage);
    CHECK_NOTHROW(distill::distiller(teacher, student, measured, frequency_aware(), window, generator(1)));
    CHECK_NOTHROW(distill::distiller(teacher, student, unmeasured, uniform, window, generator(1)));
    CHECK_THROWS_WITH_AS(distill::distiller(teacher, student, unmeasured, frequency_aware(), window, generator(1)),
                         doctest::Contains("expected statistics measured for weights fisher"), usage_error);
}
