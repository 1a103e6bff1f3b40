// SPDX-License-Identifier: BSD-3-Clause
/// The parts of a loss, by name.
#ifndef SMLDIST_TRAIN_LOSS_TERMS_HPP
#define SMLDIST_TRAIN_LOSS_TERMS_HPP

#include <array>
#include <cstddef>
#include <string_view>

#include "smldist/core/error.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// A loss and its parts by name, each as it enters the sum. In the reports of an epoch: means over its windows.
///
///     loss_terms terms;
///     terms.total = 1.2;
///     terms.add("hard", 0.7);                               // a second add of this name adds to its value
///     terms["hard"];                                        // 0.7; 0 for a name that was never added
///     for (const auto& [name, value] : terms) …             // in the order in which the names were added
///
/// A name is not copied: it must outlive the terms, as a string literal does. Never allocates.
class loss_terms {
public:
    struct term {
        std::string_view name;
        double value = 0;
    };
    static constexpr std::size_t capacity = 8;

    double total = 0;

    /// Adds `value` to the term `name`, which is 0 when it is new.
    /// Throws     usage_error for more than `capacity` names.
    void add(std::string_view name, double value) {
        for (std::size_t i = 0; i < size_; ++i)
            if (terms_[i].name == name) {
                terms_[i].value += value;
                return;
            }
        if (size_ == capacity)
            raise<usage_error>("loss_terms::add", "number of names is ", size_ + 1, " with \"", name,
                               "\", expected at most ", capacity);
        terms_[size_++] = {name, value};
    }
    /// The value of a term; 0 when there is none of that name.
    double operator[](std::string_view name) const {
        for (const term& t : *this)
            if (t.name == name) return t.value;
        return 0;
    }
    const term* begin() const { return terms_.data(); }
    const term* end() const { return terms_.data() + size_; }
    std::size_t size() const { return size_; }

    loss_terms& operator+=(const loss_terms& o) {
        total += o.total;
        for (const term& t : o) add(t.name, t.value);
        return *this;
    }
    friend loss_terms operator*(loss_terms a, double k) {
        a.total *= k;
        for (std::size_t i = 0; i < a.size_; ++i) a.terms_[i].value *= k;
        return a;
    }

private:
    std::array<term, capacity> terms_{};
    std::size_t size_ = 0;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif
