// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/normaliser.hpp"

#include <doctest/doctest.h>

using namespace smldist;

TEST_CASE("a normaliser maps every channel by its own offset and scale") {
    const normaliser n{normaliser_kind::zscore, {1, -2}, {2, 0.5f}, {}, {}};
    float x[] = {1, 0, 2, 2};
    n.apply(x, 2);
    const float wanted[] = {0, 1, 2, 2};
    for (int i = 0; i < 4; ++i) CHECK(x[i] == wanted[i]);
}

TEST_CASE("bounds clip before the map, scale 0 silences a channel, kind none changes nothing") {
    const normaliser clipping{normaliser_kind::robust, {0, 0}, {1, 0}, {-1, -1}, {1, 1}};
    float x[] = {-5, 7};
    clipping.apply(x, 1);
    CHECK(x[0] == -1);
    CHECK(x[1] == 0);
    float y[] = {3, 4};
    normaliser{}.apply(y, 1);
    CHECK(y[0] == 3);
    CHECK(y[1] == 4);
}

TEST_CASE("another number of channels is refused, except by kind none") {
    const normaliser n{normaliser_kind::minmax, {0, 0}, {1, 1}, {}, {}};
    CHECK_NOTHROW(n.require_channels(2));
    CHECK_THROWS_AS(n.require_channels(3), shape_error);
    CHECK_NOTHROW(normaliser{}.require_channels(3));
    CHECK(n == normaliser(n));
    CHECK(!(n == normaliser{}));
}
