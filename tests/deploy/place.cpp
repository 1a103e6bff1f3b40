// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/deploy/place.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "deploy/check.hpp"
#include "smldist/core/random.hpp"
#include "smldist/op/pointwise.hpp"

using namespace smldist;

namespace {

bool together(const deploy::lifetime& a, const deploy::lifetime& b) { return a.first <= b.last && b.first <= a.last; }

} // namespace

TEST_CASE("place: values alive together do not overlap and the arena holds all") {
    generator g(1);
    for (int round = 0; round < 50; ++round) {
        CAPTURE(round);
        std::vector<deploy::lifetime> values(30);
        for (auto& v : values) {
            v.size = 1 + g.bits() % 200;
            v.first = g.bits() % 20;
            v.last = v.first + g.bits() % 5;
        }
        const auto where = deploy::arrange(values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            CHECK(where.offsets[i] % 16 == 0);
            CHECK(where.offsets[i] + values[i].size <= where.size);
            for (std::size_t j = 0; j < i; ++j)
                if (together(values[i], values[j])) {
                    const bool i_first = where.offsets[i] < where.offsets[j];
                    const std::size_t lower = i_first ? i : j, upper = i_first ? j : i;
                    CHECK(where.offsets[lower] + values[lower].size <= where.offsets[upper]);
                }
        }
    }
}

TEST_CASE("place: the arena of a chain is its two largest neighbours") {
    std::vector<deploy::lifetime> chain;
    for (std::size_t i = 0; i < 8; ++i) chain.push_back({i % 2 ? 64u : 160u, i, i + 1});
    CHECK(deploy::arrange(chain).size == 224);
    CHECK(deploy::arrange({}).size == 0);
}

TEST_CASE("place: a slice is what fits the cache within 8 to 32 windows and at most the batch") {
    const probe net([](const auto& x, const auto&) { return op::relu(x); }, {});
    const auto slice = [&](std::size_t batch, std::size_t length) {
        return deploy::compile(net, {.batch = batch, .length = length, .channels = 16}).slice();
    };
    CHECK(slice(1, 16) == 1);
    CHECK(slice(5, 16) == 5);
    CHECK(slice(500, 16) == 32);
    CHECK(slice(500, 256) == 24);
    CHECK(slice(500, 65536) == 8);
}

TEST_CASE("place: an image that takes more than the cache runs by itself") {
    const probe net([](const auto& x, const auto&) { return op::relu(x); }, {});
    const auto slice = [&](std::size_t width) {
        return deploy::compile(net, {.batch = 500, .height = 16, .width = width, .channels = 16}).slice();
    };
    CHECK(slice(1) == 32);
    CHECK(slice(300) == 8);
    CHECK(slice(4096) == 1);
}
