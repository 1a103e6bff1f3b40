// SPDX-License-Identifier: BSD-3-Clause
/// What a unit costs to compile with -O2: bars of user time and peak memory that a user feels.
#include <cstdlib>
#include <doctest/doctest.h>
#include <string>
#include <sys/resource.h>
#include <sys/time.h>

namespace {

double user_seconds_of_children() {
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    return double(usage.ru_utime.tv_sec) + 1e-6 * double(usage.ru_utime.tv_usec);
}

/// Of the largest child so far.
double peak_megabytes_of_children() {
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    return double(usage.ru_maxrss) / 1024;
}

void check_budget(const std::string& unit, double seconds, double megabytes) {
    const std::string root = SMLDIST_SOURCE_DIR;
    const double before = user_seconds_of_children();
    const int result = std::system((SMLDIST_COMPILER " -std=c++20 -O2 -pthread -S -o /dev/null -I" + root +
                                    "/include " + root + "/tests/house/budget/" + unit)
                                       .c_str());
    REQUIRE(result == 0);
    const double spent = user_seconds_of_children() - before, peak = peak_megabytes_of_children();
    MESSAGE(unit << ": " << spent << " s, " << peak << " MB; budget " << seconds << " s, " << megabytes << " MB");
    CHECK(spent <= seconds);
    CHECK(peak <= megabytes);
}

} // namespace

// The goal is 15 s on a quiet machine; the bar leaves room for a busy one.
TEST_CASE("budget: a unit that trains, distils, saves and loads") { check_budget("training.cpp", 24, 1024); }
