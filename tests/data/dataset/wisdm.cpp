// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/dataset/wisdm.hpp"

#include "scratch.hpp"
#include "smldist/data/window.hpp"

using namespace smldist;

namespace {

/// A record of user `user` at t * 50 ms: x = t, y = 9.5, z = -t.
std::string record(int user, int t, const std::string& activity = "Jogging") {
    return std::to_string(user) + "," + activity + "," + std::to_string(49105962326000 + t * 50000000LL) + "," +
           std::to_string(t) + ",9.5,-" + std::to_string(t) + ".0";
}
std::string records(int user, int from, int to) {
    std::string text;
    for (int t = from; t < to; ++t) text += record(user, t) + ";\n";
    return text;
}

class small_set : public scratch_folder {
public:
    data::recording_set load(const std::string& text, const data::wisdm_options& o = {}) const {
        write("WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt", text);
        return data::wisdm(path(), o);
    }
    std::string refusal(const std::string& text) const {
        return complaint([&] { load(text); });
    }
};

/// Whether a recording holds every t in [from, to) of `record`, without the records that were lost.
void check_line(const data::recording& r, int from, int to) {
    CHECK(r.samples.shape() == shape{static_cast<std::size_t>(to - from), 3});
    for (int t = from; t < to; ++t) {
        const auto k = static_cast<std::size_t>(t - from);
        REQUIRE(r.samples(k, 0) == doctest::Approx(t).epsilon(1e-5));
        REQUIRE(r.samples(k, 1) == 9.5f);
        REQUIRE(r.samples(k, 2) == doctest::Approx(-t).epsilon(1e-5));
    }
}

using repairs = std::vector<data::repair>;

} // namespace

TEST_CASE("wisdm: clean records; a new user is a new recording") {
    const small_set at;
    const auto set = at.load(records(33, 0, 40) + record(33, 40, "Standing") + ";\n" + records(7, 0, 20));
    CHECK(set.repairs.empty());
    CHECK_NOTHROW(set.info.check(3));
    REQUIRE(set.recordings.size() == 2);
    CHECK(set.recordings[0].subject == 33);
    check_line(set.recordings[0], 0, 41);
    CHECK(set.recordings[0].labels[39] == 1);
    CHECK(set.recordings[0].labels[40] == 5);
    CHECK(set.info.labels[5] == "Standing");
    CHECK(set.recordings[1].subject == 7);
    check_line(set.recordings[1], 0, 20);
}

TEST_CASE("wisdm: every known kind of malformed input is repaired or left out, and counted") {
    const small_set at;
    const auto one = [&](const std::string& dirt, int from, int to, const repairs& wanted) {
        CAPTURE(dirt);
        const auto set = at.load(records(1, 0, 5) + dirt + records(1, 7, 12));
        CHECK(set.repairs == wanted);
        REQUIRE(set.recordings.size() == 1);
        check_line(set.recordings[0], from, to);
    };
    const std::string a = record(1, 5), b = record(1, 6);
    one(a + ";" + b + ";\n", 0, 12, {{"records that share a line, kept", 1}});
    one(a + ";\n" + b + ",;\n", 0, 12, {{"commas before ';', ignored", 1}});
    one(a + ";\n" + b + ";;\n", 0, 12, {{"empty records, ignored", 1}});
    one(a + "\n" + b + ";\n", 0, 12, {{"records without ';', kept", 1}});
    one("\n" + a + ";\n \r\n" + b + ";\r\n", 0, 12, {{"empty lines, ignored", 2}});
    one(swapped(a, ",9.5", ", 9.5 ") + " ; \n" + b + ";\n", 0, 12, {});
    // Records left out are interpolated from their neighbours, as the line shows.
    const std::string no_z = a.substr(0, a.rfind(','));
    one(no_z + ";\n" + b + ";\n", 0, 12, {{"records without x, y or z, left out", 1}});
    one(no_z + ",;\n" + b + ";\n", 0, 12, {{"records without x, y or z, left out", 1}});
    one(swapped(a, ",5,", ",,") + ";\n" + b + ";\n", 0, 12, {{"records without x, y or z, left out", 1}});
    one("1,Jogging,0,0,0.0,0;\n" + a + ";\n" + b + ";\n", 0, 12, {{"records of zeros, left out", 1}});
    one(a + ";\n" + a + ";\n" + b + ";\n", 0, 12, {{"repeated timestamps, kept", 1}});
    const auto last = at.load(records(1, 0, 5) + a + ";"); // no line end after the last record
    CHECK(last.repairs.empty());
    check_line(last.recordings[0], 0, 6);
}

TEST_CASE("wisdm: gaps and steps back in time split; no window crosses one") {
    const small_set at;
    const auto set = at.load(records(1, 0, 30) + records(1, 50, 90) + records(1, 10, 40) + records(2, 40, 70));
    CHECK(set.repairs == repairs{{"gaps, split", 1}, {"steps back in time, split", 1}});
    REQUIRE(set.recordings.size() == 4);
    check_line(set.recordings[0], 0, 30);
    check_line(set.recordings[1], 50, 90);
    check_line(set.recordings[2], 10, 40);
    check_line(set.recordings[3], 40, 70);
    const auto w = data::cut(set.recordings, set.info, {16, 8});
    for (std::size_t i = 0; i < w.size(); ++i) CHECK(w.window(i)[15 * 3] - w.window(i)[0] == doctest::Approx(15));
    data::wisdm_options patient;
    patient.resampling.max_gap = 2;
    CHECK(at.load(records(1, 0, 30) + records(1, 50, 90), patient).recordings.size() == 1);
}

TEST_CASE("wisdm: uneven time steps are resampled") {
    const small_set at;
    std::string text;
    for (int t = 0; t < 60; t += t % 3 == 0 ? 1 : 2) text += record(4, t) + ";\n"; // steps of 50 and 100 ms
    const auto set = at.load(text);
    REQUIRE(set.recordings.size() == 1);
    check_line(set.recordings[0], 0, 59);
}

TEST_CASE("wisdm: other dirt is refused with its place, or left out on demand") {
    const small_set at;
    const std::string good = record(1, 0) + ";\n";
    CHECK(at.refusal(good) == "");
    CHECK(has(at.refusal(good + swapped(record(1, 1), "Jogging", "Hopping") + ";\n"),
              "raw.txt:2:3: activity is 'Hopping', expected one of Walking, Jogging"));
    CHECK(has(at.refusal(good + record(37, 1) + ";\n"), "raw.txt:2:1: user is '37', expected 1 to 36"));
    CHECK(has(at.refusal(good + record(1, 1) + ",7;\n"), "line has more fields, expected 6"));
    CHECK(has(at.refusal(good + swapped(record(1, 1), "9.5", "9.5.1") + ";\n"), "field is '9.5.1'"));
    CHECK(has(at.refusal(good + "1,Jog"), "raw.txt:2:6: file ends within a line"));
    CHECK(has(at.refusal(""), "number of records is 0"));
    CHECK(has(at.refusal("1,Jogging,0,0,0,0;\n"), "number of records is 0"));
    CHECK(has(complaint([&] { static_cast<void>(data::wisdm(at.path() / "elsewhere")); }),
              "https://www.cis.fordham.edu/wisdm"));

    data::wisdm_options lenient;
    lenient.drop_malformed = true;
    const auto set = at.load(good + "x;" + record(1, 1) + ";\n1,Hopping,5,1,1,1;\n", lenient);
    CHECK(set.repaired("malformed records, left out") == 2);
    REQUIRE(set.recordings.size() == 1);
    check_line(set.recordings[0], 0, 2);
}

TEST_CASE("wisdm: time and memory stay in proportion to the file") {
    const small_set at;
    const auto load = [&](const std::string& text, const std::string& what) {
        const std::string file = "WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt";
        at.write(file, text);
        within_promise(text.size(), what, [&] { static_cast<void>(data::wisdm(at.path())); });
    };
    std::string text;
    for (int t = 0; t < 100'000; ++t) text += record(1, t) + "\n"; // 5 MB; each line once was a search to the end
    load(text, "");
    // Each third step lasts 0.4 s and gives eight samples: as many as the file allows, but no more.
    const auto sparse = [](int n) {
        std::string list;
        for (int t = 0; t < n; ++t)
            list += "1,Sitting," + std::to_string(t / 3 * 500000000LL + t % 3 * 50000000LL) + ",1,1,1;\n";
        return list;
    };
    load(sparse(1000), "");
    load(sparse(700'000), "wisdm: memory with");
    // Each record a recording of its own.
    text.clear();
    for (int t = 0; t < 300'000; ++t) text += (t % 2 ? "1" : "2") + std::string(",Sitting,5,1,1,1;\n");
    load(text, "wisdm: memory with");
}

TEST_CASE("wisdm: stamps in another unit are refused; in the published one other rates up to twice as high are not") {
    const small_set at;
    const auto with_step = [](double nanoseconds) {
        std::string text;
        for (int t = 0; t < 1200; ++t)
            text += "1,Sitting," + std::to_string(static_cast<long long>(4910596232 + t * nanoseconds)) + ",1,1,1;\n";
        return text;
    };
    for (const double step : {26e6, 50e6, 99e6}) {
        CAPTURE(step);
        CHECK(at.refusal(with_step(step)) == "");
    }
    const std::string message = at.refusal(with_step(50)); // milliseconds
    CHECK(has(message, "WISDM_ar_v1.1_raw.txt: median step between stamps is "));
    CHECK(has(message, "expected about 0.05 s, as at 20 Hz"));
    CHECK(has(message, "times as short; are the stamps in another unit?"));
    CHECK(has(at.refusal(with_step(50e3)), "times as short"));
    CHECK(has(at.refusal(with_step(101e6)), "times as long"));
    CHECK(has(at.refusal(with_step(24e6)), "times as short"));
}
