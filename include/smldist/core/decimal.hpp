// SPDX-License-Identifier: BSD-3-Clause
/// Numbers in decimal digits: std::from_chars for a double where the standard library has none (libc++, and so WebAssembly
/// and macOS), and the magnitude of a number that no double can hold.
#ifndef SMLDIST_CORE_DECIMAL_HPP
#define SMLDIST_CORE_DECIMAL_HPP

#include <charconv>
#include <cstdint>
#include <string_view>

#include "smldist/core/config.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// The exponent e of a number written as 0.d… · 10^e, where the digit d is not 0. `mantissa` has digits and at most one
/// point, `exponent` is empty or "e" and an integer.
[[gnu::cold]] SMLDIST_FUNCTION std::int64_t decimal_exponent(std::string_view mantissa, std::string_view exponent);

namespace detail {

/// The same as std::from_chars for a decimal number, inf or nan, by std::strtod: the nearest double, whatever the locale.
///
/// strtod receives the digits as one integer and an exponent, without the decimal point, since that depends on the
/// locale. Of the digits beyond 800 it only matters whether one is not 0: no double, and no midpoint of two doubles, has
/// more than 768.
[[gnu::cold]] SMLDIST_FUNCTION std::from_chars_result from_chars_by_strtod(const char* first, const char* last,
                                                                           double& value);

} // namespace detail

/// std::from_chars for a decimal number, inf or nan.
SMLDIST_FUNCTION std::from_chars_result from_chars(const char* first, const char* last, double& value);

SMLDIST_NAMESPACE_END
} // namespace smldist

#if SMLDIST_BASE_BODIES
#include "smldist/core/decimal.ipp"
#endif

#endif
