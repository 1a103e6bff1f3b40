// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/uci_har.hpp"

#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <unistd.h>

#include "scratch.hpp"
#include "smldist/data/normaliser.hpp"

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// A UCI HAR folder of two training windows (subjects 1 and 3) and one test window (subject 2) in a new folder.
class small_set {
public:
    small_set() {
        static int number = 0;
        base_ = fs::temp_directory_path() /
                ("smldist_uci_har_" + std::to_string(::getpid()) + "_" + std::to_string(number++));
        for (const std::string part : {"train", "test"}) {
            fs::create_directories(root() / part / "Inertial Signals");
            const int rows = part == "train" ? 2 : 1;
            write(part + "/y_" + part + ".txt", rows == 2 ? "5\n1\n" : "6\n");
            write(part + "/subject_" + part + ".txt", rows == 2 ? "1\n3\n" : "2\n");
            int channel = 0;
            for (const std::string sensor : {"body_acc", "body_gyro", "total_acc"})
                for (const std::string axis : {"x", "y", "z"})
                    write(part + "/Inertial Signals/" + sensor + "_" + axis + "_" + part + ".txt",
                          signals(rows, channel++));
        }
    }
    ~small_set() { fs::remove_all(base_); }
    small_set(const small_set&) = delete;
    small_set& operator=(const small_set&) = delete;

    fs::path base() const { return base_; }
    fs::path root() const { return base_ / "UCI HAR Dataset"; }
    void write(const std::string& file, const std::string& text) const {
        std::ofstream(root() / file, std::ios::binary) << text;
    }
    std::string read(const std::string& file) const {
        std::ifstream in(root() / file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    /// The value at (window, sample, channel), a multiple of 1/1024: exact in the file's eight digits and in float.
    static float value(int row, int t, int channel) { return static_cast<float>(row * 128 + t - 9 * channel) / 1024; }

    /// The message of the data_error that loading raises; "" when it loads.
    std::string complaint() const {
        try {
            static_cast<void>(data::uci_har(root()));
        } catch (const data_error& e) { return e.what(); }
        return "";
    }

private:
    /// As published: right-aligned fields (18 characters here, for all digits), three digits of exponent, CRLF.
    static std::string signals(int rows, int channel) {
        std::string text;
        for (int row = 0; row < rows; ++row) {
            for (int t = 0; t < 128; ++t) {
                char field[32];
                std::snprintf(field, sizeof field, "%15.9e", double(value(row, t, channel)));
                std::string s = field;
                s.insert(s.size() - 2, 1, '0');
                text += std::string(s.size() < 18 ? 18 - s.size() : 1, ' ') + s;
            }
            text += "\r\n";
        }
        return text;
    }
    fs::path base_;
};

const std::string acc = "train/Inertial Signals/body_acc_y_train.txt";

} // namespace

TEST_CASE("uci_har: a small set, by its folder and by its parent") {
    const small_set set;
    for (const fs::path& path : {set.root(), set.base()}) {
        CAPTURE(path.string());
        const auto [train, test] = data::uci_har(path);
        CHECK_NOTHROW(train.check());
        CHECK(train.x.shape() == shape{2, 128, 9});
        CHECK(test.x.shape() == shape{1, 128, 9});
        CHECK(train.label == std::vector<int>{4, 0});
        CHECK(train.subject == std::vector<int>{1, 3});
        CHECK(test.label == std::vector<int>{5});
        CHECK(test.subject == std::vector<int>{2});
        for (int t = 0; t < 128; ++t)
            for (int c = 0; c < 9; ++c) {
                REQUIRE(train.x(1, t, c) == small_set::value(1, t, c));
                REQUIRE(test.x(0, t, c) == small_set::value(0, t, c));
            }
        CHECK(train.info.labels[4] == "STANDING");
        CHECK(train.info.channels[3] == "body_gyro_x");
        CHECK(train.info.units[3] == "rad/s");
        CHECK(train.info.rate_hz == 50);
        CHECK(train.info.triples.size() == 3);
    }
}

TEST_CASE("uci_har: byte-order mark, LF, CRLF and blank last lines are accepted") {
    const small_set set;
    set.write("train/y_train.txt", "\xEF\xBB\xBF"
                                   "5\r\n1\r\n\r\n\n");
    std::string text = set.read(acc);
    std::erase(text, '\r');
    set.write(acc, text + "\n");
    CHECK(set.complaint() == "");
    CHECK(data::uci_har(set.root()).train.label == std::vector<int>{4, 0});
}

TEST_CASE("uci_har: a missing folder or file is named, with where to get it") {
    const small_set set;
    try {
        static_cast<void>(data::uci_har(set.base() / "elsewhere"));
        FAIL("nothing thrown");
    } catch (const data_error& e) {
        CHECK(has(e.what(), "elsewhere"));
        CHECK(has(e.what(), "https://archive.ics.uci.edu/dataset/240"));
    }
    for (const std::string& file : {acc, std::string("train/y_train.txt"), std::string("test/subject_test.txt"),
                                    std::string("test/Inertial Signals/total_acc_z_test.txt")}) {
        CAPTURE(file);
        const std::string text = set.read(file);
        fs::remove(set.root() / file);
        CHECK(has(set.complaint(), file));
        CHECK(has(set.complaint(), "is missing"));
        CHECK(has(set.complaint(), "https://archive.ics.uci.edu/dataset/240"));
        set.write(file, text);
    }
    CHECK(set.complaint() == "");
    fs::remove_all(set.root() / "test");
    CHECK(has(set.complaint(), "y_test.txt"));
}

TEST_CASE("uci_har: a truncated signal file is refused wherever it is cut") {
    const small_set set;
    const std::string whole = set.read(acc);
    const std::size_t line = whole.size() / 2;
    for (const std::size_t size : {std::size_t(0), std::size_t(7), std::size_t(500), line - 1, line, line + 1,
                                   line + 40, whole.size() - 20, whole.size() - 3, whole.size() - 1}) {
        CAPTURE(size);
        set.write(acc, whole.substr(0, size));
        CHECK(has(set.complaint(), "body_acc_y_train.txt"));
    }
    set.write(acc, whole.substr(0, line));
    CHECK(has(set.complaint(), "number of lines is 1, expected 2"));
    set.write(acc, whole.substr(0, line + 40));
    CHECK(has(set.complaint(), "body_acc_y_train.txt:2:41: file ends within a line"));
}

TEST_CASE("uci_har: wrong number of columns or lines") {
    const small_set set;
    const std::string whole = set.read(acc), row = whole.substr(0, whole.size() / 2);
    set.write(acc, row + row.substr(0, row.size() - 2) + " 1\r\n");
    CHECK(has(set.complaint(), ":2:" + std::to_string(row.size() - 2 + 2) + ": line has more fields, expected 128"));
    set.write(acc, row + row.substr(18));
    CHECK(has(set.complaint(), ": number of columns is 127, expected 128"));
    set.write(acc, whole + row);
    CHECK(has(set.complaint(), "body_acc_y_train.txt:3:2: file has more lines, expected 2 as in"));
    set.write(acc, row + "\r\n" + row);
    CHECK(has(set.complaint(), ":2:1: line is blank"));
    set.write(acc, whole);
    set.write("train/subject_train.txt", "1\n");
    CHECK(has(set.complaint(), "subject_train.txt: number of lines is 1, expected 2"));
    set.write("train/subject_train.txt", "1\n1\n1\n");
    CHECK(has(set.complaint(), "subject_train.txt: number of lines is 3, expected 2"));
}

TEST_CASE("uci_har: text, NaN and infinity in place of a number") {
    const small_set set;
    const std::string whole = set.read(acc), first = whole.substr(0, 18);
    for (const auto& row : {std::pair("            walked", "field is 'walked', expected a number"),
                            std::pair("               nan", "field is 'nan', expected a finite number"),
                            std::pair("              -inf", "field is '-inf', expected a finite number"),
                            std::pair("           1.0e+40", "field is '1.0e+40', expected a finite number"),
                            std::pair("              1,25", "field is '1,25', expected a number")}) {
        const auto& [field, wanted] = row;
        CAPTURE(std::string(row.first));
        set.write(acc, swapped(whole, first, field));
        CHECK(has(set.complaint(), wanted));
        CHECK(has(set.complaint(), "body_acc_y_train.txt:1:"));
    }
}

TEST_CASE("uci_har: labels and subjects out of range, missing or on both sides") {
    const small_set set;
    for (const std::string bad : {"0", "7", "-1", "1.5", "x"}) {
        CAPTURE(bad);
        set.write("train/y_train.txt", "5\n" + bad + "\n");
        CHECK(has(set.complaint(), "y_train.txt:2:1: label is '" + bad + "', expected 1 to 6"));
    }
    set.write("train/y_train.txt", "5\n1 1\n");
    CHECK(has(set.complaint(), "y_train.txt:2:3: line has more fields, expected 1"));
    set.write("train/y_train.txt", "5\n1\n");
    set.write("train/subject_train.txt", "1\n31\n");
    CHECK(has(set.complaint(), "subject_train.txt:2:1: subject is '31', expected 1 to 30"));
    set.write("train/subject_train.txt", "\n3\n");
    CHECK(has(set.complaint(), "subject_train.txt:1:1: line is blank"));
    set.write("train/subject_train.txt", "1\n2\n");
    CHECK(has(set.complaint(), "subject 2 is on both sides"));
    set.write("train/subject_train.txt", "");
    CHECK(has(set.complaint(), "number of lines is 0, expected 2"));
    set.write("train/y_train.txt", "");
    CHECK(has(set.complaint(), "number of lines is 0, expected at least one"));
}

TEST_CASE("uci_har: the published set equals its known figures" * doctest::test_suite("real data")) {
    const char *folder = std::getenv("SMLDIST_DATA"), *home = std::getenv("HOME");
    const fs::path base = folder ? fs::path(folder) : home ? fs::path(home) / ".cache/smldist-data" : fs::path(".");
    if (!fs::is_directory(base / "uci_har")) {
        MESSAGE("skipped: no UCI HAR in '" << base.string() << "'; set SMLDIST_DATA");
        return;
    }
    const auto [train, test] = data::uci_har(base / "uci_har");
    CHECK(train.size() == 7352);
    CHECK(test.size() == 2947);
    CHECK(train.subjects().size() == 21);
    CHECK(test.subjects() == std::vector<int>{2, 4, 9, 10, 12, 13, 18, 20, 24});
    CHECK(train.class_counts() == std::vector<std::size_t>{1226, 1073, 986, 1286, 1374, 1407});
    CHECK(test.class_counts() == std::vector<std::size_t>{496, 471, 420, 491, 532, 537});
    const float start[] = {1.8085150e-4f, 1.0138560e-2f, 9.2755740e-3f, 5.0658970e-3f, 1.0810250e-2f};
    for (std::size_t t = 0; t < 5; ++t) CHECK(train.x(0, t, 0) == start[t]);
    const double mean[] = {-0.00064, -0.00029, -0.00028, 0.00051, -0.00082, 0.00011, 0.80475, 0.02876, 0.08650};
    const double deviation[] = {0.19485, 0.12243, 0.10688, 0.40682, 0.38185, 0.25574, 0.41411, 0.39100, 0.35777};
    const auto n = data::fit_normaliser(train, normaliser_kind::zscore);
    for (std::size_t c = 0; c < 9; ++c) {
        CHECK(std::abs(double(n.offset[c]) - mean[c]) < 6e-6);
        CHECK(std::abs(1 / double(n.scale[c]) - deviation[c]) < 6e-6);
    }
}

TEST_CASE("uci_har: labels by the million do not get their windows before there are signals") {
    const small_set set;
    std::string labels, subjects;
    for (int i = 0; i < 2'300'000; ++i) labels += "5\n", subjects += "1\n"; // 10 GB of windows
    set.write("train/y_train.txt", labels);
    set.write("train/subject_train.txt", subjects);
    within_promise(2 * labels.size(), "uci_har: memory with the windows",
                   [&] { static_cast<void>(data::uci_har(set.root())); });
}
