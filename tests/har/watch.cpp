// SPDX-License-Identifier: BSD-3-Clause
// har watch: the logs that it reads, the curves that it draws, and when it ends.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "../../examples/har/curve_plot.hpp"
#include "../../examples/har/run_log.hpp"
#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;
using lines = std::vector<std::string>;

std::string jsonl(std::size_t epoch, double loss, double score) {
    std::ostringstream line;
    line << R"({"epoch":)" << epoch << R"(,"loss":)" << loss << R"(,"hard":1,"lr":0.1,"validation_macro_f1":)"
         << score << R"(,"seconds":2})" << '\n';
    return line.str();
}

std::string csv(std::size_t epoch, double loss, double score) {
    std::ostringstream line;
    line << (epoch == 1 ? "epoch,loss,hard,validation_macro_f1,seconds\n" : "") << epoch << ',' << loss << ",1,"
         << score << ",2\n";
    return line.str();
}

/// A run that has ended: two networks with that many epochs.
void write_run(const fs::path& at, std::size_t epochs) {
    std::string teacher, student;
    for (std::size_t e = 1; e <= epochs; ++e) {
        teacher += csv(e, 2.0 / double(e), 0.5 + 0.4 * double(e) / double(epochs));
        student += jsonl(e, 4.0 / double(e), 0.9 - 0.4 * double(e) / double(epochs));
    }
    write(at / "teacher.log.csv", teacher);
    write(at / "student.log.jsonl", student);
}

lines lines_of(const std::string& text) {
    lines all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// `har watch` on a terminal of that size, which the test reads.
class watching {
public:
    watching(const folder& at, const std::string& arguments, unsigned short columns, unsigned short rows)
        : main_(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)),
          other_(opened(columns, rows)),
          program_(at, "watch " + arguments, [this] {
              setenv("TERM", "xterm", 1);
              dup2(other_, STDOUT_FILENO);
          }) {}
    ~watching() {
        close(other_);
        close(main_);
    }
    watching(const watching&) = delete;
    watching& operator=(const watching&) = delete;

    /// Waits until the terminal has shown the text.
    void shown(const std::string& text) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!has(read_all(), text)) {
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "waiting for ", text, " in ", text_);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    void resize(unsigned short columns, unsigned short rows) {
        winsize size{};
        size.ws_col = columns;
        size.ws_row = rows;
        REQUIRE(ioctl(other_, TIOCSWINSZ, &size) == 0);
    }
    void forget() {
        read_all();
        text_.clear();
    }
    const std::string& read_all() {
        char bytes[4096];
        for (ssize_t n = 0; (n = read(main_, bytes, sizeof bytes)) > 0;)
            text_.append(bytes, static_cast<std::size_t>(n));
        return text_;
    }
    child& program() { return program_; }

private:
    int opened(unsigned short columns, unsigned short rows) {
        REQUIRE(main_ >= 0);
        REQUIRE(grantpt(main_) == 0);
        REQUIRE(unlockpt(main_) == 0);
        const int other = open(ptsname(main_), O_RDWR | O_NOCTTY);
        REQUIRE(other >= 0);
        winsize size{};
        size.ws_col = columns;
        size.ws_row = rows;
        REQUIRE(ioctl(other, TIOCSWINSZ, &size) == 0);
        return other;
    }
    int main_, other_;
    child program_;
    std::string text_;
};

} // namespace

TEST_CASE("logs: half lines and lines of other kinds are skipped and repeated epochs replace those from them on") {
    const std::string two = jsonl(1, 3, 0.25) + jsonl(2, 2, 0.75), third = jsonl(3, 1, 0.5);
    CHECK(har::parse_jsonl_log("").empty());
    for (std::size_t cut = 0; cut < third.size(); ++cut) // while it is being written
        CHECK(har::parse_jsonl_log(two + third.substr(0, cut)).size() == 2);
    const auto whole = har::parse_jsonl_log(two + "\nnoise\n{\"epoch\":9}\n" + third);
    REQUIRE(whole.size() == 3);
    CHECK(whole[2].epoch == 3);
    CHECK(whole[2].loss == 1);
    CHECK(whole[2].macro_f1 == 0.5);
    CHECK(whole[2].seconds == 2);
    const auto resumed = har::parse_jsonl_log(two + third + jsonl(2, 7, 0.1));
    REQUIRE(resumed.size() == 2);
    CHECK(resumed[1].loss == 7);

    const std::string table = csv(1, 3, 0.25) + csv(2, 2, 0.75), row = csv(3, 1, 0.5);
    for (std::size_t cut = 0; cut < row.size(); ++cut)
        CHECK(har::parse_csv_log(table + row.substr(0, cut)).size() == 2);
    const auto rows = har::parse_csv_log(table + "3,1\nx,1,1,0.5,2\n3,nan,1,0.5,2\n0,1,1,0.5,2\n" + row);
    REQUIRE(rows.size() == 3);
    CHECK(rows[1].macro_f1 == 0.75);
    CHECK(rows[2].loss == 1);
    CHECK(har::parse_csv_log("a,b\n1,2\n").empty());
}

TEST_CASE("logs: a folder's logs come in the order of training and the longer log of a network counts") {
    const folder at;
    for (const std::string name : {"student", "student_stage10", "student_alone", "teacher", "student_stage9"})
        write(at / (name + ".log.csv"), csv(1, 1, 0.5));
    write(at / "student.log.jsonl", jsonl(1, 1, 0.25) + jsonl(2, 1, 0.75) + jsonl(3, 1, 0.75));
    write(at / "teacher.log.jsonl", R"({"epoch":1)");
    write(at / "model.log.csv", "");
    fs::create_directory(at / "folder.log.csv");
    lines names;
    for (const auto& log : har::read_logs(at.path)) names.push_back(log.name);
    CHECK(names == lines{"teacher", "student_alone", "student_stage9", "student_stage10", "student"});
    const auto student = har::read_logs(at.path).back();
    CHECK(student.epochs.size() == 3);
    CHECK(student.best().epoch == 2); // the first of equals
    CHECK(student.seconds() == 6);
    CHECK(har::read_logs(at / "nowhere").empty());
}

TEST_CASE("plot: draws a line between the points and the ends of the axis") {
    const std::vector<har::curve_point> falling{{1, 1}, {4, 0.25}};
    CHECK(har::plot(falling, 1, 4, 12, 4, false) ==
          lines{" 1.0000|*   ", "       | *  ", "       |  * ", " 0.2500|   *"});
    CHECK(har::plot(falling, 1, 4, 12, 2, true) == lines{" 1.0000│⠑⢄  ", " 0.2500│  ⠑⢄"});
    CHECK(har::plot(falling, 1, 7, 15, 2, false) == lines{" 1.0000|**     ", " 0.2500|  **   "});
    CHECK(har::plot({{1, 20}}, 1, 1, 12, 3, false) == lines{" 20.000|    ", "       |*   ", "       |    "});
    CHECK(har::plot({{1, 1234567}, {2, 0.0001}}, 1, 2, 12, 2, false) == lines{"1.2e+06|**  ", "1.0e-04|  **"});
    CHECK(har::plot(falling, 1, 4, 11, 2, false) == lines{"", ""}); // no room
    CHECK(har::plot({}, 1, 4, 40, 2, false) == lines{"", ""});
    CHECK(har::fitted("äöü", 2) == "äö");
    CHECK(har::fitted("äö", 4) == "äö  ");
}

TEST_CASE("watch --once prints the networks of a run that has ended with their curves") {
    const folder at;
    write_run(at / "run", 20);
    const auto once = run(at, "watch run --once", "export LC_ALL=C.UTF-8");
    REQUIRE_MESSAGE(once.code == 0, once.err);
    CHECK(once.err.empty());
    const lines shown = lines_of(once.out);
    REQUIRE(shown.size() > 8);
    CHECK(shown.size() <= 23);
    CHECK(shown[0] == "run: ended without figures");
    CHECK(shown[1].starts_with("training loss  "));
    CHECK(shown[1].ends_with("  validation macro-F1"));
    CHECK(shown[2] == "teacher  epoch 20  loss 0.1000  macro-F1 0.9000  best 0.9000 in epoch 20");
    CHECK(has(once.out, "student  epoch 20  loss 0.2000  macro-F1 0.5000  best 0.8800 in epoch 1"));
    CHECK(has(shown[3], " 2.0000│"));
    CHECK(has(shown[3], " 0.9000│"));
    for (const std::string& line : shown) CHECK_MESSAGE(characters(line) <= 80, line);
    CHECK(std::none_of(once.out.begin(), once.out.end(), [](char c) { return c < ' ' && c != '\n' && c >= 0; }));

    const auto ascii = run(at, "watch run", "export LC_ALL=C"); // without a terminal it is once, too
    REQUIRE(ascii.code == 0);
    CHECK(std::all_of(ascii.out.begin(), ascii.out.end(), [](char c) { return c >= 0; }));
    CHECK(has(ascii.out, " 2.0000|*"));
}

TEST_CASE("watch names a folder without logs and says how a run ended") {
    const folder at;
    fs::create_directory(at / "empty");
    for (const std::string name : {"empty", "nowhere"}) {
        const auto r = run(at, "watch --once " + name);
        CHECK(r.code == 2);
        CHECK_MESSAGE(has(r.err, "folder " + name + " has no log"), r.err);
        CHECK(r.out.empty());
    }
    const auto missing = run(at, "watch");
    CHECK(missing.code == 2);
    CHECK_MESSAGE(has(missing.err, "RUN"), missing.err);
    CHECK(run(at, "watch empty other").code == 2);
    CHECK(run(at, "watch --help").code == 0);

    write_run(at / "run", 2);
    write(at / "run/metrics.json", R"({"seed": 1})");
    CHECK(has(run(at, "watch run").out, "run: finished\n"));
    write(at / "run/metrics.json", R"({"interrupted": true, "signal": "SIGINT"})");
    CHECK(has(run(at, "watch run").out, "run: stopped by SIGINT\n"));
    write(at / "run/.har.lock", "1"); // of a run that was killed: nobody holds it
    write(at / "run/metrics.json", "{");
    CHECK(has(run(at, "watch run").out, "run: ended without figures\n"));
}

TEST_CASE("watch shows a run in progress with its epochs and how long it takes") {
    const small_set at;
    child c(
        at, distill + "--epochs 1000000 --teacher-epochs 3 --log csv --out run", [] {}, "run ");
    c.said("student epoch 2/");
    const auto once = run(at, "watch run");
    REQUIRE_MESSAGE(once.code == 0, once.err);
    const lines shown = lines_of(once.out);
    CHECK(shown[0].starts_with("run: running (process " + std::to_string(c.id()) + "), ETA "));
    CHECK(has(once.out, "\nteacher  epoch 3/3  loss "));
    CHECK(has(once.out, "\nstudent  epoch "));
    CHECK(has(once.out, "/1000000  loss "));
    c.send(SIGTERM);
    CHECK(c.wait() == 128 + SIGTERM);
    const auto after = run(at, "watch run");
    CHECK(lines_of(after.out).at(0) == "run: stopped by SIGTERM");
    CHECK(fs::exists(at / "run/metrics.json"));
}

TEST_CASE("watch redraws until the run ends and follows the size of the terminal") {
    const small_set at;
    child c(
        at, train + "--epochs 1000000 --out run", [] {}, "run ");
    c.said("model epoch 2/");
    watching w(at, "run", 100, 20);
    w.shown("\x1b[2J\x1b[Hrun: running");
    w.shown("model  epoch ");
    w.shown("\x1b[J");
    w.forget();
    w.shown("\x1b[Hrun: running"); // again
    w.forget();
    w.resize(30, 6);
    w.shown("\x1b[J\x1b[Hrun: running");
    w.forget();
    w.shown("\x1b[J");
    w.shown("\x1b[Hrun: running");
    c.send(SIGINT);
    CHECK(c.wait() == 128 + SIGINT);
    w.shown("run: stopped by SIGINT");
    CHECK(w.program().wait() == 0);
    for (const std::string& line : lines_of(w.read_all())) {
        std::string text = line;
        for (const std::string code : {"\x1b[K", "\x1b[J", "\x1b[H", "\r"})
            for (std::size_t i = 0; (i = text.find(code)) != text.npos;) text.erase(i, code.size());
        CHECK_MESSAGE(characters(text) <= 30, text);
    }
}

TEST_CASE("a signal ends watch with exit code 128 + n and leaves the run alone") {
    const small_set at;
    child c(
        at, train + "--epochs 1000000 --out run", [] {}, "run ");
    c.said("data:");
    watching w(at, "run", 80, 24);
    w.shown("run: running");
    w.program().send(SIGINT);
    CHECK(w.program().wait() == 128 + SIGINT);
    c.said("model epoch 2/");
    c.send(SIGTERM);
    CHECK(c.wait() == 128 + SIGTERM);
}

TEST_CASE("a run starts in a folder that is being watched") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 1 --quiet --out run").code == 0);
    write(at / "run/.har.lock", "1"); // as a killed run leaves it, so that watch locks it for a moment
    for (int k = 0; k < 20; ++k) {
        child looking(
            at, "watch --once run", [] {}, "watch ");
        CHECK(run_in(at, train + "--epochs 1 --quiet --force --out run").code == 0);
        looking.wait();
        write(at / "run/.har.lock", "1");
    }
}

TEST_CASE("watch shows the fold of a validation that was trained last and counts the others") {
    const small_set at;
    const auto r = run_in(at, "validate --quiet --threads 1 --preset har_nano --teacher-preset har_nano --folds 2 "
                              "--validation-subjects 1 --epochs 2 --teacher-epochs 3 --methods labels,hinton "
                              "--data wisdm=set --out all");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const auto once = run(at, "watch all");
    REQUIRE_MESSAGE(once.code == 0, once.err);
    const lines shown = lines_of(once.out);
    REQUIRE(shown.size() > 8);
    CHECK(shown[0] == "all: finished");
    CHECK(shown[1].starts_with("teacher: 2 of 2 trainings, validation macro-F1 "));
    CHECK(shown[2].starts_with("labels: 2 of 2 trainings, validation macro-F1 "));
    CHECK(shown[3].starts_with("hinton: 2 of 2 trainings, validation macro-F1 "));
    CHECK(has(once.out, "\nteacher, fold02_seed0  epoch 3/3  loss "));
    CHECK(has(once.out, "\nlabels, fold02_seed0  epoch 2/2  loss "));
    CHECK(has(once.out, "\nhinton, fold02_seed0  epoch 2/2  loss "));
    CHECK_FALSE(has(once.out, "fold01"));
}
