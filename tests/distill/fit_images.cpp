// SPDX-License-Identifier: BSD-3-Clause
/// Training and distillation of networks of images.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../raises.hpp"
#include "model/heads.hpp"
#include "smldist/data/images.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/data/shapes.hpp"
#include "smldist/data/split.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/checkpoint.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;
using network2d = model::network2d<float>;

namespace {

struct parts {
    data::windows train, validation;
    normaliser normal;
};
const parts& few() {
    static const parts p = [] {
        const auto all = data::shapes({.train = 96, .test = 32, .height = 12, .width = 16});
        return parts{all.train, all.test, data::fit_normaliser(all.train)};
    }();
    return p;
}

network2d make(std::vector<std::string_view> rows, std::size_t stem, std::uint64_t seed, model::head_config head) {
    model::network_config c;
    c.backbone.channels = 1;
    c.backbone.height = 12;
    c.backbone.width = 16;
    c.backbone.stem = stem;
    for (const auto row : rows) c.backbone.rows.push_back(model::parse_row(row));
    c.backbone.tail = 2 * stem;
    c.classes = 4;
    c.head = std::move(head);
    return network2d(c, generator(seed));
}
network2d teacher_of(model::head_config head) {
    return make({"3,32,16,-,RE,1,A", "3,32,16,SE,HS,2,A"}, 16, 1, std::move(head));
}
/// Stages of the teacher's extents, or with `small` of smaller ones.
network2d student_of(model::head_config head, bool small = false) {
    return make({small ? "3,16,8,-,RE,2,A" : "3,16,8,-,RE,1,A", small ? "3,16,8,-,HS,1,A" : "3,16,8,SE,HS,2,A"}, 8, 2,
                std::move(head));
}
train::training_options brief(std::size_t epochs = 3) { return {.epochs = epochs, .batch = 16}; }

std::vector<float> values(const network2d& net) {
    std::vector<float> all;
    for_each_parameter(net, [&](const auto& p) { all.insert(all.end(), p.value.begin(), p.value.end()); });
    return all;
}

} // namespace

TEST_CASE("fit of images: a network learns, and the number of threads changes no bit") {
    network2d net = teacher_of(heads::linear), again = net;
    const auto r = train::fit(net, few().train, few().validation, few().normal, brief(30));
    CHECK(r.history.back().train.total < 0.7 * r.history.front().train.total);
    set_threads(3);
    train::fit(again, few().train, few().validation, few().normal, brief(30));
    set_threads(1);
    CHECK(values(net) == values(again));
}

TEST_CASE("fit of images: a training that goes on from a checkpoint gives the same bits") {
    train::supervised labels;
    io::byte_vector middle;
    network2d net = teacher_of(heads::linear), other = net;
    train::training whole(net, labels, few().train, few().validation, few().normal, brief());
    whole.on_epoch = [&](const train::epoch_report& e) {
        if (e.epoch == 1) middle = train::checkpoint_bytes(whole);
    };
    whole.run();
    train::training rest(other, labels, few().train, few().validation, few().normal, brief());
    train::restore_checkpoint(rest, middle);
    rest.run();
    CHECK(values(net) == values(other));
}

TEST_CASE("distill::fit of images: the student follows stages and memory and logits") {
    for (const bool small : {false, true}) {
        CAPTURE(small);
        network2d teacher = teacher_of(heads::memory), student = student_of(heads::memory, small);
        train::fit(teacher, few().train, few().validation, few().normal, brief(6));
        const auto r = distill::fit(student, teacher, few().train, few().validation, few().normal, brief(8)).history;
        for (const auto name : {"soft", "stage", "memory"}) {
            CAPTURE(name);
            CHECK(r.front().train[name] > 0);
            CHECK(r.back().train[name] < 0.9 * r.front().train[name]);
        }
        // the teacher compiled by the user gives the distiller the same
        network2d by_hand = student_of(heads::memory, small);
        const deploy::network fast(deploy::compile(teacher, {.batch = 2, .outputs = {"all"}}));
        distill::distill_options o;
        o.merged = by_hand.take_memory(teacher);
        distill::distiller objective(fast, by_hand, few().train, few().normal, o);
        const auto s =
            train::training(by_hand, objective, few().train, few().validation, few().normal, brief(8)).run();
        CHECK(s.history.back().train.total == doctest::Approx(r.back().train.total).epsilon(0.02));
    }
}

TEST_CASE("distill::fit of images: options that read frequencies and networks of windows are refused") {
    const network2d teacher = teacher_of(heads::linear);
    network2d student = student_of(heads::linear);
    const auto with = [&](auto change) {
        distill::distill_options o;
        change(o.stage);
        return distill::fit(student, teacher, few().train, few().validation, few().normal, brief(), o);
    };
    CHECK_RAISES(usage_error, "alpha is 0.5, expected 0 for images", with([](auto& o) { o.alpha = 0.5; }));
    CHECK_RAISES(usage_error, "eta is 0.25, expected 0 for images", with([](auto& o) { o.eta = 0.25; }));
    CHECK_RAISES(usage_error, "weights are uncertainty",
                 with([](auto& o) { o.weights.kind = loss::weighting::uncertainty; }));

    model::network_config c;
    c.backbone.channels = 1;
    c.backbone.rows = {model::parse_row("3,16,8,-,RE,1,A"), model::parse_row("3,16,8,-,RE,1,A")};
    c.classes = 4;
    model::network<float> of_windows(c, generator(1));
    CHECK_RAISES(usage_error, "expected both of windows or both of images",
                 distill::fit(of_windows, teacher, few().train, few().validation, few().normal, brief()));
}
