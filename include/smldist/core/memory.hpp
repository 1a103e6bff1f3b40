// SPDX-License-Identifier: BSD-3-Clause
/// Storage of tensors: 64-byte aligned blocks that the thread which frees them keeps for its next request of that size.
///
/// A warmed-up training step asks for the sizes of the step before, so it never reaches the heap. A block goes back to
/// the cache of the thread that *frees* it; a thread that only makes tensors for others should hand out buffers that
/// it gets back (`data/loader.hpp` does).
#ifndef SMLDIST_CORE_MEMORY_HPP
#define SMLDIST_CORE_MEMORY_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "smldist/core/config.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define SMLDIST_RECYCLE_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SMLDIST_RECYCLE_MEMORY 0
#endif
#endif
#ifndef SMLDIST_RECYCLE_MEMORY
#define SMLDIST_RECYCLE_MEMORY 1 ///< 0 under sanitizers, which then see every lifetime
#endif

namespace smldist::inline SMLDIST_ABI::memory {

inline constexpr std::size_t alignment = 64;
/// A thread keeps at most this many free bytes; beyond it, freed blocks go back to the heap.
inline constexpr std::size_t cache_limit = std::size_t(512) << 20;

/// Smallest block size that serves `bytes`: four sizes an octave, so at most 25 % stays unused.
inline std::size_t block_size(std::size_t bytes) {
    if (bytes <= 256) return (bytes + 63) / 64 * 64;
    const std::size_t step = std::bit_floor(bytes - 1) / 4;
    return (bytes + step - 1) / step * step;
}

namespace detail {

inline void* heap_allocate(std::size_t bytes) { return ::operator new(bytes, std::align_val_t(alignment)); }
inline void heap_release(void* block) { ::operator delete(block, std::align_val_t(alignment)); }

/// Free lists of one thread, one a block size; a free block's first word links to the next.
class cache {
public:
    ~cache() {
        trim();
        gone() = true;
    }
    /// This thread's cache, or null while the thread is shutting down.
    static cache* mine() {
        if (gone()) return nullptr;
        thread_local cache c;
        return &c;
    }
    void* take(std::size_t size) {
        void*& head = free_[index(size)];
        if (!head) return nullptr;
        void* block = head;
        head = *static_cast<void**>(block);
        cached_ -= size;
        return block;
    }
    bool keep(void* block, std::size_t size) {
        if (cached_ + size > cache_limit) return false;
        void*& head = free_[index(size)];
        *static_cast<void**>(block) = head;
        head = block;
        cached_ += size;
        return true;
    }
    void trim() {
        for (void*& head : free_)
            while (head) {
                void* next = *static_cast<void**>(head);
                heap_release(head);
                head = next;
            }
        cached_ = 0;
    }

private:
    static bool& gone() {
        thread_local bool flag = false;
        return flag;
    }
    /// Sizes 64, 128, 192, 256, then four an octave.
    static std::size_t index(std::size_t size) {
        if (size <= 256) return size / 64 - 1;
        const auto octave = std::size_t(std::bit_width(size - 1)) - 1; // size in (2^octave, 2^(octave+1)]
        return 4 + (octave - 8) * 4 + ((size - 1) >> (octave - 2)) % 4;
    }
    std::array<void*, 4 + 4 * 56> free_{};
    std::size_t cached_ = 0;
};

} // namespace detail

/// A block of at least `bytes` bytes, 64-byte aligned, contents unspecified; null for 0 bytes. Throws std::bad_alloc.
SMLDIST_NOINLINE inline void* allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
#if SMLDIST_RECYCLE_MEMORY
    const std::size_t size = block_size(bytes);
    if (auto* c = detail::cache::mine())
        if (void* block = c->take(size)) return block;
    return detail::heap_allocate(size);
#else
    return detail::heap_allocate(bytes);
#endif
}

/// As allocate, but always from the heap. For what outlives the step that makes it (an optimiser's state), so that the next
/// step finds all the blocks that the last one gave back.
SMLDIST_NOINLINE inline void* allocate_lasting(std::size_t bytes) {
    return bytes == 0 ? nullptr : detail::heap_allocate(SMLDIST_RECYCLE_MEMORY ? block_size(bytes) : bytes);
}

/// Gives a block of allocate(bytes) or allocate_lasting(bytes) back.
SMLDIST_NOINLINE inline void release(void* block, std::size_t bytes) {
    if (!block) return;
#if SMLDIST_RECYCLE_MEMORY
    if (auto* c = detail::cache::mine())
        if (c->keep(block, block_size(bytes))) return;
#endif
    static_cast<void>(bytes);
    detail::heap_release(block);
}

/// Bytes of a huge page, where there are any.
inline constexpr std::size_t huge_page = std::size_t(2) << 20;

namespace detail {
inline std::align_val_t page_alignment(std::size_t bytes) {
    return std::align_val_t(bytes >= huge_page ? huge_page : alignment);
}
} // namespace detail

/// A block from the heap for what is filled once and kept: a file, the weights of a program. Its first `filled` bytes are to be
/// written soon: huge pages that lie whole among them are asked for, since the system clears one in a tenth of the time that
/// its 512 small ones take, fault by fault. No more memory is in use than without. Null for 0 bytes. Throws std::bad_alloc.
SMLDIST_NOINLINE inline void* allocate_pages(std::size_t bytes, std::size_t filled) {
    if (bytes == 0) return nullptr;
    void* const block = ::operator new(bytes, detail::page_alignment(bytes));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (filled >= huge_page) ::madvise(block, filled / huge_page * huge_page, MADV_HUGEPAGE); // advice: it may fail
#else
    static_cast<void>(filled);
#endif
    return block;
}
/// Gives a block of allocate_pages(bytes, …) back to the heap.
SMLDIST_NOINLINE inline void release_pages(void* block, std::size_t bytes) {
    if (block) ::operator delete(block, detail::page_alignment(bytes));
}

/// Of a vector that is filled right after it was made: elements begin with unspecified values, in memory of allocate_pages.
template <class T> struct page_allocator {
    using value_type = T;

    page_allocator() = default;
    template <class U> page_allocator(const page_allocator<U>&) {}
    T* allocate(std::size_t n) { return static_cast<T*>(allocate_pages(n * sizeof(T), n * sizeof(T))); }
    void deallocate(T* block, std::size_t n) { release_pages(block, n * sizeof(T)); }
    template <class U> void construct(U* at) { ::new (static_cast<void*>(at)) U; }
    template <class U, class V> void construct(U* at, V&& value) {
        ::new (static_cast<void*>(at)) U(static_cast<V&&>(value));
    }
    friend bool operator==(const page_allocator&, const page_allocator&) { return true; }
};

/// Returns this thread's free blocks to the heap.
inline void trim() {
    if (auto* c = detail::cache::mine()) c->trim();
}

} // namespace smldist::inline SMLDIST_ABI::memory

#endif
