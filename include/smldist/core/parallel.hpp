// SPDX-License-Identifier: BSD-3-Clause
/// A small fork-join pool. Work is cut into chunks that depend only on the problem, never on the number of threads,
/// so results are bit-identical for any number of threads, and without threads (SMLDIST_THREADS).
#ifndef SMLDIST_CORE_PARALLEL_HPP
#define SMLDIST_CORE_PARALLEL_HPP

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "smldist/core/config.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/memory.hpp"

#if SMLDIST_THREADS
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#if defined(__linux__)
#include <sched.h>
#endif
#include <thread>
#include <time.h>
#include <utility>
#include <vector>
#endif

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// The largest number that set_threads accepts; a larger one is a mistake.
inline constexpr std::size_t max_threads = 1024;

/// Threads that the machine runs at the same time, 1 to max_threads; 1 where there are no threads. On Linux those on which this
/// process may run: taskset, mpirun and Slurm bind processes to some of them.
[[nodiscard]] inline std::size_t hardware_threads() {
#if SMLDIST_THREADS
#if defined(__linux__)
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return std::clamp<std::size_t>(static_cast<std::size_t>(CPU_COUNT(&allowed)), 1, max_threads);
#endif
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, max_threads);
#else
    return 1;
#endif
}

namespace detail {

/// Where a thread is. In a chunk and in a serial_scope, its parallel_for runs on the thread itself.
enum class region : unsigned char { outside, serial, chunk };
inline region& here() {
    SMLDIST_THREAD_LOCAL region r = region::outside;
    return r;
}
/// Whether parallel_for of this thread runs only on this thread.
inline bool alone() { return here() != region::outside; }

/// Runs chunk `i` of a job, with working memory that no other chunk uses at the same time.
using chunk_function = void (*)(const void* context, std::size_t i, void* memory);

/// The working memory of a thread's chunks, taken from the thread's free blocks.
class working_memory {
public:
    explicit working_memory(std::size_t bytes) : bytes_(bytes), at_(bytes == 0 ? nullptr : memory::allocate(bytes)) {}
    ~working_memory() {
        if (at_) memory::release(at_, bytes_);
    }
    working_memory(const working_memory&) = delete;
    working_memory& operator=(const working_memory&) = delete;
    void* get() const { return at_; }

private:
    std::size_t bytes_;
    void* at_;
};

#if SMLDIST_THREADS

SMLDIST_INLINE void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/// The chunks left in a thread's range: the job number in the high half, the count in the low half. A thread with an
/// old job number cannot take chunks of a newer job, and the data of a job do not change while one of its chunks runs.
struct alignas(64) chunk_range {
    std::atomic<std::uint64_t> left{0};
};

/// The pool behind parallel_for. A waiting thread spins for at most 50 µs and then blocks, so that no core is wasted when
/// the program does something else. Fork and join take less than 1 µs while the threads spin, as in a training step, and
/// up to 20 µs when they must be woken.
///
/// Each thread starts with its own range of chunks, the same part of every job, so that an op finds in the thread's
/// cache what the op before it wrote; then it takes chunks from the ranges of the others. A job ends with its last
/// chunk: a thread that wakes up late finds nothing to do, and nobody waits for it.
class pool {
public:
    static pool& instance() {
        static pool p;
        return p;
    }

    std::size_t threads() const { return threads_.load(std::memory_order_relaxed); }

    /// Starts or ends threads until there are n. Throws io_error when the system starts fewer; the number then stays.
    [[gnu::cold]] SMLDIST_NOINLINE void resize(std::size_t n) {
        const std::lock_guard lock(owner_);
        const std::size_t before = threads();
        if (n < before) shrink(n);
        if (n > before) grow(n);
        const std::size_t got = threads();
        if (got == n) return;
        shrink(before);
        raise<io_error>("set_threads", "number of threads that the system starts is ", got, ", expected ", n);
    }

    /// Runs task(context, i, memory) for i in [0, n), each once, with `bytes` bytes of memory for each thread; `own` is
    /// the caller's. Concurrent calls run on the calling thread. What a chunk throws is caught, all others run, and
    /// then the exception of the first such chunk is thrown: the same for any number of threads.
    void run(std::size_t n, chunk_function task, const void* context, std::size_t bytes, void* own) {
        std::unique_lock lock(owner_, std::defer_lock);
        if (threads() < 2 || n > std::numeric_limits<std::uint32_t>::max() || !lock.try_lock()) {
            for (std::size_t i = 0; i < n; ++i) task(context, i, own);
            return;
        }
        task_.store(task, std::memory_order_relaxed);
        context_.store(context, std::memory_order_relaxed);
        n_.store(n, std::memory_order_relaxed);
        done_.store(0, std::memory_order_relaxed);
        bytes_.store(bytes, std::memory_order_release);
        const std::uint32_t job = epoch_.load(std::memory_order_relaxed) + 1;
        for (std::size_t t = 0; t < threads(); ++t)
            ranges_[t].left.store(std::uint64_t(job) << 32 | (end(t, n) - end(t - 1, n)), std::memory_order_release);
        epoch_.store(job, std::memory_order_release);
        epoch_.notify_all();
        work(job, 0, own);
        await(done_, [n](std::uint32_t done) { return done == n; });
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;

private:
    pool() { grow(hardware_threads()); } // as many of them as the system starts
    ~pool() { shrink(1); }

    /// POSIX's steady clock: <chrono> would cost every translation unit a quarter of a second of compile time.
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
    void work(std::uint32_t job, std::size_t me, void* memory) {
        here() = region::chunk;
        std::size_t chunk = 0;
        std::uint32_t ran = 0;
        const std::size_t count = threads(); // changes only when the job has ended
        for (std::size_t k = 0, t = me; k < count; ++k, t = t + 1 < count ? t + 1 : 0)
            for (; take(job, t, chunk); ++ran) attempt(chunk, memory);
        here() = region::outside;
        if (ran == 0) return;
        const std::size_t n = n_.load(std::memory_order_relaxed);
        if (done_.fetch_add(ran, std::memory_order_acq_rel) + ran == n) done_.notify_one();
    }

#if defined(__cpp_exceptions)
    void attempt(std::size_t chunk, void* memory) {
        try {
            task_.load(std::memory_order_relaxed)(context_.load(std::memory_order_relaxed), chunk, memory);
        } catch (...) { keep_failure(chunk); }
    }
    /// Stores the exception that is being handled, unless that of an earlier chunk is stored.
    [[gnu::cold]] SMLDIST_NOINLINE void keep_failure(std::size_t chunk) {
        const std::lock_guard lock(failing_);
        if (failure_ && failed_ < chunk) return;
        failed_ = chunk;
        failure_ = std::current_exception();
    }
#else
    void attempt(std::size_t chunk, void* memory) {
        task_.load(std::memory_order_relaxed)(context_.load(std::memory_order_relaxed), chunk, memory);
    }
#endif

    /// Whether a chunk of the job may still be taken.
    bool is_open(std::uint32_t job) const {
        for (std::size_t t = 0; t < threads(); ++t) {
            const std::uint64_t v = ranges_[t].left.load(std::memory_order_relaxed);
            if (v >> 32 == job && static_cast<std::uint32_t>(v) > 0) return true;
        }
        return false;
    }

    /// The loop of thread `me`, which has seen epoch `seen`. A thread that gets no memory leaves the job to the others.
    void serve(std::size_t me, std::uint32_t seen) {
        for (;;) {
            seen = await(epoch_, [seen](std::uint32_t now) { return now != seen; });
            if (me >= threads()) return;
            const std::size_t bytes = bytes_.load(std::memory_order_acquire);
            if (bytes > 0 && !is_open(seen)) continue; // too late: nothing to allocate for
#if defined(__cpp_exceptions)
            try {
#endif
                const working_memory memory(bytes);
                work(seen, me, memory.get());
#if defined(__cpp_exceptions)
            } catch (const std::bad_alloc&) {}
#endif
        }
    }

    /// Starts threads until there are n, or until the system refuses.
    void grow(std::size_t n) {
#if defined(__cpp_exceptions)
        try {
#endif
            workers_.reserve(n - 1);
            while (workers_.size() + 1 < n)
                workers_.emplace_back([this, me = workers_.size() + 1,
                                       seen = epoch_.load(std::memory_order_relaxed)] { serve(me, seen); });
#if defined(__cpp_exceptions)
        } catch (...) {} // std::system_error or std::bad_alloc: those that were started are in workers_
#endif
        threads_.store(workers_.size() + 1, std::memory_order_relaxed);
    }

    /// Ends all threads but n.
    void shrink(std::size_t n) {
        threads_.store(n, std::memory_order_relaxed);
        bytes_.store(0, std::memory_order_relaxed);
        epoch_.fetch_add(1, std::memory_order_release);
        epoch_.notify_all();
        for (; workers_.size() >= n; workers_.pop_back()) workers_.back().join();
    }

    inline static std::array<chunk_range, max_threads> ranges_; ///< one per thread
    std::mutex owner_, failing_;
    std::vector<std::thread> workers_;
    std::atomic<std::size_t> threads_{1};
    std::atomic<chunk_function> task_{nullptr};
    std::atomic<const void*> context_{nullptr};
    std::atomic<std::size_t> n_{0}, bytes_{0};
    std::exception_ptr failure_; ///< of chunk failed_, guarded by failing_ while the job runs
    std::size_t failed_ = 0;
    alignas(64) std::atomic<std::uint32_t> done_{0}; ///< chunks of the job that have run
    alignas(64) std::atomic<std::uint32_t> epoch_{0};
};

#endif

/// Arguments of for_chunks.
struct chunked_loop {
    std::size_t n, grain;
    void (*f)(const void*, std::size_t, std::size_t, void*);
    const void* context;

    static void run(const void* loop, std::size_t chunk, void* memory) {
        const auto& l = *static_cast<const chunked_loop*>(loop);
        const std::size_t first = chunk * l.grain;
        l.f(l.context, first, first + std::min(l.grain, l.n - first), memory);
    }
};

/// Calls f(context, first, last, memory) for the chunks of parallel_for, on this thread or on the pool's. Compiled
/// once, for all callers.
SMLDIST_NOINLINE inline void for_chunks(const chunked_loop& loop, std::size_t bytes) {
    const std::size_t chunks = loop.n / loop.grain + (loop.n % loop.grain != 0);
    if (chunks == 0) return;
    const working_memory memory(bytes);
#if SMLDIST_THREADS
    if (chunks > 1 && !alone()) return pool::instance().run(chunks, chunked_loop::run, &loop, bytes, memory.get());
#endif
    for (std::size_t i = 0; i < chunks; ++i) chunked_loop::run(&loop, i, memory.get());
}
template <class F> void call_chunk(const void* f, std::size_t first, std::size_t last, void*) {
    (*static_cast<F*>(const_cast<void*>(f)))(first, last);
}
template <class T, class F>
void call_chunk_with_scratch(const void* f, std::size_t first, std::size_t last, void* memory) {
    (*static_cast<F*>(const_cast<void*>(f)))(first, last, static_cast<T*>(memory));
}

} // namespace detail

#if SMLDIST_THREADS

/// Threads that parallel_for uses, the caller included. Default: hardware_threads(), or as many as the system starts.
[[nodiscard]] inline std::size_t threads() { return detail::pool::instance().threads(); }

/// Sets the number of threads; 0 counts as 1. Where there are no threads (SMLDIST_THREADS) it stays 1, whatever n is.
///
/// Throws     usage_error when n is more than max_threads, and in a chunk that the pool runs; io_error when the system starts
///            no more threads. The number is then what it was.
inline void set_threads(std::size_t n) {
    if (n > max_threads)
        raise<usage_error>("set_threads", "number of threads is ", n, ", expected at most ", max_threads);
    if (detail::here() == detail::region::chunk)
        raise<usage_error>("set_threads", "the call is inside a parallel_for, expected outside of any");
    detail::pool::instance().resize(std::max<std::size_t>(1, n));
}

#else

[[nodiscard]] inline std::size_t threads() { return 1; }

inline void set_threads(std::size_t n) {
    if (n > max_threads)
        raise<usage_error>("set_threads", "number of threads is ", n, ", expected at most ", max_threads);
}

#endif

/// Calls f(first, last) for every chunk of `grain` indices of [0, n); the last chunk may be shorter.
///
/// Chunks run in any order on any thread, so they must write disjoint memory; their boundaries depend only on n and
/// grain. A call from inside another parallel_for runs on the calling thread.
///
/// Throws     what f throws: the exception of the first chunk that throws, once no chunk runs any more. Whether the
///            chunks after it have run is not specified.
template <class F> void parallel_for(std::size_t n, std::size_t grain, F&& f) {
    using function = std::remove_reference_t<F>;
    detail::for_chunks({n, std::max<std::size_t>(1, grain), detail::call_chunk<function>, &f}, 0);
}

/// As parallel_for, with working memory: f(first, last, scratch), where `scratch` points to `elements` elements of
/// unspecified value, 64-byte aligned, that no other chunk uses. Allocation in a chunk could fail and would cost more.
///
/// Throws     std::bad_alloc before any chunk runs when the caller gets no memory (a thread of the pool that gets none takes
///            no part); what f throws.
template <class T, class F> void parallel_for_scratch(std::size_t n, std::size_t grain, std::size_t elements, F&& f) {
    static_assert(std::is_trivially_copyable_v<T>, "scratch elements are neither constructed nor destroyed");
    using function = std::remove_reference_t<F>;
    detail::for_chunks({n, std::max<std::size_t>(1, grain), detail::call_chunk_with_scratch<T, function>, &f},
                       memory::array_bytes(elements, sizeof(T)));
}

/// While one exists, parallel_for of this thread runs only on this thread, in the same chunks: it takes no lock and
/// does not create the pool. For real-time code, and for threads that distribute the work themselves.
class serial_scope {
public:
    serial_scope() : before_(detail::here()) {
        if (before_ == detail::region::outside) detail::here() = detail::region::serial;
    }
    ~serial_scope() { detail::here() = before_; }
    serial_scope(const serial_scope&) = delete;
    serial_scope& operator=(const serial_scope&) = delete;

private:
    detail::region before_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
