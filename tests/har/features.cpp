// SPDX-License-Identifier: BSD-3-Clause
// har features.
#include "smldist/data/features.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "program.hpp"
#include "running.hpp"
#include "small_sets.hpp"
#include "smldist/data/synthetic.hpp"

namespace {

using namespace har_tests;
using namespace smldist;

/// Lines of a file, each in its fields; no field has a comma.
std::vector<std::vector<std::string>> table_in(const std::filesystem::path& file) {
    std::vector<std::vector<std::string>> rows;
    std::istringstream lines(contents(file));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        rows.emplace_back();
        for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
    }
    return rows;
}

/// How often each value occurs in a column.
std::map<std::string, std::size_t> counts(const std::vector<std::vector<std::string>>& rows, std::size_t column) {
    std::map<std::string, std::size_t> n;
    for (std::size_t r = 1; r < rows.size(); ++r) ++n[rows[r][column]];
    return n;
}

} // namespace

TEST_CASE("features writes a line for each window of both sides with the library's values, to the last bit") {
    const folder at;
    make_uci_har(at.path / "set", 3);
    const auto r = run(at, "features --json --data uci_har=set");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(has(r.out, "wrote features.csv: 144 windows of 8 people, 516 features\n"));
    const auto j = r.last();
    CHECK(j["file"] == "features.csv");
    CHECK(j["train_windows"] == 108);
    CHECK(j["test_windows"] == 36);
    CHECK(j["people"] == 8);
    CHECK(j["classes"] == 6);
    CHECK(j["features"] == 516);
    const auto rows = table_in(at / "features.csv");
    REQUIRE(rows.size() == 1 + 144);
    for (const auto& row : rows) CHECK(row.size() == 3 + 516);
    CHECK(rows[0][0] == "split");
    CHECK(rows[0][1] == "person");
    CHECK(rows[0][2] == "label");
    CHECK(counts(rows, 0) == std::map<std::string, std::size_t>{{"train", 108}, {"test", 36}});
    CHECK(counts(rows, 1)["4"] == 18);
    CHECK(counts(rows, 2).size() == 6);

    REQUIRE(run(at, "features --out synthetic.csv --threads 1").code == 0);
    const auto set = data::synthetic({});
    const auto want = data::features(set.test);
    const auto of_synthetic = table_in(at / "synthetic.csv");
    REQUIRE(of_synthetic.size() == 1 + set.train.size() + set.test.size());
    REQUIRE(of_synthetic[0].size() == 3 + want.names.size());
    for (std::size_t f = 0; f < want.names.size(); ++f) {
        CHECK(of_synthetic[0][3 + f] == want.names[f]);
        CHECK(std::stof(of_synthetic[1 + set.train.size()][3 + f]) == want.values(0, f));
    }
    REQUIRE(run(at, "features --out threads.csv --threads 3").code == 0);
    CHECK(contents(at / "threads.csv") == contents(at / "synthetic.csv"));
}

TEST_CASE("features keeps a file that is there unless --force is given") {
    const folder at;
    write(at / "mine.csv", "mine\n");
    std::filesystem::create_directory(at / "folder");
    const std::string small = "features --subjects 3 --classes walking --out ";
    const auto kept = run(at, small + "mine.csv --data uci_har=nowhere"); // before data are read
    CHECK(kept.code == 2);
    CHECK(has(kept.err, "har: --out: file mine.csv exists"));
    CHECK(has(kept.err, "--force"));
    CHECK(contents(at / "mine.csv") == "mine\n");
    CHECK(run(at, small + "folder --force").code == 2);
    CHECK(run(at, small + "''").code == 2);
    CHECK(run(at, small + "nowhere/mine.csv").code == 6);
    CHECK(run(at, "features --force --out mine.csv --data uci_har=nowhere").code == 3);
    CHECK(contents(at / "mine.csv") == "mine\n");
    // A write that fails leaves the old file and nothing beside it.
    const auto full = run_in(at, small + "mine.csv --force", [] {
        const rlimit limit{4096, 4096};
        setrlimit(RLIMIT_FSIZE, &limit);
    });
    CHECK(full.code == 6);
    CHECK(contents(at / "mine.csv") == "mine\n");
    CHECK(names_in(at.path) == std::set<std::string>{"err.txt", "mine.csv", "out.txt"});

    REQUIRE(run(at, small + "mine.csv --force").code == 0);
    CHECK(has(contents(at / "mine.csv"), "split,person,label,"));
    write(at / "c.toml", "[features]\nforce=true\n");
    CHECK(run(at, "--config c.toml " + small + "mine.csv").code == 2);
}

TEST_CASE("features uses the filters, and one side may be empty") {
    const folder at;
    const auto r = run(at, "features --subjects 3 --classes walking --out one.csv --json");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK(r.last()["train_windows"] > 0);
    CHECK(r.last()["test_windows"] == 0);
    const auto rows = table_in(at / "one.csv");
    REQUIRE(rows.size() > 1);
    CHECK(counts(rows, 0).count("test") == 0);
    CHECK(counts(rows, 1).size() == 1);
    CHECK(counts(rows, 2).size() == 1);
    CHECK(counts(rows, 2).count("walking") == 1);
    CHECK(run(at, "features --subjects 99 --out none.csv").code == 2);
    CHECK(run(at, "features --subjects 3 --exclude 3 --out none.csv").code != 0);
    CHECK_FALSE(std::filesystem::exists(at / "none.csv"));
}

TEST_CASE("features reads recordings of one's own and quotes their names") {
    const folder at;
    int person = 0;
    for (const std::string name : {"anna", "ben", "cleo"}) {
        std::string text = "time,acc_x,acc_y,acc_z,label\n";
        ++person;
        for (int t = 0; t < 1000; ++t) {
            const bool walks = t >= 500;
            const double phase = 0.25 * t + person;
            text += std::to_string(0.02 * t) + "," + std::to_string(walks ? std::sin(phase) : 0.01 * std::sin(t)) +
                    ",0.1," + std::to_string(1 + (walks ? 0.5 * std::cos(phase) : 0)) + "," +
                    (walks ? "\"walk, fast\"" : "rest") + "\n";
        }
        write(at / "own" / (name + ".csv"), text);
    }
    const auto r = run(at, "features --json --quiet --data csv=own --csv-files '{subject}.csv' "
                           "--csv-label 'column label' --csv-window 128 --csv-hop 64");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const auto j = r.last();
    CHECK(j["people"] == 3);
    CHECK(j["classes"] == 2);
    CHECK(j["features"] == 3 * 42 + 46);
    const std::string text = contents(at / "features.csv");
    CHECK(has(text, "\ntrain,anna,rest,"));
    CHECK(has(text, "\ntrain,ben,\"walk, fast\","));
    CHECK(has(text, "\ntest,cleo,rest,"));
    CHECK(has(text, ",acc.length.dominant_hz,"));
    for (const std::string word : {",nan", ",-nan", ",inf", ",-inf"}) CHECK_FALSE(has(text, word));
}
