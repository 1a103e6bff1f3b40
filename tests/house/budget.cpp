// SPDX-License-Identifier: BSD-3-Clause
/// What a unit costs to compile with -O2, in time and peak memory.
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct cost {
    double seconds;   ///< user time
    double megabytes; ///< of the largest process
};

const std::string root = SMLDIST_SOURCE_DIR;

/// Compiles a unit in a process of its own. `unit` is a file of tests/house/budget, or a path.
pid_t start(const std::string& unit, const std::string& flags = "") {
    const auto path = std::filesystem::path(root) / "tests/house/budget" / unit;
    const std::string command = SMLDIST_COMPILER " -std=c++20 -O2 -pthread -S -o /dev/null " + flags + " -I" + root +
                                "/include " + path.string();
    const pid_t process = fork();
    if (process == 0) {
        execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        _exit(127);
    }
    REQUIRE(process > 0);
    return process;
}

/// Waits for one of them, or with -1 for any, and says which it was.
pid_t finish(pid_t process, cost& result) {
    int status = 0;
    rusage usage{};
    const pid_t finished = wait4(process, &status, 0, &usage);
    REQUIRE(status == 0);
    result = {double(usage.ru_utime.tv_sec) + 1e-6 * double(usage.ru_utime.tv_usec), double(usage.ru_maxrss) / 1024};
    return finished;
}

struct comparison {
    cost unit;
    double yardstick; ///< mean user time of calibration.cpp, in seconds
};

/// Machines differ, and a shared one wanders by half within minutes. So the bar of time is a ratio to a unit that never
/// changes: 15 s where that takes 4 s. Both compile at the same time, the small one again until the large one is done.
comparison compare(const std::string& unit, const std::string& flags = "") {
    const pid_t measured = start(unit, flags);
    comparison result{};
    double seconds = 0;
    int runs = 0;
    for (bool done = false; !done;) {
        const pid_t yardstick = start("calibration.cpp");
        cost spent{};
        if (finish(-1, spent) == measured) {
            done = true;
            result.unit = spent;
            finish(yardstick, spent);
        }
        seconds += spent.seconds;
        ++runs;
    }
    result.yardstick = seconds / runs;
    MESSAGE(unit << ": " << result.unit.seconds << " s, " << result.unit.megabytes
                 << " MB; calibration.cpp: " << result.yardstick << " s");
    return result;
}

/// The first program of README.md as a file.
class readme_program {
public:
    readme_program() {
        std::ifstream in(root + "/README.md");
        std::ofstream out(path_);
        bool inside = false;
        for (std::string line; std::getline(in, line);) {
            if (inside && line == "```") break;
            if (inside) out << line << '\n';
            if (line == "```cpp") inside = true;
        }
        REQUIRE(inside);
    }
    ~readme_program() { std::filesystem::remove(path_); }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_ = std::filesystem::temp_directory_path() / "smldist_budget_readme.cpp";
};

} // namespace

// All bars leave a quarter for the noise of the measurement. The first three are also among the quick tests.
//
// The aim for the first program of the README, header-only, is 2 times the yardstick and 700 MB; docs/performance.md says
// why it is missed.
TEST_CASE("budget: the first program of the README") {
    const readme_program program;
    const auto [unit, yardstick] = compare(program.path());
    CHECK(unit.seconds <= 1.25 * 5.4 * yardstick);
    CHECK(unit.megabytes <= 1200);
}
TEST_CASE("budget: the first program of the README with the compiled library") {
    const readme_program program;
    const auto [unit, yardstick] = compare(program.path(), "-DSMLDIST_COMPILED");
    CHECK(unit.seconds <= 1.25 * 0.7 * yardstick);
    CHECK(unit.megabytes <= 700);
}

TEST_CASE("budget: a unit that runs a program without exceptions and RTTI") {
    const auto [unit, yardstick] = compare("program.cpp", "-fno-exceptions -fno-rtti");
    CHECK(unit.seconds <= 1.25 * yardstick);
}

#ifndef SMLDIST_QUICK_TESTS
TEST_CASE("budget: a unit that trains a network of its own") {
    const auto [unit, yardstick] = compare("own_network.cpp");
    CHECK(unit.seconds <= 1.25 * 0.8 * yardstick);
    CHECK(unit.megabytes <= 700);
}
TEST_CASE("budget: a unit that trains a network of its own with the compiled library") {
    const auto [unit, yardstick] = compare("own_network.cpp", "-DSMLDIST_COMPILED");
    CHECK(unit.seconds <= 1.25 * 0.5 * yardstick);
}

// The aim is the yardstick. Measured: 2.2 times, since a file may hold any of 66 ops (1.5 to 1.8 times with 41).
TEST_CASE("budget: a unit that loads a program") {
    const auto [unit, yardstick] = compare("load.cpp");
    CHECK(unit.seconds <= 1.25 * 2.2 * yardstick);
    CHECK(unit.megabytes <= 700);
}
TEST_CASE("budget: a unit that loads a program with the compiled library") {
    const auto [unit, yardstick] = compare("load.cpp", "-DSMLDIST_COMPILED");
    CHECK(unit.seconds <= 1.25 * 0.3 * yardstick);
    CHECK(unit.megabytes <= 700);
}

// It compiles without exceptions and RTTI too; a file that is wrong then ends the program.
TEST_CASE("budget: a unit that loads a program, without exceptions and without RTTI") {
    cost spent{};
    finish(start("load.cpp", "-fno-exceptions -fno-rtti"), spent);
    CHECK(spent.seconds > 0);
}

// For the instruction set that every machine of its kind has.
TEST_CASE("budget: a program that loads a model file and classifies windows, on disk") {
    const auto program = std::filesystem::temp_directory_path() / "smldist_budget_cold";
    const int result = std::system((SMLDIST_COMPILER " -std=c++20 -O2 -DNDEBUG -pthread -fno-exceptions -fno-rtti "
                                                     "-ffunction-sections -fdata-sections -Wl,--gc-sections -s -I" +
                                    root + "/include " + root + "/bench/peers/cold.cpp -o " + program.string())
                                       .c_str());
    REQUIRE(result == 0);
    const auto bytes = std::filesystem::file_size(program);
    std::filesystem::remove(program);
    MESSAGE("cold.cpp: " << bytes << " bytes");
    CHECK(bytes <= 600'000);
}
#endif
