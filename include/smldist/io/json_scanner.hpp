// SPDX-License-Identifier: BSD-3-Clause
/// The lexical side of JSON (RFC 8259): a UTF-8 check, a scanner, quoting.
#ifndef SMLDIST_IO_JSON_SCANNER_HPP
#define SMLDIST_IO_JSON_SCANNER_HPP

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "smldist/core/decimal.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// Where and why a text is not acceptable JSON.
struct parse_error {
    std::size_t offset = 0; ///< in bytes from the start of the text
    std::string what;
};

/// A number. `integral` when it was written without fraction and exponent and fits 64 bits: `integer` is then exact.
struct json_number {
    double real = 0;
    std::int64_t integer = 0;
    bool integral = false;
    friend bool operator==(const json_number&, const json_number&) = default;
};

using smldist::valid_utf8_prefix;

/// Appends `text` (UTF-8) as a JSON string: quotes, backslashes and control characters are escaped, also those that
/// JSON allows (U+007F to U+009F), since terminals act on them; the rest is unchanged.
[[gnu::cold]] inline void append_quoted(std::string& out, std::string_view text) {
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

/// The first 80 bytes of `text` as append_quoted writes them: safe to print in a message.
[[nodiscard]] [[gnu::cold]] inline std::string in_quotes(std::string_view text) {
    std::string out;
    append_quoted(out, text.substr(0, valid_utf8_prefix(text.substr(0, 80))));
    return out;
}
/// The same as a part of a message; formatted when the message is built.
[[nodiscard]] inline message_part quote(std::string_view text) {
    return {text, [](std::string& out, const message_part& p) { out += in_quotes(p.text()); }};
}

/// The tokens of a JSON text that is known to be valid UTF-8. Each member skips white space first and returns whether
/// it succeeded; the first failure is in error(). json::parse and the safetensors reader use it. The text must outlive
/// the scanner.
class json_scanner {
public:
    explicit json_scanner(std::string_view text) : text_(text) {}
    template <class S> // the text must outlive it
    requires std::same_as<std::remove_const_t<S>, std::string>
    explicit json_scanner(S&&) = delete;

    std::size_t offset() const { return at_; }
    const parse_error& error() const { return error_; }
    bool good() const { return error_.what.empty(); }
    bool fail(std::string_view what) { return fail_at(at_, what); }
    [[gnu::cold]] SMLDIST_NOINLINE bool fail_at(std::size_t offset, std::string_view what) {
        error_.offset = offset;
        error_.what = what;
        return false;
    }

    /// The next character after white space, which stays; NUL at the end of the text.
    char peek() {
        for (; at_ < text_.size(); ++at_)
            if (const char c = text_[at_]; c != ' ' && c != '\n' && c != '\r' && c != '\t') return c;
        return '\0';
    }
    SMLDIST_NOINLINE bool expect(std::string_view token) {
        peek();
        if (text_.substr(at_, token.size()) != token) return fail("expected '" + std::string(token) + "'");
        at_ += token.size();
        return true;
    }
    bool end() { return (peek(), at_ == text_.size()) || fail("expected the end of the text"); }

    /// Begins `open item, item … close`. Its items are read while more(close) says that there is one:
    ///
    ///     for (scanner.enter('['); scanner.more(']');) …
    ///
    /// After the last item good() tells whether the sequence was closed.
    void enter(char open) { first_ = expect({&open, 1}); }
    SMLDIST_NOINLINE bool more(char close) {
        if (!good()) return false;
        const char c = peek();
        const bool first = std::exchange(first_, false);
        if (c == close) return ++at_, false;
        if (first) return true;
        if (c == ',') return ++at_, true;
        return fail(std::string("expected ',' or '") + close + "'");
    }

    /// A string, decoded. Allocates at most its length in the text.
    bool string(std::string& out) {
        if (peek() != '"') return fail("expected a string");
        std::size_t close = ++at_;
        for (; close < text_.size() && text_[close] != '"'; ++close) {
            if (static_cast<unsigned char>(text_[close]) < 0x20)
                return fail_at(close, "a control character in a string");
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

    bool number(json_number& out) {
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
        if (smldist::from_chars(text + first, text + at, out.real).ec !=
            std::errc()) { // too large, or rounds to zero
            if (decimal_exponent(text_.substr(whole, mantissa - whole), text_.substr(mantissa, at - mantissa)) > 0)
                return fail("a number is too large");
            out.real = text[first] == '-' ? -0.0 : 0.0;
        }
        at_ = at;
        return true;
    }

private:
    bool hex4(std::size_t at, std::uint32_t& out) const {
        if (at + 4 > text_.size()) return false;
        const char* const first = text_.data() + at;
        const auto [last, fault] = std::from_chars(first, first + 4, out, 16);
        return fault == std::errc() && last == first + 4;
    }
    /// The escape at the backslash `at_`; the caller has found a closing quote after it.
    [[gnu::cold]] bool escape(std::string& out) {
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

    std::string_view text_;
    std::size_t at_ = 0;
    bool first_ = false; ///< the next item is the first of its sequence
    parse_error error_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#endif
