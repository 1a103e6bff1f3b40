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
