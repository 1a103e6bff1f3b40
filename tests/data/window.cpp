// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/window.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <string>

using namespace smldist;
using data::label_rule;
using indices = std::vector<std::size_t>;

namespace {

data::signal_info two_channels() {
    data::signal_info info;
    info.channels = {"left", "right"};
    info.labels = {"a", "b", "c"};
    return info;
}

/// Samples t, -t in two channels with the given labels.
data::recording ramp(const std::vector<int>& labels, int subject = 1) {
    data::recording r{tensor<float>(shape{labels.size(), 2}), labels, subject};
    for (std::size_t t = 0; t < labels.size(); ++t) {
        r.samples(t, 0) = static_cast<float>(t);
        r.samples(t, 1) = -static_cast<float>(t);
    }
    return r;
}

data::windows cut(const std::vector<int>& labels, data::cut_options o) {
    return data::cut({ramp(labels)}, two_channels(), o);
}

data::windows three_windows() {
    return {tensor<float>({3, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), {0, 1, 1}, {5, 2, 5}, two_channels()};
}

/// The same without classes: a target of two named columns.
data::windows three_targets() {
    data::windows w = three_windows();
    w.label.clear();
    w.info.labels = {"pulse", "speed"};
    w.target = tensor<float>{{60, 1}, {70, 2}, {80, 3}};
    return w;
}

std::string message(const data::windows& w) {
    try {
        w.check();
    } catch (const data_error& e) { return e.what(); }
    return "nothing thrown";
}

} // namespace

TEST_CASE("windows know their extents, subjects and classes, and select copies") {
    const data::windows w = three_windows();
    CHECK_NOTHROW(w.check());
    CHECK_NOTHROW(w.check_trainable());
    CHECK(w.size() == 3);
    CHECK(w.length() == 2);
    CHECK(w.channels() == 2);
    CHECK(w.classes() == 3);
    CHECK(w.subjects() == std::vector<int>{2, 5});
    CHECK(w.class_counts() == indices{1, 2, 0});
    CHECK(w.missing_classes() == std::vector<std::string>{"c"});
    CHECK(w.select({0}).missing_classes() == std::vector<std::string>{"b", "c"});
    const data::windows s = w.select({2, 0});
    CHECK(identical(s.x, tensor<float>({2, 2, 2}, {8, 9, 10, 11, 0, 1, 2, 3})));
    CHECK(s.label == std::vector<int>{1, 0});
    CHECK(s.subject == std::vector<int>{5, 5});
    CHECK(s.info == w.info);
    CHECK_THROWS_AS(w.select({3}), usage_error);
    CHECK(data::windows{}.length() == 0);
}

TEST_CASE("select_channels: the chosen columns of every sample") {
    const data::windows w = three_windows();
    const data::windows right = w.select_channels(indices{1});
    CHECK_NOTHROW(right.check());
    CHECK(identical(right.x, tensor<float>({3, 2, 1}, {1, 3, 5, 7, 9, 11})));
    CHECK(right.label == w.label);
    CHECK(right.subject == w.subject);
    CHECK(right.info.channels == std::vector<std::string>{"right"});
    CHECK(right.info.labels == w.info.labels);
    CHECK(identical(w.select_channels({}).x, w.x));
    CHECK(w.select_channels({}).info == w.info);
    CHECK(identical(data::select_channels(w.x, indices{1, 0}),
                    tensor<float>({3, 2, 2}, {1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10})));
    CHECK(identical(data::select_channels(tensor<float>{7, 8}, indices{1}), tensor<float>{8}));
    CHECK_THROWS_WITH_AS(data::select_channels(w.x, indices{0, 2}),
                         "select_channels: channel is 2, expected less than 2", usage_error);
    CHECK_THROWS_AS(w.select_channels(indices{2}), usage_error);
    CHECK_THROWS_AS(data::select_channels(tensor<float>(shape{}), indices{0}), usage_error);
}

TEST_CASE("windows::check names the cause") {
    CHECK(message(data::windows{}) == "windows: number of windows is 0, expected at least one");
    data::windows w = three_windows();
    w.x(1, 0, 1) = std::numeric_limits<float>::quiet_NaN();
    CHECK(message(w).find("window 1, sample 0, right is nan") != std::string::npos);
    w.x(1, 0, 1) = -std::numeric_limits<float>::infinity();
    CHECK(message(w).find("right is -inf") != std::string::npos);
    w = three_windows();
    w.label[2] = 3;
    CHECK(message(w).find("label of window 2 is 3, expected 0 to 2") != std::string::npos);
    w.label[2] = -1;
    CHECK_THROWS_AS(w.check(), data_error);
    w = three_windows();
    w.subject.pop_back();
    CHECK(message(w).find("subjects is 2") != std::string::npos);
    w = three_windows();
    w.label.pop_back();
    CHECK_THROWS_AS(w.check(), data_error);
    w = three_windows();
    w.info.channels = {"only"};
    CHECK_THROWS_AS(w.check(), data_error);
}

TEST_CASE("one class only cannot be trained on") {
    data::windows w = three_windows();
    w.label = {1, 1, 1};
    CHECK_NOTHROW(w.check());
    CHECK_THROWS_WITH_AS(w.check_trainable(),
                         "windows: all 3 windows have the label b, expected at least two classes", data_error);
}

TEST_CASE("windows with a target: it goes along, with classes and without") {
    data::windows w = three_targets();
    CHECK_NOTHROW(w.check());
    CHECK_NOTHROW(w.check_trainable());
    CHECK(w.size() == 3);
    CHECK(w.targets() == 2);
    CHECK(w.classes() == 2);
    CHECK(w.class_counts().empty());
    CHECK(w.missing_classes().empty());
    CHECK(three_windows().targets() == 0);
    CHECK(three_windows().select({1}).target.shape() == shape{0});
    for (const bool classes : {false, true}) {
        CAPTURE(classes);
        if (classes) {
            w = three_windows();
            w.target = three_targets().target;
            CHECK_NOTHROW(w.check());
            CHECK(w.class_counts() == indices{1, 2, 0});
            CHECK(w.missing_classes() == std::vector<std::string>{"c"});
        }
        const data::windows s = w.select({2, 0});
        CHECK_NOTHROW(s.check());
        CHECK(identical(s.target, tensor<float>{{80, 3}, {60, 1}}));
        CHECK(s.label == (classes ? std::vector<int>{1, 0} : std::vector<int>{}));
        CHECK(s.subject == std::vector<int>{5, 5});
        const data::windows right = w.select_channels(indices{1});
        CHECK_NOTHROW(right.check());
        CHECK(identical(right.target, w.target));
        CHECK(w.select({}).size() == 0);
        CHECK_THROWS_AS(w.select({3}), usage_error);
    }
}

TEST_CASE("windows::check: the target fits the windows and is finite") {
    data::windows w = three_targets();
    w.target = tensor<float>{{60, 1}, {70, 2}};
    CHECK(message(w) == "windows: target has shape (2, 2), expected (3, K)");
    w.target = tensor<float>{60, 70, 80};
    CHECK(message(w) == "windows: target has shape (3), expected (3, K)");
    w.target = tensor<float>(shape{3, 2, 1});
    CHECK(message(w) == "windows: target has shape (3, 2, 1), expected (3, K)");
    w.target = tensor<float>(shape{3, 0});
    CHECK(message(w) == "windows: target has shape (3, 0), expected (3, K)");
    w.target = tensor<float>(shape{3, 3});
    CHECK(message(w) == "windows: number of names in info.labels is 2, expected one per column of the target: 3");
    w = three_targets();
    w.info.labels.clear();
    CHECK(message(w) == "windows: number of names in info.labels is 0, expected one per column of the target: 2");
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        CAPTURE(bad);
        w = three_targets();
        w.target(2, 1) = bad;
        CHECK(message(w).find("windows: window 2, target 1 is ") == 0);
    }
    w = three_targets();
    w.target = tensor<float>();
    CHECK(message(w) == "windows: number of labels is 0, expected one per window: 3 (or a target)");
    w = three_targets();
    w.label = {1, 0};
    CHECK(message(w) == "windows: number of labels is 2, expected one per window: 3 (or none)");
    w.label = {1, 0, 2};
    CHECK(message(w) == "windows: label of window 2 is 2, expected 0 to 1");
    w = three_targets();
    w.subject.pop_back();
    CHECK(message(w).find("subjects is 2") != std::string::npos);
    w = three_windows();
    w.x = tensor<float>(shape{3, 4});
    CHECK(message(w) == "windows: samples have shape (3, 4), expected (N, L, C)");
}

TEST_CASE("a target that is the same in all windows cannot be trained on, unless there are classes") {
    data::windows w = three_targets();
    w.target = tensor<float>{{60, 1}, {60, 1}, {60, 1}};
    CHECK_NOTHROW(w.check());
    CHECK_THROWS_WITH_AS(w.check_trainable(), "windows: all 3 windows have the same target, expected at least two",
                         data_error);
    w.target(2, 1) = 2;
    CHECK_NOTHROW(w.check_trainable());
    w = three_windows();
    w.target = tensor<float>(shape{3, 1}, 7);
    CHECK_NOTHROW(w.check_trainable()); // by its classes
    w.label = {1, 1, 1};
    CHECK_THROWS_AS(w.check_trainable(), data_error);
    w.target(0, 0) = 8;
    CHECK_NOTHROW(w.check_trainable()); // by its target
}

TEST_CASE("cut: places, contents and the tail") {
    const auto w = cut({0, 0, 0, 0, 1, 1, 1, 1, 1}, {4, 2, label_rule::majority, 0.5});
    REQUIRE(w.size() == 3);                      // starts 0, 2, 4; the ninth sample is left over
    CHECK(w.label == std::vector<int>{0, 0, 1}); // the tie of the second goes to the lower label
    CHECK(w.subject == std::vector<int>{1, 1, 1});
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t t = 0; t < 4; ++t) {
            CHECK(w.x(i, t, 0) == static_cast<float>(2 * i + t));
            CHECK(w.x(i, t, 1) == -static_cast<float>(2 * i + t));
        }
    CHECK_NOTHROW(w.check());
}

TEST_CASE("cut: rules and the share of labelled samples") {
    const std::vector<int> labels{2, 2, 2, 0, -1, -1, -1, 1, 1, 1, 1, 0};
    CHECK(cut(labels, {4, 4, label_rule::majority, 0.5}).label == std::vector<int>{2, 1});
    CHECK(cut(labels, {4, 4, label_rule::majority, 0.25}).label == std::vector<int>{2, 1, 1});
    CHECK(cut(labels, {4, 4, label_rule::last, 0.5}).label == std::vector<int>{0, 0});
    CHECK(cut(labels, {4, 2, label_rule::last, 0.25}).label == std::vector<int>{0, 1, 1, 0}); // at 2: last is -1
    const auto w = cut(labels, {2, 1, label_rule::constant, 1});
    CHECK(w.label == std::vector<int>{2, 2, 1, 1, 1});
    CHECK(w.x(2, 0, 0) == 7); // windows start anew where the run of 1 starts
    // Two recordings: no window crosses from one to the other.
    const auto two = data::cut({ramp({0, 0, 0}, 1), ramp({1, 1, 1}, 2)}, two_channels(), {2, 2});
    CHECK(two.label == std::vector<int>{0, 1});
    CHECK(two.subject == std::vector<int>{1, 2});
}

TEST_CASE("cut: bad input") {
    const std::vector<int> four{0, 0, 1, 1};
    CHECK_THROWS_AS(cut(four, {0, 1}), usage_error);
    CHECK_THROWS_AS(cut(four, {2, 0}), usage_error);
    CHECK_THROWS_AS(cut(four, {2, 1, label_rule::last, 1.5}), usage_error);
    CHECK_THROWS_WITH_AS(cut(four, {5, 1}),
                         "cut: recording 0: number of samples is 4, expected at least one window of 5", data_error);
    CHECK_THROWS_AS(cut({}, {1, 1}), data_error);
    CHECK_THROWS_AS(data::cut({}, two_channels(), {1, 1}), data_error);
    CHECK_THROWS_AS(cut({-1, -1, -1}, {2, 1}), data_error);                          // nothing labelled
    CHECK_THROWS_AS(cut({0, 1, 0, 1}, {2, 1, label_rule::constant, 1}), data_error); // no run is long enough
    CHECK_THROWS_WITH_AS(cut({0, 3}, {2, 1}), "cut: recording 0: label of sample 1 is 3, expected -1 to 2",
                         data_error);
    CHECK_THROWS_AS(cut({0, -2}, {2, 1}), data_error);
    data::recording bad = ramp(four);
    bad.samples(2, 1) = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH_AS(data::cut({ramp(four), bad}, two_channels(), {2, 1}),
                         "cut: recording 1: sample 2, right is inf, expected a finite number", data_error);
    bad = ramp(four);
    bad.labels.pop_back();
    CHECK_THROWS_AS(data::cut({bad}, two_channels(), {2, 1}), data_error);
    bad.samples = tensor<float>(shape{4, 3});
    CHECK_THROWS_AS(data::cut({ramp(four), bad}, two_channels(), {2, 1}), data_error);
    bad.samples = tensor<float>(shape{4});
    CHECK_THROWS_AS(data::cut({bad}, two_channels(), {2, 1}), data_error);
}
