// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/options.hpp"

#include <doctest/doctest.h>

using namespace smldist;
using data::csv_options;

TEST_CASE("csv_options: names of the choices, and comparison") {
    CHECK(name_of(data::csv_clock::shared) == "shared");
    CHECK(name_of(data::csv_clock::own) == "own");
    CHECK(name_of(data::segment_unit::automatic) == "auto");
    CHECK(name_of(data::segment_unit::time) == "time");
    CHECK(name_of(data::segment_unit::samples) == "samples");
    csv_options a, b;
    CHECK(a == b);
    b.smooth = 5;
    CHECK(!(a == b));
    b = a;
    b.label_map = {"jog=run"};
    CHECK(!(a == b));
    CHECK(a.max_gap == 0.5);
    CHECK(a.rate_hz == 0);
}
