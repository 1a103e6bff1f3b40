// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/budget.hpp"

#include <doctest/doctest.h>
#include <vector>

using namespace smldist;

TEST_CASE("budget: memory is twice the data and 16 MiB, or a quarter of the data where that is more") {
    constexpr std::size_t MiB = std::size_t(1) << 20;
    CHECK(budget("file", 0).left() == 16 * MiB);
    CHECK(budget("file", 10 * MiB).left() == 36 * MiB);
    CHECK(budget("file", 64 * MiB).left() == 144 * MiB);
    CHECK(budget("file", 100 * MiB).left() == 225 * MiB);
    CHECK(budget("file", 10 * MiB, 5).left() == 5); // given
    CHECK(budget("file", SIZE_MAX).left() > SIZE_MAX / 2);

    budget b("file", 0);
    b.allow(3);
    CHECK(b.left() == 16 * MiB + 6);
    b.take(16 * MiB, "things");
    CHECK(b.left() == 6);
    CHECK_THROWS_WITH_AS(b.take(7, "more things"),
                         "file: memory with more things is 16777216 + 7 bytes, expected at most 16777222",
                         data_error);
    CHECK_THROWS_AS(b.take(SIZE_MAX, "more things"), data_error);
    b.give_back(1);
    b.take(7, "more things");
    CHECK(b.left() == 0);
    {
        budget other("file", 0);
        const budget::lease some(other, 100, "things");
        CHECK(other.used() == 100);
        other.give_back(1000); // never below nothing
        CHECK(other.used() == 0);
    }
    b.widen(2);
    CHECK(b.left() == 16 * MiB + 6);
    budget none;
    none.widen(2);
    none.take(SIZE_MAX, "things");
    none.spend(UINT64_MAX, "things");
    CHECK(none.left() == 0);
}

TEST_CASE("budget: work is 32 units for each byte of the bound on memory, and does not come back") {
    budget b("file", 0, 100);
    b.spend(3000, "a product");
    CHECK_THROWS_WITH_AS(b.spend(201, "a product"),
                         "file: work with a product is 3000 + 201 multiply-accumulates, expected at most 3200",
                         data_error);
    CHECK_THROWS_AS(b.spend(UINT64_MAX, "a product"), data_error);
    b.spend(200, "a product");
    CHECK_THROWS_AS(b.spend(1, "a product"), data_error);
}

TEST_CASE("budget: memory for one more element is requested before a vector grows") {
    budget b("file", 0, 10 * sizeof(int));
    std::vector<int> list;
    for (int i = 0; i < 4; ++i) {
        make_room(list, b, "a list");
        list.push_back(i);
    }
    CHECK(b.used() == list.capacity() * sizeof(int));
    CHECK_THROWS_AS(make_room(list, b, "a list"), data_error); // 8 more, with the 4 that are copied
    CHECK(list == std::vector{0, 1, 2, 3});
}
