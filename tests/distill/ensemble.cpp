// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/ensemble.hpp"

#include <cmath>
#include <limits>

#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/network.hpp"
#include "smldist/distill/baseline.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/train/evaluate.hpp"
#include "train/tiny.hpp"

using namespace smldist;

namespace {

using teachers = distill::ensemble<network>;

/// Untrained members of two architectures.
teachers three(model::head_config head = heads::linear) {
    return teachers({make(teacher_config(head), 1), make(student_config(head), 2), make(teacher_config(head), 3)}, 2);
}

/// The mean of the members' logits, in double.
tensor<double> mean_logits(const teachers& e, const tensor<float>& x) {
    tensor<double> sum;
    for (const network& member : e.members()) {
        const auto z = cast<double>(member(x).logits);
        sum = sum.empty() ? z : op::add(sum, z);
    }
    return op::scale(sum, 1.0 / double(e.members().size()));
}

} // namespace

TEST_CASE("ensemble: answers with the mean of the logits and the features of its leader") {
    for (const auto& head : {heads::linear, heads::memory}) {
        const teachers e = three(head);
        const tensor<float> x = first_batch().x;
        const auto got = e(x), leader = e.members()[2](x);
        const auto want = mean_logits(e, x);
        REQUIRE(got.logits.shape() == want.shape());
        for (std::size_t i = 0; i < want.size(); ++i)
            CHECK(double(got.logits[i]) == doctest::Approx(want[i]).epsilon(1e-5));
        REQUIRE(got.stages.size() == leader.stages.size());
        for (std::size_t i = 0; i < got.stages.size(); ++i) CHECK(identical(got.stages[i], leader.stages[i]));
        CHECK(identical(got.feature, leader.feature));
        CHECK(got.memory.empty() == leader.memory.empty());
        if (!leader.memory.empty()) CHECK(identical(got.memory.scores, leader.memory.scores));
    }
}

TEST_CASE("ensemble: the leader decides nothing about the logits, and one member is that network") {
    teachers e = three();
    const tensor<float> x = first_batch().x;
    const auto led_by_last = e(x);
    e.lead(0);
    CHECK(identical(e(x).logits, led_by_last.logits));
    CHECK(&e.leader() == &e.members()[0]);
    CHECK(identical(e(x).feature, e.members()[0](x).feature));

    const teachers one({make(teacher_config(), 1)});
    CHECK(identical(one(x).logits, one.leader()(x).logits));
}

TEST_CASE("ensemble: is recorded, traced and compiled like a network") {
    const teachers e = three(heads::memory);
    const tensor<float> x = first_batch().x;
    const auto want = e(x);
    tape<float> t;
    CHECK(identical(e(t.input(x)).logits.value(), want.logits));
    const auto shapes = shapes_of(e, x.shape());
    CHECK(shapes.logits == want.logits.shape());
    CHECK(shapes.memory.scores == want.memory.scores.shape());
    CHECK(parameter_count(e) ==
          parameter_count(e.members()[0]) + parameter_count(e.members()[1]) + parameter_count(e.members()[2]));

    const deploy::network program(
        deploy::compile(e, {.length = x.shape()[1], .channels = x.shape()[2], .outputs = {"all"}}));
    const auto got = program(x);
    const auto near = [](const tensor<float>& a, const tensor<float>& b) {
        REQUIRE(a.shape() == b.shape());
        for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-3));
    };
    near(got.logits, want.logits);
    near(got.stages[1], want.stages[1]);
    near(got.memory.retrieved, want.memory.retrieved);
}

TEST_CASE("ensemble: a student of several equal teachers learns what it learns from one") {
    const network teacher = make(teacher_config(heads::memory), 1);
    const sets& s = few();
    train::training_options brief;
    brief.epochs = 2;
    const auto taught = [&](const auto& by) {
        network student = make(student_config(heads::memory), 2);
        const auto end = distill::fit(student, by, s.train, s.validation, s.normal, brief).history.back();
        CHECK(end.train["memory"] > 0);
        return std::pair(student, end.train["soft"]);
    };
    const auto [of_one, soft_of_one] = taught(teacher);
    const auto [of_two, soft_of_two] = taught(teachers({teacher, teacher})); // (z + z) / 2 is z to the bit
    CHECK(same_bits(of_one, of_two));
    CHECK(soft_of_one == soft_of_two);
}

TEST_CASE("ensemble: teaches by the losses of SMLDist and by a baseline; the memory is the leader's") {
    const teachers e = three(heads::memory);
    const sets& s = few();
    train::training_options brief;
    brief.epochs = 2;
    network student = make(student_config(heads::memory), 4);
    brief.lr = 1e-12; // so that the patterns stay where they were put
    distill::fit(student, e, s.train, s.validation, s.normal, brief);
    const auto &mine = student.memory()->keys.value, &theirs = e.leader().memory()->keys.value;
    REQUIRE(mine.shape() == theirs.shape());
    for (std::size_t i = 0; i < mine.size(); ++i) CHECK(mine[i] == doctest::Approx(theirs[i]).epsilon(1e-4));

    network other = make(student_config(), 4);
    const teachers linear = three();
    distill::baseline_distiller objective(linear, other, loss::baseline::hinton{},
                                          shape{2, s.train.length(), s.train.channels()}, generator(1));
    train::training_options o;
    o.epochs = 2;
    const auto history = train::training(other, objective, s.train, s.validation, s.normal, o).run().history;
    CHECK(history[1].train["soft"] < history[0].train["soft"]);
}

TEST_CASE("nearest_member: finds the member with the least divergence from all") {
    const sets& s = few();
    // Two members that agree outvote the third.
    const network common = make(teacher_config(), 1), other = make(teacher_config(), 7);
    for (std::size_t place = 0; place < 3; ++place) {
        std::vector<network> members(3, common);
        members[place] = other;
        const std::size_t nearest = distill::nearest_member(teachers(members), s.validation, s.normal);
        CHECK(nearest == (place == 0 ? 1 : 0));
    }

    // Against the formula, from probabilities.
    const teachers e = three();
    const auto p = op::softmax(cast<double>(train::logits(e, s.validation, s.normal)));
    std::size_t want = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < e.members().size(); ++k) {
        const auto own = train::predict(e.members()[k], s.validation, s.normal);
        double sum = 0;
        for (std::size_t i = 0; i < p.size(); ++i) sum += p[i] * std::log(p[i] / double(own[i]));
        if (sum < least) want = k, least = sum;
    }
    CHECK(distill::nearest_member(e, s.validation, s.normal) == want);
}

TEST_CASE("ensemble: errors name what came and what was expected") {
    CHECK_THROWS_WITH_AS(teachers(std::vector<network>()),
                         "distill::ensemble: number of members is 0, expected at least 1", usage_error);
    CHECK_THROWS_WITH_AS(teachers({make(teacher_config())}, 1),
                         "distill::ensemble: leader is 1, expected below the number of members, 1", usage_error);
    auto seven = teacher_config();
    seven.classes = 7;
    CHECK_THROWS_AS(teachers({make(teacher_config()), make(seven)})(first_batch().x), shape_error);

    const sets& s = few();
    CHECK_THROWS_WITH_AS(static_cast<void>(distill::nearest_member(three(), data::windows(), s.normal)),
                         doctest::Contains("number of windows is 0"), data_error);
    network broken = make(teacher_config());
    broken.head<nn::linear<float>>()->bias.value[0] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(static_cast<void>(distill::nearest_member(teachers({make(teacher_config()), broken}),
                                                                   s.validation, s.normal)),
                         doctest::Contains("divergence of member 0 is nan"), numeric_error);
}
