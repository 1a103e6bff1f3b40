// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

using namespace smldist;

namespace {

/// Puts the number of threads back.
class thread_count {
public:
    explicit thread_count(std::size_t n) : before_(threads()) { set_threads(n); }
    ~thread_count() { set_threads(before_); }
    thread_count(const thread_count&) = delete;
    thread_count& operator=(const thread_count&) = delete;

private:
    std::size_t before_;
};

std::set<std::pair<std::size_t, std::size_t>> chunks(std::size_t n, std::size_t grain) {
    std::mutex lock;
    std::set<std::pair<std::size_t, std::size_t>> found;
    parallel_for(n, grain, [&](std::size_t first, std::size_t last) {
        const std::lock_guard guard(lock);
        found.emplace(first, last);
    });
    return found;
}

} // namespace

TEST_CASE("parallel_for: every index once, in chunks that the number of threads does not change") {
    for (const std::size_t n : {0u, 1u, 2u, 7u, 64u, 1000u})
        for (const std::size_t grain : {0u, 1u, 3u, 64u, 5000u}) {
            std::set<std::pair<std::size_t, std::size_t>> wanted;
            const std::size_t step = grain == 0 ? 1 : grain;
            for (std::size_t i = 0; i < n; i += step) wanted.emplace(i, std::min(n, i + step));
            for (const std::size_t count : {1u, 2u, 5u}) {
                const thread_count set(count);
                std::vector<std::atomic<int>> hits(n);
                parallel_for(n, grain, [&](std::size_t first, std::size_t last) {
                    for (std::size_t i = first; i < last; ++i) ++hits[i];
                });
                for (const auto& h : hits) REQUIRE(h == 1);
                REQUIRE(chunks(n, grain) == wanted);
            }
        }
}

TEST_CASE("parallel_for: what was written before is seen inside, what is written inside is seen after") {
    const thread_count set(3);
    std::vector<std::size_t> in(257), out(257);
    for (std::size_t round = 0; round < 2000; ++round) {
        for (auto& v : in) v = round;
        parallel_for(in.size(), 8, [&](std::size_t first, std::size_t last) {
            for (std::size_t i = first; i < last; ++i) out[i] = in[i] + i;
        });
        for (std::size_t i = 0; i < out.size(); ++i) REQUIRE(out[i] == round + i);
    }
}

TEST_CASE("parallel_for: the chunks of a thread that is busy go to the others") {
    const thread_count set(2);
    for (int round = 0; round < 20; ++round) {
        std::atomic<int> others{0};
        bool waited_in_vain = false;
        const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        parallel_for(9, 1, [&](std::size_t first, std::size_t) {
            if (first > 0) ++others;
            while (first == 0 && others < 8 && !waited_in_vain) {
                std::this_thread::yield();
                waited_in_vain = std::chrono::steady_clock::now() > limit;
            }
        });
        REQUIRE_FALSE(waited_in_vain);
    }
}

TEST_CASE("parallel_for: a call from inside runs on the thread that makes it") {
    const thread_count set(3);
    std::atomic<std::size_t> total{0}, elsewhere{0};
    parallel_for(20, 1, [&](std::size_t, std::size_t) {
        const auto here = std::this_thread::get_id();
        parallel_for(30, 1, [&](std::size_t first, std::size_t last) {
            total += last - first;
            elsewhere += std::this_thread::get_id() != here ? 1 : 0;
        });
    });
    CHECK(total == 600);
    CHECK(elsewhere == 0);
}

TEST_CASE("serial_scope: the same chunks, in order, on this thread, until its end") {
    const thread_count set(3);
    const auto here = std::this_thread::get_id();
    std::vector<std::size_t> order;
    bool elsewhere = false;
    const auto note = [&](std::size_t first, std::size_t last) {
        elsewhere = elsewhere || std::this_thread::get_id() != here;
        order.push_back(first);
        order.push_back(last);
    };
    {
        const serial_scope outer;
        { const serial_scope inner; }
        CHECK(smldist::detail::alone());
        parallel_for(10, 4, note);
    }
    CHECK(order == std::vector<std::size_t>{0, 4, 4, 8, 8, 10});
    CHECK_FALSE(elsewhere);
    CHECK_FALSE(smldist::detail::alone());
}

TEST_CASE("parallel_for: several callers at once") {
    const thread_count set(2);
    std::vector<std::size_t> sums(4);
    std::vector<std::thread> callers;
    for (std::size_t c = 0; c < sums.size(); ++c)
        callers.emplace_back([&sums, c] {
            for (int round = 0; round < 300; ++round) {
                std::vector<std::size_t> part(50);
                parallel_for(part.size(), 7, [&](std::size_t first, std::size_t last) {
                    for (std::size_t i = first; i < last; ++i) part[i] = i;
                });
                for (const std::size_t p : part) sums[c] += p;
            }
        });
    for (auto& c : callers) c.join();
    for (const std::size_t s : sums) CHECK(s == 300 * 49 * 50 / 2);
}

TEST_CASE("set_threads: at least one; may change between calls") {
    const thread_count set(0);
    CHECK(threads() == 1);
    const auto here = std::this_thread::get_id();
    bool elsewhere = false;
    parallel_for(10, 1,
                 [&](std::size_t, std::size_t) { elsewhere = elsewhere || std::this_thread::get_id() != here; });
    CHECK_FALSE(elsewhere);
    for (const std::size_t n : {4u, 1u, 3u}) {
        set_threads(n);
        CHECK(threads() == n);
        CHECK(chunks(100, 9).size() == 12);
    }
}

// A thread that waits spins for 50 µs and then blocks; three that spun on would take 100 to 300 ms here.
TEST_CASE("parallel_for: threads without work use no processor time") {
    const thread_count set(4);
    parallel_for(100, 1, [](std::size_t, std::size_t) {});
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(double(std::clock() - before) / CLOCKS_PER_SEC < 0.02);
}
