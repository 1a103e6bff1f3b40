// SPDX-License-Identifier: BSD-3-Clause
/// The error of a text that is not JSON, and equality of numbers.
#ifndef SMLDIST_TESTS_IO_JSON_CHECK_HPP
#define SMLDIST_TESTS_IO_JSON_CHECK_HPP

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <string>

#include "smldist/io/json.hpp"

inline bool same_bits(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// "message at byte N"; "" if the text is valid.
inline std::string error_of(const std::string& text, smldist::io::json_limits limits = {}) {
    smldist::io::json out("not reset");
    smldist::io::parse_error error;
    if (smldist::io::json::parse(text, out, error, limits)) return "";
    CHECK(out.is_null());
    return error.what + " at byte " + std::to_string(error.offset);
}

#endif
