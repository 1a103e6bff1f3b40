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
#include "smldist/core/printable.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

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

/// One part of a message: text, or a number, which is written in its shortest form. Text is cut to 1000 bytes. A part
/// refers to its text. It is type-erased, so that all callers of raise share the functions that build the message; making
/// a part takes two or three stores.
class message_part {
public:
    message_part(std::string_view text) : text_(text), append_(append_text) {}
    message_part(const std::string& text) : message_part(std::string_view(text)) {}
    message_part(const char* text) : message_part(std::string_view(text)) {}
    /// Text that `append` writes in its own form.
    message_part(std::string_view text, void (*append)(std::string&, const message_part&))
        : text_(text), append_(append) {}
    template <class N>
    requires std::is_arithmetic_v<N> message_part(N n) {
        if constexpr (std::is_same_v<N, bool>) {
            *this = message_part(n ? "true" : "false");
        } else if constexpr (std::is_floating_point_v<N>) {
            real_ = static_cast<double>(n);
            append_ = append_real;
        } else {
            whole_ = static_cast<long long>(n);
            append_ = std::is_signed_v<N> ? append_signed : append_unsigned;
        }
    }
    std::string_view text() const { return text_; }
    void append_to(std::string& out) const { append_(out, *this); }

private:
    SMLDIST_FUNCTION static void append_text(std::string& out, const message_part& p);
    static void append_real(std::string& out, const message_part& p) { append_number(out, p.real_); }
    static void append_signed(std::string& out, const message_part& p) { append_number(out, p.whole_); }
    static void append_unsigned(std::string& out, const message_part& p) {
        append_number(out, static_cast<unsigned long long>(p.whole_));
    }
    template <class N> static void append_number(std::string& out, N n) {
        char digits[32];
        out.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
    }

    std::string_view text_;
    union {
        long long whole_ = 0;
        double real_;
    };
    void (*append_)(std::string&, const message_part&);
};

/// Appends the n parts from `first` to `out`, in order and without separators.
[[gnu::cold]] SMLDIST_NOINLINE inline void append_parts(std::string& out, const message_part* first, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) first[i].append_to(out);
}

/// raise() for n parts from `first`: for functions that pass on the parts they were given.
template <class E>
[[noreturn, gnu::cold]] SMLDIST_NOINLINE void raise_parts(std::string_view where, const message_part* first,
                                                          std::size_t n) {
    std::string message(where);
    message += ": ";
    append_parts(message, first, n);
    message = printable(message);
#if defined(__cpp_exceptions)
    throw E(message);
#else
    std::terminate();
#endif
}

/// Throws `E` with the message `where: part part …`, the parts joined without separators. Without exceptions it calls
/// std::terminate(). Parts are as message_part takes them. Text may come from a file: append_printable makes the message
/// printable.
template <class E, class... P> [[noreturn]] void raise(std::string_view where, const P&... parts) {
    const message_part list[]{message_part(parts)...};
    raise_parts<E>(where, list, sizeof...(P));
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#if SMLDIST_BASE_BODIES
#include "smldist/core/error.ipp"
#endif

#endif
