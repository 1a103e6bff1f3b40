// SPDX-License-Identifier: BSD-3-Clause
/// The functions of core/decimal.hpp, which includes this file; see SMLDIST_BASE_BODIES.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <system_error>

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

std::int64_t decimal_exponent(std::string_view mantissa, std::string_view exponent) {
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

namespace detail {

std::from_chars_result from_chars_by_strtod(const char* first, const char* last, double& value) {
    constexpr std::size_t most = 800;
    char text[most + 32];
    std::size_t n = 0;
    const auto is_digit = [last](const char* c) { return c != last && *c >= '0' && *c <= '9'; };
    const bool negative = first != last && *first == '-';
    const char* at = first + negative;
    bool any = false, point = false, rest = false;
    long long exponent = 0; // of the digits as an integer
    for (; is_digit(at) || (at != last && *at == '.' && !point); ++at) {
        if (*at == '.') {
            point = true;
            continue;
        }
        any = true;
        exponent -= point;
        if (n == most) {
            ++exponent;
            rest = rest || *at != '0';
        } else if (n > 0 || *at != '0')
            text[n++] = *at;
    }
    if (!any) {
        constexpr std::string_view words[]{"infinity", "inf", "nan"};
        for (const std::string_view word : words) {
            const char* c = first + negative;
            const auto same = [&](char w) { return c != last && (*c++ | 0x20) == w; };
            if (!std::all_of(word.begin(), word.end(), same)) continue;
            const double number = word == "nan" ? std::numeric_limits<double>::quiet_NaN() : HUGE_VAL;
            value = negative ? -number : number;
            return {c, std::errc()};
        }
        return {first, std::errc::invalid_argument};
    }
    if (at != last && (*at == 'e' || *at == 'E')) {
        const char* digit = at + 1;
        const bool minus = digit != last && *digit == '-';
        if (minus || (digit != last && *digit == '+')) ++digit;
        long long given = 0;
        for (; is_digit(digit); at = ++digit) given = std::min(given * 10 + (*digit - '0'), 1LL << 48);
        exponent += minus ? -given : given;
    }
    if (n == 0) {
        value = negative ? -0.0 : 0.0;
        return {at, std::errc()};
    }
    if (rest) {
        text[n++] = '1';
        --exponent;
    }
    const long long magnitude = exponent + static_cast<long long>(n); // the number is less than ten to this
    if (magnitude > 310 || magnitude < -330) return {at, std::errc::result_out_of_range};
    text[n++] = 'e';
    *std::to_chars(text + n, text + sizeof text - 1, exponent).ptr = '\0';
    const double got = std::strtod(text, nullptr);
    if (got == 0 || std::isinf(got)) return {at, std::errc::result_out_of_range};
    value = negative ? -got : got;
    return {at, std::errc()};
}

} // namespace detail

std::from_chars_result from_chars(const char* first, const char* last, double& value) {
#if defined(__cpp_lib_to_chars)
    return std::from_chars(first, last, value);
#else
    return detail::from_chars_by_strtod(first, last, value);
#endif
}

SMLDIST_NAMESPACE_END
} // namespace smldist
