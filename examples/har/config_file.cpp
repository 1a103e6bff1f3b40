// SPDX-License-Identifier: BSD-3-Clause
#include "config_file.hpp"

#include <algorithm>
#include <fstream>
#include <map>

#include "smldist/core/error.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

bool of_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}
bool of_number(char c) { return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E'; }
bool control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

void append_utf8(std::string& out, unsigned code) {
    const auto byte = [&](unsigned b) { out += static_cast<char>(b); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
        byte(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            byte(0xE0 | code >> 12);
        } else {
            byte(0xF0 | code >> 18);
            byte(0x80 | (code >> 12 & 63));
        }
        byte(0x80 | (code >> 6 & 63));
    }
    byte(0x80 | (code & 63));
}

/// One line, from left to right.
class line_reader {
public:
    line_reader(const std::string& where, std::size_t number, std::string_view text)
        : where_(where), number_(number), text_(text) {}

    /// Whether nothing but a comment follows.
    bool done() {
        skip_blanks();
        return at_ == text_.size() || text_[at_] == '#';
    }
    bool take(char c) {
        skip_blanks();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    std::string name(std::string_view what) {
        skip_blanks();
        const std::string word = run_of(of_name);
        if (word.empty()) fail(what);
        return word;
    }
    config_value value() {
        skip_blanks();
        if (take('"')) return {value_kind::text, quoted()};
        if (take('\'')) {
            const std::size_t end = text_.find('\'', at_);
            if (end == text_.npos) fail("a closing '");
            const std::string_view literal = text_.substr(at_, end - at_);
            if (std::any_of(literal.begin(), literal.end(), control)) fail("a string without control characters");
            at_ = end + 1;
            return {value_kind::text, std::string(literal)};
        }
        const std::size_t begin = at_;
        if (const std::string word = run_of(of_name); word == "true" || word == "false")
            return {value_kind::flag, word};
        at_ = begin;
        const std::string number = run_of(of_number);
        if (number.empty() || (at_ < text_.size() && of_name(text_[at_]))) {
            at_ = begin;
            fail("a number, true, false, a string in quotes or a [list] on one line");
        }
        return {value_kind::number, number};
    }
    [[noreturn]] void fail(std::string_view expected) const {
        raise<usage_error>(where_ + ":" + std::to_string(number_) + ":" + std::to_string(at_ + 1),
                           "the line goes on with ", io::quote(text_.substr(at_)), ", expected ", expected);
    }

private:
    void skip_blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }
    std::string run_of(bool (*of)(char)) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && of(text_[at_])) ++at_;
        return std::string(text_.substr(begin, at_ - begin));
    }
    /// A string behind its opening quote.
    std::string quoted() {
        static constexpr std::string_view letters = "\"\\bfnrt", meant = "\"\\\b\f\n\r\t";
        std::string out;
        for (;; ++at_) {
            if (at_ == text_.size()) fail("a closing \"");
            const char c = text_[at_];
            if (c == '"') break;
            if (control(c) && c != '\t') fail("a string without control characters");
            if (c != '\\') {
                out += c;
                continue;
            }
            const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
            if (const std::size_t k = letters.find(letter); letter != '\0' && k != letters.npos) {
                out += meant[k];
                ++at_;
            } else if (letter == 'u' || letter == 'U') {
                append_utf8(out, code_point(letter == 'u' ? 4 : 8));
            } else {
                fail("one of the escapes \\\" \\\\ \\b \\f \\n \\r \\t \\uXXXX \\UXXXXXXXX");
            }
        }
        ++at_;
        return out;
    }
    /// Of an escape at its backslash; stays on its last digit.
    unsigned code_point(std::size_t digits) {
        unsigned code = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const std::size_t k =
                at_ + 2 + i < text_.size() ? std::string_view("0123456789abcdefABCDEF").find(text_[at_ + 2 + i]) : 22;
            if (k >= 22 || code > 0x10FFFF) fail("a character by its hexadecimal number");
            code = code * 16 + static_cast<unsigned>(k < 16 ? k : k - 6);
        }
        if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) fail("a character other than NUL");
        at_ += 1 + digits;
        return code;
    }

    const std::string& where_;
    std::size_t number_;
    std::string_view text_;
    std::size_t at_ = 0;
};

/// The names so far, and the lines that they stand in.
using names = std::map<std::string, std::size_t>;

void expect_new(names& seen, const std::string& name, std::size_t line, const std::string& where) {
    const auto [at, fresh] = seen.emplace(name, line);
    if (!fresh)
        raise<usage_error>(where + ":" + std::to_string(line), "name \"", name, "\" stands in line ", at->second,
                           " too, expected once");
}

std::string in_quotes(std::string_view text) {
    static constexpr std::string_view letters = "\"\\bfnrt", meant = "\"\\\b\f\n\r\t", digits = "0123456789ABCDEF";
    std::string out = "\"";
    for (const char c : text) {
        if (const std::size_t k = meant.find(c); k != meant.npos)
            (out += '\\') += letters[k];
        else if (control(c))
            ((out += "\\u00") += digits[static_cast<unsigned char>(c) >> 4]) +=
                digits[static_cast<unsigned char>(c) & 15];
        else
            out += c;
    }
    return out + "\"";
}

} // namespace

std::vector<config_section> parse_config(const std::string& where, std::string_view text, const std::string& first) {
    if (text.size() > most_config_bytes)
        raise<usage_error>(where, "file has more than ", most_config_bytes, " bytes, expected at most so many");
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::vector<config_section> sections;
    names of_sections, of_entries;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        line_reader in(where, number, line);
        if (in.done()) continue;
        if (in.take('[')) {
            config_section section{in.name("the name of a subcommand"), number, {}};
            if (!in.take(']')) in.fail("] after the name of a subcommand: sections have one level");
            if (!in.done()) in.fail("the end of the line");
            expect_new(of_sections, section.name, number, where);
            of_entries.clear();
            sections.push_back(std::move(section));
            continue;
        }
        config_entry entry{in.name("the name of an option, or a [section]"), number, false, {}};
        if (!in.take('=')) in.fail("= after the name of an option");
        if (sections.empty() && !first.empty()) {
            expect_new(of_sections, first, number, where);
            sections.push_back({first, number, {}});
        }
        if (sections.empty())
            raise<usage_error>(where + ":" + std::to_string(number), "option \"", entry.name,
                               "\" stands in no section, expected a subcommand such as [distill] above it");
        entry.list = in.take('[');
        for (bool more = !entry.list || !in.take(']'); more;) {
            entry.values.push_back(in.value());
            more = entry.list && !in.take(']');
            if (more && !in.take(',')) in.fail(", or ] in a list");
            more = more && !in.take(']');
        }
        if (!in.done()) in.fail("the end of the line");
        expect_new(of_entries, entry.name, number, where);
        sections.back().entries.push_back(std::move(entry));
    }
    return sections;
}

std::vector<config_section> read_config(const std::string& path, const std::string& first) {
    std::ifstream in(path, std::ios::binary);
    std::string text(most_config_bytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (in.fail() && !in.eof())) raise<io_error>(path, "configuration file cannot be read");
    text.resize(static_cast<std::size_t>(in.gcount()));
    return parse_config(path, text, first);
}

std::string config_line(const config_entry& entry) {
    std::string out = entry.name + (entry.list ? "=[" : "=");
    for (std::size_t i = 0; i < entry.values.size(); ++i)
        out += (i > 0 ? ", " : "") +
               (entry.values[i].kind == value_kind::text ? in_quotes(entry.values[i].text) : entry.values[i].text);
    return out + (entry.list ? "]\n" : "\n");
}

} // namespace har
