// SPDX-License-Identifier: BSD-3-Clause
/// The typed errors. A message reads `where: what is GOT, expected WANT`; nothing in the library aborts or prints.
#ifndef SMLDIST_CORE_ERROR_HPP
#define SMLDIST_CORE_ERROR_HPP

#include <charconv>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "smldist/core/config.hpp"

namespace smldist::inline SMLDIST_ABI {

/// Root of everything the library throws on purpose.
class error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Shapes that do not fit an op, a layer or each other.
class shape_error : public error {
    using error::error;
};

/// A wrong argument, option or order of calls.
class usage_error : public error {
    using error::error;
};

/// Input data (recording, dataset, model file) whose content is wrong.
class data_error : public error {
    using error::error;
};

/// The operating system refused: missing file, permission, full disk, short write.
class io_error : public error {
    using error::error;
};

/// NaN, infinity or divergence in a computation.
class numeric_error : public error {
    using error::error;
};

namespace detail {

/// One part of a message. Type-erased, so that the many places that raise share one function that builds the text.
class message_part {
public:
    message_part(std::string_view text) : text_(text) {}
    message_part(const std::string& text) : text_(text) {}
    message_part(const char* text) : text_(text) {}
    template <class N>
    requires std::is_arithmetic_v<N> message_part(N n) {
        if constexpr (std::is_same_v<N, bool>)
            text_ = n ? "true" : "false";
        else if constexpr (std::is_floating_point_v<N>)
            write(static_cast<double>(n));
        else if constexpr (std::is_signed_v<N>)
            write(static_cast<long long>(n));
        else
            write(static_cast<unsigned long long>(n));
    }
    std::string_view text() const { return length_ ? std::string_view(digits_, length_) : text_; }

private:
    template <class N> SMLDIST_NOINLINE void write(N n) {
        length_ = static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, n).ptr - digits_);
    }
    std::string_view text_;
    std::size_t length_ = 0;
    char digits_[32];
};

template <class E>
[[noreturn, gnu::cold]] SMLDIST_NOINLINE void raise_parts(std::string_view where, const message_part* first,
                                                          std::size_t n) {
    std::string message(where);
    message += ": ";
    for (std::size_t i = 0; i < n; ++i) message += first[i].text();
#if defined(__cpp_exceptions)
    throw E(message);
#else
    std::terminate();
#endif
}

} // namespace detail

/// Throws `E` with the message `where: part part …`, the parts joined as they are. Without exceptions: std::terminate().
/// A part is text or a number; numbers are written in their shortest form.
template <class E, class... P> [[noreturn]] void raise(std::string_view where, const P&... parts) {
    const detail::message_part list[]{detail::message_part(parts)...};
    detail::raise_parts<E>(where, list, sizeof...(P));
}

} // namespace smldist::inline SMLDIST_ABI

#endif
