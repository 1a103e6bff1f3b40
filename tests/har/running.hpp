// SPDX-License-Identifier: BSD-3-Clause
/// Runs of har on a small dataset, as processes that a test may interrupt, and the files that they leave.
#ifndef TESTS_HAR_RUNNING_HPP
#define TESTS_HAR_RUNNING_HPP

#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "program.hpp"
#include "small_sets.hpp"

namespace har_tests {

/// A folder of its own with a small dataset in `set`, whose epochs take milliseconds.
struct small_set : folder {
    small_set() { make_wisdm(path / "set"); }
};

inline const std::string train_on = "train --preset har_nano --validation-subjects 2 --threads 1 --data ";
inline const std::string distill_on =
    "distill --preset har_nano --teacher-preset har_nano --validation-subjects 2 --threads 1 --data ";
inline const std::string train = train_on + "wisdm=set ", distill = distill_on + "wisdm=set ";

/// Names and contents of the files in a folder.
inline std::map<std::string, std::string> files_in(const std::filesystem::path& at) {
    std::map<std::string, std::string> files;
    if (std::filesystem::exists(at))
        for (const auto& entry : std::filesystem::directory_iterator(at))
            if (entry.is_regular_file()) files[entry.path().filename().string()] = contents(entry.path());
    return files;
}

inline std::set<std::string> names_in(const std::filesystem::path& at) {
    std::set<std::string> all;
    for (const auto& [name, bytes] : files_in(at)) all.insert(name);
    return all;
}

/// The program at work. Its output goes to out.txt and err.txt, or to files of other names.
class child {
public:
    child(
        const folder& at, const std::string& arguments, const std::function<void()>& prepare = [] {},
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
    std::string out() const { return contents(out_); }
    std::string err() const { return contents(err_); }

    /// Waits until stderr has the text.
    void said(const std::string& text) const {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
        while (!has(err(), text)) {
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "waiting for ", text, " in ", err());
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }
    /// Its exit code, or 1000 and the number of the signal that killed it.
    int wait() {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(300);
        int status = 0;
        while (waitpid(id_, &status, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() > end) kill(id_, SIGKILL);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }

private:
    std::filesystem::path out_, err_;
    pid_t id_ = -1;
    int code_ = -1;
};

/// `har ARGUMENTS` in the folder, the words between blanks as they are; `prepare` runs in its process before it.
inline answer run_in(
    const folder& at, const std::string& arguments, const std::function<void()>& prepare = [] {}) {
    child c(at, arguments, prepare);
    const int code = c.wait();
    return {code, c.out(), c.err()};
}

/// `har summary` reads the file, compares its digest and runs its self-test.
inline void check_model(const folder& at, const std::string& file) {
    const auto r = run_in(at, "summary --json --model " + file);
    CHECK_MESSAGE(r.code == 0, file, ": ", r.err);
}

/// What a killed run has left is complete: every model loads, every line of a log is whole.
inline std::size_t check_complete(const folder& at, const std::string& name_of_run) {
    std::size_t models = 0;
    for (const auto& file : files_in(at / name_of_run)) {
        const auto &name = file.first, &bytes = file.second;
        CAPTURE(name);
        if (name.ends_with(".safetensors")) {
            ++models;
            check_model(at, name_of_run + "/" + name);
        }
        if (!name.ends_with(".jsonl")) continue;
        std::istringstream lines(bytes);
        for (std::string line; std::getline(lines, line);) CHECK(nlohmann::json::accept(line));
        CHECK((bytes.empty() || bytes.back() == '\n'));
    }
    return models;
}

} // namespace har_tests

#endif
