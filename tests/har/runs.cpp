// SPDX-License-Identifier: BSD-3-Clause
// The folder of a run: what is in it at any moment, and what becomes of it when runs meet, fail, are interrupted or killed.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

std::string slurp(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void spit(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

/// Names and contents of the files in a folder.
std::map<std::string, std::string> contents(const fs::path& folder) {
    std::map<std::string, std::string> files;
    if (fs::exists(folder))
        for (const auto& entry : fs::directory_iterator(folder))
            if (entry.is_regular_file()) files[entry.path().filename().string()] = slurp(entry.path());
    return files;
}

std::set<std::string> names(const fs::path& folder) {
    std::set<std::string> all;
    for (const auto& [name, bytes] : contents(folder)) all.insert(name);
    return all;
}

/// A folder of its own with a small dataset in it, whose epochs take milliseconds; removed at the end.
struct scratch_folder {
    fs::path path;
    scratch_folder() {
        std::string name = (fs::temp_directory_path() / "smldist-runs-XXXXXX").string();
        path = mkdtemp(name.data());
        std::string text;
        long stamp = 1;
        for (int user = 1; user <= 6; ++user)
            for (const std::string activity : {"Walking", "Sitting"})
                for (int t = 0; t < 120; ++t, stamp += 50000000)
                    text += std::to_string(user) + "," + activity + "," + std::to_string(stamp) + "," +
                            std::to_string(activity == "Walking" ? (t * 7) % 20 : 9) + ",1," +
                            std::to_string(0.01 * (t % 5)) + ";\n";
        spit(path / "set/WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt", text);
    }
    ~scratch_folder() { fs::remove_all(path); }
    fs::path operator/(const std::string& name) const { return path / name; }
};

const std::string train_on = "train --preset har_nano --validation-subjects 2 --threads 1 --data ";
const std::string distill_on =
    "distill --preset har_nano --teacher-preset har_nano --validation-subjects 2 --threads 1 --data ";
const std::string train = train_on + "wisdm=set ", distill = distill_on + "wisdm=set ";

/// The program at work. Its output goes to out.txt and err.txt, or to files of other names.
class child {
public:
    child(
        const scratch_folder& at, const std::string& arguments, const std::function<void()>& prepare = [] {},
        const std::string& name = "")
        : out_(at / (name + "out.txt")), err_(at / (name + "err.txt")) {
        std::vector<std::string> words{SMLDIST_HAR};
        std::istringstream in(arguments);
        for (std::string word; in >> word;) words.push_back(word);
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        std::ofstream{out_};
        std::ofstream{err_};
        id_ = fork();
        REQUIRE(id_ >= 0);
        if (id_ > 0) return;
        for (const int s : {SIGHUP, SIGINT, SIGTERM}) std::signal(s, SIG_DFL);
        dup2(open(out_.c_str(), O_WRONLY | O_TRUNC), STDOUT_FILENO);
        dup2(open(err_.c_str(), O_WRONLY | O_TRUNC), STDERR_FILENO);
        prepare();
        if (chdir(at.path.c_str()) == 0) execv(argv[0], argv.data());
        _exit(126);
    }
    ~child() {
        if (code_ < 0) {
            kill(id_, SIGKILL);
            waitpid(id_, nullptr, 0);
        }
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;

    pid_t id() const { return id_; }
    void send(int signal) const { kill(id_, signal); }
    std::string out() const { return slurp(out_); }
    std::string err() const { return slurp(err_); }

    /// Waits until stderr has the text.
    void said(const std::string& text) const {
        const auto end = steady_clock::now() + std::chrono::seconds(120);
        while (err().find(text) == std::string::npos) {
            REQUIRE_MESSAGE(steady_clock::now() < end, "waiting for ", text, " in ", err());
            std::this_thread::sleep_for(milliseconds(1));
        }
    }
    /// Its exit code, or 1000 and the number of the signal that killed it.
    int wait() {
        const auto end = steady_clock::now() + std::chrono::seconds(300);
        int status = 0;
        while (waitpid(id_, &status, WNOHANG) == 0) {
            if (steady_clock::now() > end) kill(id_, SIGKILL);
            std::this_thread::sleep_for(milliseconds(1));
        }
        return code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

private:
    fs::path out_, err_;
    pid_t id_ = -1;
    int code_ = -1;
};

struct run_result {
    int code;
    std::string out, err;
};

run_result har(
    const scratch_folder& at, const std::string& arguments, const std::function<void()>& prepare = [] {}) {
    child c(at, arguments, prepare);
    const int code = c.wait();
    return {code, c.out(), c.err()};
}

/// `har summary` reads the file, compares its digest and runs its self-test.
void check_model(const scratch_folder& at, const std::string& file) {
    const auto r = har(at, "summary --json --model " + file);
    CHECK_MESSAGE(r.code == 0, file, ": ", r.err);
}

/// What a killed run has left is complete: every model loads, every line of a log is whole.
std::size_t check_complete(const scratch_folder& at, const std::string& folder) {
    std::size_t models = 0;
    for (const auto& file : contents(at / folder)) {
        const auto &name = file.first, &bytes = file.second;
        CAPTURE(name);
        if (name.ends_with(".safetensors")) {
            ++models;
            check_model(at, folder + "/" + name);
        }
        if (!name.ends_with(".jsonl")) continue;
        std::istringstream lines(bytes);
        for (std::string line; std::getline(lines, line);) CHECK(json::accept(line));
        CHECK((bytes.empty() || bytes.back() == '\n'));
    }
    return models;
}

bool mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::function<void()> limited(int resource, rlim_t bytes) {
    return [=] {
        const rlimit limit{bytes, bytes};
        setrlimit(static_cast<decltype(RLIMIT_FSIZE)>(resource), &limit);
    };
}

/// Kills runs at random moments; each leaves nothing or complete files, and the next run starts in the same folder.
void kill_at_random(std::size_t times, unsigned seed) {
    const scratch_folder at;
    std::mt19937 random(seed);
    std::size_t models = 0;
    for (std::size_t k = 0; k < times; ++k) {
        CAPTURE(k);
        // Half of the kills fall anywhere from the start on, half between the writes of the epochs.
        child c(at, train + "--epochs 100000 --ema 0.5 --out run --force");
        if (k % 2 == 1) c.said("epoch 1/");
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60000));
        c.send(SIGKILL);
        CHECK(c.wait() == 1000 + SIGKILL);
        models += check_complete(at, "run");
    }
    CHECK(models >= times); // after the first kill of the second kind there are always two
    const auto last = har(at, train + "--epochs 2 --out run --force --quiet");
    REQUIRE_MESSAGE(last.code == 0, last.err);
    for (const auto& name : names(at / "run")) CHECK_FALSE(mentions(name, ".tmp-"));
}

} // namespace

TEST_CASE("--out that holds a run is refused before any work; --force replaces all files of that run and no others") {
    const scratch_folder at;
    REQUIRE(har(at, distill + "--epochs 1 --teacher-epochs 1 --compat ref2021 --augment none --out run").code == 0);
    REQUIRE(har(at, train + "--epochs 1 --out fresh").code == 0);
    for (const std::string name : {"notes.txt", "student.onnx", "my.safetensors", "student_stage.log.csv",
                                   "student_stage1x.safetensors", "confusion.mine.csv", "old/model.safetensors"})
        spit(at / "run" / name, "mine");
    const auto before = contents(at / "run");

    for (const std::string& command : {train_on, distill_on}) {
        const auto again = har(at, command + "wisdm=nowhere --out run");
        CHECK(again.code == 2);
        CHECK_MESSAGE(mentions(again.err, "folder run holds a run"), again.err);
        CHECK_MESSAGE(mentions(again.err, "--force"), again.err);
        CHECK_FALSE(mentions(again.err, "nowhere"));
        CHECK(contents(at / "run") == before);
    }

    REQUIRE(har(at, train + "--epochs 1 --out run --force").code == 0);
    auto wanted = names(at / "fresh");
    wanted.insert({"notes.txt", "student.onnx", "my.safetensors", "student_stage.log.csv",
                   "student_stage1x.safetensors", "confusion.mine.csv"});
    CHECK(names(at / "run") == wanted);
    CHECK(slurp(at / "run/model.safetensors") == slurp(at / "fresh/model.safetensors"));
    CHECK(slurp(at / "run/my.safetensors") == "mine");
    CHECK(slurp(at / "run/old/model.safetensors") == "mine");

    // The run's own configuration does not ask to replace the run that it describes.
    CHECK(har(at, "--config run/config.toml train").code == 2);
    CHECK(har(at, "--config run/config.toml train --out other").code == 0);
    CHECK(slurp(at / "other/model.safetensors") == slurp(at / "run/model.safetensors"));
}

TEST_CASE(
    "--force leaves the earlier run as it is when the new one fails or is interrupted before its first models") {
    const scratch_folder at;
    REQUIRE(har(at, train + "--epochs 2 --out run --quiet").code == 0);
    const auto before = contents(at / "run");
    const auto unchanged = [&](const std::string& options, int code, const std::string& what) {
        const auto r = har(at, train_on + options + " --out run --force");
        CHECK(r.code == code);
        CHECK_MESSAGE(mentions(r.err, what), r.err);
        CHECK(contents(at / "run") == before);
    };
    unchanged("wisdm=nowhere", 3, "nowhere");
    unchanged("wisdm=set --lr -1", 2, "lr");
    unchanged("wisdm=set --lr 1e4 --head linear --epochs 3", 5, "epoch 1");

    child c(at, "train --preset har_teacher --epochs 2 --out run --force");
    c.said("data:");
    c.send(SIGTERM);
    CHECK(c.wait() == 128 + SIGTERM);
    CHECK_MESSAGE(mentions(c.err(), "ended by SIGTERM in the first epoch of model; the folder keeps the earlier run"),
                  c.err());
    CHECK(contents(at / "run") == before);

    // A teacher in the folder that is replaced is not lost before its copy is there.
    REQUIRE(har(at, distill + "--epochs 1 --teacher-epochs 1 --out both --quiet").code == 0);
    const std::string teacher = slurp(at / "both/teacher.safetensors");
    const auto again =
        har(at, distill + "--epochs 1 --alpha 1 --teacher both/teacher.best.safetensors --out both --force");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(slurp(at / "both/teacher.safetensors") == teacher); // of one epoch: the last is the best
    CHECK_FALSE(fs::exists(at / "both/teacher.best.safetensors"));
    CHECK(fs::exists(at / "both/stage_bands.csv"));
    CHECK(har(at, "evaluate --data wisdm=set --model both/student.safetensors").code == 0);
}

TEST_CASE("a start that fails leaves no folder, and one without right to write is an error before any work") {
    const scratch_folder at;
    CHECK(har(at, train_on + "wisdm=nowhere --out a/b/c").code == 3);
    CHECK_FALSE(fs::exists(at / "a"));
    spit(at / "kept/notes.txt", "mine");
    CHECK(har(at, train_on + "wisdm=nowhere --out kept").code == 3);
    CHECK(names(at / "kept") == std::set<std::string>{"notes.txt"});

    spit(at / "file", "x");
    std::vector<std::string> wrong{"file", "file/below", "/dev/null", "/proc"};
    if (geteuid() != 0) {
        fs::create_directory(at / "closed");
        fs::permissions(at / "closed", fs::perms::owner_read | fs::perms::owner_exec);
        wrong.push_back("closed");
    }
    for (const auto& folder : wrong) {
        const auto r = har(at, train_on + "wisdm=nowhere --out " + folder);
        CHECK(r.code == 6);
        CHECK_MESSAGE(mentions(r.err, folder), r.err);
    }
    CHECK(slurp(at / "file") == "x");
    fs::create_directories(at / "odd/metrics.json"); // which could not be replaced in the end
    const auto r = har(at, train_on + "wisdm=nowhere --out odd");
    CHECK(r.code == 2);
    CHECK_MESSAGE(mentions(r.err, "holds a folder metrics.json"), r.err);
}

TEST_CASE("a signal ends har while it waits for its configuration") {
    const scratch_folder at;
    REQUIRE(::mkfifo((at.path / "pipe").c_str(), 0600) == 0);
    child c(at, "--config pipe train");
    std::this_thread::sleep_for(milliseconds(300));
    c.send(SIGTERM);
    CHECK(c.wait() == 1000 + SIGTERM);
}

TEST_CASE("two runs in one folder: the second is refused, with --force too, until the first is gone") {
    const scratch_folder at;
    child first(
        at, train + "--epochs 1000000 --out run", [] {}, "first ");
    first.said("epoch 1/");
    for (const std::string options : {"", "--force"}) {
        const auto second = har(at, train_on + "wisdm=nowhere --out run " + options);
        CHECK(second.code == 2);
        CHECK_MESSAGE(
            mentions(second.err, "folder run is in use by another run (process " + std::to_string(first.id()) + ")"),
            second.err);
    }
    REQUIRE(har(at, train + "--epochs 1 --out elsewhere").code == 0); // the lock is of the folder
    first.send(SIGKILL);
    CHECK(first.wait() == 1000 + SIGKILL);
    REQUIRE(fs::exists(at / "run/model.safetensors"));
    REQUIRE(har(at, train + "--epochs 1 --out run --force").code == 0);
    CHECK(names(at / "run") == names(at / "elsewhere"));
}

TEST_CASE("half-written files of killed runs are removed, and nothing else that looks like them") {
    const scratch_folder at;
    const std::set<std::string> killed{"student.safetensors.tmp-123-4", "metrics.json.tmp-1-0",
                                       "model.best.safetensors.tmp-99999-12"},
        others{"notes.txt.tmp-123-4", "model.safetensors.tmp-1", "model.safetensors.tmp-a-1", "weights.tmp-1-2",
               "model.safetensors.tmp-1-2.old"};
    for (const auto& name : killed) spit(at / "run" / name, "half");
    for (const auto& name : others) spit(at / "run" / name, "mine");
    REQUIRE(har(at, train + "--epochs 1 --out run").code == 0); // they do not make it a folder that holds a run
    for (const auto& name : killed) CHECK_FALSE_MESSAGE(fs::exists(at / "run" / name), name);
    for (const auto& name : others) CHECK_MESSAGE(slurp(at / "run" / name) == "mine", name);
}

TEST_CASE("the last and the best model are on disk after every epoch") {
    const scratch_folder at;
    child c(at, train + "--epochs 1000000 --schedule constant --out run");
    c.said("epoch 1/");
    CHECK(check_complete(at, "run") == 2);
    const std::string early = slurp(at / "run/model.safetensors");
    bool newer = false; // epochs take milliseconds: `early` may be that of a later one
    for (int i = 0; i < 6000 && !newer; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        newer = slurp(at / "run/model.safetensors") != early;
    }
    CHECK(newer);
    c.send(SIGKILL);
    CHECK(c.wait() == 1000 + SIGKILL);
    const auto left = names(at / "run");
    for (const std::string name :
         {"config.toml", "model.safetensors", "model.best.safetensors", "model.log.csv", "model.log.jsonl"})
        CHECK_MESSAGE(left.contains(name), name);
    CHECK_FALSE(left.contains("metrics.json"));
    CHECK(check_complete(at, "run") == 2);
    CHECK(har(at, "evaluate --data wisdm=set --model run/model.best.safetensors").code == 0);
}

TEST_CASE("a head under search is on disk, undecided, after every epoch") {
    const scratch_folder at;
    child c(at, train + "--head search --epochs 1000000 --out run");
    c.said("epoch 2/");
    c.send(SIGKILL);
    CHECK(c.wait() == 1000 + SIGKILL);
    CHECK(check_complete(at, "run") == 2);
    CHECK(har(at, "evaluate --data wisdm=set --model run/model.safetensors").code == 0);
}

TEST_CASE("a run killed at any moment leaves nothing or complete files") { kill_at_random(20, 1); }

TEST_CASE("a run killed at any moment leaves nothing or complete files: many times" * doctest::test_suite("slow")) {
    kill_at_random(400, 2);
}

TEST_CASE("SIGHUP, SIGINT and SIGTERM end a run after its step: models, marked figures, exit code 128 + n") {
    const scratch_folder at;
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) {
        const std::string name = number == SIGHUP ? "SIGHUP" : number == SIGINT ? "SIGINT" : "SIGTERM";
        CAPTURE(name);
        child c(at, train + "--epochs 1000000 --json --out " + name);
        c.said("epoch 3/");
        c.send(number);
        CHECK(c.wait() == 128 + number);
        CHECK_MESSAGE(mentions(c.err(), "stopped by " + name + " in epoch"), c.err());
        const json figures = json::parse(slurp(at / name / "metrics.json"));
        CHECK(figures.at("interrupted") == true);
        CHECK(figures.at("signal") == name);
        CHECK(figures.at("stopped_in") == "model");
        CHECK(figures.at("stopped_at_epoch") >= 3);
        CHECK(figures.at("stopped_at_epoch") == figures.at("model").at("epochs"));
        CHECK(figures.at("model").contains("macro_f1"));
        CHECK(check_complete(at, name) == 2);
        CHECK_FALSE(fs::exists(at / name / ".har.lock"));
    }
    // The same where the figures are of several networks.
    for (const std::string network : {"teacher", "student_alone", "student"}) {
        CAPTURE(network);
        child c(at, distill + (network == "student" ? "" : "--baseline ") + "--epochs 1000000 --teacher-epochs " +
                        (network == "teacher" ? "1000000" : "2") + " --out " + network);
        c.said(network + " epoch 2/");
        c.send(SIGTERM);
        CHECK(c.wait() == 128 + SIGTERM);
        const json figures = json::parse(slurp(at / network / "metrics.json"));
        CHECK(figures.at("interrupted") == true);
        CHECK(figures.at("stopped_in") == network);
        CHECK(figures.contains("teacher"));
        CHECK(figures.contains("student_alone") == (network == "student_alone"));
        CHECK(figures.contains("student") == (network == "student"));
        check_complete(at, network);
    }
    child stage(at, distill + "--compat ref2021 --augment none --teacher-epochs 1 --epochs 1000000 --out stage");
    stage.said("student_stage0 epoch 2/");
    stage.send(SIGINT);
    CHECK(stage.wait() == 128 + SIGINT);
    const json figures = json::parse(slurp(at / "stage/metrics.json"));
    CHECK(figures.at("stopped_in") == "student_stage0");
    CHECK_FALSE(figures.contains("student_stage1"));
    CHECK_FALSE(figures.contains("student"));
    CHECK(check_complete(at, "stage") == 4);

    // A run that ends by itself has no mark.
    REQUIRE(har(at, train + "--epochs 2 --out whole").code == 0);
    CHECK_FALSE(json::parse(slurp(at / "whole/metrics.json")).contains("interrupted"));
}

TEST_CASE("signals that are ignored when the program starts stay ignored: nohup, background jobs") {
    const scratch_folder at;
    child c(at, train + "--epochs 60 --out run", [] {
        for (const int s : {SIGHUP, SIGINT}) std::signal(s, SIG_IGN);
    });
    c.said("epoch 2/");
    c.send(SIGHUP);
    c.send(SIGINT);
    CHECK(c.wait() == 0);
    const json figures = json::parse(slurp(at / "run/metrics.json"));
    CHECK(figures.at("model").at("epochs") == 60);
    CHECK_FALSE(figures.contains("interrupted"));
}

TEST_CASE("a full disk ends a run with exit code 6 and leaves what was there before") {
    const scratch_folder at;
    REQUIRE(har(at, train + "--epochs 3 --out run --quiet").code == 0);
    const auto before = contents(at / "run");
    const auto model = before.at("model.safetensors").size();

    // No room for a model: neither in a new folder nor in place of an earlier run.
    const auto none = har(at, train + "--quiet --epochs 3 --out new", limited(RLIMIT_FSIZE, model / 2));
    CHECK(none.code == 6);
    CHECK_MESSAGE(mentions(none.err, "new/model.safetensors"), none.err);
    CHECK_FALSE(fs::exists(at / "new"));
    CHECK(har(at, train + "--quiet --epochs 3 --out run --force", limited(RLIMIT_FSIZE, model / 2)).code == 6);
    CHECK(contents(at / "run") == before);
    // No room for anything: found before the data are looked for.
    const auto lock = har(at, train_on + "wisdm=nowhere --out new", limited(RLIMIT_FSIZE, 0));
    CHECK(lock.code == 6);
    CHECK_FALSE(fs::exists(at / "new"));

    // Room for the models but not for the logs of all epochs.
    const auto log = har(at, train + "--quiet --epochs 100000 --out log", limited(RLIMIT_FSIZE, model + 1000));
    CHECK(log.code == 6);
    CHECK_MESSAGE(mentions(log.err, "cannot write log/model.log.jsonl"), log.err);
    CHECK(check_complete(at, "log") == 2);
    for (const auto& name : names(at / "log")) CHECK_FALSE(mentions(name, ".tmp-"));
}

TEST_CASE("the demo replaces what its own folder holds; any other is refused as usual") {
    const scratch_folder at;
    for (const std::string folder : {"har-demo", "mine"})
        REQUIRE(har(at, train + "--epochs 1 --out " + folder).code == 0);
    const auto before = contents(at / "mine");
    const auto refused = har(at, "demo --out mine");
    CHECK(refused.code == 2);
    CHECK_MESSAGE(mentions(refused.err, "folder mine holds a run"), refused.err);
    for (const std::string command : {"demo", "demo --out mine --force"}) {
        child again(at, command);
        again.said("data:"); // it is not refused
        again.send(SIGTERM);
        CHECK(again.wait() == 128 + SIGTERM);
    }
    CHECK(contents(at / "mine") == before);
}

TEST_CASE("evaluate, predict and summary write nothing") {
    const scratch_folder at;
    REQUIRE(har(at, train + "--epochs 1 --out run --quiet").code == 0);
    std::string csv;
    for (int t = 0; t < 100; ++t) csv += "1,2,3\n";
    spit(at / "in.csv", csv);
    const auto all = [&] {
        std::map<std::string, std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator(at.path))
            if (entry.is_regular_file() && !entry.path().filename().string().ends_with("t.txt"))
                files[entry.path().string()] = slurp(entry.path());
        return files;
    };
    const auto before = all();
    for (const std::string command : {"evaluate --data wisdm=set --json --noise 0.1 --model run/model.safetensors",
                                      "predict --input in.csv --model run/model.safetensors",
                                      "summary --model run/model.safetensors", "summary --dot"})
        CHECK_MESSAGE(har(at, command).code == 0, command);
    CHECK(all() == before);
}

TEST_CASE("too little memory ends a run with exit code 1 and a message, never with a signal") {
    if (sanitized) {
        MESSAGE("not run: AddressSanitizer reserves more address space than any limit allows");
        return;
    }
    const scratch_folder at;
    std::size_t done = 0, failed = 0;
    for (const rlim_t megabytes : {64u, 120u, 205u, 220u, 235u, 250u, 265u, 280u, 295u, 2000u}) {
        CAPTURE(megabytes);
        const auto r = har(at, "train --preset har_student --epochs 1 --threads 2 --quiet --force --out run",
                           limited(RLIMIT_AS, megabytes << 20));
        CHECK_MESSAGE((r.code == 0 || r.code == 1), r.code, " ", r.err);
        CHECK_MESSAGE((r.code == 0 || mentions(r.err, "har: memory is exhausted")), r.err);
        (r.code == 0 ? done : failed) += 1;
    }
    CHECK(done > 0);
    CHECK(failed > 0);
}
