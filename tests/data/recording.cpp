// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/recording.hpp"

#include <doctest/doctest.h>
#include <limits>

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

TEST_CASE("make_recording takes rows, or says what does not fit") {
    const auto r = data::make_recording({1, 2, 3, 4, 5, 6}, 2, {0, -1, 1}, 7);
    CHECK(identical(r.samples, tensor<float>({{1, 2}, {3, 4}, {5, 6}})));
    CHECK(r.labels == std::vector<int>{0, -1, 1});
    CHECK(r.subject == 7);
    CHECK_THROWS_AS(data::make_recording({1, 2, 3}, 2, {0}, 7), data_error);
    CHECK_THROWS_AS(data::make_recording({}, 0, {}, 7), data_error);
}

TEST_CASE("recording_set counts what was mended and what short recordings cost") {
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
