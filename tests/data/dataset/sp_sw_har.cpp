// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/sp_sw_har.hpp"

#include <algorithm>
#include <cmath>

#include "scratch.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;
using data::sp_sw_har_devices;

namespace {

const std::string people = "subject_id,age,gender,height,weight,dominant_hand,executions\n";
const std::string header = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label\n";

/// `n` samples from `begin` ms on, one each `period` ms, whose channel c holds (stamp - 1000000) / 1000 + c.
std::string samples(int begin, int n, int period, const std::string& label = "WALKING") {
    std::string text;
    for (int i = 0; i < n; ++i) {
        const int stamp = begin + i * period;
        for (int c = 0; c < 6; ++c) text += std::to_string(double(stamp - 1000000) / 1000 + c) + ",";
        text += std::to_string(stamp) + "," + label + "\n";
    }
    return text;
}

class small_set : public scratch_folder {
public:
    small_set() {
        write("DATA/subjects_info.csv", people + "s01,54,M,190,83,R,1\ns12,24,F,161,62,L,2\n");
        for (const std::string stem : {"s01/s01_01", "s12/s12_01", "s12/s12_02"}) {
            write("DATA/" + stem + "_sp.csv", header + samples(1000000, 300, 10));
            write("DATA/" + stem + "_sw.csv", header + samples(1000504, 250, 8));
        }
    }
    data::recording_set load(sp_sw_har_devices devices) const {
        return data::sp_sw_har(path(), {devices, {100, 0.5, 0}});
    }
    std::string refusal(const std::string& file, const std::string& text) const {
        const std::string before = read("DATA/" + file);
        write("DATA/" + file, text);
        const std::string message = complaint([&] { load(sp_sw_har_devices::both); });
        write("DATA/" + file, before);
        return message;
    }
};

} // namespace

TEST_CASE("sp_sw_har: only one device, or both on one clock") {
    const small_set at;
    for (const auto devices : {sp_sw_har_devices::phone, sp_sw_har_devices::watch, sp_sw_har_devices::both}) {
        CAPTURE(static_cast<int>(devices));
        const auto set = at.load(devices);
        const bool both = devices == sp_sw_har_devices::both;
        const std::size_t channels = both ? 12 : 6;
        CHECK_NOTHROW(set.info.check(channels));
        CHECK(set.info.channels[0] == (devices == sp_sw_har_devices::watch ? "watch_acc_x" : "phone_acc_x"));
        CHECK(set.info.channels.back() == (devices == sp_sw_har_devices::phone ? "phone_gyro_z" : "watch_gyro_z"));
        if (both) CHECK(set.info.devices == std::vector<std::size_t>{0, 0, 1, 1});
        CHECK(set.repairs.empty());
        REQUIRE(set.recordings.size() == 3);
        CHECK(set.recordings[0].subject == 1);
        CHECK(set.recordings[2].subject == 12);
        const auto& r = set.recordings[0];
        // The phone from 0 to 2.990 s, the watch from 0.504 to 2.496 s, in steps of 10 ms.
        CHECK(r.labels.size() == (devices == sp_sw_har_devices::phone ? 300 : 200));
        CHECK(std::count(r.labels.begin(), r.labels.end(), 2) == static_cast<int>(r.labels.size()));
        const double begin = devices == sp_sw_har_devices::phone ? 0 : 0.504;
        for (std::size_t t = 0; t < r.labels.size(); ++t)
            for (std::size_t c = 0; c < channels; ++c)
                REQUIRE(double(r.samples(t, c)) ==
                        doctest::Approx(begin + double(t) / 100 + double(c % 6)).epsilon(1e-5));
    }
}

TEST_CASE("sp_sw_har: labels on which the devices differ, gaps, and devices that never meet") {
    const small_set at;
    at.write("DATA/s01/s01_01_sw.csv", header + samples(1000504, 100, 8) + samples(1001304, 100, 8, "TURNING"));
    at.write("DATA/s12/s12_01_sp.csv", header + samples(1000000, 100, 10) + samples(1001600, 100, 10));
    at.write("DATA/s12/s12_02_sw.csv", header + samples(1009000, 100, 8));
    const auto set = at.load(sp_sw_har_devices::both);
    CHECK(set.repairs == std::vector<data::repair>{{"executions split at a gap", 1},
                                                   {"executions whose devices share no time, left out", 1}});
    REQUIRE(set.recordings.size() == 3);
    const auto& mixed = set.recordings[0].labels; // 80 samples agree, then only the watch says TURNING
    CHECK(std::count(mixed.begin(), mixed.end(), 2) == 80);
    CHECK(std::count(mixed.begin(), mixed.end(), -1) == static_cast<int>(mixed.size()) - 80);
    CHECK(set.recordings[1].subject == 12);
    CHECK(set.recordings[1].samples(0, 0) == doctest::Approx(0.504));
    CHECK(set.recordings[2].samples(0, 0) == doctest::Approx(1.6));
}

TEST_CASE("sp_sw_har: errors name the cause") {
    const small_set at;
    const std::string phone = "s12/s12_01_sp.csv", good = header + samples(1000000, 2, 10);
    CHECK(at.refusal(phone, good + samples(1000020, 80, 10)) == "");
    CHECK(has(at.refusal(phone, good + samples(1000005, 1, 10)),
              "s12_01_sp.csv:4:55: timestamp is before the previous one"));
    CHECK(has(at.refusal(phone, swapped(good, "x_gyro", "x_mag")),
              "sp.csv:1:19: column is 'x_mag', expected 'x_gyro'"));
    CHECK(has(at.refusal(phone, good + samples(1000020, 1, 10, "FLYING")),
              "label is 'FLYING', expected one of SEATED"));
    CHECK(has(at.refusal(phone, swapped(good, ",WALKING", "")), "sp.csv:2:62: line ends, expected label"));
    CHECK(has(at.refusal(phone, swapped(good, "WALKING", "WALKING,1")), "line has more fields, expected 8"));
    CHECK(has(at.refusal(phone, swapped(good, "1.000000", "one")), "field is 'one', expected a number"));
    CHECK(has(at.refusal(phone, header), "number of samples is 0"));
    CHECK(has(at.refusal(phone, good.substr(0, good.size() - 1)), "file ends within a line"));
    const std::string info = "subjects_info.csv";
    CHECK(has(at.refusal(info, people + "s02,54,M,190,83,R,1\n"), "s02_01_sp.csv"));
    CHECK(has(at.refusal(info, people + "s02,54,M,190,83,R,1\n"), "https://doi.org/10.5281/zenodo.8398688"));
    CHECK(has(at.refusal(info, people + "t01,54,M,190,83,R,2\n"), "subjects_info.csv:2:1: subject is 't01'"));
    CHECK(has(at.refusal(info, people + "s01,54,M,190,83,R,0\n"), "number of executions is '0'"));
    CHECK(has(at.refusal(info, people), "number of recordings is 0"));
}

TEST_CASE("sp_sw_har: executions and people without files are left out and noted") {
    const small_set at;
    const std::string executions = "executions of the published set without files, left out";
    at.write("DATA/subjects_info.csv",
             people + "s01,54,M,190,83,R,4\ns02,54,M,190,83,R,3\ns12,24,F,161,62,L,2\ns23,24,F,161,62,L,1\n");
    at.remove("DATA/s12/s12_02_sw.csv");
    const data::repair absent{"people of the published set without files (2, 23), left out", 2};
    const auto phone = at.load(sp_sw_har_devices::phone);
    CHECK(phone.recordings.size() == 3);
    CHECK(phone.repairs == std::vector<data::repair>{{executions, 3}, absent});
    for (const auto devices : {sp_sw_har_devices::watch, sp_sw_har_devices::both}) {
        const auto set = at.load(devices);
        CHECK(set.recordings.size() == 2);
        CHECK(set.repairs == std::vector<data::repair>{{executions, 4}, absent});
    }
}

TEST_CASE("sp_sw_har: the published set" * doctest::test_suite("real data")) {
    const auto base = published("sp_sw_har");
    if (base.empty()) return;
    for (const auto devices : {sp_sw_har_devices::phone, sp_sw_har_devices::watch, sp_sw_har_devices::both}) {
        CAPTURE(static_cast<int>(devices));
        auto set = data::sp_sw_har(base, {devices});
        CHECK(set.repairs.empty());
        CHECK(set.recordings.size() == 223);
        std::size_t samples = 0, unlabelled = 0;
        double gravity = 0;
        for (const auto& r : set.recordings) {
            samples += r.labels.size();
            unlabelled += static_cast<std::size_t>(std::count(r.labels.begin(), r.labels.end(), -1));
            for (std::size_t t = 0; t < r.labels.size(); ++t)
                gravity += std::hypot(double(r.samples(t, 0)), double(r.samples(t, 1)), double(r.samples(t, 2)));
        }
        // 259213 rows of the phone cover 2527 s, 262553 of the watch 2516 s.
        CHECK(samples > (devices == sp_sw_har_devices::both ? 248000u : 251000u));
        CHECK(samples < 254000);
        CHECK(double(unlabelled) < (devices == sp_sw_har_devices::both ? 0.005 : 1e-9) * double(samples));
        CHECK(std::abs(gravity / double(samples) - 10) < 0.6); // gravity and, in most samples, steps
        const auto w = data::cut(set.recordings, set.info, {256, 128});
        CHECK_NOTHROW(w.check_trainable());
        CHECK(w.subjects().size() == 23);
        for (const std::size_t n : w.class_counts()) CHECK(n > 40);
    }
}

TEST_CASE("sp_sw_har: stamps in another unit are refused, and a subject that is listed twice") {
    const small_set at;
    const std::string phone = "s12/s12_01_sp.csv";
    CHECK(has(at.refusal(phone, header + samples(1000000, 300, 10000)), // microseconds
              "s12_01_sp.csv: median step between stamps is 10 s, expected about 0.00970"));
    CHECK(has(at.refusal(phone, header + samples(1000000, 300, 10000)),
              "times as long; are the stamps in another unit?"));
    CHECK(has(at.refusal(phone, header + samples(1000000, 300, 2)), "times as short"));
    const std::string once = "s12,24,F,161,62,L,2\n";
    CHECK(at.refusal("subjects_info.csv", people + once) == "");
    std::string often = people;
    for (int i = 0; i < 100'000; ++i) often += once;
    CHECK(
        has(at.refusal("subjects_info.csv", often), "subjects_info.csv:3:1: subject is listed twice, expected once"));
}

TEST_CASE("sp_sw_har: memory stays in proportion to the files") {
    const small_set at;
    at.write("DATA/subjects_info.csv", people + "s01,54,M,190,83,R,1\n");
    std::string text = header; // each 45th step is 0.4 s long, so it gives forty samples
    for (int i = 0; i < 400'000; ++i)
        text += "0,0,0,0,0,0," + std::to_string(1000000LL + i / 45 * 840LL + i % 45 * 10) + ",SEATED\n";
    at.write("DATA/s01/s01_01_sp.csv", text);
    within_promise(text.size(), "sp_sw_har: memory with", [&] { at.load(sp_sw_har_devices::phone); });
}
