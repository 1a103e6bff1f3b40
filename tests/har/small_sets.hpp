// SPDX-License-Identifier: BSD-3-Clause
/// Small datasets in their publishers' formats.
#ifndef TESTS_HAR_SMALL_SETS_HPP
#define TESTS_HAR_SMALL_SETS_HPP

#include <cstdio>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "program.hpp"

namespace har_tests {

/// A small dataset in the layout and number format of UCI HAR: `windows` of every class for each subject. Those of one class
/// and subject share half their samples if they are `overlapping`.
inline void make_uci_har(const std::filesystem::path& root, std::size_t windows = 2, bool overlapping = false) {
    const char* signals[] = {"body_acc_x",  "body_acc_y",  "body_acc_z",  "body_gyro_x", "body_gyro_y",
                             "body_gyro_z", "total_acc_x", "total_acc_y", "total_acc_z"};
    for (const std::string part : {"train", "test"}) {
        const std::vector<int> subjects =
            part == "train" ? std::vector<int>{1, 3, 5, 6, 7, 8} : std::vector<int>{2, 4};
        std::string labels, people;
        for (const int s : subjects)
            for (int n = 1; n <= 6; ++n)
                for (std::size_t k = 0; k < windows; ++k) {
                    labels += std::to_string(n) + "\n";
                    people += std::to_string(s) + "\n";
                }
        write(root / part / ("y_" + part + ".txt"), labels);
        write(root / part / ("subject_" + part + ".txt"), people);
        const std::size_t rows = subjects.size() * 6 * windows;
        for (std::size_t c = 0; c < 9; ++c) {
            std::string text;
            for (std::size_t r = 0; r < rows; ++r) {
                const std::size_t start = overlapping ? r % windows * 64 : 0, run = overlapping ? r - r % windows : r;
                for (std::size_t t = start; t < start + 128; ++t) {
                    char field[32];
                    std::snprintf(field, sizeof field, " %.7e",
                                  double((run * 31 + t * (7 + r / windows % 6) + c * 13) % 97) / 97 - 0.5);
                    text += field;
                }
                text += "\r\n";
            }
            write(root / part / "Inertial Signals" / (std::string(signals[c]) + "_" + part + ".txt"), text);
        }
    }
}

/// WISDM with six persons, two activities and 240 samples of each person, behind an empty line.
inline void make_wisdm(const std::filesystem::path& root) {
    std::string text = "\n";
    long stamp = 1;
    for (int user = 1; user <= 6; ++user)
        for (const std::string activity : {"Walking", "Sitting"})
            for (int t = 0; t < 120; ++t, stamp += 50000000)
                text += std::to_string(user) + "," + activity + "," + std::to_string(stamp) + "," +
                        std::to_string(activity == "Walking" ? (t * 7) % 20 : 9) + ",1," +
                        std::to_string(0.01 * (t % 5)) + ";\n";
    write(root / "WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt", text);
}

/// Changes every person's data of make_wisdm a little, or back again with the two values in the other order.
inline void change_wisdm(const std::filesystem::path& root, const std::string& from = "0.030000",
                         const std::string& to = "0.050000") {
    const auto file = root / "WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt";
    std::string text = contents(file);
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    write(file, text);
}

/// Replaces the first `from` in a file.
inline void edit(const std::filesystem::path& file, const std::string& from, const std::string& to) {
    std::string text = contents(file);
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    write(file, text.replace(at, from.size(), to));
}

} // namespace har_tests

#endif
