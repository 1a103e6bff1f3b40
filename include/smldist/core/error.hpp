// SPDX-License-Identifier: BSD-3-Clause
/// The typed errors. A message reads `where: what is GOT, expected WANT`; nothing in the library aborts or prints.
#ifndef SMLDIST_CORE_ERROR_HPP
#define SMLDIST_CORE_ERROR_HPP

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
template <class P> std::string text(const P& part) {
    if constexpr (std::is_same_v<P, bool>)
        return part ? "true" : "false";
    else if constexpr (std::is_arithmetic_v<P>)
        return std::to_string(part);
    else
        return std::string(std::string_view(part));
}
} // namespace detail

/// Throws `E` with the message `where: part part …`, the parts joined as they are.
/// Numbers are written as std::to_string does. Parts of class type need a conversion to string_view.
template <class E, class... P> [[noreturn]] SMLDIST_NOINLINE void raise(std::string_view where, const P&... parts) {
    std::string message(where);
    message += ": ";
    ((message += detail::text(parts)), ...);
    throw E(message);
}

} // namespace smldist::inline SMLDIST_ABI

#endif
