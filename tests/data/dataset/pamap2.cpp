// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/pamap2.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>

#include "scratch.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;

namespace {

/// What a row holds: its activity, and which values are NaN.
struct fact {
    int activity = 4;
    bool heart = false, hand = true, chest = true, ankle = true;
};

/// Rows t / 100 s, t in [from, to): column c of the IMUs (from 1 in each) is t + c / 32, the heart rate 60 + t.
std::string rows(
    int from, int to, const std::function<fact(int)>& facts = [](int) { return fact{}; }) {
    std::string text;
    char field[32];
    for (int t = from; t < to; ++t) {
        const fact f = facts(t);
        std::snprintf(field, sizeof field, "%.2f %d ", t / 100.0, f.activity);
        text += field + (f.heart ? std::to_string(60 + t) : std::string("NaN"));
        for (const bool delivers : {f.hand, f.chest, f.ankle})
            for (int c = 1; c <= 17; ++c) {
                std::snprintf(field, sizeof field, " %.5f", t + c / 32.0);
                text += delivers ? field : " NaN";
            }
        text += "\n";
    }
    return text;
}

class small_set : public scratch_folder {
public:
    explicit small_set(const std::string& text) { write(file, text); }
    std::string refusal(const std::string& text) const {
        write(file, text);
        return complaint([&] { load(); });
    }
    data::recording_set load(data::pamap2_options o = {}) const {
        o.subjects = {105};
        return data::pamap2(path(), o);
    }

    const std::string file = "PAMAP2_Dataset/Protocol/subject105.dat";
};

} // namespace

TEST_CASE("pamap2: columns, units and labels") {
    const small_set at(rows(100, 104, [](int t) { return fact{t == 100 ? 0 : t == 101 ? 24 : t == 102 ? 1 : 20}; }));
    const auto set = at.load();
    CHECK_NOTHROW(set.info.check(27));
    CHECK(set.info.labels.size() == 12);
    CHECK(set.repairs.empty());
    REQUIRE(set.recordings.size() == 1);
    const auto& r = set.recordings[0];
    CHECK(r.subject == 105);
    CHECK(r.samples.shape() == shape{4, 27});
    CHECK(r.labels == std::vector<int>{-1, 11, 0, -1}); // transient; rope jumping; lying; playing soccer
    for (std::size_t t = 0; t < 4; ++t)
        for (std::size_t device = 0; device < 3; ++device)
            for (std::size_t c = 0; c < 9; ++c) {
                const std::size_t column =
                    c < 3 ? 2 + c : 5 + c; // acc 16 g, then gyro and mag; the 6 g sensor left out
                REQUIRE(r.samples(t, 9 * device + c) ==
                        doctest::Approx(double(100 + t) + double(column) / 32).epsilon(1e-6));
            }
    CHECK(set.info.channels[9] == "chest_acc_x");
    CHECK(set.info.channels[12] == "chest_gyro_x");
    CHECK(set.info.units[15] == "uT");
    CHECK(set.info.devices[3] == 1);
}

TEST_CASE("pamap2: short gaps are interpolated, longer ones split; no window crosses one") {
    // The chest misses 0.1 s at 2 s, the hand 1 s from 4 s on; rows themselves miss from 7 s to 8 s.
    const auto facts = [](int t) {
        fact f;
        f.chest = t < 200 || t >= 210;
        f.hand = t < 400 || t >= 500;
        return f;
    };
    const small_set at(rows(0, 700, facts) + rows(800, 1000, facts));
    const auto set = at.load();
    CHECK(set.repairs == std::vector<data::repair>{{"rows without values of the chest, interpolated or split", 10},
                                                   {"rows without values of the hand, interpolated or split", 100},
                                                   {"gaps, split", 2}});
    REQUIRE(set.recordings.size() == 3);
    std::vector<std::size_t> lengths;
    for (const auto& r : set.recordings) {
        lengths.push_back(r.labels.size());
        // Every channel is linear in time, so what is interpolated is exact.
        for (std::size_t t = 1; t < r.labels.size(); ++t)
            for (std::size_t c = 0; c < 27; ++c)
                REQUIRE(double(r.samples(t, c)) - double(r.samples(t - 1, c)) == doctest::Approx(1).epsilon(1e-3));
    }
    CHECK(lengths == std::vector<std::size_t>{400, 200, 200});
    const auto w = data::cut(set.recordings, set.info, {64, 32});
    for (std::size_t i = 0; i < w.size(); ++i) CHECK(w.window(i)[63 * 27] - w.window(i)[0] == doctest::Approx(63));

    data::pamap2_options patient;
    patient.resampling.max_gap = 1.5;
    CHECK(at.load(patient).recordings.size() == 1);
    CHECK(at.load(patient).recordings[0].labels.size() == 1000);
}

TEST_CASE("pamap2: heart rate and optional activities on demand") {
    const small_set at(rows(0, 101, [](int t) { return fact{4, t % 10 == 0}; }));
    data::pamap2_options o;
    o.heart_rate = true;
    const auto set = at.load(o);
    REQUIRE(set.recordings.size() == 1);
    CHECK_NOTHROW(set.info.check(28));
    CHECK(set.info.units[27] == "1/min");
    for (std::size_t t = 0; t < 101; ++t)
        REQUIRE(set.recordings[0].samples(t, 27) == doctest::Approx(60 + double(t)).epsilon(1e-5));

    o = {};
    o.optional_activities = true;
    CHECK(at.load(o).recordings.size() == 1);
    at.write("PAMAP2_Dataset/Optional/subject105.dat", rows(0, 10, [](int) { return fact{20}; }));
    CHECK(at.load().recordings.size() == 1);
    const auto more = at.load(o);
    REQUIRE(more.recordings.size() == 2);
    CHECK(more.info.labels.size() == 18);
    CHECK(more.info.labels[static_cast<std::size_t>(more.recordings[1].labels[0])] == "playing soccer");
}

TEST_CASE("pamap2: errors name the cause") {
    const small_set at(rows(0, 3));
    CHECK(at.refusal(rows(0, 3)) == "");
    CHECK(has(at.refusal(rows(5, 7) + rows(3, 4)), "subject105.dat:3:1: timestamp is 0.03, expected at least 0.06"));
    CHECK(has(at.refusal(rows(0, 2, [](int t) { return fact{t == 1 ? 8 : 1}; })), "subject105.dat:2:6: activity is"));
    CHECK(has(at.refusal(swapped(rows(0, 1), "0.03125", "x")), "field is 'x', expected a number"));
    CHECK(has(at.refusal(swapped(rows(0, 1), "0.03125", "inf")), "field is 'inf', expected a finite number"));
    CHECK(has(at.refusal(swapped(rows(0, 1), " 0.03125", "")), "line ends, expected a number or NaN"));
    CHECK(has(at.refusal(swapped(rows(0, 1), "\n", " 1\n")), "line has more fields, expected 54"));
    CHECK(has(at.refusal(""), "number of samples is 0"));
    CHECK(has(at.refusal(rows(0, 9,
                              [](int) {
                                  return fact{1, false, true, false, true};
                              })),
              "time covered by all sensors is 0 s"));
    data::pamap2_options o;
    o.subjects = {105, 101};
    at.write(at.file, rows(0, 3));
    CHECK(has(complaint([&] { static_cast<void>(data::pamap2(at.path(), o)); }), "pamap2: subject 101 is missing"));
    CHECK(has(complaint([&] { static_cast<void>(data::pamap2(at.path(), o)); }),
              "https://archive.ics.uci.edu/dataset/231"));
}

TEST_CASE("pamap2: without a list of subjects those who are there are read") {
    const small_set at(rows(0, 3));
    const std::string optional = "PAMAP2_Dataset/Optional/subject108.dat";
    at.write(optional, rows(0, 10, [](int) { return fact{20}; }));
    const auto without = [](const std::string& names, std::size_t count) {
        return data::repair{"people of the published set without files (" + names + "), left out", count};
    };
    const auto protocol = data::pamap2(at.path());
    REQUIRE(protocol.recordings.size() == 1);
    CHECK(protocol.recordings[0].subject == 105);
    CHECK(protocol.repairs == std::vector<data::repair>{without("101, 102, 103, 104, 106, 107, 108, 109", 8)});

    data::pamap2_options o;
    o.optional_activities = true;
    const auto all = data::pamap2(at.path(), o);
    REQUIRE(all.recordings.size() == 2);
    CHECK(all.recordings[1].subject == 108);
    CHECK(all.repairs == std::vector<data::repair>{without("101, 102, 103, 104, 106, 107, 109", 7),
                                                   {"people of whom only the optional activities are there", 1}});
    at.remove(at.file);
    CHECK(has(complaint([&] { static_cast<void>(data::pamap2(at.path())); }), "pamap2: every subject is missing"));
}

TEST_CASE("pamap2: stamps in another unit are refused") {
    const small_set at(rows(0, 3));
    std::string milliseconds = rows(0, 200);
    for (std::size_t at_line = 0, t = 0; at_line < milliseconds.size(); ++t) {
        const std::size_t blank = milliseconds.find(' ', at_line);
        milliseconds.replace(at_line, blank - at_line, std::to_string(10 * t));
        at_line = milliseconds.find('\n', at_line) + 1;
    }
    const std::string message = at.refusal(milliseconds);
    CHECK(has(message, "subject105.dat: median step between stamps is 10 s, expected about 0.01 s, as at 100 Hz"));
    CHECK(has(message, "1000 times as long; are the stamps in another unit?"));
}
