// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/mhealth.hpp"

#include "scratch.hpp"

using namespace smldist;

namespace {

/// A tab-separated row whose column c (from 1) is t + c / 100.
std::string row(int t, int label) {
    std::string text;
    for (int c = 1; c <= 23; ++c) text += std::to_string(t) + "." + (c < 10 ? "0" : "") + std::to_string(c) + "\t";
    return text + std::to_string(label) + "\n";
}

class small_set : public scratch_folder {
public:
    small_set() {
        write(file(3), row(0, 0) + row(1, 12) + row(2, 1));
        write(file(10), row(5, 4));
    }
    static std::string file(int subject) {
        return "MHEALTHDATASET/mHealth_subject" + std::to_string(subject) + ".log";
    }
    std::string refusal(data::mhealth_options o = {false, {3, 10}}) const {
        return complaint([&] { static_cast<void>(data::mhealth(path(), o)); });
    }
};

} // namespace

TEST_CASE("mhealth: columns, labels, and the electrocardiogram by option") {
    const small_set at;
    for (const bool ecg : {false, true}) {
        CAPTURE(ecg);
        const auto set = data::mhealth(at.path(), {ecg, {3, 10}});
        const std::size_t channels = ecg ? 23 : 21;
        CHECK_NOTHROW(set.info.check(channels));
        REQUIRE(set.recordings.size() == 2);
        const auto& r = set.recordings[0];
        CHECK(r.samples.shape() == shape{3, channels});
        CHECK(r.labels == std::vector<int>{-1, 11, 0});
        CHECK(r.subject == 3);
        CHECK(set.recordings[1].subject == 10);
        CHECK(set.info.channels[2] == "chest_acc_z");
        CHECK(r.samples(1, 2) == 1.03f);
        CHECK(set.info.channels[3] == "ankle_acc_x");
        CHECK(r.samples(1, 3) == 1.06f);
        CHECK(set.info.channels[6] == "ankle_gyro_x");
        CHECK(set.info.units[6] == "deg/s");
        CHECK(set.info.channels[20] == "wrist_mag_z");
        CHECK(r.samples(1, 20) == 1.23f);
        CHECK(set.info.devices == std::vector<std::size_t>{0, 1, 1, 1, 2, 2, 2});
        if (ecg) CHECK(r.samples(1, 21) == 1.04f);
        if (ecg) CHECK(set.info.units[22] == "mV");
    }
    CHECK(data::mhealth(at.path() / "MHEALTHDATASET", {false, {10}}).recordings.size() == 1);
}

TEST_CASE("mhealth: errors name the cause") {
    const small_set at;
    CHECK(at.refusal() == "");
    CHECK(has(at.refusal({false, {3, 1}}), "mhealth: subject 1 is missing"));
    CHECK(has(at.refusal({false, {3, 1}}), "mHealth_subject1.log"));
    CHECK(has(at.refusal({false, {3, 1}}), "https://archive.ics.uci.edu/dataset/319"));
    at.write(at.file(10), row(5, 13));
    CHECK(has(at.refusal(), "mHealth_subject10.log:1:116: label is '13', expected 0 to 12"));
    at.write(at.file(10), row(5, 4) + "1\t2\n");
    CHECK(has(at.refusal(), "mHealth_subject10.log:2:4: line ends, expected a number"));
    at.write(at.file(10), swapped(row(5, 4), "\n", "\t9\n"));
    CHECK(has(at.refusal(), "line has more fields, expected 24"));
    at.write(at.file(10), swapped(row(5, 4), "5.07", "NaN"));
    CHECK(has(at.refusal(), ":1:31: field is 'NaN', expected a finite number"));
    at.write(at.file(10), row(5, 4) + row(6, 4).substr(0, 50));
    CHECK(has(at.refusal(), ":2:51: file ends within a line"));
    at.write(at.file(10), "");
    CHECK(has(at.refusal(), "number of samples is 0"));
}

TEST_CASE("mhealth: without a list of subjects those who are there are read") {
    const small_set at;
    const auto set = data::mhealth(at.path());
    REQUIRE(set.recordings.size() == 2);
    CHECK(set.recordings[1].subject == 10);
    CHECK(set.repairs == std::vector<data::repair>{
                             {"people of the published set without files (1, 2, 4, 5, 6, 7, 8, 9), left out", 8}});
    at.remove(at.file(3));
    at.remove(at.file(10));
    CHECK(has(at.refusal({}), "mhealth: every subject is missing"));
}
