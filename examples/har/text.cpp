// SPDX-License-Identifier: BSD-3-Clause
#include "text.hpp"

#include <algorithm>

namespace har {

namespace {
bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::string blanks(const std::string& text, std::size_t columns) {
    return std::string(columns - std::min(columns, characters(text)), ' ');
}
} // namespace

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string shortened(const std::string& text, std::size_t most) {
    std::size_t count = 0, cut = text.size();
    for (std::size_t i = 0; i < text.size(); ++i)
        if (begins_character(text[i]) && ++count == most) cut = i;
    return count > most ? text.substr(0, cut) + "…" : text;
}

std::string left_aligned(std::string text, std::size_t columns) { return text + blanks(text, columns); }
std::string right_aligned(std::string text, std::size_t columns) { return blanks(text, columns) + text; }

bool is_number(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

} // namespace har
