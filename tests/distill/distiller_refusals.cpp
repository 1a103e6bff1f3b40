// SPDX-License-Identifier: BSD-3-Clause
// Networks, options and arguments that a distiller refuses.
#include <limits>
#include <type_traits>
#include <utility>

#include "distiller.hpp"
#include "raises.hpp"

using namespace smldist;
using distill::distill_options;

TEST_CASE("distiller: networks that do not fit are refused before training") {
    const network student = make(student_config(heads::memory));
    const auto with = [](auto change) {
        auto c = teacher_config(heads::memory);
        change(c);
        return make(c);
    };
    const auto fails = [&](const network& teacher, const char* part, const distill_options& o = frequency_aware()) {
        CHECK_RAISES(usage_error, part, distiller_of(teacher, student, o));
    };
    fails(with([](auto& c) { c.classes = 5; }), "(1, 6) and (1, 5), expected the same classes");
    fails(with([](auto& c) { c.backbone.rows[0].anchor = false; }), "numbers of stages");
    fails(with([](auto& c) { c.backbone.rows[1].stride = 1; }),
          "length of stage 1 is 8 in the statistics, expected 4");
    fails(with([](auto& c) { memory_of(c).patterns_per_class = 3; }), "memories of student and teacher");
    fails(with([](auto& c) { memory_of(c).width = 9; }), "memories of student and teacher");
    distill_options no_memory = frequency_aware();
    no_memory.memory_weight = 0;
    CHECK_NOTHROW(distiller_of(with([](auto& c) { memory_of(c).width = 9; }), student, no_memory));
    CHECK_NOTHROW(distiller_of(make(teacher_config(heads::linear)), student)); // no memory term then

    const network teacher = make(teacher_config());
    distill::teacher_statistics short_of = distill::calibrate(teacher, few().train, few().normal);
    short_of.stages.pop_back();
    CHECK_THROWS_AS(distill::distiller(teacher, student, short_of, {}, one_window, generator(1)), usage_error);
}

TEST_CASE("distiller: values out of range are refused") {
    const network teacher = make(teacher_config()), student = make(student_config());
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const auto fails = [&](const distill_options& o) {
        CHECK_THROWS_AS(o.check(), usage_error);
        CHECK_THROWS_AS(distiller_of(teacher, student, o), usage_error);
    };
    const std::pair<const char*, double distill_options::*> members[] = {
        {"stage_first", &distill_options::stage_first},
        {"stage_last", &distill_options::stage_last},
        {"memory_weight", &distill_options::memory_weight}};
    for (const double bad : {-1.0, nan, inf}) {
        CAPTURE(bad);
        for (const auto& member : members) {
            CAPTURE(std::string(member.first));
            distill_options o = frequency_aware();
            o.*member.second = bad;
            fails(o);
        }
        distill_options o = frequency_aware();
        o.logits.temperature = bad;
        fails(o);
        o = {};
        o.memory.temperature = bad;
        fails(o);
        o = {};
        o.stage.alpha = bad;
        fails(o);
        o = {};
        o.stage_share = bad;
        fails(o);
    }
    distill_options whole = frequency_aware();
    whole.stage_share = 1;
    fails(whole);
    CHECK_NOTHROW(distill_options{}.check());
}

TEST_CASE("distiller: a temporary teacher does not compile") {
    const auto possible = []<class Teacher>(Teacher&&) {
        return std::is_constructible_v<distill::distiller, Teacher, const network&, distill::teacher_statistics,
                                       const distill::distill_options&, const shape&, generator>;
    };
    network teacher;
    CHECK(possible(teacher));
    CHECK(possible(std::as_const(teacher)));
    CHECK(!possible(network()));
    CHECK(!possible(std::move(std::as_const(teacher))));
}

TEST_CASE("distiller: options without effect are refused") {
    const network teacher = make(teacher_config(heads::linear)), student = make(student_config(heads::linear));
    distill_options o = frequency_aware();
    o.merged = {0, 0, 1, 1};
    const char* const patterns = "number of merged patterns is 4, expected 0 where a network has no memory";
    CHECK_THROWS_WITH_AS(distiller_of(teacher, student, o), doctest::Contains(patterns), usage_error);
    o.memory_weight = 0; // a comparison without the memory loss keeps the assignment
    CHECK_NOTHROW(distiller_of(teacher, student, o));
    CHECK_NOTHROW(distiller_of(teacher, student, frequency_aware()));

    auto shallow = teacher_config(heads::linear), small = student_config(heads::linear);
    for (auto* c : {&shallow, &small})
        for (auto& row : c->backbone.rows) row.anchor = false;
    const network deep = make(shallow), copy = make(small);
    distill_options none = frequency_aware();
    none.feature = false;
    CHECK_NOTHROW(distiller_of(deep, copy, none));
    none.schedule = distill::distill_schedule::sequential;
    CHECK_THROWS_WITH_AS(distiller_of(deep, copy, none),
                         doctest::Contains("schedule is sequential and there are no stages, expected joint"),
                         usage_error);
    none.feature = true;
    CHECK_NOTHROW(distiller_of(deep, copy, none));
}
