// SPDX-License-Identifier: BSD-3-Clause
/// Batches that are prepared while the previous step runs.
#ifndef SMLDIST_DATA_PREFETCHER_HPP
#define SMLDIST_DATA_PREFETCHER_HPP

#include <cstddef>
#include <utility>

#include "smldist/core/parallel.hpp"
#include "smldist/data/loader.hpp"

#if SMLDIST_THREADS
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#endif

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// A loader that works one batch ahead, on its own thread.
///
///     data::prefetcher source(data::loader(windows, options, normaliser, generator(1)));
///     for (source.start(epoch); source.next(batch);) train_on(batch);
///
/// The batches are those of the loader, bit for bit. With set_threads(1), without SMLDIST_THREADS, and when the system
/// starts no more threads, next() prepares the batch itself, without a thread. To be used from one thread at a time.
class prefetcher {
#if !SMLDIST_THREADS
public:
    explicit prefetcher(loader l) : loader_(std::move(l)) {}
    prefetcher(const prefetcher&) = delete;
    prefetcher& operator=(const prefetcher&) = delete;

    void start(std::size_t epoch) { loader_.start(epoch); }
    bool next(batch& b) { return loader_.next(b); }
    std::size_t batches() const { return loader_.batches(); }

private:
    loader loader_;
#else
public:
    explicit prefetcher(loader l) : loader_(std::move(l)) {}
    SMLDIST_FUNCTION ~prefetcher();
    prefetcher(const prefetcher&) = delete;
    prefetcher& operator=(const prefetcher&) = delete;

    /// Starts epoch `epoch`, wherever the last epoch was left.
    SMLDIST_FUNCTION void start(std::size_t epoch);

    /// The next batch of the epoch; false, and `b` untouched, at its end. Throws what the loader throws.
    SMLDIST_FUNCTION bool next(batch& b);

    std::size_t batches() const { return loader_.batches(); }

private:
    enum class state { idle, wanted, stopping };

    SMLDIST_FUNCTION void start_thread();
    SMLDIST_FUNCTION void give(state s);
    /// Waits until the thread is idle; an idle thread touches nothing.
    void await() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return state_ == state::idle; });
    }
    SMLDIST_FUNCTION void serve();
    SMLDIST_FUNCTION void prepare();

    loader loader_;
    batch ahead_;
    bool more_ = false; ///< whether `ahead_` is a batch
    std::exception_ptr failure_;
    state state_ = state::idle;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::thread worker_;
#endif
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES && SMLDIST_THREADS
#include "smldist/data/prefetcher.ipp"
#endif

#endif
