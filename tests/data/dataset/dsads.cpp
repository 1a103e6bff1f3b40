// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/dsads.hpp"

#include <algorithm>

#include "scratch.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;
using data::dsads_limb;

namespace {

const std::string absent = "segments of the published set without files";
const std::string broken = "borders at which a segment does not continue the one before, split";

/// "data/a01/p1/s01.txt"
std::string file(int activity, int subject, int segment) {
    const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    return "data/a" + two(activity) + "/p" + std::to_string(subject) + "/s" + two(segment) + ".txt";
}

/// 125 lines, whose column c (from 0) of line t is first + t + c / 100.
std::string segment(int first, int lines = 125) {
    std::string text;
    for (int t = first; t < first + lines; ++t)
        for (int c = 0; c < 45; ++c)
            text += std::to_string(t) + "." + (c < 10 ? "0" : "") + std::to_string(c) + (c < 44 ? "," : "\n");
    return text;
}

/// Subject 2 sits in segments 1, 2, 3, 5 and 6, which continue each other where their numbers do, and ascends stairs in
/// segments 1 to 3, which do not; subject 7 plays basketball in segment 60.
class small_set : public scratch_folder {
public:
    small_set() {
        for (const int n : {1, 2, 3, 5, 6}) write(file(1, 2, n), segment(125 * (n - 1)));
        for (const int n : {1, 2, 3}) write(file(5, 2, n), segment(200 * n));
        write(file(19, 7, 60), segment(0));
    }
    std::string refusal(const std::string& text) const {
        write(file(19, 7, 60), text);
        return complaint([&] { static_cast<void>(data::dsads(path())); });
    }
};

} // namespace

TEST_CASE("dsads: consecutive segments that continue each other are one recording") {
    const small_set at;
    for (const auto& path : {at.path(), at.path() / "data"}) {
        const auto set = data::dsads(path);
        CHECK_NOTHROW(set.info.check(45));
        REQUIRE(set.recordings.size() == 6);
        std::vector<std::size_t> lengths;
        for (const auto& r : set.recordings) {
            lengths.push_back(r.labels.size());
            CHECK(r.samples.shape() == shape{r.labels.size(), 45});
            CHECK(r.labels == std::vector<int>(r.labels.size(), r.labels[0]));
            for (std::size_t t = 1; t < r.labels.size(); ++t)
                REQUIRE(double(r.samples(t, 0)) == double(r.samples(t - 1, 0)) + 1);
        }
        CHECK(lengths == std::vector<std::size_t>{375, 250, 125, 125, 125, 125});
        CHECK(set.recordings[1].samples(0, 44) == 500.44f);
        CHECK(set.recordings[2].samples(0, 0) == 200);
        CHECK(set.recordings[2].subject == 2);
        CHECK(set.recordings[2].labels[0] == 4);
        CHECK(set.info.labels[4] == "stairs up");
        CHECK(set.recordings[5].subject == 7);
        CHECK(set.recordings[5].labels[0] == 18);
        CHECK(set.repairs ==
              std::vector<data::repair>{{"people of the published set without files (1, 3, 4, 5, 6, 8), left out", 6},
                                        {absent, 2 * 19 * 60 - 9},
                                        {broken, 2}});
    }
    CHECK(data::dsads(at.path(), {{}, true, {7}}).recordings.size() == 1);
    CHECK(data::dsads(at.path(), {{}, true, {7}}).repaired(absent) == 19 * 60 - 1);
}

TEST_CASE("dsads: limbs and magnetometer by option; what is joined does not depend on them") {
    const small_set at;
    const auto all = data::dsads(at.path());
    CHECK(all.info.channels[0] == "torso_acc_x");
    CHECK(all.info.channels[14] == "right_arm_gyro_z");
    CHECK(all.info.channels[44] == "left_leg_mag_z");
    CHECK(all.info.units[0] == "m/s^2");
    CHECK(all.info.units[4] == "rad/s");
    CHECK(all.info.units[8] == "a.u.");
    CHECK(all.info.rate_hz == 25);
    CHECK(all.info.devices == std::vector<std::size_t>{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4});

    const auto some = data::dsads(at.path(), {{dsads_limb::left_leg, dsads_limb::right_arm}, false, {}});
    CHECK_NOTHROW(some.info.check(12));
    CHECK(some.info.channels.front() == "right_arm_acc_x");
    CHECK(some.info.channels.back() == "left_leg_gyro_z");
    CHECK(some.info.devices == std::vector<std::size_t>{1, 1, 4, 4});
    CHECK(some.info.triples[3] == std::array<std::size_t, 3>{9, 10, 11});
    CHECK(some.repairs == all.repairs);
    REQUIRE(some.recordings.size() == all.recordings.size());
    for (std::size_t t = 0; t < 375; ++t)
        for (std::size_t c = 0; c < 12; ++c)
            REQUIRE(some.recordings[0].samples(t, c) == all.recordings[0].samples(t, c < 6 ? 9 + c : 36 + (c - 6)));
}

TEST_CASE("dsads: errors name the cause") {
    const small_set at;
    const std::string good = segment(0), name = file(19, 7, 60);
    CHECK(at.refusal(good) == "");
    CHECK(has(at.refusal(segment(0, 124)), name + ": number of lines is 124, expected 125"));
    CHECK(has(at.refusal(segment(0, 126)), "s60.txt:126:"));
    CHECK(has(at.refusal(segment(0, 126)), "file has more lines, expected 125"));
    CHECK(has(at.refusal(""), name + ": number of lines is 0, expected 125"));
    CHECK(has(at.refusal(swapped(good, ",0.44", "")), "s60.txt:1:220: line ends, expected a number"));
    CHECK(has(at.refusal(swapped(good, "\n", ",1\n")), "s60.txt:1:226: line has more fields, expected 45"));
    CHECK(has(at.refusal(swapped(good, "0.03", "walk")), "s60.txt:1:16: field is 'walk', expected a number"));
    CHECK(has(at.refusal(swapped(good, "0.03", "nan")), "field is 'nan', expected a finite number"));
    CHECK(has(at.refusal(swapped(good, "0.03", "")), "field is '', expected a number"));
    CHECK(has(at.refusal(good.substr(0, good.size() - 1)), "file ends within a line"));
    CHECK(at.refusal(good) == "");

    const auto complaint_of = [&](const std::filesystem::path& path, const data::dsads_options& o) {
        return complaint([&] { static_cast<void>(data::dsads(path, o)); });
    };
    const std::string listed = complaint_of(at.path(), {{}, true, {2, 3}});
    CHECK(has(listed, "dsads: subject 3 is missing: '" + (at.path() / "data/a01/p3").string()));
    CHECK(has(listed, "https://archive.ics.uci.edu/dataset/256"));
    CHECK(has(complaint_of(at.path() / "nowhere", {}), "dsads: folder is missing"));
    CHECK(has(complaint_of(at.path(), {{}, true, {9}}), "dsads: subject 9 is missing"));
    for (const int subject : {2, 7})
        for (int activity = 1; activity <= 19; ++activity)
            at.remove(std::filesystem::path(file(activity, subject, 1)).parent_path().string());
    CHECK(has(complaint_of(at.path(), {}), "dsads: every subject is missing"));
    std::filesystem::create_directories(at.path() / "data/a04/p5");
    CHECK(has(complaint_of(at.path(), {}), "number of segments is 0, expected at least one"));
}

TEST_CASE("dsads: the published files" * doctest::test_suite("real data")) {
    const auto base = published("dsads");
    if (base.empty()) return;
    const auto set = data::dsads(base);
    CHECK_NOTHROW(set.info.check(45));
    std::size_t samples = 0;
    std::vector<std::size_t> of_activity(19), of_subject(9);
    for (const auto& r : set.recordings) {
        samples += r.labels.size();
        of_activity[static_cast<std::size_t>(r.labels[0])] += r.labels.size();
        of_subject[static_cast<std::size_t>(r.subject)] += r.labels.size();
    }
    CHECK(samples == 125 * (8 * 19 * 60 - set.repaired(absent)));
    const auto& first = set.recordings[0];
    CHECK(first.samples(0, 0) == 8.1305f);
    CHECK(first.samples(0, 3) == -0.009461f);
    CHECK(first.samples(0, 44) == -0.05773f);
    CHECK(first.samples(1, 1) == 1.0202f);
    const auto w = data::cut(set.recordings, set.info, {64, 32});
    CHECK_NOTHROW(w.check_trainable());
    CHECK(w.subjects() == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8});
    CHECK(w.missing_classes().empty());
    if (set.repaired(absent) != 8 * 19 * 30) {
        MESSAGE("skipped in part: expected segments 1 to 30 of 60 for the exact counts");
        return;
    }
    CHECK(of_activity == std::vector<std::size_t>(19, 8 * 30 * 125));
    for (std::size_t subject = 1; subject <= 8; ++subject) CHECK(of_subject[subject] == 19 * 30 * 125);
    CHECK(set.recordings.back().samples(set.recordings.back().labels.size() - 1, 44) == 0.28221f);
    // 19 of the 152 pairs of activity and person were not recorded without interruption.
    CHECK(set.repaired(broken) == 19 * 29);
    CHECK(set.recordings.size() == 133 + 19 * 30);
    CHECK(w.size() == 16568);
    // 3750 samples give 116 windows, 125 give 2: ascending stairs has seven people in pieces, sitting none.
    CHECK(w.class_counts()[0] == 8 * 116);
    CHECK(w.class_counts()[4] == 1 * 116 + 7 * 30 * 2);
}
