// SPDX-License-Identifier: BSD-3-Clause
/// har predict with a small model: CSVs, the three ways to ask, and pipes.
#ifndef TESTS_HAR_PREDICTING_HPP
#define TESTS_HAR_PREDICTING_HPP

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "program.hpp"

namespace har_tests {

inline const std::vector<std::string> channels{"body_acc_x",  "body_acc_y",  "body_acc_z",
                                               "body_gyro_x", "body_gyro_y", "body_gyro_z",
                                               "total_acc_x", "total_acc_y", "total_acc_z"};

/// Field c of sample t.
inline std::string sample(std::size_t t, std::size_t c) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4f", double((t * 31 + c * 17) % 97) / 97 - 0.5);
    return digits;
}

/// n samples; edit(t, fields) may change the fields of one.
inline std::string table(std::size_t n, const std::function<void(std::size_t, std::vector<std::string>&)>& edit = {},
                         const std::string& separator = ",") {
    std::string text;
    for (std::size_t t = 0; t < n; ++t) {
        std::vector<std::string> fields;
        for (std::size_t c = 0; c < channels.size(); ++c) fields.push_back(sample(t, c));
        if (edit) edit(t, fields);
        text += joined(fields, separator) + "\n";
    }
    return text;
}

/// A folder with a model, trained once for all tests: nine channels, windows of 128, hop 64.
inline const folder& place() {
    static const folder at;
    static const answer trained = run(at, "train --preset har_nano --epochs 1 --quiet --out run");
    REQUIRE_MESSAGE(trained.code == 0, trained.err);
    return at;
}
inline const std::string with_model = "predict --model run/model.safetensors ";

/// What the three ways of asking say of a CSV.
struct three {
    answer file, json, stream;
};
inline three ask(const std::string& text, const std::string& options = "") {
    write(place().path / "in.csv", text);
    return {run(place(), with_model + options + " --input in.csv"),
            run(place(), with_model + options + " --json --input in.csv"),
            run(place(), with_model + options + " --stream <in.csv")};
}

/// The same answer, whatever the form of the file.
inline void check_reads(const std::string& text, const std::string& note = "") {
    CAPTURE(text.substr(0, 200));
    static const three plain = ask(table(192));
    const three got = ask(text);
    CHECK(got.file.code == 0);
    CHECK(got.json.code == 0);
    CHECK(got.stream.code == 0);
    CHECK(got.file.out == plain.file.out);
    CHECK(got.json.out == plain.json.out);
    CHECK(got.stream.out == plain.stream.out);
    CHECK(got.file.err == (note.empty() ? "" : "in.csv: " + note + "\n"));
    CHECK(got.json.err == got.file.err);
    CHECK(got.stream.err == (note.empty() ? "" : "standard input: " + note + "\n"));
}

/// No answer, exit code 3 and the same message.
inline void check_refuses(const std::string& text, const std::string& message) {
    CAPTURE(text.substr(0, 200));
    const three got = ask(text);
    for (const answer* a : {&got.file, &got.json, &got.stream}) CHECK(a->code == 3);
    CHECK(got.file.err == "har: in.csv:" + message + "\n");
    CHECK(got.json.err == got.file.err);
    CHECK(got.stream.err == "har: standard input:" + message + "\n");
    CHECK(got.file.out == "");
    CHECK(got.json.out == "");
    CHECK(!has(got.stream.out, "nan"));
}

/// har as a child that the test may send signals to; its input and output are `in` and `out`.
class piped_child {
public:
    piped_child(const folder& at, const std::vector<std::string>& arguments, int in, int out, int ignored = 0)
        : begin_(now()) {
        std::vector<std::string> words = arguments;
        words.insert(words.begin(), "har");
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        for (const int s : {SIGHUP, SIGINT, SIGTERM}) std::signal(s, s == ignored ? SIG_IGN : SIG_DFL);
        if (::chdir(at.path.c_str()) != 0) ::_exit(120);
        const int err = ::open("err.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        ::dup2(in >= 0 ? in : ::open("/dev/null", O_RDONLY), 0);
        ::dup2(out >= 0 ? out : ::open("/dev/null", O_WRONLY), 1);
        ::dup2(err, 2);
        for (int fd = 3; fd < 64; ++fd) ::close(fd);
        ::execv(SMLDIST_HAR, argv.data());
        ::_exit(121);
    }
    piped_child(const piped_child&) = delete;
    piped_child& operator=(const piped_child&) = delete;
    ~piped_child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            finish();
        }
    }

    void send(int signal) {
        begin_ = now();
        ::kill(pid_, signal);
    }
    /// The wait status; that of SIGKILL when it did not end in 30 s.
    int finish() {
        int status = 0;
        for (int i = 0; ::wait4(pid_, &status, WNOHANG, &usage_) == 0; ++i) {
            if (i == 6000) ::kill(pid_, SIGKILL);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        pid_ = -1;
        seconds_ = std::chrono::duration<double>(now() - begin_).count();
        return status;
    }
    /// From the signal, or the start, to the end.
    double seconds() const { return seconds_; }
    double peak_bytes() const { return double(usage_.ru_maxrss) * 1024; }
    /// Memory in use now; 0 after the end.
    double bytes() const {
        std::ifstream in("/proc/" + std::to_string(pid_) + "/statm");
        double all = 0, resident = 0;
        in >> all >> resident;
        return resident * double(::sysconf(_SC_PAGESIZE));
    }

private:
    static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

    pid_t pid_ = -1;
    rusage usage_{};
    std::chrono::steady_clock::time_point begin_;
    double seconds_ = 0;
};

struct pipe_ends {
    int read = -1, write = -1;
    pipe_ends() {
        int ends[2] = {-1, -1};
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        read = ends[0];
        write = ends[1];
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    ~pipe_ends() {
        ::close(read);
        ::close(write);
    }
};

inline void send_text(int fd, const std::string& text) {
    REQUIRE(::write(fd, text.data(), text.size()) == ssize_t(text.size()));
}

inline std::string receive(int fd, std::size_t most = std::size_t(-1)) {
    std::string text;
    std::array<char, 4096> part;
    while (text.size() < most) {
        const ssize_t n = ::read(fd, part.data(), std::min(part.size(), most - text.size()));
        if (n <= 0) break;
        text.append(part.data(), std::size_t(n));
    }
    return text;
}

/// Replaces text in a copy of the model by text of the same length. The digest covers only the tensors, so it still fits.
inline void edit_model(const std::string& name, std::vector<std::pair<std::string, std::string>> edits) {
    std::string bytes = contents(place().path / "run/model.safetensors");
    for (const auto& [from, to] : edits) {
        REQUIRE(from.size() == to.size());
        const std::size_t at = bytes.find(from);
        REQUIRE(at != bytes.npos);
        bytes.replace(at, from.size(), to);
    }
    write(place().path / name, bytes);
}

inline bool is_printable(const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if ((c < 0x20 && c != '\n') || c == 0x7F) return false;
        if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;
    }
    return true;
}

} // namespace har_tests

#endif
