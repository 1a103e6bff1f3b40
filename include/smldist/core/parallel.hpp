// SPDX-License-Identifier: BSD-3-Clause
/// A small fork-join pool. Work is cut into chunks that depend on the problem alone, never on the number of threads,
/// so results are bit-identical for any number of threads.
#ifndef SMLDIST_CORE_PARALLEL_HPP
#define SMLDIST_CORE_PARALLEL_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>
#include <time.h>
#include <type_traits>
#include <vector>

#include "smldist/core/config.hpp"

namespace smldist::inline SMLDIST_ABI {

namespace detail {

SMLDIST_INLINE void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/// Whether parallel_for of this thread runs on this thread alone.
inline bool& alone() {
    thread_local bool flag = false;
    return flag;
}

/// The pool behind parallel_for. A waiting thread spins at most 50 µs and then blocks: fork-join below 1 µs while a
/// training step keeps it warm, no burnt core when the program does something else.
///
/// Each thread begins with its own range of chunks, the same part of every job, so that an op finds in the thread's cache
/// what the op before it left there; then it takes from the ranges of the others. A job ends with its last chunk, not when
/// every thread has seen it: one that wakes up late finds nothing to do and is not waited for.
class pool {
public:
    static pool& instance() {
        static pool p;
        return p;
    }

    std::size_t threads() const { return threads_.load(std::memory_order_relaxed); }

    void resize(std::size_t threads) {
        const std::lock_guard lock(owner_);
        stop();
        threads_.store(std::max<std::size_t>(1, threads), std::memory_order_relaxed);
        ranges_ = std::vector<range>(this->threads());
        workers_ = std::vector<std::thread>(this->threads() - 1);
        for (std::size_t i = 0; i < workers_.size(); ++i) workers_[i] = std::thread([this, i] { serve(i + 1); });
    }

    /// Runs task(context, i) for i in [0, n), each once. Concurrent calls run on the calling thread.
    void run(std::size_t n, void (*task)(const void*, std::size_t), const void* context) {
        std::unique_lock lock(owner_, std::defer_lock);
        if (threads() < 2 || n > std::numeric_limits<std::uint32_t>::max() || !lock.try_lock()) {
            for (std::size_t i = 0; i < n; ++i) task(context, i);
            return;
        }
        task_.store(task, std::memory_order_relaxed);
        context_.store(context, std::memory_order_relaxed);
        n_.store(n, std::memory_order_relaxed);
        done_.store(0, std::memory_order_relaxed);
        const std::uint32_t job = epoch_.load(std::memory_order_relaxed) + 1;
        for (std::size_t t = 0; t < threads(); ++t)
            ranges_[t].left.store(std::uint64_t(job) << 32 | (end(t, n) - end(t - 1, n)), std::memory_order_release);
        epoch_.store(job, std::memory_order_release);
        epoch_.notify_all();
        alone() = true;
        work(job, 0);
        alone() = false;
        await(done_, [n](std::uint32_t done) { return done == n; });
    }

    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

private:
    /// What is left of a thread's chunks: the job in the high half, their number in the low half. A thread that holds an
    /// old job number cannot take from a newer one, and what belongs to a job stays as it is while a chunk of it runs.
    struct alignas(64) range {
        std::atomic<std::uint64_t> left{0};
    };

    pool() { resize(std::thread::hardware_concurrency()); }
    ~pool() { stop(); }

    /// POSIX's steady clock: <chrono> takes every unit a quarter of a second to compile.
    static std::int64_t nanoseconds() {
        timespec t{};
        ::clock_gettime(CLOCK_MONOTONIC, &t);
        return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
    }

    template <class U, class Done> static U await(std::atomic<U>& value, Done done) {
        const std::int64_t deadline = nanoseconds() + 50'000;
        for (std::size_t spin = 0;; ++spin) {
            const U now = value.load(std::memory_order_acquire);
            if (done(now)) return now;
            cpu_relax();
            if (spin % 64 == 63 && nanoseconds() > deadline) value.wait(now);
        }
    }

    /// Where the range of thread t ends; that of thread -1 ends at 0.
    std::size_t end(std::size_t t, std::size_t n) const { return (t + 1) * n / threads(); }

    /// Takes one of the job's chunks from the range of thread t, in ascending order.
    bool take(std::uint32_t job, std::size_t t, std::size_t& chunk) {
        std::atomic<std::uint64_t>& left = ranges_[t].left;
        for (std::uint64_t v = left.load(std::memory_order_relaxed);
             v >> 32 == job && static_cast<std::uint32_t>(v) > 0;)
            if (left.compare_exchange_weak(v, v - 1, std::memory_order_acquire, std::memory_order_relaxed)) {
                chunk = end(t, n_.load(std::memory_order_relaxed)) - static_cast<std::uint32_t>(v);
                return true;
            }
        return false;
    }

    /// Runs chunks of the job as thread `me` until none is left.
    void work(std::uint32_t job, std::size_t me) {
        std::size_t chunk = 0;
        std::uint32_t ran = 0;
        for (std::size_t k = 0, t = me; k < threads(); ++k, t = t + 1 == threads() ? 0 : t + 1)
            for (; take(job, t, chunk); ++ran)
                task_.load(std::memory_order_relaxed)(context_.load(std::memory_order_relaxed), chunk);
        if (ran == 0) return;
        const std::size_t n = n_.load(std::memory_order_relaxed);
        if (done_.fetch_add(ran, std::memory_order_acq_rel) + ran == n) done_.notify_one();
    }

    void serve(std::size_t me) {
        alone() = true;
        for (std::uint32_t seen = start_;;) {
            seen = await(epoch_, [seen](std::uint32_t now) { return now != seen; });
            if (stopping_.load(std::memory_order_acquire)) return;
            work(seen, me);
        }
    }

    void stop() {
        stopping_.store(true, std::memory_order_release);
        epoch_.fetch_add(1, std::memory_order_release);
        epoch_.notify_all();
        for (auto& w : workers_) w.join();
        workers_.clear();
        stopping_.store(false, std::memory_order_release);
        start_ = epoch_.load(std::memory_order_relaxed);
    }

    std::mutex owner_;
    std::vector<std::thread> workers_;
    std::vector<range> ranges_; ///< one a thread
    std::atomic<std::size_t> threads_{1};
    std::atomic<void (*)(const void*, std::size_t)> task_{nullptr};
    std::atomic<const void*> context_{nullptr};
    std::atomic<std::size_t> n_{0};
    std::uint32_t start_ = 0;
    alignas(64) std::atomic<std::uint32_t> done_{0}; ///< chunks of the job that have run
    alignas(64) std::atomic<std::uint32_t> epoch_{0};
    std::atomic<bool> stopping_{false};
};

/// Calls f(context, first, last) for the chunks of parallel_for: on this thread or on the pool's, compiled once for all.
SMLDIST_NOINLINE inline void for_chunks(std::size_t n, std::size_t grain,
                                        void (*f)(const void*, std::size_t, std::size_t), const void* context) {
    const std::size_t chunks = (n + grain - 1) / grain;
    const auto run = [=](std::size_t chunk) { f(context, chunk * grain, std::min(n, (chunk + 1) * grain)); };
    if (chunks > 1 && !alone())
        return pool::instance().run(
            chunks, [](const void* job, std::size_t chunk) { (*static_cast<decltype(&run)>(job))(chunk); }, &run);
    for (std::size_t i = 0; i < chunks; ++i) run(i);
}
template <class F> void call_chunk(const void* f, std::size_t first, std::size_t last) {
    (*static_cast<F*>(const_cast<void*>(f)))(first, last);
}

} // namespace detail

/// Threads that parallel_for uses, the caller included. Default: the machine's.
inline std::size_t threads() { return detail::pool::instance().threads(); }

/// Sets the number of threads (at least 1). Not to be called from inside a parallel_for.
inline void set_threads(std::size_t n) { detail::pool::instance().resize(n); }

/// Calls f(first, last) for every chunk of `grain` indices of [0, n); the last chunk may be shorter.
///
/// Chunks run in any order on any thread, so they must write disjoint memory; their boundaries depend on n and grain
/// alone. `f` must not throw. A call from inside another parallel_for runs on the calling thread.
template <class F> void parallel_for(std::size_t n, std::size_t grain, F&& f) {
    using function = std::remove_reference_t<F>;
    detail::for_chunks(n, std::max<std::size_t>(1, grain), detail::call_chunk<function>, &f);
}

/// While one lives, parallel_for of this thread runs on this thread alone, in the same chunks: no lock, and the pool is not
/// even made. For code that runs in real time, and for threads that share out the work themselves.
class serial_scope {
public:
    serial_scope() : before_(detail::alone()) { detail::alone() = true; }
    ~serial_scope() { detail::alone() = before_; }
    serial_scope(const serial_scope&) = delete;
    serial_scope& operator=(const serial_scope&) = delete;

private:
    bool before_;
};

} // namespace smldist::inline SMLDIST_ABI

#endif
