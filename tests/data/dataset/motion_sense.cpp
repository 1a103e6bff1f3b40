// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/motion_sense.hpp"

#include "scratch.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;

namespace {

const std::string header = ",attitude.roll,attitude.pitch,attitude.yaw,gravity.x,gravity.y,gravity.z,rotationRate.x,"
                           "rotationRate.y,rotationRate.z,userAcceleration.x,userAcceleration.y,userAcceleration.z\n";

/// Row t, whose column c (from 1, after the row number) is t + c / 100.
std::string row(int t) {
    std::string text = std::to_string(t);
    for (int c = 1; c <= 12; ++c) text += "," + std::to_string(t) + "." + (c < 10 ? "0" : "") + std::to_string(c);
    return text + "\n";
}

/// All fifteen trials of subjects 2 and 24.
class small_set : public scratch_folder {
public:
    small_set() {
        for (const std::string trial : {"dws_1", "dws_2", "dws_11", "ups_3", "ups_4", "ups_12", "wlk_7", "wlk_8",
                                        "wlk_15", "jog_9", "jog_16", "sit_5", "sit_13", "std_6", "std_14"})
            for (const std::string subject : {"2", "24"})
                write("A_DeviceMotion_data/" + trial + "/sub_" + subject + ".csv", header + row(0) + row(1));
    }
    std::string refusal(const std::string& text) const {
        write("A_DeviceMotion_data/jog_9/sub_24.csv", text);
        return complaint([&] { static_cast<void>(data::motion_sense(path(), {{2, 24}})); });
    }
};

} // namespace

TEST_CASE("motion_sense: one recording a trial, columns in the library's order") {
    const small_set at;
    const auto set = data::motion_sense(at.path(), {{24, 2}});
    CHECK_NOTHROW(set.info.check(9));
    REQUIRE(set.recordings.size() == 30);
    CHECK(set.recordings[0].subject == 24);
    CHECK(set.recordings[29].subject == 2);
    const auto& r = set.recordings[9]; // jog_9
    CHECK(r.labels == std::vector<int>{3, 3});
    CHECK(set.info.labels[3] == "jogging");
    CHECK(r.samples.shape() == shape{2, 9});
    CHECK(r.samples(1, 0) == 1.10f);
    CHECK(r.samples(1, 3) == 1.07f);
    CHECK(r.samples(1, 8) == 1.06f);
    CHECK(set.info.channels[8] == "gravity_z");
    std::vector<int> count(6);
    for (const auto& each : set.recordings) ++count[static_cast<std::size_t>(each.labels[0])];
    CHECK(count == std::vector<int>{6, 6, 6, 4, 4, 4});
}

TEST_CASE("motion_sense: errors name the cause") {
    const small_set at;
    CHECK(at.refusal(header + row(0)) == "");
    CHECK(has(at.refusal(header + row(0) + row(2)), "sub_24.csv:3:1: row number is 2, expected 1"));
    CHECK(has(at.refusal(header), "number of samples is 0"));
    CHECK(has(at.refusal(swapped(header, "gravity.x", "gravity.q") + row(0)),
              "sub_24.csv:1:44: column is 'gravity.q', expected 'gravity.x'"));
    CHECK(has(at.refusal(row(0)), "sub_24.csv:1:1: column is '0', expected ''"));
    CHECK(has(at.refusal(header + swapped(row(0), "0.07", "")), "sub_24.csv:2:33: field is '', expected a number"));
    CHECK(has(at.refusal(header + swapped(row(0), ",0.12", "")), "line ends, expected a number"));
    CHECK(has(at.refusal(header + swapped(row(0), "\n", ",1\n")), "line has more fields, expected 13"));
    CHECK(has(complaint([&] {
                  static_cast<void>(data::motion_sense(at.path(), {{2, 3}}));
              }),
              "https://github.com/mmalekzadeh/motion-sense"));
}

TEST_CASE("motion_sense: what is missing of the published set is left out and noted") {
    const small_set at;
    const std::string equal = "recordings that equal an earlier one of the same person, kept";
    const std::string rest = "(1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)";
    const std::string people = "people of the published set without files " + rest + ", left out";
    const auto all = data::motion_sense(at.path());
    CHECK(all.recordings.size() == 30);
    CHECK(all.repairs == std::vector<data::repair>{{people, 22}, {equal, 28}});
    at.remove("A_DeviceMotion_data/jog_9/sub_24.csv");
    at.remove("A_DeviceMotion_data/std_6");
    at.write("A_DeviceMotion_data/dws_1/sub_2.csv", header + row(0) + row(1) + row(2));
    const auto some = data::motion_sense(at.path());
    CHECK(some.recordings.size() == 27);
    CHECK(some.repairs == std::vector<data::repair>{
                              {people, 22}, {equal, 12 + 12}, {"trials of the published set without files", 3}});
    CHECK(data::motion_sense(at.path(), {{24}}).recordings.size() == 13);
    at.remove("A_DeviceMotion_data");
    at.write("A_DeviceMotion_data/readme.txt", "no data\n");
    CHECK(has(complaint([&] { static_cast<void>(data::motion_sense(at.path())); }),
              "motion_sense: every subject is missing"));
}

TEST_CASE("motion_sense: the published files" * doctest::test_suite("real data")) {
    auto base = published("motion_sense");
    if (base.empty()) return;
    if (std::filesystem::is_directory(base / "motion-sense-master/data")) base /= "motion-sense-master/data";
    const auto set = data::motion_sense(base);
    CHECK(set.repairs ==
          std::vector<data::repair>{{"recordings that equal an earlier one of the same person, kept", 1}});
    REQUIRE(set.recordings.size() == 24 * 15);
    std::vector<std::size_t> rows(6);
    for (const auto& r : set.recordings) rows[static_cast<std::size_t>(r.labels[0])] += r.labels.size();
    CHECK(rows == std::vector<std::size_t>{131856, 157285, 344288, 134231, 338778, 306427}); // together 1412865
    CHECK(identical(set.recordings[11].samples, set.recordings[12].samples)); // sit_5 and sit_13 of subject 1
    const auto& dws_1 = set.recordings[0];
    CHECK(dws_1.subject == 1);
    CHECK(dws_1.samples(0, 0) == 0.294894f);
    CHECK(dws_1.samples(1, 5) == 0.643574f);
    CHECK(dws_1.samples(0, 8) == -0.031672f);
    const auto& std_14 = set.recordings.back();
    CHECK(std_14.subject == 24);
    REQUIRE(std_14.labels.size() == 3969);
    CHECK(std_14.samples(3968, 2) == -0.000384f);
    CHECK(std_14.samples(3968, 6) == -0.05828f);
    const auto w = data::cut(set.recordings, set.info, {128, 64});
    CHECK_NOTHROW(w.check_trainable());
    CHECK(w.subjects().size() == 24);
    CHECK(w.missing_classes().empty());
}
