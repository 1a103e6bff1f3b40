// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/setting.hpp"

#include "check.hpp"

using namespace smldist;
namespace baseline = loss::baseline;

TEST_CASE("baseline weights: values out of range are refused") {
    CHECK_NOTHROW(baseline::weights{}.check("here"));
    CHECK_NOTHROW((baseline::weights{.hard = 0, .term = 0, .warm_up = 1}.check("here")));
    for (const double bad : {-1.0, not_a_number, infinite}) {
        CAPTURE(bad);
        CHECK_RAISES(usage_error, "here: weight of the labels is", baseline::weights{.hard = bad}.check("here"));
        CHECK_RAISES(usage_error, "here: weight of the term is", baseline::weights{.term = bad}.check("here"));
        CHECK_RAISES(usage_error, "here: warm_up is", baseline::weights{.warm_up = bad}.check("here"));
    }
    CHECK_RAISES(usage_error, "warm_up is 1.5", baseline::weights{.warm_up = 1.5}.check("here"));
}

TEST_CASE("baseline: outputs of student and teacher that do not fit are refused") {
    namespace check = baseline::detail;
    const auto logits = [](const shape& s) { return shapes_of(part::logits, {s}); };
    CHECK_NOTHROW(check::check_classes("here", logits({4, 6}), logits({4, 6})));
    CHECK_RAISES(usage_error, "(4, 6) and (4, 5)", check::check_classes("here", logits({4, 6}), logits({4, 5})));
    CHECK_RAISES(usage_error, "expected the same (B, N)", check::check_classes("here", logits({4}), logits({4})));
    CHECK_RAISES(shape_error, "(4, 6) and (3, 6)", check::check_logits("here", {4, 6}, {3, 6}));
    CHECK_RAISES(shape_error, "expected the same", check::check_logits("here", {0, 6}, {0, 6}));
    const auto stages = shapes_of(part::stages, {{2, 8, 3}, {2, 3}});
    CHECK_NOTHROW(check::check_stage("here", "student", stages, 0));
    CHECK_RAISES(usage_error, "stage 1 of the student is (2, 3)", check::check_stage("here", "student", stages, 1));
    CHECK_RAISES(usage_error, "the student has 2 stages", check::check_stage("here", "student", stages, 2));
    const auto feature = [](const shape& s) { return shapes_of(part::feature, {s}); };
    CHECK_NOTHROW(check::check_features("here", feature({4, 6}), feature({4, 9})));
    CHECK_RAISES(usage_error, "(4, 6) and (4, 2, 3)",
                 check::check_features("here", feature({4, 6}), feature({4, 2, 3})));
}

TEST_CASE("baseline: the longer stage is averaged to the shorter") {
    const tensor<double> six = normal({2, 6, 3}), three = normal({2, 3, 4}, 1);
    const auto pooled = op::adaptive_avg_pool1d(six, 3);
    for (const bool longer_student : {true, false}) {
        CAPTURE(longer_student);
        const auto [s, t] = baseline::detail::same_length(longer_student ? six : three, longer_student ? three : six);
        CHECK(identical(longer_student ? s : t, pooled));
        CHECK(identical(longer_student ? t : s, three));
    }
    const auto [s, t] = baseline::detail::same_length(six, six);
    CHECK(identical(s, six));
    CHECK(identical(t, six));
    CHECK_RAISES(shape_error, "(2, 6, 3) and (2, 3)", baseline::detail::same_length(six, normal({2, 3})));
}
