// SPDX-License-Identifier: BSD-3-Clause
/// The lexical side of JSON (RFC 8259): a UTF-8 check, a scanner, quoting.
#ifndef SMLDIST_IO_JSON_SCANNER_HPP
#define SMLDIST_IO_JSON_SCANNER_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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
[[gnu::cold]] SMLDIST_FUNCTION void append_quoted(std::string& out, std::string_view text);

/// The first 80 bytes of `text` as append_quoted writes them: safe to print in a message.
[[nodiscard]] [[gnu::cold]] SMLDIST_FUNCTION std::string in_quotes(std::string_view text);
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
    [[gnu::cold]] SMLDIST_NOINLINE SMLDIST_FUNCTION bool fail_at(std::size_t offset, std::string_view what);

    /// The next character after white space, which stays; NUL at the end of the text.
    SMLDIST_FUNCTION char peek();
    SMLDIST_NOINLINE SMLDIST_FUNCTION bool expect(std::string_view token);
    bool end() { return (peek(), at_ == text_.size()) || fail("expected the end of the text"); }

    /// Begins `open item, item … close`. Its items are read while more(close) says that there is one:
    ///
    ///     for (scanner.enter('['); scanner.more(']');) …
    ///
    /// After the last item good() tells whether the sequence was closed.
    void enter(char open) { first_ = expect({&open, 1}); }
    SMLDIST_NOINLINE SMLDIST_FUNCTION bool more(char close);

    /// A string, decoded. Allocates at most its length in the text.
    SMLDIST_FUNCTION bool string(std::string& out);

    SMLDIST_FUNCTION bool number(json_number& out);

private:
    SMLDIST_FUNCTION bool hex4(std::size_t at, std::uint32_t& out) const;
    /// The escape at the backslash `at_`; the caller has found a closing quote after it.
    [[gnu::cold]] SMLDIST_FUNCTION bool escape(std::string& out);

    std::string_view text_;
    std::size_t at_ = 0;
    bool first_ = false; ///< the next item is the first of its sequence
    parse_error error_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#if SMLDIST_DEPLOY_BODIES
#include "smldist/io/json_scanner.ipp"
#endif

#endif
