// SPDX-License-Identifier: BSD-3-Clause
// har collect: figures by their definitions, runs that are missing, and rows that are none.
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"
#include "running.hpp"
#include "sweeping.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

/// A copy of the whole sweep, to be damaged.
struct copied_sweep : folder {
    copied_sweep() { fs::copy(whole() / "whole", path / "s", fs::copy_options::recursive); }
    std::string first_row() const { return "s/rows/" + files_in(path / "s/rows").begin()->first; }
};

std::size_t lines(const std::string& text) {
    std::size_t n = 0;
    for (const char c : text) n += c == '\n' ? 1u : 0u;
    return n;
}

} // namespace

TEST_CASE("what is collected is what the rows say") {
    const whole_sweep& at = whole();
    const json figures = json::parse(at.figures.at("collect.json"));
    const std::string &table = at.figures.at(""), &page = at.figures.at("report.html");
    CHECK(figures.at("runs") == 16);
    REQUIRE(figures.at("settings").size() == 5);
    CHECK(figures.at("settings")[0].at("name") == "majority");
    const std::vector<std::string> names{"method=labels lr=0.004", "method=labels lr=0.02", "method=hinton lr=0.004",
                                         "method=hinton lr=0.02"};
    const auto rows = rows_of(at, "whole");
    for (std::size_t k = 0; k < names.size(); ++k) {
        CAPTURE(names[k]);
        const json& setting = figures.at("settings")[k + 1];
        CHECK(setting.at("name") == names[k]);
        double sum = 0;
        std::size_t runs = 0;
        for (const auto& [id, row] : rows) {
            if (row.at("setting") != names[k]) continue;
            sum += row.at("macro_f1").get<double>();
            ++runs;
        }
        CHECK(runs == 4);
        CHECK(setting.at("macro_f1").at("mean").get<double>() == doctest::Approx(sum / 4));
        CHECK(setting.at("people").size() == 6);
        CHECK_FALSE(setting.contains("seconds"));
        CHECK(has(table, names[k] + "  "));
        CHECK(has(page, names[k]));
    }
    // Every run is a line, and its figures are the row's.
    const std::string& csv = at.figures.at("collect.csv");
    CHECK(csv.starts_with("setting,method,lr,fold,seed,accuracy,macro_f1,"));
    CHECK(lines(csv) == 17);
    for (const auto& [id, row] : rows)
        CHECK(has(csv, row.at("fold").dump() + "," + row.at("seed").dump() + "," + row.at("accuracy").dump() + "," +
                           row.at("macro_f1").dump()));
    // Comparisons: the first setting against guessing, the others against it.
    REQUIRE(figures.at("comparisons").size() == 4);
    CHECK(figures.at("comparisons")[0].at("against") == "majority");
    for (const std::size_t k : {1u, 2u, 3u}) {
        const json& c = figures.at("comparisons")[k];
        CHECK(c.at("method") == names[k]);
        CHECK(c.at("against") == names[0]);
        CHECK(c.at("people") == 6);
        CHECK(c.at("macro_f1_difference").get<double>() ==
              doctest::Approx(figures.at("settings")[k + 1].at("pooled_macro_f1").get<double>() -
                              figures.at("settings")[1].at("pooled_macro_f1").get<double>()));
    }
    for (const std::string section : {"comparisons", "people", "calibration", "training", "cost"})
        CHECK_MESSAGE(has(page, "<section id=\"" + section + "\">"), section);
    CHECK(run(at, "collect --json --quiet whole").last() == figures);
}

TEST_CASE("runs without a row are counted and named, and comparisons take the runs of both") {
    const copied_sweep at;
    std::vector<std::string> gone;
    for (const auto& [id, row] : rows_of(at, "s"))
        if (row.at("setting") == "method=hinton lr=0.02" && row.at("seed") == 1) {
            fs::remove(at / ("s/rows/" + id + ".jsonl"));
            gone.push_back(id);
        }
    REQUIRE(gone.size() == 2);
    const fs::path being_written = at / ("s/rows/" + gone[0] + ".jsonl.tmp-12-0");
    write(being_written, "{\"id\":");
    const auto a = run(at, "collect s --json");
    CHECK(fs::remove(being_written));
    REQUIRE_MESSAGE(a.code == 0, a.err);
    CHECK(has(a.out,
              "2 of 16 runs missing: method=hinton lr=0.02 fold 1 seed 1, method=hinton lr=0.02 fold 2 seed 1\n"));
    const json figures = a.last();
    CHECK(figures.at("missing").size() == 2);
    const json& partial = figures.at("settings")[4];
    CHECK(partial.at("runs").size() == 2);
    // The difference is that of seed 0.
    double difference = 0;
    for (const std::string name : {"method=hinton lr=0.02", "method=labels lr=0.004"}) {
        json sum;
        for (const auto& [id, row] : rows_of(at, "s")) {
            if (row.at("setting") != name || row.at("seed") != 0) continue;
            if (sum.is_null()) sum = json::array();
            const json& m = row.at("confusion");
            for (std::size_t n = 0; n < m.size(); ++n)
                for (std::size_t k = 0; k < m.size(); ++k) {
                    if (sum.size() <= n) sum.push_back(json::array());
                    if (sum[n].size() <= k) sum[n].push_back(0);
                    sum[n][k] = sum[n][k].get<std::size_t>() + m[n][k].get<std::size_t>();
                }
        }
        double f1 = 0, present = 0;
        for (std::size_t n = 0; n < sum.size(); ++n) {
            double all = 0;
            for (std::size_t k = 0; k < sum.size(); ++k) all += sum[n][k].get<double>() + sum[k][n].get<double>();
            if (all == 0) continue;
            present += 1;
            f1 += 2 * sum[n][n].get<double>() / all;
        }
        difference += (name.starts_with("method=hinton") ? 1 : -1) * f1 / present;
    }
    CHECK(figures.at("comparisons")[3].at("macro_f1_difference").get<double>() == doctest::Approx(difference));
}

TEST_CASE("a setting without rows is left out of the table") {
    const copied_sweep at;
    for (const auto& [id, row] : rows_of(at, "s"))
        if (row.at("setting") == "method=labels lr=0.004") fs::remove(at / ("s/rows/" + id + ".jsonl"));
    const auto a = run(at, "collect s --json");
    REQUIRE_MESSAGE(a.code == 0, a.err);
    CHECK_FALSE(has(a.out, "\nmethod=labels lr=0.004 "));
    CHECK(a.last().at("comparisons")[1].at("against") == "method=labels lr=0.02");
    CHECK_FALSE(a.last().at("settings")[1].contains("runs"));
}

TEST_CASE("collect refuses a folder without a sweep, and rows that are damaged or not those of their names") {
    const folder empty;
    CHECK(run(empty, "collect").code == 2);
    CHECK(run(empty, "collect nowhere").code == 2);
    {
        const copied_sweep at;
        const std::string row = contents(at / at.first_row());
        for (const std::string& damaged : {row.substr(0, row.size() / 2), std::string(), row + row,
                                           std::string("[1]\n"), std::string("{\"id\":\"0\"}\n")}) {
            write(at / at.first_row(), damaged);
            const auto a = run(at, "collect s");
            CHECK(a.code == 3);
            CHECK_MESSAGE(has(a.err, at.first_row()), a.err);
        }
        CHECK_FALSE(has(contents(at / at.first_row()), "macro_f1"));
        write(at / at.first_row(), row);
        CHECK(run(at, "collect s").code == 0);
        fs::copy(at / at.first_row(), at / "s/rows/0000000000000000.jsonl"); // the run would count twice
        const auto twice = run(at, "collect s");
        CHECK(twice.code == 3);
        CHECK_MESSAGE(has(twice.err, "ID of the row is"), twice.err);
    }
    const copied_sweep at;
    for (const auto& [name, bytes] : files_in(at / "s/rows")) fs::remove(at / ("s/rows/" + name));
    const auto none = run(at, "collect s");
    CHECK(none.code == 3);
    CHECK_MESSAGE(has(none.err, "number of runs with results in s/rows is 0"), none.err);
}
