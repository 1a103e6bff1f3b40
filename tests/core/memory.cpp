// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/memory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "../allocations.hpp"
#include "../io/memory_limit.hpp"

using namespace smldist;

namespace {
const std::vector<std::size_t> sizes = [] {
    std::vector<std::size_t> list;
    for (std::size_t n = 1; n < 5000; ++n) list.push_back(n);
    for (std::size_t n = 8192; n < (std::size_t(1) << 40); n *= 2)
        for (const std::size_t m : {n - 1, n, n + 1, n + n / 4, n + n / 4 + 1, n + n / 2 + 7}) list.push_back(m);
    return list;
}();
} // namespace

TEST_CASE("block_size: at least the request, multiples of 64, monotonic, at most a quarter unused") {
    std::size_t last = 0;
    for (std::size_t n = 1; n < 100000; ++n) {
        const std::size_t size = memory::block_size(n);
        REQUIRE(size >= n);
        REQUIRE(size % 64 == 0);
        REQUIRE(size >= last);
        REQUIRE(memory::block_size(size) == size);
        last = size;
    }
    for (const std::size_t n : sizes) {
        REQUIRE(memory::block_size(n) >= n);
        if (n > 256) REQUIRE(double(memory::block_size(n)) <= 1.25 * double(n) + 64);
    }
}

TEST_CASE("allocate: aligned blocks that do not overlap; nothing for 0 bytes") {
    CHECK(memory::allocate(0) == nullptr);
    memory::release(nullptr, 0);
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (std::size_t n = 1; n < 3000; n += 13) {
        auto* p = static_cast<unsigned char*>(memory::allocate(n));
        REQUIRE(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
        std::memset(p, int(n % 251), n);
        blocks.emplace_back(p, n);
    }
    for (const auto& [p, n] : blocks)
        for (std::size_t i = 0; i < n; ++i) REQUIRE(p[i] == n % 251);
    for (const auto& [p, n] : blocks) memory::release(p, n);
}

TEST_CASE("allocate_pages: aligned, writable, on a huge page when it is as large") {
    CHECK(memory::allocate_pages(0, 0) == nullptr);
    memory::release_pages(nullptr, 0);
    for (const std::size_t n : {std::size_t(1), memory::huge_page - 1, memory::huge_page, 3 * memory::huge_page + 5})
        for (const std::size_t filled : {std::size_t(0), n / 2, n}) {
            CAPTURE(n);
            auto* const p = static_cast<unsigned char*>(memory::allocate_pages(n, filled));
            CHECK(reinterpret_cast<std::uintptr_t>(p) % (n < memory::huge_page ? 64 : memory::huge_page) == 0);
            p[0] = p[n - 1] = 1;
            memory::release_pages(p, n);
        }
}

TEST_CASE("page_allocator: a vector that grows, copies and compares") {
    std::vector<int, memory::page_allocator<int>> v(3);
    for (int i = 0; i < 3; ++i) v[static_cast<std::size_t>(i)] = i;
    v.push_back(3);
    v.resize(6, 7);
    const auto copy = v;
    CHECK(copy == v);
    CHECK(std::vector<int>(v.begin(), v.end()) == std::vector<int>{0, 1, 2, 3, 7, 7});
}

#if SMLDIST_RECYCLE_MEMORY
TEST_CASE("allocate: a freed block serves the next request of its size class, without the heap") {
    memory::trim();
    for (const std::size_t n : {1u, 64u, 65u, 256u, 257u, 320u, 321u, 1000u, 4096u, 4097u, 100000u}) {
        void* first = memory::allocate(n);
        memory::release(first, n);
        const std::size_t before = allocations();
        void* other = memory::allocate(2 * n + 64); // another class
        CHECK(other != first);
        void* again = memory::allocate(memory::block_size(n));
        CHECK(again == first);
        CHECK(allocations() <= before + 1);
        memory::release(again, memory::block_size(n));
        memory::release(other, 2 * n + 64);
    }
}

TEST_CASE("allocate: a block belongs to the thread that frees it") {
    memory::trim();
    void* block = memory::allocate(12345);
    bool reused_there = false;
    std::thread([&] {
        memory::release(block, 12345);
        void* again = memory::allocate(12345);
        reused_there = again == block;
        memory::release(again, 12345);
    }).join(); // the thread's cache goes back to the heap here
    CHECK(reused_there);
}

TEST_CASE("trim: gives the free blocks back") {
    memory::release(memory::allocate(777), 777);
    memory::trim();
    const std::size_t before = allocations();
    memory::release(memory::allocate(777), 777);
    CHECK(allocations() == before + 1);
}

TEST_CASE("allocate: large blocks do not overlap, and any thread may give them back") {
    std::vector<std::pair<unsigned char*, std::size_t>> blocks;
    for (std::size_t n = 20000; n < (std::size_t(5) << 20); n += n / 7) {
        auto* p = static_cast<unsigned char*>(n % 2 ? memory::allocate(n) : memory::allocate_lasting(n));
        REQUIRE(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
        std::memset(p, int(n % 251), n);
        blocks.emplace_back(p, n);
    }
    for (const auto& [p, n] : blocks)
        REQUIRE(std::all_of(p, p + n, [n = n](unsigned char v) { return v == n % 251; }));
    const auto release = [&](std::size_t from) {
        for (std::size_t i = from; i < blocks.size(); i += 2) memory::release(blocks[i].first, blocks[i].second);
        memory::trim();
    };
    std::thread(release, 0).join();
    release(1);
}

// Each round takes 12 MB, and 64 of address space.
TEST_CASE("trim and the end of a thread: large blocks go back to the heap") {
    const auto round = [] {
        void* blocks[12];
        for (void*& b : blocks) std::memset(b = memory::allocate(1 << 20), 1, 1 << 20);
        for (void* b : blocks) memory::release(b, 1 << 20);
    };
    const auto rounds = [&] {
        for (int i = 0; i < 40; ++i) {
            round();
            memory::trim();
            std::thread(round).join();
        }
        return true;
    };
    CHECK(run_within(std::size_t(400) << 20, rounds) == ending::as_wanted);
}
#endif

TEST_CASE(
    "limit: bounds a thread's new blocks; blocks of its free lists cost nothing, and freed heap blocks count back") {
    constexpr std::size_t MiB = std::size_t(1) << 20;
    memory::trim();
    void* const kept = memory::allocate(3 * MiB);
    memory::release(kept, 3 * MiB);
    {
        memory::limit most(8 * MiB);
        void* const again = memory::allocate(3 * MiB); // the kept one, where blocks are kept
        void* const a = memory::allocate(5 * MiB);
        CHECK_THROWS_AS(memory::allocate(4 * MiB), std::bad_alloc);
        CHECK(most.refused());
        {
            const memory::limit inner(MiB);
            CHECK_THROWS_AS(memory::allocate(2 * MiB), std::bad_alloc);
            CHECK(inner.refused());
        }
        memory::release(a, 5 * MiB);
        memory::trim();
        void* const b = memory::allocate(5 * MiB);
        CHECK(!most.refused());
        memory::release(b, 5 * MiB);
        memory::release(again, 3 * MiB);
    }
    void* const free = memory::allocate(20 * MiB);
    memory::release(free, 20 * MiB);
    memory::trim();
}

TEST_CASE("footprint: bytes in use for a block, at most its size and at least the request") {
    for (const std::size_t n : sizes) {
        CHECK(memory::footprint(n) >= n);
        CHECK(memory::footprint(n) <= memory::block_size(n) + memory::block_size(n) / 3);
    }
    CHECK(memory::footprint(100) == 128);
    CHECK(memory::footprint(memory::huge_page + 1) == memory::huge_page + 1); // a block of 2.5 MB, one huge page
    CHECK(memory::footprint(5 * memory::huge_page / 2 + 1) == 3 * memory::huge_page); // ends on the third
}
