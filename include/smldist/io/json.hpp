// SPDX-License-Identifier: BSD-3-Clause
/// A small strict JSON value (RFC 8259): parse, look up, dump.
///
/// Stricter than most: valid UTF-8 only, no duplicate keys, no byte order mark, no text after the value, bounded depth
/// and number of values. Parsing is linear in the text but for sorting the keys of each object; it throws nothing.
#ifndef SMLDIST_IO_JSON_HPP
#define SMLDIST_IO_JSON_HPP

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/io/json_scanner.hpp"

namespace smldist::inline SMLDIST_ABI::io {

/// What json::parse accepts at most. With the default, a value takes at most the size of its text + 16 MiB.
struct json_limits {
    std::size_t depth = 32;       ///< arrays and objects inside each other
    std::size_t values = 100'000; ///< in the whole text, containers included
};

/// A JSON value. Objects keep the order of their members and never hold a key twice.
///
///     const auto j = json::parse(R"({"stride": 2, "shape": [3, 1]})");
///     j.as_size("stride");                       // 2; data_error naming "stride" if it is absent or of another type
///     j.as_array("shape").size();                // 2
///
/// Lookup is linear in the number of members.
class json {
public:
    using array = std::vector<json>;
    using object = std::vector<std::pair<std::string, json>>;

    json() = default; ///< null
    json(std::nullptr_t) {}
    json(const char* text) : value_(std::string(text)) {}
    json(std::string_view text) : value_(std::string(text)) {}
    json(std::string text) : value_(std::move(text)) {}
    json(array items) : value_(std::move(items)) {}
    /// Throws usage_error when a key occurs twice.
    json(object members) : value_(std::move(members)) {
        if (const auto key = repeated_key(as_object()); key.data())
            raise<usage_error>("json", "key ", in_quotes(key), " occurs twice, expected once");
    }
    /// A boolean or a number. Throws usage_error for an integer that does not fit std::int64_t.
    template <class N>
    requires std::is_arithmetic_v<N> json(N n) {
        if constexpr (std::same_as<N, bool>) {
            value_ = n;
        } else if constexpr (std::integral<N>) {
            if (!std::in_range<std::int64_t>(n))
                raise<usage_error>("json", "integer is ", n, ", expected at most 2^63 - 1");
            value_ = json_number{static_cast<double>(n), static_cast<std::int64_t>(n), true};
        } else {
            value_ = json_number{static_cast<double>(n), 0, false};
        }
    }

    /// Reads one value that fills the whole text. Returns false, with `error` set and `out` null, if there is none.
    static bool parse(std::string_view text, json& out, parse_error& error, json_limits limits = {}) {
        out = json();
        json_scanner scanner(text);
        if (const auto valid = valid_utf8_prefix(text); valid < text.size())
            scanner.fail_at(valid, "the text is not valid UTF-8");
        else if (out.read(scanner, limits.depth, limits.values) && scanner.end())
            return true;
        out = json();
        error = scanner.error();
        return false;
    }
    /// The same. Throws data_error with the byte offset.
    static json parse(std::string_view text, json_limits limits = {}) {
        json out;
        parse_error error;
        if (!parse(text, out, error, limits)) raise<data_error>("json", error.what, " at byte ", error.offset);
        return out;
    }

    /// The value as the shortest text that parses back to the same, without white space.
    /// Throws usage_error for a number that is not finite and for a string that is not UTF-8.
    std::string dump() const {
        std::string out;
        write(out);
        return out;
    }

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
    bool is_string() const { return std::holds_alternative<std::string>(value_); }

    // The value itself, or the member of that name. Each throws data_error when the type is another one.
    bool as_bool() const { return get<bool>({}); }
    bool as_bool(std::string_view key) const { return at(key).get<bool>(key); }
    double as_double() const { return get<json_number>({}).real; }
    double as_double(std::string_view key) const { return at(key).get<json_number>(key).real; }
    std::int64_t as_int(std::string_view key) const { return at(key).integer(key, INT64_MIN, INT64_MAX); }
    std::int64_t as_int() const { return integer({}, INT64_MIN, INT64_MAX); }
    std::size_t as_size() const { return static_cast<std::size_t>(integer({}, 0, max_size)); }
    std::size_t as_size(std::string_view key) const {
        return static_cast<std::size_t>(at(key).integer(key, 0, max_size));
    }
    const std::string& as_string() const { return get<std::string>({}); }
    const std::string& as_string(std::string_view key) const { return at(key).get<std::string>(key); }
    const array& as_array() const { return get<array>({}); }
    const array& as_array(std::string_view key) const { return at(key).get<array>(key); }
    const object& as_object() const { return get<object>({}); }
    const object& as_object(std::string_view key) const { return at(key).get<object>(key); }

    /// The member of that name; null when there is none or this is no object.
    const json* find(std::string_view key) const {
        if (const auto* members = std::get_if<object>(&value_))
            for (const auto& [name, value] : *members)
                if (name == key) return &value;
        return nullptr;
    }
    /// The member of that name. Throws data_error when there is none.
    const json& at(std::string_view key) const {
        const json* member = find(key);
        if (!member) raise<data_error>("json", "key ", in_quotes(key), " is missing in ", kind(value_.index()));
        return *member;
    }
    /// Replaces or appends a member. Null turns into an object first; throws usage_error on any other type.
    void set(std::string_view key, json value) {
        if (is_null()) value_ = object();
        auto* members = std::get_if<object>(&value_);
        if (!members) raise<usage_error>("json", "set is called on ", kind(value_.index()), ", expected an object");
        for (auto& member : *members)
            if (member.first == key) return void(member.second = std::move(value));
        members->emplace_back(std::string(key), std::move(value));
    }

    friend bool operator==(const json&, const json&) = default;

private:
    using variant = std::variant<std::nullptr_t, bool, json_number, std::string, array, object>;
    static constexpr std::int64_t max_size =
        sizeof(std::size_t) >= sizeof(std::int64_t) ? INT64_MAX : static_cast<std::int64_t>(SIZE_MAX);

    static std::string_view kind(std::size_t index) {
        constexpr std::string_view names[] = {"null", "a boolean", "a number", "a string", "an array", "an object"};
        return names[index];
    }
    template <class V> const V& get(std::string_view key) const {
        const V* value = std::get_if<V>(&value_);
        if (!value) wrong(key, kind(value_.index()), kind(variant(V()).index()));
        return *value;
    }
    std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const {
        const json_number& n = get<json_number>(key);
        if (!n.integral) wrong(key, dump(), "an integer of 64 bits");
        if (n.integer < low || n.integer > high)
            wrong(key, dump(), std::to_string(low) + " to " + std::to_string(high));
        return n.integer;
    }
    [[noreturn]] static void wrong(std::string_view key, std::string_view got, std::string_view wanted) {
        if (!key.data()) raise<data_error>("json", "value is ", got, ", expected ", wanted);
        raise<data_error>("json", "value of ", in_quotes(key), " is ", got, ", expected ", wanted);
    }
    /// A key that occurs twice, or a view without data. n log n comparisons.
    static std::string_view repeated_key(const object& members) {
        std::vector<std::string_view> keys;
        keys.reserve(members.size());
        for (const auto& member : members) keys.emplace_back(member.first);
        std::sort(keys.begin(), keys.end());
        const auto twice = std::adjacent_find(keys.begin(), keys.end());
        return twice == keys.end() ? std::string_view() : *twice;
    }

    bool read(json_scanner& scanner, std::size_t depth, std::size_t& values) {
        const char c = scanner.peek();
        if (values == 0) return scanner.fail("there are too many values");
        --values;
        if (depth == 0 && (c == '[' || c == '{')) return scanner.fail("arrays and objects are nested too deeply");
        switch (c) {
        case '"':
            return scanner.string(value_.emplace<std::string>());
        case 'n':
            return scanner.expect("null");
        case 't':
            return value_ = true, scanner.expect("true");
        case 'f':
            return value_ = false, scanner.expect("false");
        case '[': {
            auto& items = value_.emplace<array>();
            return scanner.sequence("[", ']', [&] { return items.emplace_back().read(scanner, depth - 1, values); });
        }
        case '{': {
            const std::size_t begin = scanner.offset();
            auto& members = value_.emplace<object>();
            const auto member = [&] {
                auto& [key, value] = members.emplace_back();
                return scanner.string(key) && scanner.expect(":") && value.read(scanner, depth - 1, values);
            };
            if (!scanner.sequence("{", '}', member)) return false;
            const auto key = repeated_key(members);
            return !key.data() || scanner.fail_at(begin, "key " + in_quotes(key) + " occurs twice in the object");
        }
        default:
            return scanner.number(value_.emplace<json_number>());
        }
    }

    void write(std::string& out) const {
        if (const auto* flag = std::get_if<bool>(&value_)) {
            out += *flag ? "true" : "false";
        } else if (const auto* number = std::get_if<json_number>(&value_)) {
            write(out, *number);
        } else if (const auto* text = std::get_if<std::string>(&value_)) {
            write(out, *text);
        } else if (const auto* items = std::get_if<array>(&value_)) {
            char separator = '[';
            for (const auto& item : *items) out += std::exchange(separator, ','), item.write(out);
            out += items->empty() ? "[]" : "]";
        } else if (const auto* members = std::get_if<object>(&value_)) {
            char separator = '{';
            for (const auto& [key, value] : *members) {
                out += std::exchange(separator, ',');
                write(out, key);
                out += ':';
                value.write(out);
            }
            out += members->empty() ? "{}" : "}";
        } else {
            out += "null";
        }
    }
    static void write(std::string& out, const json_number& number) {
        char text[32];
        if (number.integral) return void(out.append(text, std::to_chars(text, text + 32, number.integer).ptr));
        if (!std::isfinite(number.real))
            raise<usage_error>("json", "number is ", number.real, ", expected a finite one");
        const std::string_view digits(
            text, static_cast<std::size_t>(std::to_chars(text, text + 32, number.real).ptr - text));
        out += digits;
        if (digits.find_first_of(".e") == digits.npos) out += ".0"; // so that it reads back as a real number
    }
    static void write(std::string& out, const std::string& text) {
        if (const auto valid = valid_utf8_prefix(text); valid < text.size())
            raise<usage_error>("json", "string is not UTF-8 at its byte ", valid);
        append_quoted(out, text);
    }

    variant value_;
};

} // namespace smldist::inline SMLDIST_ABI::io

#endif
