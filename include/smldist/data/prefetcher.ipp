// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/prefetcher.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

prefetcher::~prefetcher() {
    if (!worker_.joinable()) return;
    give(state::stopping);
    worker_.join();
}

void prefetcher::start(std::size_t epoch) {
    if (worker_.joinable()) await();
    loader_.start(epoch);
    if (!worker_.joinable() && threads() > 1) start_thread();
    if (worker_.joinable()) give(state::wanted);
}

bool prefetcher::next(batch& b) {
    if (!worker_.joinable()) return loader_.next(b);
    await();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    if (!more_) return false;
    std::swap(b, ahead_);
    give(state::wanted);
    return true;
}

void prefetcher::start_thread() {
#if defined(__cpp_exceptions)
    try {
        worker_ = std::thread([this] { serve(); });
    } catch (const std::system_error&) {} // next() then prepares the batches
#else
    worker_ = std::thread([this] { serve(); });
#endif
}

void prefetcher::give(state s) {
    {
        const std::lock_guard lock(mutex_);
        state_ = s;
    }
    changed_.notify_all();
}

void prefetcher::serve() {
    const serial_scope serial; // leaves the pool to the training step
    for (std::unique_lock lock(mutex_);;) {
        changed_.wait(lock, [this] { return state_ != state::idle; });
        if (state_ == state::stopping) return;
        lock.unlock();
        prepare();
        lock.lock();
        if (state_ == state::wanted) state_ = state::idle;
        changed_.notify_all();
    }
}

void prefetcher::prepare() {
    more_ = false;
#if defined(__cpp_exceptions)
    try {
        more_ = loader_.next(ahead_);
    } catch (...) { failure_ = std::current_exception(); }
#else
    more_ = loader_.next(ahead_);
#endif
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
