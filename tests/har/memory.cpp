// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>
#include <regex>
#include <sys/resource.h>

#include "program.hpp"

TEST_CASE("training har_student takes at most 64 MB beyond the windows") {
    const har_tests::folder at;
    const auto done = har_tests::run(at, "train --preset har_student --batch 64 --epochs 2 --out run");
    REQUIRE(done.code == 0);

    std::smatch counts;
    REQUIRE(std::regex_search(
        done.err, counts,
        std::regex("data: (\\d+) training windows, (\\d+) of validation.*, (\\d+) of test subjects")));
    double windows = 0;
    for (const std::size_t i : {1u, 2u, 3u}) windows += std::stod(counts[i].str());
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    const double peak = double(usage.ru_maxrss) * 1024, data = windows * 128 * 9 * sizeof(float);
    MESSAGE("peak " << peak / 1e6 << " MB, windows " << data / 1e6 << " MB");
    if (har_tests::sanitized)
        MESSAGE("not compared: AddressSanitizer takes memory of its own");
    else
        CHECK(peak - data <= 64e6);
}
