// SPDX-License-Identifier: BSD-3-Clause
/// Texts of tables and pictures, in UTF-8.
#ifndef HAR_TEXT_HPP
#define HAR_TEXT_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace har {

/// The number of its characters.
std::size_t characters(std::string_view text);
/// The text itself if it has at most `most` characters; else the first most - 1 of them and an ellipsis.
std::string shortened(const std::string& text, std::size_t most);
/// The text with blanks after or before it, so that it has at least so many characters.
std::string left_aligned(std::string text, std::size_t columns);
std::string right_aligned(std::string text, std::size_t columns);
/// Whether it has digits and nothing else.
bool is_number(std::string_view text);

} // namespace har

#endif
