// SPDX-License-Identifier: BSD-3-Clause
// har sweep: the same rows however the runs are shared out, resumed and interrupted; teachers; failures; what is refused.
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "program.hpp"
#include "running.hpp"
#include "sweeping.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using nlohmann::json;

bool installed(const std::string& program) {
    const folder at;
    return shell(at, "command -v " + program) == 0;
}

const std::string page = contents(SMLDIST_SOURCE_DIR "/docs/many_runs.md");

/// The line of the page that begins so, to be run where the program is on the path; then the folder has that name.
std::string line_of_page(const std::string& beginning, const std::string& name) {
    const std::size_t at = page.find("\n" + beginning) + 1;
    REQUIRE(at != 0);
    const std::string line = page.substr(at, page.find('\n', at) - at);
    return "export PATH=\"$(dirname \"$har\"):$PATH\"; bash -c " + shell_word(line) + " && mv sweep " + name;
}

/// How many folders there are in runs/.
std::size_t kept_runs(const fs::path& sweep) {
    std::size_t n = 0;
    for (const auto& entry : fs::directory_iterator(sweep / "runs")) n += entry.is_directory() ? 1u : 0u;
    return n;
}

std::size_t failures(const std::map<std::string, json>& rows) {
    std::size_t n = 0;
    for (const auto& [id, row] : rows) n += row.contains("failure") ? 1u : 0u;
    return n;
}

} // namespace

TEST_CASE("a sweep does every setting in every fold with every seed, once") {
    const whole_sweep& at = whole();
    const auto rows = rows_of(at, "whole");
    CHECK(rows.size() == 16);
    std::set<std::string> runs;
    for (const auto& [id, row] : rows) {
        runs.insert(row.at("setting").get<std::string>() + row.at("fold").dump() + row.at("seed").dump());
        CHECK(row.at("folds") == 2);
        CHECK(row.at("settings").at("method") == (row.contains("teacher") ? "hinton" : "labels"));
        CHECK(row.at("people").size() == 3);
        CHECK(row.at("history").size() == 3);
        std::size_t windows = 0, in_matrix = 0;
        for (const json& person : row.at("people")) windows += person.at("windows").get<std::size_t>();
        for (const json& line : row.at("confusion"))
            for (const json& n : line) in_matrix += n.get<std::size_t>();
        CHECK(windows == in_matrix);
    }
    CHECK(runs.size() == 16);
    for (const auto& member : rows.begin()->second.items())
        CHECK_MESSAGE(has(page, "`" + member.key() + "`"), member.key());
    CHECK(runs.contains("method=labels lr=0.00421"));
    CHECK(runs.contains("method=hinton lr=0.0210"));
    CHECK(fs::is_empty(at / "whole/runs"));

    // Once more: nothing is done, no byte changes.
    const auto before = files_in(at / "whole/rows");
    const auto again = run(at, "sweep grid.toml --threads 1 --out whole --json");
    CHECK_MESSAGE(has(again.err, "16 of 16 runs, of which 16 are done"), again.err);
    CHECK_FALSE(has(again.err, "epoch"));
    CHECK(again.last() ==
          json({{"share", 1}, {"shares", 1}, {"runs", 16}, {"done_before", 16}, {"done", 0}, {"failed", 0}}));
    CHECK((files_in(at / "whole/rows") == before));
    // The configuration that is kept is a grid of the same runs.
    const auto same = run(at, "sweep whole/config.toml --threads 2 --quiet --json --out whole");
    CHECK_MESSAGE(same.code == 0, same.err);
    CHECK(same.last().at("done") == 0);
}

TEST_CASE("a sweep trains what har validate trains") {
    const whole_sweep& at = whole();
    const auto v =
        run(at, "validate --quiet --threads 1 --data wisdm=set --validation-subjects 1 --batch 16 --preset "
                "har_nano --teacher-preset har_nano --epochs 3 --teacher-epochs 2 --folds 2 --seeds 2 --lr 0.02 "
                "--methods labels,hinton --out v");
    REQUIRE_MESSAGE(v.code == 0, v.err);
    const json validated = json::parse(contents(at / "v/validation.json")),
               swept = json::parse(at.figures.at("collect.json"));
    std::size_t compared = 0;
    for (const json& method : validated.at("methods"))
        for (const json& setting : swept.at("settings")) {
            if (setting.at("name") != "method=" + method.at("name").get<std::string>() + " lr=0.02") continue;
            ++compared;
            for (const char* figure : {"accuracy", "macro_f1", "pooled_macro_f1", "worst_person", "calibration_error",
                                       "parameters", "macs", "runs", "people", "classes", "confusion"})
                CHECK_MESSAGE(setting.at(figure) == method.at(figure), figure);
        }
    CHECK(compared == 2);
}

TEST_CASE("shares one after the other make the sweep of one process") {
    const whole_sweep& at = whole();
    std::size_t runs = 0;
    for (const std::string shard : {"3/3", "1/3", "2/3"}) {
        const auto a = run(at, sweep_on + "shards --json --shard " + shard);
        REQUIRE_MESSAGE(a.code == 0, a.err);
        CHECK(a.last().at("done_before") == 0);
        CHECK(a.last().at("done") == a.last().at("runs"));
        CHECK(a.last().at("runs") > 3); // of 16: they are even
        runs += a.last().at("runs").get<std::size_t>();
    }
    CHECK(runs == 16);
    at.check_equal("shards");
}

TEST_CASE("GNU parallel makes the sweep of one process") {
    const whole_sweep& at = whole();
    if (!installed("parallel")) {
        MESSAGE("skipped: GNU parallel is not installed");
        return;
    }
    REQUIRE_MESSAGE(shell(at, line_of_page("parallel har ", "parallel")) == 0, contents(at / "shell.txt"));
    CHECK(has(contents(at / "shell.txt"), "share 8 of 8: "));
    at.check_equal("parallel");
}

TEST_CASE("the tasks of a Slurm array make the sweep of one process") {
    const whole_sweep& at = whole();
    for (const std::string task : {"9", "5", "7"}) { // --array=5-9:2
        const int code = shell(at, "export SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_MAX=9 "
                                   "SLURM_ARRAY_TASK_STEP=2 SLURM_CPUS_PER_TASK=1 SLURM_ARRAY_TASK_ID=" +
                                       task + "; test ! -e slurm || mv slurm sweep; " +
                                       line_of_page("har sweep grid.toml --out sweep --threads \"$SLURM", "slurm"));
        REQUIRE_MESSAGE(code == 0, contents(at / "shell.txt"));
        CHECK(has(contents(at / "shell.txt"), " of 3: "));
    }
    at.check_equal("slurm");
}

TEST_CASE("mpirun makes the sweep of one process") {
    const whole_sweep& at = whole();
    if (!installed("mpirun")) {
        MESSAGE("skipped: mpirun is not installed");
        return;
    }
    REQUIRE_MESSAGE(shell(at, "mpirun -n 4 --oversubscribe --allow-run-as-root \"$har\" " + sweep_on + "mpi") == 0,
                    contents(at / "shell.txt"));
    for (const std::string share : {"1", "2", "3", "4"})
        CHECK_MESSAGE(has(contents(at / "shell.txt"), "share " + share + " of 4: "), share);
    at.check_equal("mpi");
    // The line of the page, on a machine of fewer processors and perhaps as root.
    REQUIRE_MESSAGE(shell(at, "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
                              "OMPI_MCA_rmaps_base_oversubscribe=1; " +
                                  line_of_page("mpirun -n 8 har ", "mpi8")) == 0,
                    contents(at / "shell.txt"));
    at.check_equal("mpi8");
}

TEST_CASE("a sweep that was killed goes on with another number of shares") {
    const whole_sweep& at = whole();
    const std::string loud = "sweep grid.toml --threads 1 --out resumed --shard ";
    {
        child killed(at, loud + "1/2");
        killed.said("run 4/");
        killed.send(SIGKILL);
        CHECK(killed.wait() == 1000 + SIGKILL);
    }
    CHECK(rows_of(at, "resumed").size() >= 3);
    {
        child ended(at, loud + "2/2");
        ended.said("run 3/");
        ended.send(SIGTERM);
        CHECK(ended.wait() == 128 + SIGTERM);
    }
    const auto before = rows_of(at, "resumed");
    CHECK(before.size() >= 5);
    CHECK(before.size() < 16);
    // As a process that is killed while it writes its row leaves it.
    std::string id;
    for (const auto& [whole_id, row] : rows_of(at, "whole"))
        if (!before.contains(whole_id)) id = whole_id;
    write(at / ("resumed/rows/" + id + ".jsonl.tmp-77-0"), "{\"id\":");
    std::size_t done = 0;
    for (const std::string shard : {"1/3", "2/3", "3/3"}) {
        const auto a = run(at, sweep_on + "resumed --json --shard " + shard);
        REQUIRE_MESSAGE(a.code == 0, a.err);
        done += a.last().at("done").get<std::size_t>();
    }
    CHECK(done == 16 - before.size());
    for (const auto& [row_id, row] : rows_of(at, "resumed"))
        if (before.contains(row_id)) CHECK(row == before.at(row_id)); // also the seconds: not done again
    at.check_equal("resumed");
}

TEST_CASE("a second process with the same share is refused while the first one is at work") {
    const grid_folder at(small_runs + "seeds = 1\n[grid]\nmethod = [\"labels\"]\n");
    child first(at, "sweep grid.toml --threads 1 --out s --epochs 100000");
    first.said("epoch 2/");
    const auto second = run(at, "sweep grid.toml --threads 1 --quiet --out s --epochs 100000");
    CHECK(second.code == 2);
    CHECK_MESSAGE(has(second.err, "is in use by another run"), second.err);
    first.send(SIGINT);
    CHECK(first.wait() == 128 + SIGINT);
    CHECK(rows_of(at, "s").empty());
}

TEST_CASE("settings that differ in nothing share a run, and methods their teacher") {
    const grid_folder at(small_runs +
                         "seeds = 1\n[grid]\ntemperature = [1, 4]\nmethod = [\"labels\", \"smldist\"]\n");
    const auto a = run(at, sweep_on + "s --keep-models --json");
    REQUIRE_MESSAGE(a.code == 0, a.err);
    // Labels know no temperature: 2 folds of labels, and of 2 students. Teachers do not know it either: 2.
    CHECK(a.last().at("runs") == 2 + 4);
    CHECK(kept_runs(at / "s") == 2 + 4 + 2);
    const auto rows = rows_of(at, "s");
    CHECK(rows.size() == 6);
    std::set<std::string> teachers;
    for (const auto& [id, row] : rows) {
        const fs::path of_run = at / ("s/runs/" + id);
        const bool student = row.contains("teacher");
        CHECK(fs::exists(of_run / (student ? "student.safetensors" : "model.safetensors")));
        const json metrics = json::parse(contents(of_run / "metrics.json"));
        CHECK(metrics.at(student ? "student" : "model").at("macro_f1") == row.at("macro_f1"));
        if (student) teachers.insert(contents(of_run / "teacher.safetensors"));
        if (student) CHECK(metrics.at("teacher").at("macro_f1") == row.at("teacher").at("macro_f1"));
        CHECK(has(contents(of_run / "config.toml"), student ? "[distill]" : "[train]"));
    }
    CHECK(teachers.size() == 2); // one in each fold
    const json figures = json::parse(collected(at, "s").at("collect.json"));
    CHECK(figures.at("runs") == 8);
    CHECK(figures.at("missing").empty());

    // A teacher that is a run of the grid is trained once.
    write(at / "grid.toml", small_runs + "seeds = 1\n[grid]\nmethod = [\"hinton\", \"labels\"]\n");
    const auto shared = run(at, sweep_on + "t --epochs 2 --keep-models --json");
    REQUIRE_MESSAGE(shared.code == 0, shared.err);
    CHECK(shared.last().at("done") == 4);
    CHECK(kept_runs(at / "t") == 4);
    REQUIRE(run(at, sweep_on + "t1 --epochs 2 --method labels --json").last().at("done") == 2);
    for (const auto& [id, row] : rows_of(at, "t1")) CHECK(rows_of(at, "t").at(id).at("people") == row.at("people"));
}

TEST_CASE("rows of a backbone of one's own are the student's, not the teacher's") {
    const grid_folder at(small_runs + "rows = [\"3,16,16,SE,RE,2,A\", \"5,48,24,-,HS,2,A\"]\n[grid]\nmethod = "
                                      "[\"hinton\"]\n");
    REQUIRE(run(at, sweep_on + "s --keep-models --teacher-preset har_student").code == 0);
    const auto validated =
        run(at, "validate --quiet --threads 1 --data wisdm=set --validation-subjects 1 --batch 16 "
                "--preset har_nano --teacher-preset har_student --epochs 3 --teacher-epochs 2 --folds 2 "
                "--rows '3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A' --methods hinton --out v");
    REQUIRE_MESSAGE(validated.code == 0, validated.err);
    std::size_t parameters = 0;
    for (const auto& [id, row] : rows_of(at, "s")) {
        const json metrics = json::parse(contents(at / ("s/runs/" + id + "/metrics.json")));
        CHECK(metrics.at("teacher").at("preset") == "har_student");
        parameters = metrics.at("teacher").at("parameters");
    }
    for (const json& m : json::parse(contents(at / "v/validation.json")).at("methods"))
        if (m.at("name") == "teacher") CHECK(m.at("parameters") == parameters);
}

TEST_CASE("a run that diverges is a row, and the others go on") {
    const grid_folder at(small_runs +
                         "head = \"linear\"\n[grid]\nlr = [1e7, 4e-3]\nmethod = [\"hinton\", \"labels\"]\n");
    const auto a = run(at, sweep_on + "s --json");
    CHECK_MESSAGE(a.code == 0, a.err);
    CHECK(a.last().at("done") == 8);
    CHECK(a.last().at("failed") == 4);
    const auto rows = rows_of(at, "s");
    CHECK(failures(rows) == 4);
    for (const auto& [id, row] : rows) {
        CHECK(row.contains("failure") == (row.at("settings").at("lr") == "1e+07"));
        if (!row.contains("failure")) continue;
        const bool student = row.at("settings").at("method") == "hinton";
        CHECK(row.at("failure").get<std::string>().starts_with("teacher: ") == student);
        CHECK_FALSE(row.contains("macro_f1"));
    }
    CHECK(run(at, sweep_on + "s --json").last().at("done") == 0);
    const auto figures = collected(at, "s");
    CHECK(has(figures.at(""), "4 of 8 runs failed:\n  lr=1e+07 method=hinton fold 1 seed 0: teacher: "));
    CHECK(json::parse(figures.at("collect.json")).at("failures").size() == 4);
    CHECK(has(figures.at("report.html"), "lr=0.004 method=labels"));

    // A run that is also the teacher of others fails once, and they fail with it.
    write(at / "grid.toml", small_runs + "head = \"linear\"\nlr = 1e7\n[grid]\nmethod = [\"labels\", \"hinton\"]\n");
    const auto both = run(at, sweep_on + "t --epochs 2 --json");
    CHECK(both.last().at("done") == 4);
    CHECK(both.last().at("failed") == 4);
    for (const auto& [id, row] : rows_of(at, "t"))
        if (row.at("settings").at("method") == "hinton") fs::remove(at / ("t/rows/" + id + ".jsonl"));
    const auto again = run(at, sweep_on + "t --epochs 2 --json"); // those whose rows are gone
    CHECK(again.last().at("done") == 2);
    CHECK(again.last().at("failed") == 2);
}

TEST_CASE("options of the command line win, also over an axis") {
    const grid_folder at;
    const auto a = run(at, sweep_on + "s --epochs 1 --teacher-epochs 1 --lr 0.01 --seeds 1 --json");
    REQUIRE_MESSAGE(a.code == 0, a.err);
    const auto rows = rows_of(at, "s");
    CHECK(rows.size() == 4);
    for (const auto& [id, row] : rows) {
        CHECK(row.at("history").size() == 1);
        CHECK(has(row.at("options"), "\nlr=0.01\n"));
        CHECK(row.at("settings").size() == 1);
        CHECK(row.at("seed") == 0);
    }
}

TEST_CASE("the data may be an axis, each with folds of its own") {
    const grid_folder at(small_runs + "[grid]\nexclude = [\"\", \"1,2\"]\n");
    const auto a = run(at, sweep_on + "s --folds 0 --epochs 1 --json");
    REQUIRE_MESSAGE(a.code == 0, a.err);
    CHECK(a.last().at("done") == 6 + 4);
    const json settings = json::parse(collected(at, "s").at("collect.json")).at("settings");
    REQUIRE(settings.size() == 3); // with guessing
    CHECK(settings[1].at("people").size() == 6);
    CHECK(settings[2].at("people").size() == 4);
    CHECK(settings[2].at("people")[0].at("person") == "3");
}

TEST_CASE("a sweep refuses what it cannot do before any work") {
    const grid_folder at;
    const auto refused = [&](const std::string& grid, const std::string& what, int code = 2,
                             const std::string& options = "") {
        CAPTURE(grid);
        write(at / "bad.toml", grid);
        const auto a = run(at, "sweep bad.toml --quiet --out none " + options);
        CHECK(a.code == code);
        CHECK_MESSAGE(has(a.err, what), a.err);
        CHECK_FALSE(fs::exists(at / "none"));
    };
    refused("epoch = 3\n", "bad.toml:1: option is \"epoch\", expected one of `har sweep --help`");
    refused("epochs = 3\nepochs = 4\n", "name \"epochs\" stands in line 1 too");
    refused("epochs = \"3\"\n", "bad.toml:1: value of epochs is of another kind, expected a number");
    refused("[grid]\nlearning = [1]\n", "bad.toml:2: axis is \"learning\", expected one of the options");
    refused("[grid]\nlr = [1e-3, -1]\n", "bad.toml:2: --lr: value is \"-1\", expected a number");
    refused("[grid]\nmethod = [\"labels\", \"crd\"]\n",
            "bad.toml:2: --method: name is \"crd\", expected labels, smldist");
    refused("[grid]\nlr = [1e-3, \"fast\"]\n", "value of lr is fast, expected another kind: a number");
    refused("[grid]\nlr = [1e-3, 0.001]\n", "value \"0.001\" of lr is listed twice");
    refused("[grid]\nlr = 1e-3\n", "axis lr is no list");
    refused("[grid]\nlr = []\n", "axis lr is []");
    refused("lr = 1\n[grid]\nlr = [1e-3]\n", "bad.toml:3: axis lr stands in line 1 too");
    for (const std::string axis : {"folds = [2]", "seed = [1]", "seeds = [1]", "threads = [1]", "out = [\"a\"]"})
        refused("[grid]\n" + axis + "\n", "which cannot be one");
    refused("[train]\nlr = 1\n", "bad.toml:1: section is \"train\", expected sweep or grid");
    refused(small_runs + "[grid]\nmethod = [\"labels\", \"sp\"]\nlogit-norm = [\"none\", \"zscore\"]\n",
            "bad.toml: setting method=sp logit-norm=zscore: --logit-norm: name is \"zscore\", expected none with "
            "method sp");
    refused(small_runs + "[grid]\nhead = [\"memory\", \"blended\"]\n",
            "setting head=blended: --head: name is \"blended\"");
    refused(small_runs + "[grid]\nstudent-channels = [\"acc\", \"gyro\"]\n", "setting student-channels=gyro: ");
    refused(small_runs, "--folds: number is 7, expected 2 to 6", 2, "--folds 7");
    refused(small_runs, "--shard: value is \"0/4\"", 2, "--shard 0/4");
    refused(small_runs + "[grid]\nexclude = [\"\", \"1,2,3,4\"]\n", "number of people is 2, expected at least 3", 3);
    refused("[grid]\ndata = [\"wisdm=set\", \"imagenet=x\"]\n", "--data: value is \"imagenet=x\"");
    CHECK(run(at, "sweep --out none").code == 2);
    CHECK(run(at, "sweep missing.toml --out none").code == 6);
    CHECK(run(at, "--config grid.toml sweep grid.toml --out none").code == 2);
    CHECK_FALSE(fs::exists(at / "none"));
}

TEST_CASE("a folder with the sweep of another grid is refused, or gone on with by --force") {
    const grid_folder at(small_runs + "[grid]\nlr = [4e-3, 0.02]\n");
    REQUIRE(run(at, sweep_on + "s --epochs 1").code == 0);
    const auto before = files_in(at / "s");
    write(at / "grid.toml", small_runs + "[grid]\nlr = [0.02, 0.1]\n");
    const auto other = run(at, sweep_on + "s --epochs 1");
    CHECK(other.code == 2);
    CHECK_MESSAGE(has(other.err, "--out: folder s holds the sweep of another grid"), other.err);
    CHECK((files_in(at / "s") == before));
    const auto forced = run(at, sweep_on + "s --epochs 1 --json --force");
    REQUIRE_MESSAGE(forced.code == 0, forced.err);
    CHECK(forced.last().at("done_before") == 2); // of lr 0.02
    CHECK(forced.last().at("done") == 2);
    CHECK(rows_of(at, "s").size() == 6);
    const auto c = run(at, "collect s --json");
    CHECK_MESSAGE(has(c.err, "2 of runs that are not in this grid are left out"), c.err);
    CHECK(c.last().at("runs") == 4);
    CHECK_FALSE(has(c.out, "lr=0.004"));
}

TEST_CASE("a sweep leaves the folder of a run alone") {
    const grid_folder at(small_runs + "[grid]\nlr = [4e-3]\n");
    REQUIRE(run(at, train + "--epochs 1 --quiet --out run").code == 0);
    const auto before = files_in(at / "run");
    for (const std::string force : {"", " --force"}) {
        const auto refused = run(at, sweep_on + "run" + force);
        CHECK(refused.code == 2);
        CHECK_MESSAGE(has(refused.err, "--out: folder run holds a run, expected a sweep or none"), refused.err);
        CHECK((files_in(at / "run") == before));
    }
    const auto none = run(at, "collect run");
    CHECK(none.code == 2);
    CHECK_MESSAGE(has(none.err, "folder run holds no sweep"), none.err);
}

TEST_CASE("runs on data that have changed since are not mixed with those before") {
    const grid_folder at(small_runs + "[grid]\nlr = [4e-3]\n");
    REQUIRE(run(at, sweep_on + "s --epochs 1").code == 0);
    const auto before = rows_of(at, "s");
    CHECK(before.size() == 2);
    change_wisdm(at / "set");
    const auto refused = run(at, sweep_on + "s --epochs 1");
    CHECK(refused.code == 2);
    CHECK_MESSAGE(has(refused.err, "or of other data"), refused.err);
    const auto forced = run(at, sweep_on + "s --epochs 1 --force --json");
    REQUIRE_MESSAGE(forced.code == 0, forced.err);
    CHECK(forced.last().at("done") == 2);
    CHECK(rows_of(at, "s").size() == 4);
}
