// SPDX-License-Identifier: BSD-3-Clause
/// The magnitude of a number in decimal digits: whether one that no double holds is too large or rounds to zero.
#ifndef SMLDIST_CORE_DECIMAL_HPP
#define SMLDIST_CORE_DECIMAL_HPP

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "smldist/core/config.hpp"

namespace smldist::inline SMLDIST_ABI {

/// e such that the number is 0.d… · 10^e, d its first digit that is not 0. `mantissa` has digits and at most one point,
/// `exponent` is empty or "e" and an integer.
[[gnu::cold]] inline std::int64_t decimal_exponent(std::string_view mantissa, std::string_view exponent) {
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    const std::size_t lead = std::min(mantissa.find_first_not_of("0."), mantissa.size());
    const auto shift = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(lead) + (lead > point ? 1 : 0);
    const bool negative = exponent.size() > 1 && exponent[1] == '-';
    exponent.remove_prefix(std::min(exponent.find_first_of("0123456789"), exponent.size()));
    std::int64_t e = 0;
    if (!exponent.empty() && std::from_chars(exponent.data(), exponent.data() + exponent.size(), e).ec != std::errc())
        return negative ? -1 : 1;
    return shift + (negative ? -e : e);
}

} // namespace smldist::inline SMLDIST_ABI

#endif
