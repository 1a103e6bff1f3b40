// SPDX-License-Identifier: BSD-3-Clause
#include "allocations.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

#include "smldist/core/memory.hpp"
#include "smldist/core/parallel.hpp"

#if SMLDIST_RECYCLE_MEMORY // under sanitizers their own operators stay, and nothing is counted

namespace {
constexpr auto unlimited = std::numeric_limits<std::int64_t>::max() / 2;
std::atomic<std::size_t> count{0}, count_in_chunks{0};
std::atomic<std::int64_t> left{unlimited};

void* counted(std::size_t bytes, std::size_t alignment) {
    count.fetch_add(1, std::memory_order_relaxed);
    if (smldist::detail::here() == smldist::detail::region::chunk)
        count_in_chunks.fetch_add(1, std::memory_order_relaxed);
    if (left.fetch_sub(1, std::memory_order_relaxed) <= 0) throw std::bad_alloc();
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    if (void* block = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded)) return block;
    throw std::bad_alloc();
}
} // namespace

std::size_t allocations() { return count.load(); }
std::size_t allocations_in_chunks() { return count_in_chunks.load(); }
failing_allocations::failing_allocations(std::size_t n) { left = static_cast<std::int64_t>(n); }
failing_allocations::~failing_allocations() { left = unlimited; }

void* operator new(std::size_t bytes) { return counted(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t bytes, std::align_val_t a) { return counted(bytes, static_cast<std::size_t>(a)); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

#else
std::size_t allocations() { return 0; }
std::size_t allocations_in_chunks() { return 0; }
failing_allocations::failing_allocations(std::size_t) {}
failing_allocations::~failing_allocations() {}
#endif
