// SPDX-License-Identifier: BSD-3-Clause
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <sys/resource.h>

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

} // namespace

TEST_CASE("training har_student takes at most 64 MB beyond the windows") {
    namespace fs = std::filesystem;
    std::string folder = (fs::temp_directory_path() / "smldist-memory-XXXXXX").string();
    REQUIRE(mkdtemp(folder.data()));
    const std::string command = SMLDIST_HAR " train --preset har_student --batch 64 --epochs 2 --out '" + folder +
                                "/run' >/dev/null 2>'" + folder + "/err.txt'";
    const int status = std::system(command.c_str());
    std::stringstream said;
    said << std::ifstream(folder + "/err.txt").rdbuf();
    fs::remove_all(folder);
    REQUIRE(status == 0);

    std::smatch counts;
    const std::string text = said.str();
    REQUIRE(std::regex_search(
        text, counts, std::regex("data: (\\d+) training windows, (\\d+) of validation.*, (\\d+) of test subjects")));
    double windows = 0;
    for (const std::size_t i : {1u, 2u, 3u}) windows += std::stod(counts[i].str());
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    const double peak = double(usage.ru_maxrss) * 1024, data = windows * 128 * 9 * sizeof(float);
    MESSAGE("peak " << peak / 1e6 << " MB, windows " << data / 1e6 << " MB");
    if (sanitized)
        MESSAGE("not compared: AddressSanitizer takes memory of its own");
    else
        CHECK(peak - data <= 64e6);
}
