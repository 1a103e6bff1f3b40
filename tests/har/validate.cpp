// SPDX-License-Identifier: BSD-3-Clause
// har validate: folds by person, methods on the same people, figures, and what becomes of an earlier validation.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "phone_exports.hpp"
#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

const std::string networks = "--preset har_nano --teacher-preset har_nano --batch 16 ";
const std::string validate = "validate --quiet --threads 1 --csv-window 64 " + networks;
const std::string short_run = "--epochs 3 --teacher-epochs 3 ";

json figures_in(const fs::path& run) { return json::parse(contents(run / "validation.json")); }

json method_in(const json& figures, const std::string& name) {
    for (const json& m : figures.at("methods"))
        if (m.at("name") == name) return m;
    FAIL(name << " is not among the methods");
    return {};
}

/// Without the times, which differ from run to run.
json timeless(json figures) {
    for (json& m : figures.at("methods")) m.erase("seconds");
    return figures;
}

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++n;
    return n;
}

/// Phone exports of six people: a half as Sensor Logger writes them, a half as phyphox does; each has two clocks and a gap.
void make_walks(const fs::path& at) {
    std::size_t n = 0;
    make_people(
        at, six_people,
        [&](const fs::path& to, phone_recording r) {
            r.gap = {4, 4.6};
            n++ < 9 ? write_sensor_logger(to, r) : write_phyphox(to, r);
        },
        12);
}

/// Macro-F1 and accuracy of a confusion matrix, by their definitions.
std::pair<double, double> by_hand(const json& confusion) {
    const std::size_t classes = confusion.size();
    double f1 = 0, right = 0, all = 0, present = 0;
    for (std::size_t n = 0; n < classes; ++n) {
        double labelled = 0, predicted = 0;
        for (std::size_t k = 0; k < classes; ++k) {
            labelled += confusion[n][k].get<double>();
            predicted += confusion[k][n].get<double>();
        }
        const double hits = confusion[n][n];
        right += hits;
        all += labelled;
        if (labelled + predicted == 0) continue;
        present += 1;
        f1 += 2 * hits / (labelled + predicted);
    }
    return {f1 / present, right / all};
}

void check_spread(const json& method, const std::string& figure) {
    std::vector<double> values;
    for (const json& run : method.at("runs")) values.push_back(run.at(figure));
    double mean = 0, squares = 0;
    for (const double v : values) mean += v / double(values.size());
    for (const double v : values) squares += (v - mean) * (v - mean);
    CHECK(method.at(figure).at("mean").get<double>() == doctest::Approx(mean));
    REQUIRE(values.size() > 1);
    CHECK(method.at(figure).at("sd").get<double>() ==
          doctest::Approx(std::sqrt(squares / double(values.size() - 1))));
}

/// Six people in three folds, by three methods.
const folder& validated() {
    static const folder at;
    static const answer done = [] {
        make_walks(at / "walks");
        return run(at, validate + short_run + "--data csv=walks --folds 3 --methods labels,smldist,hinton --out v");
    }();
    REQUIRE_MESSAGE(done.code == 0, done.err);
    return at;
}

} // namespace

TEST_CASE("a folder of phone exports is inspected and validated, and the report shows what validation.json holds") {
    const folder& at = validated();
    const auto looked = run(at, "inspect --data csv=walks");
    REQUIRE_MESSAGE(looked.code == 0, looked.err);
    const json figures = figures_in(at / "v");
    const std::string page = contents(at / "v/report.html");
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(page.ends_with("</html>\n"));
    for (const auto& name : six_people) CHECK_MESSAGE(has(page, name), name);
    for (const std::string name :
         {"running", "sitting", "walking", "majority", "teacher", "labels", "smldist", "hinton"})
        CHECK_MESSAGE(has(page, name), name);
    for (const std::string name : {"comparisons", "people", "training", "timelines", "calibration"})
        CHECK_MESSAGE(has(page, "<section id=\"" + name + "\">"), name);
    for (const json& m : figures.at("methods")) {
        const double f1 = m.at("macro_f1").at("mean");
        CHECK_MESSAGE(has(page, print("%.1f", 100 * f1)), m.at("name"));
    }
    const std::string config = contents(at / "v/config.toml");
    CHECK(has(config, "[validate]"));
    CHECK(has(config, "folds=3"));
}

TEST_CASE("every person is tested once per seed and the folds share nobody") {
    const folder& at = validated();
    const json figures = figures_in(at / "v");
    CHECK(figures.at("folds").size() == 3);
    std::vector<std::string> tested;
    for (const json& fold : figures.at("folds"))
        for (const json& person : fold) tested.push_back(person);
    std::sort(tested.begin(), tested.end());
    CHECK(tested == six_people);
    const std::size_t windows = figures.at("windows");
    for (const json& m : figures.at("methods")) {
        CAPTURE(m.at("name"));
        CHECK(m.at("runs").size() == 3);
        std::size_t sum = 0, in_matrix = 0;
        for (const json& person : m.at("people")) sum += person.at("windows").get<std::size_t>();
        for (const json& row : m.at("confusion"))
            for (const json& n : row) in_matrix += n.get<std::size_t>();
        CHECK(m.at("people").size() == 6);
        CHECK(sum == windows);
        CHECK(in_matrix == windows);
    }

    const auto one_out = run(at, validate + "--epochs 1 --data csv=walks --folds 0 --seeds 2 --seed 5 --out one");
    REQUIRE_MESSAGE(one_out.code == 0, one_out.err);
    CHECK(has(one_out.out, "over 6 folds and 2 seeds"));
    const json left_out = figures_in(at / "one");
    CHECK(left_out.at("folds").size() == 6);
    for (const json& fold : left_out.at("folds")) CHECK(fold.size() == 1);
    const json labels = method_in(left_out, "labels");
    std::set<std::pair<int, int>> runs;
    for (const json& one : labels.at("runs")) runs.emplace(one.at("fold"), one.at("seed"));
    CHECK(runs.size() == 12);
    CHECK(runs.contains({1, 5}));
    CHECK(runs.contains({6, 6}));
    for (const json& person : labels.at("people"))
        CHECK(person.at("windows").get<std::size_t>() * 6 == 2 * left_out.at("windows").get<std::size_t>());
}

TEST_CASE("the figures of validate are those of their definitions") {
    const json figures = figures_in(validated() / "v");
    for (const json& m : figures.at("methods")) {
        CAPTURE(m.at("name"));
        const auto [f1, accuracy] = by_hand(m.at("confusion"));
        CHECK(m.at("pooled_macro_f1").get<double>() == doctest::Approx(f1));
        CHECK(m.at("pooled_accuracy").get<double>() == doctest::Approx(accuracy));
        check_spread(m, "macro_f1");
        check_spread(m, "accuracy");
        double worst = 2, right = 0, all = 0;
        std::string who;
        for (const json& person : m.at("people")) {
            const double windows = person.at("windows");
            right += windows * person.at("accuracy").get<double>();
            all += windows;
            if (person.at("macro_f1").get<double>() >= worst) continue;
            worst = person.at("macro_f1");
            who = person.at("person");
        }
        CHECK(right / all == doctest::Approx(accuracy));
        CHECK(m.at("worst_person") == who);
        CHECK(m.at("worst_person_macro_f1") == worst);
    }
    // The majority answers one class of three, which are equally frequent: a third is right, F1 is 1/2 for it, else 0.
    const json majority = method_in(figures, "majority");
    CHECK(majority.at("pooled_accuracy").get<double>() == doctest::Approx(1.0 / 3));
    for (const json& one : majority.at("runs")) CHECK(one.at("macro_f1").get<double>() == doctest::Approx(0.5 / 3));
    CHECK_FALSE(majority.contains("parameters"));
    // Comparisons: labels against guessing, the others against labels.
    const json& compared = figures.at("comparisons");
    REQUIRE(compared.size() == 3);
    const double labels = method_in(figures, "labels").at("pooled_macro_f1");
    CHECK(compared[0].at("method") == "labels");
    CHECK(compared[0].at("against") == "majority");
    for (const std::size_t i : {1u, 2u}) {
        CHECK(compared[i].at("against") == "labels");
        const double its = method_in(figures, compared[i].at("method")).at("pooled_macro_f1");
        CHECK(compared[i].at("macro_f1_difference").get<double>() == doctest::Approx(its - labels));
        CHECK(compared[i].at("people") == 6);
    }
}

TEST_CASE("the methods of a fold share people, and students their fold's teacher") {
    const folder& at = validated();
    for (const std::string place : {"fold01_seed0", "fold02_seed0", "fold03_seed0"}) {
        CAPTURE(place);
        const json teacher = json::parse(contents(at / "v/teacher" / place / "metrics.json"));
        for (const std::string method : {"smldist", "hinton"}) {
            const json metrics = json::parse(contents(at / "v" / method / place / "metrics.json"));
            CHECK(metrics.at("method") == method);
            CHECK(metrics.at("teacher").at("accuracy") == teacher.at("model").at("accuracy"));
            CHECK(contents(at / "v" / method / place / "teacher.safetensors") ==
                  contents(at / "v/teacher" / place / "model.safetensors"));
        }
    }
    const json labels = method_in(figures_in(at / "v"), "labels");
    for (const json& one : labels.at("runs")) {
        const std::string place = "fold0" + std::to_string(one.at("fold").get<int>()) + "_seed0";
        const json metrics = json::parse(contents(at / "v/labels" / place / "metrics.json"));
        CHECK(metrics.at("model").at("macro_f1") == one.at("macro_f1"));
        CHECK(metrics.at("model").at("accuracy") == one.at("accuracy"));
    }
}

TEST_CASE("labels of a fold are what har train makes of the same people") {
    const folder& at = validated();
    // har train tests every third person, carl and finn, which is a fold of three groups of equally many windows.
    const auto alone = run(at, "train --quiet --threads 1 --csv-window 64 --preset har_nano --batch 16 --epochs 3 "
                               "--data csv=walks --out alone");
    REQUIRE_MESSAGE(alone.code == 0, alone.err);
    const json figures = figures_in(at / "v");
    int same = 0;
    for (std::size_t fold = 0; fold < 3; ++fold) {
        if (figures.at("folds")[fold] != json({"carl", "finn"})) continue;
        ++same;
        const std::string place = "v/labels/fold0" + std::to_string(fold + 1) + "_seed0/";
        CHECK(contents(at.path / (place + "model.safetensors")) == contents(at / "alone/model.safetensors"));
        const json one = json::parse(contents(at.path / (place + "metrics.json"))),
                   other = json::parse(contents(at / "alone/metrics.json"));
        for (const char* figure : {"accuracy", "macro_f1"}) CHECK(one["model"][figure] == other["model"][figure]);
    }
    CHECK(same == 1);
}

TEST_CASE("the same seed gives the same figures for any number of threads") {
    const folder& at = validated();
    const std::string again = "validate --quiet --csv-window 64 " + networks + short_run +
                              "--data csv=walks --folds 3 --methods labels,smldist,hinton --threads 2 --out again";
    const auto done = run(at, again);
    REQUIRE_MESSAGE(done.code == 0, done.err);
    CHECK(timeless(figures_in(at / "again")).dump() == timeless(figures_in(at / "v")).dump());
    CHECK(contents(at / "again/hinton/fold02_seed0/student.safetensors") ==
          contents(at / "v/hinton/fold02_seed0/student.safetensors"));
}

TEST_CASE("validate refuses what it cannot do before any training") {
    const folder& at = validated();
    const auto refused = [&](const std::string& options, int code, const std::string& what) {
        CAPTURE(options);
        const auto r = run(at, validate + "--out none " + options);
        CHECK(r.code == code);
        CHECK_MESSAGE(has(r.err, what), r.err);
        CHECK_FALSE(fs::exists(at / "none"));
    };
    const std::string on = "--data csv=walks ";
    refused(on + "--methods labels,crd", 2, "--methods: name is \"crd\", expected one of labels, smldist, hinton");
    refused(on + "--methods teacher", 2, "name is \"teacher\", expected one of labels");
    refused(on + "--methods smldist,labels,smldist", 2, "name \"smldist\" is listed twice, expected once");
    refused(on + "--methods ''", 2, "number of methods is 0");
    refused(on + "--folds 7", 2, "--folds: number is 7, expected 2 to 6");
    refused(on + "--folds 1", 2, "--folds: number is 1, expected 2 to 6");
    refused(on + "--folds 2 --validation-subjects 3", 3, "number of people to train on is 3");
    refused(on + "--subjects anna,ben", 3, "number of people is 2, expected at least 3");
}

TEST_CASE("validate leaves an earlier validation alone without --force and replaces all of it with --force") {
    const folder at;
    make_walks(at / "walks");
    const std::string command = validate + "--epochs 1 --data csv=walks --out v ";
    REQUIRE(run(at, command + "--folds 3 --seed 4").code == 0);
    write(at / "v/notes.txt", "mine");
    write(at / "v/labels/fold03_seed4/notes.txt", "mine");
    write(at / "v/labels/other/model.safetensors", "mine");
    write(at / "v/mine/fold01_seed4/model.safetensors", "mine");
    write(at / "elsewhere/metrics.json", "mine");
    fs::create_directory_symlink(at / "elsewhere", at / "v/labels/fold09_seed4");
    const auto before = files_in(at / "v");

    auto again = run(at, command);
    CHECK(again.code == 2);
    CHECK_MESSAGE(has(again.err, "folder v holds a run"), again.err);
    again = run(at, command + "--force --lr 1e7 --head linear");
    CHECK(again.code == 5);
    CHECK(files_in(at / "v") == before);
    CHECK(fs::exists(at / "v/labels/fold02_seed4/metrics.json"));

    again = run(at, command + "--force --folds 2");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(figures_in(at / "v").at("folds").size() == 2);
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(at / "v/labels")) left.insert(entry.path().filename().string());
    CHECK(left == std::set<std::string>{"fold01_seed0", "fold02_seed0", "fold03_seed4", "fold09_seed4", "other"});
    CHECK(names_in(at / "v/labels/fold03_seed4") == std::set<std::string>{"notes.txt"});
    CHECK(contents(at / "v/notes.txt") == "mine");
    CHECK(contents(at / "v/labels/other/model.safetensors") == "mine");
    CHECK(contents(at / "v/mine/fold01_seed4/model.safetensors") == "mine");
    CHECK(contents(at / "elsewhere/metrics.json") == "mine");

    for (const auto& name : {"config.toml", "validation.json", "report.html"}) fs::remove(at / "v" / name);
    again = run(at, command);
    CHECK(again.code == 2);
    CHECK_MESSAGE(has(again.err, "folder v/labels/fold01_seed0 holds a run, expected none below v"), again.err);
}

TEST_CASE("a signal ends validate with the trainings that have finished") {
    const folder at;
    make_walks(at / "walks");
    const std::string on = "validate --threads 1 --csv-window 64 --data csv=walks --folds 3 --out v ",
                      command = on + networks;
    {
        child c(at, command + "--methods labels,hinton --teacher-epochs 2 --epochs 60");
        c.said("labels fold 2/3 seed 0: model epoch 2/");
        c.send(SIGINT);
        CHECK(c.wait() == 128 + SIGINT);
        const json figures = figures_in(at / "v");
        CHECK(figures.at("interrupted") == true);
        CHECK(figures.at("signal") == "SIGINT");
        CHECK(method_in(figures, "majority").at("runs").size() == 1);
        CHECK(method_in(figures, "teacher").at("runs").size() == 2);
        CHECK(method_in(figures, "labels").at("runs").size() == 1);
        CHECK(method_in(figures, "hinton").at("people").size() == 2);
        CHECK(has(c.out(), "\nhinton "));
        CHECK(has(c.out(), "as far as they have finished"));
        CHECK(fs::exists(at / "v/report.html"));
    }
    const std::string endless = command + "--force --epochs 100000";
    { // in the first epoch of all: the earlier validation stays
        const auto before = files_in(at / "v");
        child c(at, on + "--force --preset har_teacher --epochs 2");
        c.said("seed 0");
        c.send(SIGTERM);
        CHECK(c.wait() == 128 + SIGTERM);
        CHECK_MESSAGE(has(c.err(), "the folder keeps the earlier run"), c.err());
        CHECK(files_in(at / "v") == before);
    }
    { // in the first training: nothing has finished
        child c(at, endless);
        c.said("labels fold 1/3 seed 0: model epoch 2/");
        c.send(SIGINT);
        CHECK(c.wait() == 128 + SIGINT);
        const json figures = figures_in(at / "v");
        CHECK(figures.at("interrupted") == true);
        CHECK(figures.at("methods").empty());
        CHECK_FALSE(fs::exists(at / "v/report.html")); // nor is that of the earlier validation there
        CHECK_FALSE(fs::exists(at / "v/hinton"));
    }
}

TEST_CASE("train and distill write a report of their networks and leave none of an earlier run when they diverge") {
    const small_set at;
    REQUIRE(run_in(at, distill + "--epochs 2 --teacher-epochs 2 --baseline --quiet --out run").code == 0);
    const std::string page = contents(at / "run/report.html");
    CHECK(page.starts_with("<!DOCTYPE html>"));
    CHECK(page.ends_with("</html>\n"));
    for (const std::string name : {"majority", "teacher", "student_alone", "student", "Walking", "Sitting"})
        CHECK_MESSAGE(has(page, name), name);
    for (const std::string name : {"comparisons", "training", "timelines"})
        CHECK_MESSAGE(has(page, "<section id=\"" + name + "\">"), name);
    CHECK(times(page, "<polyline") + times(page, "<path") > 0);
    REQUIRE(run_in(at, train + "--epochs 2 --quiet --out run --force").code == 0);
    const std::string anew = contents(at / "run/report.html");
    CHECK(has(anew, "model"));
    CHECK_FALSE(has(anew, "student_alone"));

    // Epochs go well until the weights leave the range of float.
    const auto bad = run_in(at, train + "--head linear --schedule constant --lr 30 --epochs 400 --out run --force");
    CHECK(bad.code == 5);
    REQUIRE_MESSAGE(has(bad.err, "at epoch 2,"), bad.err);
    CHECK_FALSE(fs::exists(at / "run/report.html"));
    CHECK_FALSE(fs::exists(at / "run/metrics.json"));
}
