// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/hapt.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "scratch.hpp"
#include "smldist/data/split.hpp"
#include "smldist/data/text_reader.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;

namespace {

/// Rows t, t + 0.25, -t, as the publisher writes them.
std::string rows(int n) {
    std::string text;
    for (int t = 0; t < n; ++t)
        text += std::to_string(t) + " " + std::to_string(t) + ".25 -" + std::to_string(t) + ".0\n";
    return text;
}

/// Experiments 1 and 2 of 300 and 140 samples.
class small_set : public scratch_folder {
public:
    small_set() {
        for (const std::string sensor : {"acc", "gyro"}) {
            write(root + "RawData/" + sensor + "_exp01_user01.txt", rows(300));
            write(root + "RawData/" + sensor + "_exp02_user05.txt", rows(140));
        }
        write(labels, "2 5 1 1 140\n1 1 5 11 202\n1 1 7 203 250\n");
    }
    std::string refusal() const {
        return complaint([&] { static_cast<void>(data::hapt(path())); });
    }

    const std::string root = "HAPT Data Set/", labels = root + "RawData/labels.txt";
};

} // namespace

TEST_CASE("hapt: ranges become labels; experiments come in the order of their numbers") {
    const small_set at;
    const auto set = data::hapt(at.path() / "HAPT Data Set");
    REQUIRE(set.recordings.size() == 2);
    const auto& first = set.recordings[0];
    CHECK(first.subject == 1);
    CHECK(set.recordings[1].subject == 5);
    CHECK(first.samples.shape() == shape{300, 6});
    CHECK(first.samples(7, 0) == 7);
    CHECK(first.samples(7, 1) == 7.25f);
    CHECK(first.samples(7, 2) == -7);
    CHECK(first.samples(7, 4) == 7.25f);
    for (std::size_t t = 0; t < 300; ++t)
        REQUIRE(first.labels[t] == (t < 10 ? -1 : t < 202 ? 4 : t < 250 ? 6 : -1)); // 1-based, inclusive ranges
    CHECK(set.info.labels[6] == "STAND_TO_SIT");
    CHECK(set.repairs.empty());
    const auto w = data::cut(set.recordings, set.info, {128, 64, data::label_rule::constant});
    CHECK(w.label == std::vector<int>{4, 4, 0});
    CHECK_NOTHROW(w.check());
}

TEST_CASE("hapt: errors name the cause") {
    const small_set at;
    CHECK(at.refusal() == "");
    const auto with_labels = [&](const std::string& text) {
        at.write(at.labels, text);
        return at.refusal();
    };
    CHECK(has(with_labels("1 1 5 0 20\n"), "labels.txt:1:7: start is '0', expected 1 to 300"));
    CHECK(has(with_labels("1 1 5 11 301\n"), "labels.txt:1:10: end is '301', expected 11 to 300"));
    CHECK(has(with_labels("1 1 5 11 10\n"), "end is '10', expected 11 to 300"));
    CHECK(has(with_labels("1 1 13 11 20\n"), "activity is '13', expected 1 to 12"));
    CHECK(has(with_labels("1 1 5 11 20\n1 1 6 20 30\n"), "labels.txt:2:10: range overlaps another one at sample 20"));
    CHECK(has(with_labels("1 1 5 11 20\n1 2 6 21 30\n"), "labels.txt:2:3: user of experiment 1 is 2, expected 1"));
    CHECK(has(with_labels("1 1 5 11 20 3\n"), "line has more fields, expected 5"));
    CHECK(has(with_labels("3 1 5 11 20\n"), "acc_exp03_user01.txt"));
    CHECK(has(with_labels(""), "labels.txt:0:1: number of ranges is 0"));
    with_labels("1 1 5 11 20\n");
    const std::string gyro = at.root + "RawData/gyro_exp01_user01.txt", whole = at.read(gyro);
    at.write(gyro, rows(299));
    CHECK(has(at.refusal(), "gyro_exp01_user01.txt: number of lines is 299, expected 300"));
    at.write(gyro, whole.substr(0, whole.size() - 3));
    CHECK(has(at.refusal(), "gyro_exp01_user01.txt:300:"));
    at.write(gyro, "1 2\n");
    CHECK(has(at.refusal(), "gyro_exp01_user01.txt:1:4: line ends, expected a number"));
    at.write(gyro, "1 2 3 4\n");
    CHECK(has(at.refusal(), "line has more fields, expected 3"));
    at.write(gyro, "1 nan 3\n");
    CHECK(has(at.refusal(), "field is 'nan'"));
    at.write(gyro, whole);
    CHECK(at.refusal() == "");
    const std::string acc = at.root + "RawData/acc_exp01_user01.txt", rest = at.read(acc);
    at.write(acc, "");
    CHECK(has(at.refusal(), "acc_exp01_user01.txt:0:1: number of samples is 0"));
    at.write(acc, rest);
    at.remove(gyro);
    CHECK(has(at.refusal(), "hapt: file is missing: '" + (at.path() / gyro).string()));
    CHECK(has(at.refusal(), "https://archive.ics.uci.edu/dataset/341"));
}

TEST_CASE("hapt: experiments and people without files are left out and noted") {
    const small_set at;
    at.write(at.labels, "1 1 5 11 202\n2 5 1 1 140\n3 5 1 1 140\n4 5 2 9 9000\n5 6 2 1 20\n5 6 3 21 40\n6 7 1 1 9\n");
    at.write(at.root + "RawData/acc_exp03_user05.txt", rows(140)); // and no gyro
    const auto set = data::hapt(at.path());
    REQUIRE(set.recordings.size() == 2);
    CHECK(set.recordings[1].subject == 5);
    CHECK(set.repairs ==
          std::vector<data::repair>{{"experiments of the published set without files, left out", 2},
                                    {"people of the published set without files (6, 7), left out", 2}});
    at.write(at.labels, "1 1 5 11 202\n5 6 2 1 20\n5 7 3 21 40\n");
    CHECK(has(at.refusal(), "labels.txt:3:3: user of experiment 5 is 7, expected 6 as before"));
}

TEST_CASE("hapt: the published recordings give the published windows, row by row" *
          doctest::test_suite("real data")) {
    const auto base = published("hapt");
    if (base.empty()) return;
    const auto nested = base / "HAPT Data Set", root = std::filesystem::is_directory(nested) ? nested : base;
    const auto set = data::hapt(base);
    CHECK(set.recordings.size() == 61);
    std::size_t samples = 0, unlabelled = 0;
    for (const auto& r : set.recordings) {
        samples += r.labels.size();
        unlabelled += static_cast<std::size_t>(std::count(r.labels.begin(), r.labels.end(), -1));
    }
    CHECK(std::abs(double(samples) / 50 / 3600 - 6.24) < 0.005);
    CHECK(std::abs(double(unlabelled) / double(samples) - 0.27) < 0.005);
    CHECK(set.recordings[0].samples(0, 0) == 0.9180555898766518f);

    const auto w = data::cut(set.recordings, set.info, {128, 64, data::label_rule::constant});
    CHECK(w.size() == 10929);
    CHECK_NOTHROW(w.check_trainable());
    const auto [train, test] = data::test_on(w, {data::hapt_test_subjects.begin(), data::hapt_test_subjects.end()});
    for (const auto& row : {std::tuple("Train", "train", &train), std::tuple("Test", "test", &test)}) {
        const auto& [part, suffix, ours] = row;
        CAPTURE(std::string(std::get<0>(row)));
        const std::string folder = std::string(part) + "/", end = std::string(suffix) + ".txt";
        data::text_reader labels(root / (folder + "y_" + end)), subjects(root / (folder + "subject_id_" + end));
        std::vector<int> label, subject;
        while (labels.next_line() && subjects.next_line()) {
            label.push_back(labels.integer("label", 1, 12) - 1);
            subject.push_back(subjects.integer("subject", 1, 30));
        }
        CHECK(ours->label == label);
        CHECK(ours->subject == subject);
    }
}

TEST_CASE("hapt: ranges of any length and files of any density are refused within the promise") {
    const small_set at;
    at.write(at.labels, "1 1 1 1 99999999999\n");
    within_promise(1 << 14, "end is '99999999999', expected 1 to 300",
                   [&] { static_cast<void>(data::hapt(at.path())); });
    std::string dense; // six bytes a row, of which there are two for 28 bytes of samples
    for (int i = 0; i < 2'000'000; ++i) dense += "0 0 0\n";
    for (const std::string sensor : {"acc", "gyro"})
        at.write(at.root + "RawData/" + sensor + "_exp01_user01.txt", dense);
    at.write(at.labels, "1 1 1 1 2000000\n");
    within_promise(2 * dense.size(), "hapt: memory with the samples",
                   [&] { static_cast<void>(data::hapt(at.path())); });
}
