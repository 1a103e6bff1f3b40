// SPDX-License-Identifier: BSD-3-Clause
// Signals to commands that have nothing to save.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "predicting.hpp"
#include "program.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

} // namespace

TEST_CASE("a signal ends predict at once and only whole lines have been printed") {
    const folder& at = place();
    const fs::path fifo = at.path / "fifo.csv";
    for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
        CAPTURE(signal);
        ::mkfifo(fifo.c_str(), 0600);
        {
            piped_child har(at, {"predict", "--model", "run/model.safetensors", "--input", "fifo.csv"}, -1, -1);
            int in = -1;
            for (int i = 0; i < 6000 && in < 0; ++i) { // until har reads
                in = ::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
                if (in < 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
            REQUIRE(in >= 0);
            send_text(in, table(10));
            har.send(signal);
            const int status = har.finish();
            CHECK(WIFSIGNALED(status)); // 128 + signal in a shell
            CHECK(WTERMSIG(status) == signal);
            CHECK(har.seconds() < 5);
            ::close(in);
        }
        fs::remove(fifo);
        {
            pipe_ends in, out;
            piped_child har(at, {"predict", "--model", "run/model.safetensors", "--stream"}, in.read, out.write);
            send_text(in.write, table(150));
            const std::string header = receive(out.read, 14);
            CHECK(header == "first_sample,l");
            std::string rest; // until the decision is there
            while (std::count(rest.begin(), rest.end(), '\n') < 2) rest += receive(out.read, 1);
            har.send(signal);
            const int status = har.finish();
            CHECK(WIFSIGNALED(status));
            CHECK(WTERMSIG(status) == signal);
        }
    }
    write(at.path / "in.csv", table(2500));
    const answer whole = run(at, with_model + "--input in.csv --hop 1");
    REQUIRE(whole.out.size() > 140'000); // more than a pipe takes
    pipe_ends out;
    piped_child har(at, {"predict", "--model", "run/model.safetensors", "--input", "in.csv", "--hop", "1"}, -1,
                    out.write);
    std::string text = receive(out.read, 1);
    har.send(SIGTERM);
    const int status = har.finish();
    CHECK(WIFSIGNALED(status));
    ::close(std::exchange(out.write, -1));
    text += receive(out.read);
    CHECK(text.size() < whole.out.size());
    CHECK(text.ends_with('\n'));
    CHECK(whole.out.starts_with(text));
}

TEST_CASE("a signal that the caller ignores does not end predict") {
    pipe_ends in, out;
    piped_child har(place(), {"predict", "--model", "run/model.safetensors", "--stream"}, in.read, out.write, SIGHUP);
    send_text(in.write, table(100));
    std::string text = receive(out.read, 14); // it reads
    har.send(SIGHUP);
    send_text(in.write, table(28));
    ::close(std::exchange(in.write, -1));
    CHECK(har.finish() == 0);
    ::close(std::exchange(out.write, -1));
    text += receive(out.read);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("a signal ends evaluate and train while the data load and leaves no run") {
    const folder& at = place();
    {
        fs::create_directories(at.path / "set/WISDM_ar_v1.1");
        std::ofstream out(at.path / "set/WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt");
        std::string text;
        long stamp = 1;
        for (int i = 0; i < 700'000; ++i, stamp += 50'000'000)
            text += std::to_string(1 + i / 20'000) + ",Walking," + std::to_string(stamp) + "," +
                    std::to_string(i % 20) + ",1.5,0.25;\n";
        out << text;
    }
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"evaluate", "--model", "run/model.safetensors", "--data", "wisdm=set"},
          std::vector<std::string>{"train", "--preset", "har_nano", "--out", "new", "--data", "wisdm=set"}}) {
        piped_child har(at, command, -1, -1);
        for (int i = 0; i < 20'000 && har.bytes() < 25e6; ++i) // until it has read the file
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        REQUIRE(har.bytes() >= 25e6);
        har.send(SIGINT);
        const int status = har.finish();
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGINT);
        CHECK(har.seconds() < 2);
        CHECK_FALSE(fs::exists(at.path / "new/config.toml"));
        CHECK_FALSE(fs::exists(at.path / "new/model.safetensors"));
    }
}
