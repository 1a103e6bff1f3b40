// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/parallel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#if defined(__linux__)
#include <sched.h>
#endif
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/memory_limit.hpp"

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

/// Every index once: the pool is whole.
bool runs() {
    std::vector<std::atomic<int>> hits(1000);
    parallel_for(hits.size(), 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) ++hits[i];
    });
    return std::all_of(hits.begin(), hits.end(), [](const auto& h) { return h == 1; });
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

TEST_CASE("parallel_for: an exception of the caller's chunk comes when all threads are done") {
    const thread_count set(2);
    const auto me = std::this_thread::get_id();
    for (int round = 0; round < 200; ++round) {
        // Freed right after the call: a thread that still ran would write to freed memory.
        const auto big = std::make_unique<std::vector<double>>(1000, 1.0);
        std::atomic<int> running{0};
        std::atomic<bool> thrown{false};
        bool caught = false;
        try {
            parallel_for(8, 1, [&](std::size_t first, std::size_t) {
                if (std::this_thread::get_id() == me) {
                    thrown = true;
                    throw std::bad_alloc();
                }
                ++running;
                while (!thrown) std::this_thread::yield();
                std::this_thread::sleep_for(std::chrono::microseconds(100)); // the caller is on its way out
                (*big)[first] += 1;
                --running;
            });
        } catch (const std::bad_alloc&) { caught = true; }
        REQUIRE(caught);
        REQUIRE(running == 0);
        REQUIRE_FALSE(smldist::detail::alone());
    }
    CHECK(runs());
}

TEST_CASE("parallel_for: of several exceptions that of the first chunk, for any number of threads") {
    for (const std::size_t count : {1u, 2u, 5u}) {
        const thread_count set(count);
        for (int round = 0; round < 100; ++round) {
            std::string what;
            try {
                parallel_for(100, 3, [&](std::size_t first, std::size_t) {
                    if (first >= 30 && first % 2 == 0) throw std::runtime_error(std::to_string(first));
                });
            } catch (const std::runtime_error& e) { what = e.what(); }
            REQUIRE(what == "30");
        }
        CHECK(runs());
    }
}

TEST_CASE("parallel_for: an exception passes through nested calls and reaches its own caller") {
    const thread_count set(3);
    std::vector<std::thread> callers;
    std::atomic<int> right{0};
    for (int c = 0; c < 4; ++c)
        callers.emplace_back([&right, c] {
            for (int round = 0; round < 100; ++round) try {
                    parallel_for(20, 1, [&](std::size_t outer, std::size_t) {
                        parallel_for(20, 1, [&](std::size_t inner, std::size_t) {
                            if (outer == 7 && inner == 9) throw c;
                        });
                    });
                } catch (const int got) { right += got == c ? 1 : 0; }
        });
    for (auto& c : callers) c.join();
    CHECK(right == 400);
    CHECK(runs());
}

TEST_CASE("parallel_for_scratch: aligned memory that no other chunk uses") {
    struct item {
        std::size_t chunk, padding[6];
    };
    for (const std::size_t count : {1u, 4u}) {
        const thread_count set(count);
        std::atomic<int> wrong{0}, ran{0};
        parallel_for_scratch<item>(500, 5, 100, [&](std::size_t first, std::size_t last, item* scratch) {
            ran += static_cast<int>(last - first);
            wrong += reinterpret_cast<std::uintptr_t>(scratch) % 64 == 0 ? 0 : 1;
            for (std::size_t i = 0; i < 100; ++i) scratch[i].chunk = first;
            std::this_thread::yield();
            for (std::size_t i = 0; i < 100; ++i) wrong += scratch[i].chunk == first ? 0 : 1;
        });
        CHECK(wrong == 0);
        CHECK(ran == 500);
        parallel_for_scratch<float>(
            7, 1, 0, [&](std::size_t, std::size_t, float* scratch) { wrong += scratch == nullptr ? 0 : 1; });
        CHECK(wrong == 0);
    }
}

TEST_CASE("set_threads: more than max_threads is refused, and the pool stays as it was") {
    const thread_count set(3);
    for (const std::size_t n : {max_threads + 1, std::size_t(100'000), std::numeric_limits<std::size_t>::max()}) {
        CHECK_THROWS_WITH_AS(set_threads(n),
                             ("set_threads: number of threads is " + std::to_string(n) + ", expected at most " +
                              std::to_string(max_threads))
                                 .c_str(),
                             usage_error);
        CHECK(threads() == 3);
        CHECK(runs());
    }
}

TEST_CASE("set_threads: refused in a chunk, taken in a serial_scope") {
    const thread_count set(2);
    CHECK_THROWS_WITH_AS(parallel_for(10, 1, [](std::size_t, std::size_t) { set_threads(1); }),
                         "set_threads: the call is inside a parallel_for, expected outside of any", usage_error);
    CHECK_THROWS_AS(parallel_for(10, 1,
                                 [](std::size_t, std::size_t) {
                                     const serial_scope inner;
                                     set_threads(1);
                                 }),
                    usage_error);
    CHECK(threads() == 2);
    const serial_scope serial;
    set_threads(3);
    CHECK(threads() == 3);
}

#if SMLDIST_TEST_LIMITS_MEMORY
TEST_CASE("set_threads: when the system starts no more threads, the pool stays as it was") {
    const thread_count set(1);                    // a child has no thread but its own
    CHECK(run_within(std::size_t(200) << 20, [] { // 8 MB a stack
              set_threads(3);
              std::string what;
              try {
                  set_threads(500);
              } catch (const io_error& e) { what = e.what(); }
              const bool named = what.find("set_threads: number of threads that the system starts is ") == 0 &&
                                 what.find(", expected 500") != what.npos;
              if (!named || threads() != 3 || !runs()) return false;
              set_threads(4);
              return threads() == 4 && runs();
          }) == ending::as_wanted);
}

TEST_CASE("threads: the caller works when the system starts none" * doctest::skip()) { // run by the next test
    CHECK(threads() == 1);
    CHECK(runs());
}

TEST_CASE("parallel_for: the pool of a system that starts no thread is the caller") {
    CHECK(run_within(std::size_t(256) << 20, [] {
              rlimit stack{};
              ::getrlimit(RLIMIT_STACK, &stack);
              stack.rlim_cur = rlim_t(1) << 30; // what a new thread asks for
              if (::setrlimit(RLIMIT_STACK, &stack) != 0) return false;
              ::execl("/proc/self/exe", "tests", "--no-skip",
                      "--test-case=threads: the caller works when the system starts none", nullptr);
              return false;
          }) == ending::as_wanted);
}
#endif

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

#if defined(__linux__)
TEST_CASE("hardware_threads: are those to which the process is bound") {
    cpu_set_t before, one;
    REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
    CHECK(hardware_threads() == static_cast<std::size_t>(CPU_COUNT(&before)));
    CPU_ZERO(&one);
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
        if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(hardware_threads() == 1);
    REQUIRE(::sched_setaffinity(0, sizeof before, &before) == 0);
}
#endif
