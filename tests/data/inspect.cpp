// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/inspect.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <filesystem>
#include <limits>
#include <vector>

#include "dataset/scratch.hpp"
#include "smldist/data/dataset/hapt.hpp"
#include "smldist/data/dataset/motion_sense.hpp"
#include "smldist/data/dataset/sp_sw_har.hpp"
#include "smldist/data/synthetic.hpp"

using namespace smldist;
using data::remark_kind;
using data::sensor_look;

namespace {

constexpr std::size_t minute = 3000; // samples at 50 Hz

/// A minute of rest and a minute of movement: acc in m/s² with gravity, gyro in rad/s.
data::recording two_minutes(int subject) {
    data::recording r{tensor<float>(shape{2 * minute, 6}), std::vector<int>(2 * minute, 0), subject};
    for (std::size_t t = 0; t < 2 * minute; ++t) {
        const bool moves = t >= minute;
        r.labels[t] = moves ? 1 : 0;
        const double size = moves ? 1 : 0.01, at = 0.37 * double(t) + subject;
        for (std::size_t c = 0; c < 3; ++c) {
            r.samples(t, c) = static_cast<float>((c == 1 ? 9.81 : 0) + 3 * size * std::sin(at + double(c)));
            r.samples(t, 3 + c) = static_cast<float>(4 * size * std::cos(1.3 * at + double(c)));
        }
    }
    return r;
}

/// Three people with nothing to remark.
data::recording_set clean() {
    return {{two_minutes(2), two_minutes(5), two_minutes(7)},
            {{"acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"},
             {"rest", "move"},
             {"m/s²", "m/s²", "m/s²", "rad/s", "rad/s", "rad/s"},
             50,
             {{0, 1, 2}, {3, 4, 5}},
             {}},
            {}};
}

/// The remarks on a clean set after `change`.
template <class F> std::vector<data::remark> remarks_after(F change, const data::inspect_options& o = {}) {
    auto set = clean();
    change(set);
    return data::inspect(set, o).remarks;
}

using remarks = std::vector<data::remark>;

void scale(data::recording_set& set, std::size_t first, float factor) {
    for (auto& r : set.recordings)
        for (std::size_t t = 0; t < r.labels.size(); ++t)
            for (std::size_t c = first; c < first + 3; ++c) r.samples(t, c) *= factor;
}

} // namespace

TEST_CASE("inspect counts recordings, people and classes") {
    auto set = clean();
    set.recordings.push_back(two_minutes(2));
    set.recordings.back().samples = tensor<float>(shape{minute, 6});
    set.recordings.back().labels.assign(minute, -1);
    for (std::size_t t = 0; t < minute; ++t) set.recordings.back().samples(t, 0) = float(t); // not the rest
    const auto r = data::inspect(set);
    CHECK(r.rate_hz == 50);
    CHECK(r.recordings == 4);
    CHECK(r.samples == 7 * minute);
    CHECK(r.labelled == 6 * minute);
    CHECK(r.shortest == minute);
    CHECK(r.longest == 2 * minute);
    CHECK(r.minutes(r.samples) == 7);
    REQUIRE(r.people.size() == 3);
    CHECK(r.people[0].subject == 2);
    CHECK(r.people[2].subject == 7);
    CHECK(r.people[0].recordings == 2);
    CHECK(r.people[0].samples == 3 * minute);
    CHECK(r.people[0].labelled == 2 * minute);
    CHECK(r.class_by_person == std::vector<std::vector<std::size_t>>(2, std::vector<std::size_t>(3, minute)));
    CHECK(r.samples_of_class(1) == 3 * minute);
    CHECK(r.people_of_class(1) == 3);
    CHECK(r.duplicates.empty());
}

TEST_CASE("inspect gives the moments and extremes of each channel without the samples that are not finite") {
    data::recording_set set;
    const float huge = 1 << 24; // whose square has no digits left for a deviation of 2
    set.recordings.push_back({tensor<float>(shape{4, 2}), {0, 0, 0, 0}, 1});
    set.recordings.push_back({tensor<float>(shape{2, 2}), {0, 0}, 1});
    const float values[] = {1, huge, 5, huge + 4, NAN, huge, 3, huge + 4, -1, huge, INFINITY, huge + 4};
    std::copy_n(values, 8, set.recordings[0].samples.data());
    std::copy_n(values + 8, 4, set.recordings[1].samples.data());
    set.info.labels = {"one"};
    const auto r = data::inspect(set);
    REQUIRE(r.channels.size() == 2);
    CHECK(r.channels[0].smallest == -1);
    CHECK(r.channels[0].largest == 5);
    CHECK(r.channels[0].mean == 2);
    CHECK(r.channels[0].deviation == doctest::Approx(std::sqrt(5.0)));
    CHECK(r.channels[0].not_finite == 2);
    CHECK(r.channels[1].mean == double(huge) + 2);
    CHECK(r.channels[1].deviation == doctest::Approx(2));
    CHECK(r.channels[1].not_finite == 0);
    CHECK(r.minutes(6) == 0);
    CHECK(r.remarks == remarks{{remark_kind::unknown_rate}, {remark_kind::not_finite, 0}, {remark_kind::few_people}});
}

TEST_CASE("inspect remarks nothing on a clean set") {
    const auto r = data::inspect(clean());
    CHECK(r.remarks.empty());
    REQUIRE(r.sensors.size() == 2);
    CHECK(r.sensors[0].name == "acc");
    CHECK(r.sensors[0].kind == data::sensor_kind::accelerometer);
    CHECK(r.sensors[0].at_rest == doctest::Approx(9.81).epsilon(0.001));
    CHECK(r.sensors[0].rest_windows == 36); // of 360
    CHECK(r.sensors[0].look == sensor_look::gravity_in_metres);
    CHECK(r.sensors[1].kind == data::sensor_kind::gyroscope);
    CHECK(r.sensors[1].at_rest < 0.01);
    CHECK(r.sensors[1].look == sensor_look::unknown);
    CHECK(r.sensors[1].large > 4);
    CHECK(r.sensors[1].large < 7);
    for (const auto& c : r.channels) CHECK((c.at_smallest == 0 && c.at_largest == 0 && c.longest_constant < 10));
}

TEST_CASE("inspect finds constant, stuck and saturated channels") {
    const auto all = [](std::size_t channel, auto change) {
        return [=](data::recording_set& set) {
            for (std::size_t i = 0; i < set.recordings.size(); ++i)
                for (std::size_t t = 0; t < 2 * minute; ++t) change(set.recordings[i].samples(t, channel), i, t);
        };
    };
    CHECK(remarks_after(all(5, [](float& v, std::size_t, std::size_t) { v = 0.25f; })) ==
          remarks{{remark_kind::constant_channel, 5}});
    CHECK(remarks_after(all(5, [](float& v, std::size_t i, std::size_t) { v = i == 1 ? 0.25f : v; })) ==
          remarks{{remark_kind::constant_in_recordings, 5}});
    const auto stuck = [&](std::size_t samples) {
        return remarks_after(all(3, [=](float& v, std::size_t i, std::size_t t) {
            if (i == 2 && t >= 500 && t < 500 + samples) v = 0.25f;
        }));
    };
    CHECK(stuck(99).empty());
    CHECK(stuck(100) == remarks{{remark_kind::stuck_channel, 3}}); // 2 s
    // Clipping at 2.9 of an amplitude of 3 leaves runs of one or two samples, at 2.5 also of three.
    const auto clipped = [&](float limit) {
        return remarks_after(all(0, [=](float& v, std::size_t, std::size_t) { v = std::min(v, limit); }));
    };
    CHECK(clipped(2.9f).empty());
    CHECK(clipped(2.5f) == remarks{{remark_kind::saturated_channel, 0}});

    auto set = clean();
    for (std::size_t t = 0; t < 10; ++t) set.recordings[1].samples(100 + t, 4) = -50; // 10 and 3 stay there, 2 do not
    for (std::size_t t = 0; t < 3; ++t) set.recordings[2].samples(2 * minute - 1 - t, 4) = -50;
    for (std::size_t t = 0; t < 2; ++t) set.recordings[0].samples(t, 4) = -50;
    for (std::size_t t = 0; t < 40; ++t) set.recordings[0].samples(minute + t, 4) = -49; // no extreme value
    const auto f = data::inspect(set).channels[4];
    CHECK(f.smallest == -50);
    CHECK(f.at_smallest == 13.0 / (6 * minute));
    CHECK(f.at_largest == 0);
    CHECK(f.longest_constant == 40);
    CHECK(f.constant_in.empty());
    set.recordings[1].samples(105, 4) = NAN; // ends a run
    CHECK(data::inspect(set).channels[4].at_smallest == doctest::Approx(12.0 / (6 * minute)));
}

TEST_CASE("inspect compares what sensors look like with their units") {
    const auto look = [](auto change, std::size_t sensor = 0) {
        auto set = clean();
        change(set);
        return data::inspect(set).sensors[sensor].look;
    };
    const auto in_g = [](data::recording_set& set) { scale(set, 0, 1 / 9.81f); };
    const auto in_degrees = [](data::recording_set& set) { scale(set, 3, 57.3f); };
    const auto unit = [](data::recording_set& set, std::size_t first, const char* name) {
        std::fill_n(set.info.units.begin() + static_cast<std::ptrdiff_t>(first), 3, name);
    };
    CHECK(look(in_g) == sensor_look::gravity_in_g);
    CHECK(look(in_degrees, 1) == sensor_look::turns_in_degrees);
    CHECK(remarks_after(in_g) == remarks{{remark_kind::wrong_unit, 0}});
    CHECK(remarks_after(in_degrees) == remarks{{remark_kind::wrong_unit, 1}});
    CHECK(remarks_after([&](auto& set) { unit(set, 0, "g"); }) == remarks{{remark_kind::wrong_unit, 0}});
    CHECK(remarks_after([&](auto& set) { unit(set, 3, "deg/s"); }) == remarks{{remark_kind::wrong_unit, 1}});
    CHECK(remarks_after([&](auto& set) {
              in_g(set);
              in_degrees(set);
              unit(set, 0, "g");
              unit(set, 3, "deg/s");
          }).empty());
    CHECK(remarks_after([&](auto& set) {
              in_g(set);
              in_degrees(set);
              set.info.units.clear();
          }).empty());
    CHECK(remarks_after([](auto& set) { scale(set, 0, 100); }) == remarks{{remark_kind::odd_rest, 0}});
    CHECK(remarks_after([](auto& set) { scale(set, 0, 0.5f); }) == remarks{{remark_kind::odd_rest, 0}});

    const auto without_gravity = [](data::recording_set& set) {
        for (auto& r : set.recordings)
            for (std::size_t t = 0; t < r.labels.size(); ++t) r.samples(t, 1) -= 9.81f;
    };
    CHECK(look(without_gravity) == sensor_look::no_gravity);
    CHECK(remarks_after(without_gravity).empty());
    // Without any rest: the mean of a movement is still near gravity.
    CHECK(look([](auto& set) {
              for (auto& r : set.recordings)
                  r = data::make_recording({r.samples.begin() + 6 * minute, r.samples.end()}, 6,
                                           std::vector<int>(minute, 1), r.subject);
          }) == sensor_look::gravity_in_metres);
    // Lost samples, filled with zeros or NaN, are no rest.
    for (const float fill : {0.0f, std::numeric_limits<float>::quiet_NaN()}) {
        auto set = clean();
        for (auto& r : set.recordings) std::fill_n(r.samples.data(), 6 * minute, fill);
        const auto f = data::inspect(set).sensors[0];
        CHECK(f.look == sensor_look::gravity_in_metres);
        CHECK(f.rest_windows == 18); // of the 180 others
    }
    // Without a name that tells, the unit does.
    CHECK(look([&](auto& set) { set.info.channels = {"a", "b", "c", "d", "e", "f"}; }) ==
          sensor_look::gravity_in_metres);
    CHECK(look([&](auto& set) {
              set.info.channels.clear();
              set.info.units.clear();
          }) == sensor_look::unknown);
}

TEST_CASE("inspect finds recordings with equal samples") {
    auto set = clean();
    set.recordings.push_back(two_minutes(5));
    set.recordings[3].subject = 2; // of another person
    set.recordings.push_back(two_minutes(7));
    set.recordings[4].samples(1234, 5) += 0.001f; // not equal
    set.recordings.push_back(two_minutes(5));
    const auto r = data::inspect(set);
    CHECK(r.duplicates == std::vector<std::pair<std::size_t, std::size_t>>{{1, 3}, {1, 5}});
    CHECK(r.remarks == remarks{{remark_kind::duplicate, 0}, {remark_kind::duplicate, 1}});
}

TEST_CASE("inspect remarks on people and classes that are too few") {
    CHECK(remarks_after([](auto& set) { set.recordings.pop_back(); }) == remarks{{remark_kind::few_people}});
    CHECK(remarks_after([](auto& set) { set.info.labels.push_back("run"); }) ==
          remarks{{remark_kind::absent_class, 2}});
    CHECK(remarks_after([](auto& set) {
              for (auto& r : set.recordings) std::fill(r.labels.begin(), r.labels.end(), -1);
          }) == remarks{{remark_kind::unlabelled}});
    const auto run = [](std::size_t samples) {
        return [=](data::recording_set& set) {
            set.info.labels.push_back("run");
            std::fill_n(set.recordings[1].labels.begin(), samples, 2);
        };
    };
    CHECK(remarks_after(run(minute - 1)) == remarks{{remark_kind::short_class, 2},
                                                    {remark_kind::class_of_one_person, 2},
                                                    {remark_kind::person_without_class, 0},
                                                    {remark_kind::person_without_class, 2}});
    data::inspect_options o;
    o.class_minutes = 0.5;
    o.people = 4;
    CHECK(remarks_after(run(minute - 1), o) == remarks{{remark_kind::few_people},
                                                       {remark_kind::class_of_one_person, 2},
                                                       {remark_kind::person_without_class, 0},
                                                       {remark_kind::person_without_class, 2}});
    CHECK(remarks_after(run(minute)) == remarks{{remark_kind::class_of_one_person, 2},
                                                {remark_kind::person_without_class, 0},
                                                {remark_kind::person_without_class, 1}, // who has no rest now
                                                {remark_kind::person_without_class, 2}});
}

TEST_CASE("inspect refuses what it cannot read") {
    const auto inspected = [](auto change) {
        auto set = clean();
        change(set);
        static_cast<void>(data::inspect(set));
    };
    CHECK_THROWS_AS(inspected([](auto& set) { set.recordings.clear(); }), data_error);
    CHECK_THROWS_AS(inspected([](auto& set) { set.recordings[0].labels.pop_back(); }), data_error);
    CHECK_THROWS_AS(inspected([](auto& set) { set.recordings[0].labels[7] = 2; }), data_error);
    CHECK_THROWS_AS(inspected([](auto& set) { set.recordings[0].labels[7] = -2; }), data_error);
    CHECK_THROWS_AS(inspected([](auto& set) {
                        set.recordings[1].samples = tensor<float>(shape{2 * minute, 5});
                    }),
                    data_error);
    CHECK_THROWS_AS(inspected([](auto& set) { set.info.units.pop_back(); }), data_error);
    for (const double bad : {0.0, -1.0, double(NAN), double(INFINITY)})
        for (double data::inspect_options::*option :
             {&data::inspect_options::rest_seconds, &data::inspect_options::stuck_seconds,
              &data::inspect_options::saturated_share, &data::inspect_options::class_minutes}) {
            data::inspect_options o;
            o.*option = bad;
            CHECK_THROWS_AS(static_cast<void>(data::inspect(clean(), o)), usage_error);
        }
}

TEST_CASE("inspect reads the synthetic set without a remark") {
    const data::synthetic_options o;
    const auto r = data::inspect({data::synthetic_recordings(o, 1, 4), data::synthetic_info(o.rate_hz), {}});
    CHECK(r.remarks.empty());
    CHECK(r.sensors[0].look == sensor_look::no_gravity);
    CHECK(r.sensors[2].look == sensor_look::gravity_in_g);
}

TEST_CASE("inspect: the published motion_sense" * doctest::test_suite("real data")) {
    auto base = published("motion_sense");
    if (base.empty()) return;
    if (std::filesystem::is_directory(base / "motion-sense-master/data")) base /= "motion-sense-master/data";
    const auto set = data::motion_sense(base);
    const auto r = data::inspect(set);
    CHECK(r.people.size() == 24);
    CHECK(r.recordings == 360);
    CHECK(r.samples == 1412865);
    CHECK(r.labelled == r.samples);
    REQUIRE(r.duplicates.size() == 1); // sit_5 and sit_13 of person 1
    for (const std::size_t i : {r.duplicates[0].first, r.duplicates[0].second}) {
        CHECK(set.recordings[i].subject == 1);
        CHECK(set.info.labels[static_cast<std::size_t>(set.recordings[i].labels[0])] == "sitting");
    }
    REQUIRE(r.sensors.size() == 3);
    CHECK(r.sensors[0].look == sensor_look::no_gravity);
    CHECK(r.sensors[1].kind == data::sensor_kind::gyroscope);
    CHECK(r.sensors[2].look == sensor_look::gravity_in_g);
    CHECK(r.remarks == remarks{{remark_kind::duplicate, 0}});
}

TEST_CASE("inspect: the published hapt and sp_sw_har" * doctest::test_suite("real data")) {
    const auto hapt = published("hapt"), both = published("sp_sw_har");
    if (hapt.empty() || both.empty()) return;
    const auto r = data::inspect(data::hapt(hapt));
    CHECK(r.people.size() == 30);
    CHECK(r.sensors[0].look == sensor_look::gravity_in_g);
    CHECK(r.sensors[1].large < 35);
    CHECK(r.duplicates.empty());
    CHECK_FALSE(r.has(remark_kind::wrong_unit, 0));
    const auto s = data::inspect(data::sp_sw_har(both, {data::sp_sw_har_devices::both}));
    CHECK(s.people.size() == 23);
    for (const std::size_t sensor : {0u, 2u}) {
        CHECK(s.sensors[sensor].look == sensor_look::gravity_in_metres);
        CHECK_FALSE(s.has(remark_kind::wrong_unit, sensor));
    }
}
