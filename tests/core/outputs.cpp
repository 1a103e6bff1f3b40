// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/outputs.hpp"

#include <doctest/doctest.h>

#include "smldist/core/tensor.hpp"

using namespace smldist;

TEST_CASE("stage_list: grows to its capacity, then throws") {
    stage_list<int> list;
    CHECK(list.empty());
    for (int i = 0; i < int(stage_list<int>::capacity); ++i) list.push_back(i);
    CHECK(list.size() == stage_list<int>::capacity);
    int sum = 0;
    for (const int i : list) sum += i;
    CHECK(sum == 120);
    list[3] = 7;
    CHECK(std::as_const(list)[3] == 7);
    CHECK_THROWS_AS(list.push_back(16), usage_error);
    CHECK(list.size() == stage_list<int>::capacity);
}

TEST_CASE("outputs: a head without memory leaves it empty") {
    outputs<tensor<float>> out;
    CHECK(out.memory.empty());
    out.memory.scores = tensor<float>{{1, 2}};
    CHECK_FALSE(out.memory.empty());
    const auto copy = out;
    out.memory.scores[0] = 5;
    CHECK(copy.memory.scores[0] == 1);
}
