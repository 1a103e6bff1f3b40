// SPDX-License-Identifier: BSD-3-Clause
/// Temporary arrays of kernels.
#ifndef SMLDIST_KERNEL_SCRATCH_HPP
#define SMLDIST_KERNEL_SCRATCH_HPP

#include <cstddef>
#include <type_traits>

#include "smldist/core/config.hpp"
#include "smldist/core/memory.hpp"

namespace smldist::kernel {
SMLDIST_NAMESPACE_BEGIN

/// `n` elements of unspecified value, 64-byte aligned, given back at the end of the scope.
/// The thread keeps the block (core/memory.hpp), so a kernel called again with the same shape does not allocate.
template <class T> class scratch {
    static_assert(std::is_trivially_copyable_v<T>, "scratch elements are neither constructed nor destroyed");

public:
    explicit scratch(std::size_t n)
        : size_(n), data_(static_cast<T*>(memory::allocate(memory::array_bytes(n, sizeof(T))))) {}
    ~scratch() { memory::release(data_, size_ * sizeof(T)); }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;

    T* data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    std::size_t size_;
    T* data_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::kernel

#endif
