// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/recording.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

using namespace smldist;

TEST_CASE("signal_info accepts names for all columns or for none") {
    data::signal_info info;
    info.labels = {"rest", "move"};
    CHECK_NOTHROW(info.check(4));
    CHECK(info.channel_name(2) == "channel 2");
    info.channels = {"x", "y", "z", "t"};
    info.units = {"g", "g", "g", "K"};
    info.triples = {{0, 1, 2}};
    CHECK_NOTHROW(info.check(4));
    CHECK(info.channel_name(2) == "z");
    CHECK(info.device(0) == 0);
    info.devices = {7};
    CHECK_NOTHROW(info.check(4));
    CHECK(info.device(0) == 7);
}

TEST_CASE("signal_info names a sensor by what the names of its axes begin with") {
    data::signal_info info;
    info.triples = {{0, 1, 2}, {3, 4, 5}};
    CHECK(info.sensor_name(1) == "sensor 1");
    info.channels = {"body_acc_x", "body_acc_y", "body_acc_z", "x", "y", "z"};
    CHECK(info.sensor_name(0) == "body_acc");
    CHECK(info.sensor_name(1) == "sensor 1");
}

TEST_CASE("signal_info refuses what does not fit") {
    data::signal_info good;
    good.labels = {"rest", "move"};
    good.rate_hz = 50;
    const auto refused = [&](auto change) {
        data::signal_info info = good;
        change(info);
        CHECK_THROWS_AS(info.check(4), data_error);
    };
    refused([](auto& i) { i.labels.clear(); });
    refused([](auto& i) { i.channels = {"x"}; });
    refused([](auto& i) { i.units = {"g", "g", "g"}; });
    refused([](auto& i) { i.devices = {0}; });
    refused([](auto& i) { i.rate_hz = -1; });
    refused([](auto& i) { i.rate_hz = std::numeric_limits<double>::quiet_NaN(); });
    refused([](auto& i) { i.triples = {{1, 2, 4}}; });
    refused([](auto& i) { i.triples = {{1, 2, 2}}; });
}

TEST_CASE("people are known by name or by number, with any choice of channels") {
    data::signal_info info;
    CHECK(info.subject_name(3) == "3");
    info.channels = {"x", "y"};
    info.subjects = {"anna", "ben"};
    CHECK(info.subject_name(1) == "ben");
    CHECK(info.subject_name(2) == "2");
    CHECK(info.subject_name(-1) == "-1");
    CHECK(info.select_channels(std::vector<std::size_t>{1}).subjects == info.subjects);
}

TEST_CASE("make_recording takes rows, or reports what does not fit") {
    const auto r = data::make_recording({1, 2, 3, 4, 5, 6}, 2, {0, -1, 1}, 7);
    CHECK(identical(r.samples, tensor<float>({{1, 2}, {3, 4}, {5, 6}})));
    CHECK(r.labels == std::vector<int>{0, -1, 1});
    CHECK(r.subject == 7);
    CHECK_THROWS_AS(data::make_recording({1, 2, 3}, 2, {0}, 7), data_error);
    CHECK_THROWS_AS(data::make_recording({}, 0, {}, 7), data_error);
}

TEST_CASE("recording_set counts repairs and dropped short recordings") {
    data::recording_set set;
    set.note("empty lines", 0);
    CHECK(set.repairs.empty());
    set.note("empty lines");
    set.note("rows of zeros", 3);
    set.note("empty lines", 2);
    CHECK(set.repairs == std::vector<data::repair>{{"empty lines", 3}, {"rows of zeros", 3}});
    CHECK(set.repaired("empty lines") == 3);
    CHECK(set.repaired("gaps") == 0);

    for (const std::size_t n : {5u, 2u, 4u, 3u})
        set.recordings.push_back(data::make_recording(std::vector<float>(n), 1, std::vector<int>(n), int(n)));
    set.drop_shorter(4);
    REQUIRE(set.recordings.size() == 2);
    CHECK(set.recordings[0].subject == 5);
    CHECK(set.recordings[1].subject == 4);
    CHECK(set.repaired("samples in recordings shorter than 4, left out") == 5);
    set.drop_shorter(4);
    CHECK(set.repaired("samples in recordings shorter than 4, left out") == 5);
}

namespace {

/// Two triples on two devices and a channel of its own.
data::signal_info phone_and_watch() {
    data::signal_info info;
    info.channels = {"phone_acc_x", "phone_acc_y", "phone_acc_z", "acc_x",
                     "watch_acc_x", "watch_acc_y", "watch_acc_z"};
    info.units = {"g", "g", "g", "mV", "m", "m", "m"};
    info.labels = {"rest", "move"};
    info.rate_hz = 50;
    info.triples = {{0, 1, 2}, {4, 5, 6}};
    info.devices = {3, 8};
    return info;
}

} // namespace

TEST_CASE("find_channels: a name, or whole words of names; ascending, each once") {
    const data::signal_info info = phone_and_watch();
    using names = std::vector<std::string>;
    using indices = std::vector<std::size_t>;
    const auto found = [&](const names& wanted) { return info.find_channels(wanted); };
    CHECK(found({}).empty());
    CHECK(found({"phone_acc_y"}) == indices{1});
    CHECK(found({"phone"}) == indices{0, 1, 2});
    CHECK(found({"watch_acc"}) == indices{4, 5, 6});
    CHECK(found({"acc"}) == indices{0, 1, 2, 3, 4, 5, 6});
    CHECK(found({"z"}) == indices{2, 6});
    CHECK(found({"acc_y"}) == indices{1, 5});
    CHECK(found({"acc_x"}) == indices{3}); // the channel of this name, not phone_acc_x
    CHECK(found({"watch_acc_z", "phone", "phone_acc_x", "phone"}) == indices{0, 1, 2, 6});
}

TEST_CASE("find_channels: a name that takes nothing is an error that lists the names") {
    const data::signal_info info = phone_and_watch();
    for (const std::string name : {"gyro", "pho", "hone", "phone_", "phone_x", "Phone", "_", ""}) {
        CAPTURE(name);
        CHECK_THROWS_AS(info.find_channels(std::vector<std::string>{"watch", name}), usage_error);
    }
    data::signal_info two;
    two.channels = {"left", "right"};
    CHECK_THROWS_WITH_AS(two.find_channels(std::vector<std::string>{"up"}),
                         "find_channels: name is \"up\", expected a channel or words of its name: left, right",
                         usage_error);
    two.channels.clear();
    CHECK_THROWS_WITH_AS(
        two.find_channels(std::vector<std::string>{"left"}),
        "find_channels: name is \"left\", expected a channel or words of its name: the channels have no "
        "names",
        usage_error);
}

TEST_CASE("select_channels keeps what belongs to the chosen channels") {
    const data::signal_info info = phone_and_watch();
    const auto of = [&](const std::vector<std::size_t>& chosen) {
        const auto s = info.select_channels(chosen);
        CHECK_NOTHROW(s.check(chosen.empty() ? 7 : chosen.size()));
        CHECK(s.labels == info.labels);
        CHECK(s.rate_hz == 50);
        return s;
    };
    using triples = std::vector<std::array<std::size_t, 3>>;
    CHECK(of({}) == info);
    CHECK(of({0, 1, 2, 3, 4, 5, 6}) == info);
    const auto watch = of({3, 4, 5, 6});
    CHECK(watch.channels == std::vector<std::string>{"acc_x", "watch_acc_x", "watch_acc_y", "watch_acc_z"});
    CHECK(watch.units == std::vector<std::string>{"mV", "m", "m", "m"});
    CHECK(watch.triples == triples{{1, 2, 3}});
    CHECK(watch.devices == std::vector<std::size_t>{8});
    CHECK(of({2, 0, 1}).triples == triples{{1, 2, 0}});
    const auto axis = of({1, 5});
    CHECK(axis.triples.empty());
    CHECK(axis.devices.empty());
    data::signal_info unnamed;
    unnamed.labels = info.labels;
    CHECK(unnamed.select_channels(std::vector<std::size_t>{4}).channels == std::vector<std::string>{"channel 4"});
}
