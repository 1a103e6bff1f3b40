// SPDX-License-Identifier: BSD-3-Clause
/// Text from files, made safe to show: UTF-8 is checked, control characters become visible.
#ifndef SMLDIST_CORE_PRINTABLE_HPP
#define SMLDIST_CORE_PRINTABLE_HPP

#include <cstddef>
#include <string>
#include <string_view>

#include "smldist/core/config.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Length of the longest prefix that is valid UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF).
[[nodiscard]] SMLDIST_FUNCTION std::size_t valid_utf8_prefix(std::string_view text);

/// Number of bytes of the control character that `text` begins with: 1 for U+0000 to U+001F and U+007F, 2 for U+0080 to
/// U+009F in UTF-8; 0 when it begins with none.
[[nodiscard]] SMLDIST_FUNCTION std::size_t control_prefix(std::string_view text);

/// Appends `text` so that any terminal can show it: each byte of a control character, and each that is not
/// UTF-8, as \xNN; all else unchanged.
[[gnu::cold]] SMLDIST_FUNCTION void append_printable(std::string& out, std::string_view text);
/// The same, returned as a string.
[[nodiscard]] [[gnu::cold]] SMLDIST_FUNCTION std::string printable(std::string_view text);

SMLDIST_NAMESPACE_END
} // namespace smldist

#if SMLDIST_BASE_BODIES
#include "smldist/core/printable.ipp"
#endif

#endif
