// SPDX-License-Identifier: BSD-3-Clause
/// The functions of core/printable.hpp, which includes this file; see SMLDIST_BASE_BODIES.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

std::size_t valid_utf8_prefix(std::string_view text) {
    const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    std::size_t i = 0;
    while (i < text.size()) {
        if (std::uint64_t eight = 0; text.size() - i >= 8) { // plain ASCII: eight bytes at a time
            std::memcpy(&eight, text.data() + i, 8);
            if ((eight & 0x8080'8080'8080'8080U) == 0) {
                i += 8;
                continue;
            }
        }
        const unsigned lead = byte(i);
        const std::size_t length = lead < 0x80                   ? 1
                                   : lead >= 0xC2 && lead < 0xE0 ? 2
                                   : lead >= 0xE0 && lead < 0xF0 ? 3
                                   : lead >= 0xF0 && lead < 0xF5 ? 4
                                                                 : 0;
        if (length == 0) break;
        if (length > 1) { // the range of the second byte excludes overlong forms, surrogates and what is too large
            const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
            const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
            if (byte(i + 1) < low || byte(i + 1) > high) break;
        }
        if (length > 2 && (byte(i + 2) & 0xC0) != 0x80) break;
        if (length > 3 && (byte(i + 3) & 0xC0) != 0x80) break;
        i += length;
    }
    return i;
}

std::size_t control_prefix(std::string_view text) {
    const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0xFFU; };
    if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
    return byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0 ? 2 : 0;
}

void append_printable(std::string& out, std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    while (!text.empty()) {
        const std::size_t valid = valid_utf8_prefix(text);
        for (std::size_t i = 0; i < valid;) {
            const std::size_t control = control_prefix(text.substr(i, valid - i));
            for (std::size_t k = 0; k < control; ++k) {
                const auto code = static_cast<unsigned char>(text[i + k]);
                ((out += "\\x") += digits[code >> 4]) += digits[code & 15];
            }
            if (control == 0) out += text[i];
            i += control == 0 ? 1 : control;
        }
        if (valid == text.size()) return;
        const auto code = static_cast<unsigned char>(text[valid]);
        ((out += "\\x") += digits[code >> 4]) += digits[code & 15];
        text.remove_prefix(valid + 1);
    }
}

std::string printable(std::string_view text) {
    std::string out;
    append_printable(out, text);
    return out;
}

SMLDIST_NAMESPACE_END
} // namespace smldist
