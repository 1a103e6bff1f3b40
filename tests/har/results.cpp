// SPDX-License-Identifier: BSD-3-Clause
// What the runs of a method come to: by hand.
#include "../../examples/har/results.hpp"

#include <cmath>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"

namespace {

using namespace har_tests;
using namespace smldist;
using har::method_results;
using nlohmann::json;

/// Windows of these labels and people, two classes.
data::windows windows_of(const std::vector<int>& label, const std::vector<int>& subject) {
    data::windows w;
    w.x = tensor<float>(shape{label.size(), 2, 1});
    w.label = label;
    w.subject = subject;
    w.info.labels = {"rest", "walk"};
    return w;
}

/// A network that answers class 1 with these probabilities.
har::trained_network answers(const std::vector<float>& walk) {
    har::trained_network net;
    net.name = "student";
    net.probabilities = tensor<float>(shape{walk.size(), 2});
    for (std::size_t i = 0; i < walk.size(); ++i) {
        net.probabilities(i, 0) = 1 - walk[i];
        net.probabilities(i, 1) = walk[i];
    }
    net.history.resize(3);
    net.best_epoch = 2;
    net.parameters = 10;
    net.macs = 20;
    net.bytes = 30;
    net.seconds = 4;
    return net;
}

json json_of(const method_results& m, const data::windows& w) { return json::parse(m.json(w.info).dump()); }

} // namespace

TEST_CASE("mean and deviation are over runs, people and classes over all windows") {
    method_results m("student", "", 2);
    const auto first = windows_of({0, 0, 1, 1}, {1, 1, 1, 1}), second = windows_of({0, 1, 0, 1}, {2, 2, 3, 3});
    m.add(1, 7, first, answers({0.25f, 0.25f, 0.75f, 0.25f})); // 3 of 4
    CHECK_FALSE(json_of(m, first)["accuracy"].contains("sd"));
    m.add(2, 7, second, answers({0.25f, 0.75f, 0.75f, 0.25f})); // 2 of 4: person 2 both, person 3 none
    const json j = json_of(m, first);
    CHECK(j["accuracy"]["mean"] == 0.625);
    CHECK(j["accuracy"]["sd"].get<double>() == doctest::Approx(0.125 * std::sqrt(2.0)));
    // Of the first run F1 are 4/5 and 2/3, of the second 1/2 twice.
    CHECK(j["macro_f1"]["mean"].get<double>() == doctest::Approx(((4.0 / 5 + 2.0 / 3) / 2 + 0.5) / 2));
    CHECK(j["confusion"] == json({{3, 1}, {2, 2}}));
    CHECK(j["pooled_accuracy"] == 0.625);
    CHECK(j["worst_person"] == "3");
    CHECK(j["worst_person_macro_f1"] == 0);
    REQUIRE(j["people"].size() == 3);
    CHECK(j["people"][1]["accuracy"] == 1);
    CHECK(j["people"][2]["windows"] == 2);
    // Every answer has a confidence of 3/4; 5 of 8 are right. Pooled over runs, the error is 1/8.
    CHECK(j["calibration_error"].get<double>() == doctest::Approx(0.125));
    CHECK(j["parameters"] == 10);
    CHECK(j["seconds"] == 8);

    const har::report_method page = m.report({1, 2, 3, 4});
    REQUIRE(page.people.size() == 4);
    CHECK(page.people[0].windows == 4);
    CHECK(page.people[3].windows == 0);
    CHECK(std::isnan(page.people[3].accuracy));
    CHECK(page.cost.epochs == 3); // of one training
    CHECK(page.cost.seconds == 4);
    CHECK(page.calibration_error == doctest::Approx(0.125));
    CHECK(m.line() ==
          "student        62.50 ± 17.68   61.67 ± 16.50          0.00       0.1250          10         20\n");
    CHECK(method_results::table_head().size() + 2 == m.line().size()); // ± are two bytes, of which one is seen
}

TEST_CASE("guessing answers the most frequent class and has no probabilities") {
    const auto train = windows_of({0, 1, 1}, {1, 1, 2}), test = windows_of({0, 1}, {3, 3});
    CHECK(har::majority(train, test) == std::vector<int>{1, 1});
    method_results m("majority", "", 2);
    m.add(1, 0, test, har::majority(train, test));
    const json j = json_of(m, test);
    CHECK(j["accuracy"]["mean"] == 0.5);
    CHECK_FALSE(j.contains("calibration_error"));
    CHECK(std::isnan(m.report({3}).calibration_error));
}

TEST_CASE("methods are compared over the people of both") {
    method_results a("labels", "", 2), b("student", "", 2);
    for (int person = 1; person <= 3; ++person) {
        const auto w = windows_of({0, 0, 1, 1}, std::vector<int>(4, person));
        a.add(1, 0, w, std::vector<int>{0, 0, 1, 0});
        if (person == 2) CHECK(har::compare(a, b).empty()); // b knows one person
        if (person < 3) b.add(1, 0, w, std::vector<int>{0, 0, 1, 1});
    }
    const auto found = har::compare(a, b);
    REQUIRE(found.size() == 1);
    CHECK(found[0].a == "student");
    CHECK(found[0].b == "labels");
    CHECK(found[0].people == 2);
    const double difference = 1 - (4.0 / 5 + 2.0 / 3) / 2;
    CHECK(found[0].difference == doctest::Approx(difference));
    CHECK(found[0].low == doctest::Approx(difference)); // people are equal
    CHECK(found[0].high == doctest::Approx(difference));
    const json j = json::parse(har::json_of(found[0]).dump());
    CHECK(j["method"] == "student");
    CHECK(j["against"] == "labels");
    CHECK(j["people"] == 2);
}

TEST_CASE("a comparison in a sentence says better, worse, equal, and when it may be chance") {
    const std::string known = " (95 % interval +0.20 to +2.40, p = 0.0210, 30 people)";
    CHECK(har::sentence({"student", "labels", 0.013, 0.002, 0.024, 0.021, 30}) ==
          "student is better than labels by 1.30 points of macro-F1" + known);
    CHECK(
        har::sentence({"student", "labels", -0.013, -0.024, 0.002, 0.1, 5}) ==
        "student is worse than labels by 1.30 points of macro-F1 (95 % interval -2.40 to +0.20, p = 0.1000, 5 people)"
        ": the difference may be chance");
    for (const double nothing : {0.0, 0.00004, -0.00004})
        CHECK(har::sentence({"student", "labels", nothing, -0.01, 0.01, 1, 2}) ==
              "student equals labels in macro-F1 (95 % interval -1.00 to +1.00, p = 1.0000, 2 people)");
}

TEST_CASE("timelines show the worst person, a median one and the best, in the order of the windows") {
    const auto w = windows_of({0, 1, 0, 1, 0, 1, 1}, {1, 1, 2, 2, 3, 3, 3});
    // Person 1 has one of two right, person 2 both, person 3 none.
    const auto net = answers({0.125f, 0.25f, 0.25f, 0.75f, 0.875f, 0.25f, 0.375f});
    const auto lines = har::timelines(w, net.probabilities, 1.28);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0].recording == "the worst person");
    CHECK(lines[0].person == "3");
    CHECK(lines[0].label == std::vector<int>{0, 1, 1});
    CHECK(lines[0].predicted == std::vector<int>{1, 0, 0});
    CHECK(lines[0].probability == std::vector<double>{0.875, 0.75, 0.625});
    CHECK(lines[0].seconds == 1.28);
    CHECK(lines[1].recording == "a median person");
    CHECK(lines[1].person == "1");
    CHECK(lines[2].recording == "the best person");
    CHECK(lines[2].person == "2");

    const auto two = windows_of({0, 1}, {1, 2});
    const auto both = har::timelines(two, answers({0.75f, 0.75f}).probabilities, 1);
    REQUIRE(both.size() == 2);
    CHECK(both[0].recording.empty());
    CHECK(both[0].person == "1");
}

TEST_CASE("a curve has an entry for each epoch") {
    auto net = answers({0.5f});
    net.history[1].train.total = 2.5;
    net.history[1].validation.macro_f1 = 0.75;
    net.history[1].lr = 0.125;
    const auto curve = har::curve_of(net, "fold 1, seed 0");
    CHECK(curve.name == "student");
    CHECK(curve.run == "fold 1, seed 0");
    CHECK(curve.best == 2);
    REQUIRE(curve.epochs.size() == 3);
    CHECK(curve.epochs[1].loss == 2.5);
    CHECK(curve.epochs[1].macro_f1 == 0.75);
    CHECK(curve.epochs[1].learning_rate == 0.125);
}
