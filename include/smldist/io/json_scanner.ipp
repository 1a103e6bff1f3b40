// SPDX-License-Identifier: BSD-3-Clause
/// The functions of io/json_scanner.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

void append_quoted(std::string& out, std::string_view text) {
    static constexpr std::string_view special = "\"\\\b\f\n\r\t";
    static constexpr std::string_view letter = "\"\\bfnrt";
    static constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::size_t control = control_prefix(text.substr(at));
        if (const auto i = special.find(text[at]); i != special.npos)
            (out += '\\') += letter[i];
        else if (control > 0) {
            at += control - 1; // the last byte of a control character is its code
            const auto code = static_cast<unsigned char>(text[at]);
            ((out += "\\u00") += digits[code >> 4]) += digits[code & 15];
        } else
            out += text[at];
    }
    out += '"';
}

std::string in_quotes(std::string_view text) {
    std::string out;
    append_quoted(out, text.substr(0, valid_utf8_prefix(text.substr(0, 80))));
    return out;
}

bool json_scanner::fail_at(std::size_t offset, std::string_view what) {
    error_.offset = offset;
    error_.what = what;
    return false;
}

char json_scanner::peek() {
    for (; at_ < text_.size(); ++at_)
        if (const char c = text_[at_]; c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
    return '\0';
}

bool json_scanner::expect(std::string_view token) {
    peek();
    if (text_.substr(at_, token.size()) != token) return fail("expected '" + std::string(token) + "'");
    at_ += token.size();
    return true;
}

bool json_scanner::more(char close) {
    if (!good()) return false;
    const char c = peek();
    const bool first = std::exchange(first_, false);
    if (c == close) return ++at_, false;
    if (first) return true;
    if (c == ',') return ++at_, true;
    return fail(std::string("expected ',' or '") + close + "'");
}

bool json_scanner::string(std::string& out) {
    if (peek() != '"') return fail("expected a string");
    std::size_t close = ++at_;
    for (; close < text_.size() && text_[close] != '"'; ++close) {
        if (static_cast<unsigned char>(text_[close]) < 0x20) return fail_at(close, "a control character in a string");
        if (text_[close] == '\\') ++close;
    }
    if (close >= text_.size()) return fail_at(at_ - 1, "this string has no end");
    const std::string_view raw = text_.substr(at_, close - at_);
    out = std::string(raw); // exactly as long; reserve may take twice as much
    if (raw.find('\\') != raw.npos) {
        out.clear();
        while (at_ < close) {
            const std::size_t run = std::min(text_.substr(at_, close - at_).find('\\'), close - at_);
            out += text_.substr(at_, run);
            at_ += run;
            if (at_ < close && !escape(out)) return fail("this escape is not valid");
        }
    }
    at_ = close + 1;
    return true;
}

bool json_scanner::number(json_number& out) {
    peek();
    const std::size_t first = at_;
    std::size_t at = at_;
    const auto digits = [&] {
        const std::size_t from = at;
        while (at < text_.size() && text_[at] >= '0' && text_[at] <= '9') ++at;
        return at - from;
    };
    const auto skip = [&](std::string_view any) {
        const bool found = at < text_.size() && any.find(text_[at]) != any.npos;
        return at += found, found;
    };
    skip("-");
    const std::size_t whole = at;
    if (skip("0")) {
        if (digits() > 0) return fail("a number begins with 0");
    } else if (digits() == 0)
        return fail("expected a value");
    const std::size_t point = at;
    if (skip(".") && digits() == 0) return fail("a number has no digit after its point");
    const std::size_t mantissa = at;
    if (skip("eE") && (skip("+-"), digits() == 0)) return fail("a number has no digit in its exponent");

    const char* const text = text_.data();
    out = {};
    out.integral = at == point && std::from_chars(text + first, text + at, out.integer).ec == std::errc();
    if (smldist::from_chars(text + first, text + at, out.real).ec != std::errc()) { // too large, or rounds to zero
        if (decimal_exponent(text_.substr(whole, mantissa - whole), text_.substr(mantissa, at - mantissa)) > 0)
            return fail("a number is too large");
        out.real = text[first] == '-' ? -0.0 : 0.0;
    }
    at_ = at;
    return true;
}

bool json_scanner::hex4(std::size_t at, std::uint32_t& out) const {
    if (at + 4 > text_.size()) return false;
    const char* const first = text_.data() + at;
    const auto [last, fault] = std::from_chars(first, first + 4, out, 16);
    return fault == std::errc() && last == first + 4;
}

bool json_scanner::escape(std::string& out) {
    static constexpr std::string_view letter = "\"\\/bfnrt";
    static constexpr std::string_view meaning = "\"\\/\b\f\n\r\t";
    const char kind = text_[at_ + 1];
    if (const auto i = letter.find(kind); i != letter.npos) return out += meaning[i], at_ += 2, true;
    std::uint32_t point = 0, low = 0;
    if (kind != 'u' || !hex4(at_ + 2, point)) return false;
    std::size_t next = at_ + 6;
    if (point >= 0xD800 && point < 0xE000) { // a surrogate: the first of a pair, or an error
        if (point >= 0xDC00 || text_.substr(next, 2) != "\\u" || !hex4(next + 2, low)) return false;
        if (low < 0xDC00 || low >= 0xE000) return false;
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        next += 6;
    }
    const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (point < 0x80) {
        put(point);
    } else {
        if (point < 0x800)
            put(0xC0 | point >> 6);
        else if (point < 0x10000)
            put(0xE0 | point >> 12), put(0x80 | (point >> 6 & 0x3F));
        else
            put(0xF0 | point >> 18), put(0x80 | (point >> 12 & 0x3F)), put(0x80 | (point >> 6 & 0x3F));
        put(0x80 | (point & 0x3F));
    }
    at_ = next;
    return true;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io
