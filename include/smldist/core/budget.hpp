// SPDX-License-Identifier: BSD-3-Clause
/// Budget for reading untrusted data: memory and work in proportion to its size, requested before they are used.
#ifndef SMLDIST_CORE_BUDGET_HPP
#define SMLDIST_CORE_BUDGET_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "smldist/core/error.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Counts the bytes in use and the work done for data of a given size, and bounds both:
///
///     memory ≤ 2 × data + max(16 MiB, data / 4),   work ≤ 32 × the bound on memory
///
/// The quarter, which counts for data above 64 MiB, covers the rounding of tensor blocks (core/memory.hpp). One unit of
/// work is a multiply-accumulate or anything that takes as long. A reader calls take() before it allocates memory whose
/// size depends on the data, and spend() before it computes.
class budget {
public:
    static constexpr std::size_t least = std::size_t(16) << 20; ///< bytes beyond twice the data
    static constexpr std::uint64_t work_per_byte = 32;

    /// No bounds: for data that the program made itself.
    budget() = default;
    /// For `bytes` bytes of data, named `where` (a literal) in messages. `memory` replaces the bound above; 0 keeps it.
    budget(std::string_view where, std::size_t bytes, std::size_t memory = 0)
        : where_(where), limit_(memory), given_(memory != 0) {
        allow(bytes);
    }

    /// Raises the bounds for `bytes` more bytes of data, unless the bound on memory was given.
    [[gnu::cold]] void allow(std::size_t bytes) {
        const std::size_t most = std::numeric_limits<std::size_t>::max() / 4;
        data_ = bytes > most - data_ ? most : data_ + bytes;
        if (!given_) limit_ = 2 * data_ + (data_ / 4 > least ? data_ / 4 : least);
    }
    /// Multiplies all bounds by `times`: for data that the caller converts to a type that many times as wide.
    void widen(std::size_t times) {
        const std::size_t most = std::numeric_limits<std::size_t>::max();
        limit_ = times > most / limit_ ? most : times * limit_;
        given_ = true;
    }
    /// Requests memory. Throws data_error that names `what` when the bound would be exceeded.
    [[gnu::cold]] void take(std::size_t bytes, std::string_view what) {
        if (bytes > left())
            raise<data_error>(where_, "memory with ", what, " is ", used_, " + ", bytes, " bytes, expected at most ",
                              limit_);
        used_ += bytes;
    }
    /// Returns bytes of an earlier take().
    void give_back(std::size_t bytes) { used_ -= bytes < used_ ? bytes : used_; }
    /// Bytes that take() can still grant.
    std::size_t left() const { return limit_ > used_ ? limit_ - used_ : 0; }
    std::size_t used() const { return used_; }

    /// Requests work. Throws data_error that names `what` when the bound would be exceeded.
    [[gnu::cold]] void spend(std::uint64_t work, std::string_view what) {
        const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
        const std::uint64_t bytes = limit_;
        const std::uint64_t limit = bytes > most / work_per_byte ? most : bytes * work_per_byte;
        if (work > limit - (spent_ < limit ? spent_ : limit))
            raise<data_error>(where_, "work with ", what, " is ", spent_, " + ", work,
                              " multiply-accumulates, expected at most ", limit);
        spent_ += work;
    }

    std::uint64_t spent() const { return spent_; }

    /// Memory that is given back at the end of the scope.
    class lease {
    public:
        lease(budget& from, std::size_t bytes, std::string_view what) : from_(&from), bytes_(bytes) {
            from.take(bytes, what);
        }
        lease(const lease&) = delete;
        lease& operator=(const lease&) = delete;
        ~lease() { from_->give_back(bytes_); }

    private:
        budget* from_;
        std::size_t bytes_;
    };

private:
    std::string_view where_ = "budget";
    std::size_t limit_ = std::numeric_limits<std::size_t>::max(), used_ = 0, data_ = 0;
    bool given_ = true;
    std::uint64_t spent_ = 0;
};

/// Makes room for one more element of a vector: its capacity doubles, as by push_back. Old and new storage are taken
/// from the budget; then the old storage is given back.
template <class V> void make_room(V& list, budget& from, std::string_view what) {
    const std::size_t capacity = list.capacity(), size = sizeof(typename V::value_type);
    if (list.size() < capacity) return;
    from.take((capacity == 0 ? 1 : 2 * capacity) * size, what);
    list.reserve(capacity == 0 ? 1 : 2 * capacity);
    from.give_back(capacity * size);
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
