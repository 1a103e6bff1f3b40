// SPDX-License-Identifier: BSD-3-Clause
/// A small grid, and what is collected of it.
#ifndef TESTS_HAR_SWEEPING_HPP
#define TESTS_HAR_SWEEPING_HPP

#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "running.hpp"

namespace har_tests {

/// Options of all runs: trainings of milliseconds.
inline const std::string small_runs =
    "data = \"wisdm=set\"\nvalidation-subjects = 1\nbatch = 16\npreset = \"har_nano\"\n"
    "teacher-preset = \"har_nano\"\nepochs = 3\nteacher-epochs = 2\nfolds = 2\n";
/// Of four settings in two folds with two seeds: 16 runs and 8 teachers.
inline const std::string small_grid =
    small_runs + "seeds = 2\n[grid]\nmethod = [\"labels\", \"hinton\"]\nlr = [4e-3, 0.02]\n";

/// A folder with the data and the file grid.toml.
struct grid_folder : small_set {
    explicit grid_folder(const std::string& grid = small_grid) { write(path / "grid.toml", grid); }
};

inline const std::string sweep_on = "sweep grid.toml --threads 1 --quiet --out ";

/// A command of the shell in the folder, in which $har is the program. Returns its exit code.
inline int shell(const folder& at, const std::string& command) {
    const int status = std::system(("cd " + shell_word(at.path.string()) + " && har=" + shell_word(SMLDIST_HAR) +
                                    " && { " + command + "; } >shell.txt 2>&1")
                                       .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// Everything that har collect says of a sweep: the table and the files.
inline std::map<std::string, std::string> collected(const folder& at, const std::string& sweep) {
    const answer a = run(at, "collect --quiet --json " + sweep);
    REQUIRE_MESSAGE(a.code == 0, a.err);
    CHECK(a.err.empty());
    std::map<std::string, std::string> all{{"", a.out}};
    for (const std::string name : {"collect.csv", "collect.json", "report.html"})
        all[name] = contents(at.path / sweep / name);
    return all;
}

/// The rows of a sweep by their IDs. Each is one whole line, in a file with its ID as the name; there is no other file.
inline std::map<std::string, nlohmann::json> rows_of(const folder& at, const std::string& sweep) {
    std::map<std::string, nlohmann::json> rows;
    for (const auto& file : files_in(at.path / sweep / "rows")) {
        const auto &name = file.first, &text = file.second;
        CAPTURE(name);
        CHECK(text.find('\n') == text.size() - 1);
        const auto row = nlohmann::json::parse(text);
        CHECK(name == row.at("id").get<std::string>() + ".jsonl");
        rows[row.at("id")] = row;
    }
    return rows;
}

/// A sweep of the small grid by one process, and what is collected of it.
struct whole_sweep : grid_folder {
    std::map<std::string, std::string> figures;
    whole_sweep() {
        const answer a = run(*this, sweep_on + "whole");
        REQUIRE_MESSAGE(a.code == 0, a.err);
        figures = collected(*this, "whole");
    }
    /// Another folder of the same sweep is complete, and equal in all that is collected.
    void check_equal(const std::string& sweep) const {
        CAPTURE(sweep);
        CHECK(rows_of(*this, sweep).size() == 16);
        CHECK(std::filesystem::is_empty(path / sweep / "runs"));
        for (const auto& file : collected(*this, sweep))
            CHECK_MESSAGE((file.second == figures.at(file.first)), file.first);
    }
};
inline const whole_sweep& whole() {
    static const whole_sweep sweep;
    return sweep;
}

} // namespace har_tests

#endif
