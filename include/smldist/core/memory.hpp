// SPDX-License-Identifier: BSD-3-Clause
/// Storage of tensors: 64-byte aligned blocks. The thread that frees a block keeps it for its next request of the size.
///
/// Blocks of 32 KB or more lie on pages of 2 MB where Linux provides them.
///
/// A warm training step requests the same sizes as the step before, so it never allocates from the heap. A block goes
/// back to the cache of the thread that *frees* it; a thread that only makes tensors for others should reuse buffers
/// that are returned to it, as `data/loader.hpp` does.
#ifndef SMLDIST_CORE_MEMORY_HPP
#define SMLDIST_CORE_MEMORY_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

#include "smldist/core/config.hpp"

#if SMLDIST_THREADS
#include <atomic>
#endif

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
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if SMLDIST_RECYCLE_MEMORY && defined(MADV_HUGEPAGE) && defined(__LP64__)
#define SMLDIST_HUGE_PAGES 1 ///< large blocks are grouped and request pages of 2 MB
#else
#define SMLDIST_HUGE_PAGES 0
#endif

namespace smldist::memory {
SMLDIST_NAMESPACE_BEGIN

inline constexpr std::size_t alignment = 64;
/// A thread keeps at most this many free bytes; beyond it, freed blocks go back to the heap.
inline constexpr std::size_t cache_limit = std::size_t(512) << 20;
/// Bytes of a huge page, where there are any.
inline constexpr std::size_t huge_page = std::size_t(2) << 20;

/// Smallest block size that serves `bytes`: four sizes per octave, so at most 25 % stays unused.
[[nodiscard]] inline std::size_t block_size(std::size_t bytes) {
    if (bytes <= 256) return (bytes + 63) / 64 * 64;
    const std::size_t step = std::bit_floor(bytes - 1) / 4;
    return (bytes + step - 1) / step * step;
}

namespace detail {

inline void* heap_allocate(std::size_t bytes, std::size_t align = alignment) {
    return ::operator new(bytes, std::align_val_t(align));
}
inline void heap_release(void* block, std::size_t align = alignment) {
    ::operator delete(block, std::align_val_t(align));
}

#if SMLDIST_HUGE_PAGES
/// 8 MB from which blocks of 32 KB to 2 MB are cut, so that they lie on huge pages: a training step touches more memory
/// than the TLB covers with small pages. The slab goes back to the heap with the last of its blocks.
class slab {
public:
    static bool serves(std::size_t size) { return size >= std::size_t(32) << 10 && size < huge_page; }
    /// The first `plain` bytes stay on small pages, which take memory only where they are used.
    static slab* make(std::size_t plain) {
        auto* const s = ::new (heap_allocate(bytes, bytes)) slab;
        ::madvise(reinterpret_cast<std::byte*>(s) + plain, bytes - plain, MADV_HUGEPAGE);
        return s;
    }
    static slab* of(void* block) {
        return reinterpret_cast<slab*>(reinterpret_cast<std::uintptr_t>(block) / bytes * bytes);
    }
    /// Cuts a block; null when too little is left. Only for the thread that made the slab.
    void* take(std::size_t size) {
        if (used_ + size > bytes) return nullptr;
#if SMLDIST_THREADS
        users_.fetch_add(1, std::memory_order_relaxed);
#else
        ++users_;
#endif
        void* const block = reinterpret_cast<std::byte*>(this) + used_;
        used_ += size;
        return block;
    }
    /// Drops one reference: that of a block, or that of the thread that made the slab.
    void drop() {
#if SMLDIST_THREADS
        const bool last = users_.fetch_sub(1, std::memory_order_acq_rel) == 1;
#else
        const bool last = --users_ == 0;
#endif
        if (last) heap_release(this, bytes);
    }

    static constexpr std::size_t bytes = 4 * huge_page;

private:
    slab() = default;

#if SMLDIST_THREADS
    std::atomic<std::size_t> users_{1};
#else
    std::size_t users_ = 1;
#endif
    std::size_t used_ = alignment;
};
#endif

/// Bytes in use for a block of this size: its share of a slab, including an end of the slab that fits no further block.
inline std::size_t resident(std::size_t size) {
#if SMLDIST_HUGE_PAGES
    if (slab::serves(size)) return slab::bytes / ((slab::bytes - alignment) / size);
#endif
    return size;
}

/// How many bytes the new blocks of a thread may still take, and whether one was refused.
struct allowance {
    std::size_t left;
    bool refused = false;
};
/// The allowance of this thread while a limit exists, otherwise null.
inline allowance*& allowed() {
    SMLDIST_THREAD_LOCAL allowance* of_this_thread = nullptr;
    return of_this_thread;
}

/// Frees a block of new_block.
inline void delete_block(void* block, std::size_t size) {
    if (allowed()) allowed()->left += resident(size);
#if SMLDIST_HUGE_PAGES
    if (slab::serves(size)) return slab::of(block)->drop();
    if (size >= huge_page) return heap_release(block, huge_page);
#endif
    static_cast<void>(size);
    heap_release(block);
}

/// Free lists of one thread, one per block size; a free block's first word links to the next.
class cache {
public:
    ~cache() {
        trim();
#if SMLDIST_HUGE_PAGES
        if (slab_) slab_->drop();
#endif
        gone() = true;
    }
    /// This thread's cache, or null while the thread is shutting down.
    static cache* mine() {
        if (gone()) return nullptr;
        SMLDIST_THREAD_LOCAL cache c;
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
        for (std::size_t i = 0; i < free_.size(); ++i)
            while (free_[i]) {
                void* next = *static_cast<void**>(free_[i]);
                delete_block(free_[i], size(i));
                free_[i] = next;
            }
        cached_ = 0;
    }
#if SMLDIST_HUGE_PAGES
    /// Cuts a block from a slab.
    void* cut(std::size_t size) {
        void* block = slab_ ? slab_->take(size) : nullptr;
        if (block) return block;
        slab* const next = slab::make(slab_ ? 0 : huge_page); // a thread that needs little memory takes little
        if (slab_) slab_->drop();
        slab_ = next;
        return slab_->take(size);
    }
#endif

private:
    static bool& gone() {
        SMLDIST_THREAD_LOCAL bool flag = false;
        return flag;
    }
    /// Sizes 64, 128, 192, 256, then four per octave.
    static std::size_t index(std::size_t size) {
        if (size <= 256) return size / 64 - 1;
        const auto octave = std::size_t(std::bit_width(size - 1)) - 1; // size in (2^octave, 2^(octave+1)]
        return 4 + (octave - 8) * 4 + ((size - 1) >> (octave - 2)) % 4;
    }
    /// The inverse of index.
    static std::size_t size(std::size_t i) { return i < 4 ? (i + 1) * 64 : (5 + i % 4) << (i / 4 + 5); }
    std::array<void*, 4 + 4 * 56> free_{};
    std::size_t cached_ = 0;
#if SMLDIST_HUGE_PAGES
    slab* slab_ = nullptr; ///< the last one that this thread made
#endif
};

[[noreturn, gnu::cold]] inline void throw_bad_alloc() {
#if defined(__cpp_exceptions)
    throw std::bad_alloc();
#else
    std::abort();
#endif
}

/// A new block, not from a free list. `size` is a block_size where memory is recycled.
inline void* new_block(std::size_t size) {
    if (allowance* const here = allowed()) {
        here->refused = resident(size) > here->left;
        if (here->refused) throw_bad_alloc();
        here->left -= resident(size);
    }
#if SMLDIST_HUGE_PAGES
    if (slab::serves(size)) {
        if (auto* c = cache::mine()) return c->cut(size);
        slab* const s = slab::make(0);
        void* const block = s->take(size);
        s->drop();
        return block;
    }
    if (size >= huge_page) {
        void* const block = heap_allocate(size, huge_page);
        ::madvise(block, size / huge_page * huge_page, MADV_HUGEPAGE);
        return block;
    }
#endif
    return heap_allocate(size);
}

} // namespace detail

/// n · size. Throws std::bad_alloc for more bytes than a block can have, soon reached with 32 bits.
[[nodiscard]] inline std::size_t array_bytes(std::size_t n, std::size_t size) {
    if (size != 0 && n > std::numeric_limits<std::size_t>::max() / 4 / size) detail::throw_bad_alloc();
    return n * size;
}

/// A block of at least `bytes` bytes, 64-byte aligned, contents unspecified; null for 0 bytes. Throws std::bad_alloc.
SMLDIST_NOINLINE inline void* allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
#if SMLDIST_RECYCLE_MEMORY
    const std::size_t size = block_size(bytes);
    if (auto* c = detail::cache::mine())
        if (void* block = c->take(size)) return block;
    return detail::new_block(size);
#else
    return detail::new_block(bytes);
#endif
}

/// As allocate, but always from the heap. For memory that outlives the step that makes it (an optimiser's state): the
/// next step then finds all the blocks that this one freed.
SMLDIST_NOINLINE inline void* allocate_lasting(std::size_t bytes) {
    return bytes == 0 ? nullptr : detail::new_block(SMLDIST_RECYCLE_MEMORY ? block_size(bytes) : bytes);
}

/// Frees a block of allocate(bytes) or allocate_lasting(bytes).
SMLDIST_NOINLINE inline void release(void* block, std::size_t bytes) {
    if (!block) return;
#if SMLDIST_RECYCLE_MEMORY
    if (auto* c = detail::cache::mine())
        if (c->keep(block, block_size(bytes))) return;
#endif
    detail::delete_block(block, SMLDIST_RECYCLE_MEMORY ? block_size(bytes) : bytes);
}

namespace detail {
inline std::size_t page_alignment(std::size_t bytes) { return bytes >= huge_page ? huge_page : alignment; }
} // namespace detail

/// A block from the heap for data that is written once and kept: a file, the weights of a program. The first `filled`
/// bytes will be written soon, so the huge pages that lie entirely among them are requested: the system clears one in a
/// tenth of the time of 512 page faults. This does not increase the memory in use. Null for 0 bytes. Throws
/// std::bad_alloc.
SMLDIST_NOINLINE inline void* allocate_pages(std::size_t bytes, std::size_t filled) {
    if (bytes == 0) return nullptr;
    void* const block = detail::heap_allocate(bytes, detail::page_alignment(bytes));
#if defined(MADV_HUGEPAGE)
    if (filled >= huge_page) ::madvise(block, filled / huge_page * huge_page, MADV_HUGEPAGE); // a hint: it may fail
#else
    static_cast<void>(filled);
#endif
    return block;
}
/// Returns a block of allocate_pages(bytes, …) to the heap.
SMLDIST_NOINLINE inline void release_pages(void* block, std::size_t bytes) {
    if (block) detail::heap_release(block, detail::page_alignment(bytes));
}

/// Allocator for a vector that is filled right after it is made: its elements start with unspecified values, in memory
/// of allocate_pages.
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

/// Bytes in use for allocate(bytes): for a small block its size and its share of what a slab loses, for a large block
/// the bytes that are touched and the rest of the huge page on which they end.
[[nodiscard]] inline std::size_t footprint(std::size_t bytes) {
    const std::size_t size = block_size(bytes), huge = size / huge_page * huge_page;
    if (size < huge_page) return detail::resident(size);
    return bytes > huge ? bytes : (bytes + huge_page - 1) / huge_page * huge_page;
}

/// While one exists, the new blocks of this thread take at most the given number of bytes. A block that would exceed it
/// throws std::bad_alloc; refused() tells this from a machine that is out of memory. Blocks from the thread's free
/// lists do not count, since their memory is already in use.
class limit {
public:
    explicit limit(std::size_t bytes) : mine_{bytes}, before_(std::exchange(detail::allowed(), &mine_)) {}
    ~limit() { detail::allowed() = before_; }
    limit(const limit&) = delete;
    limit& operator=(const limit&) = delete;
    bool refused() const { return mine_.refused; }

private:
    detail::allowance mine_;
    detail::allowance* before_;
};

/// Returns this thread's free blocks to the heap.
inline void trim() {
    if (auto* c = detail::cache::mine()) c->trim();
}

SMLDIST_NAMESPACE_END
} // namespace smldist::memory

#endif
