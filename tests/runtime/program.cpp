// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/program.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "allocations.hpp"

using namespace smldist;

namespace {

/// y = relu(x W + 1) for x of two numbers and W = [1 2 3; 4 5 6], then z = softmax(y); slices of two samples.
runtime::program by_hand() {
    using runtime::place;
    const float w[] = {1, 2, 3, 4, 5, 6};
    runtime::program::parts p;
    p.batch = 3;
    p.length = 1;
    p.channels = 2;
    p.slice = 2;
    p.arena = 32;
    const std::size_t packed = kernel::packed_size<float>(3, 2);
    p.weights = runtime::block(packed + 3);
    kernel::pack_nn(3, 2, w, 3, p.weights.data());
    std::fill_n(p.weights.data() + packed, 3, 1.0f);
    const runtime::operand x{place::input, 0, 2}, y{place::arena, 0, 3}, z{place::arena, 16, 3};
    p.steps.push_back(
        {runtime::gemm_step{
             1, 3, 2, x, {place::weights, 0, 0}, y, {{place::weights, packed, 0}, {}, activation::relu}},
         "linear + relu", 6, 36, 12});
    p.steps.push_back({runtime::row_step{runtime::row_function::softmax, 1, 3, y, z}, "softmax", 0, 0, 12});
    p.outputs = {{"feature", {3}, 3, y}, {"logits", {3}, 3, z}};
    return runtime::program(std::move(p));
}

} // namespace

TEST_CASE("block: keeps its contents when it grows, and copies deeply") {
    runtime::block b(3);
    std::fill_n(b.data(), 3, 2.0f);
    b.resize(1);
    const float* const before = b.data();
    b.resize(3);
    CHECK(b.data() == before);
    b.resize(100);
    CHECK(b.size() == 100);
    CHECK(b.data()[2] == 2.0f);
    runtime::block copy = b, moved;
    copy.data()[0] = 5;
    CHECK(b.data()[0] == 2.0f);
    moved = std::move(copy);
    CHECK(moved.data()[0] == 5.0f);
    moved = b;
    CHECK(moved.data()[0] == 2.0f);
}

TEST_CASE("program: runs slice after slice, returns the requested outputs, allocates nothing") {
    const auto p = by_hand();
    CHECK(p.find("logits") == 1);
    CHECK(p.find("memory") == 2);
    const float in[] = {1, 0, 0, 1, -1, 0};
    std::vector<float> y(9), z(9), last(9);
    runtime::workspace w(p);
    CHECK(w.bytes() == 128);
    float* const both[] = {y.data(), z.data()};
    float* const first[] = {y.data(), nullptr};
    const std::size_t before = allocations();
    p.run(in, both, 3, w);
    p.run(in, first, 2, w);
    p.run(in, last.data(), 3, w);
    CHECK(allocations() == before);
    CHECK(y == std::vector<float>{2, 3, 4, 5, 6, 7, 0, 0, 0});
    CHECK(last == z);
    CHECK(z[6] == doctest::Approx(1.0 / 3));
    CHECK(z[0] + z[1] + z[2] == doctest::Approx(1));
    std::fill(last.begin(), last.end(), 0.0f);
    p.run(in, last.data()); // batch() windows
    CHECK(last == z);
    p.run(in, last.data(), 0, w);
}

TEST_CASE("program: a copy runs when the original is gone") {
    runtime::program copy;
    {
        const auto p = by_hand();
        copy = p;
    }
    const float in[] = {1, 0};
    float y[3], z[3];
    float* const out[] = {y, z};
    copy.run(in, out, 1);
    CHECK(y[2] == 4);
}

TEST_CASE("program: the report lists steps, bytes and multiply-accumulates") {
    const auto r = by_hand().report();
    REQUIRE(r.rows.size() == 2);
    CHECK(r.rows[0].step == "gemm");
    CHECK(r.macs == 6);
    CHECK(r.arena_bytes == 128);
    CHECK(r.slice == 2);
    const std::string text = runtime::text(r);
    CHECK(text.find("linear + relu") != std::string::npos);
    CHECK(text.find("arena of 2 windows") != std::string::npos);
}
