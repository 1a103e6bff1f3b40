// SPDX-License-Identifier: BSD-3-Clause
/// A small strict JSON value (RFC 8259): parse, look up, dump.
///
/// Stricter than most parsers: valid UTF-8 only, no duplicate keys, no byte order mark, no text after the value,
/// bounded depth, number of values and memory. Parsing is linear in the text, and the keys of each object are sorted;
/// it throws nothing.
#ifndef SMLDIST_IO_JSON_HPP
#define SMLDIST_IO_JSON_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/io/json_scanner.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// What json::parse accepts at most. With the default, a value takes at most the size of its text + 16 MiB.
struct json_limits {
    std::size_t depth = 32;                       ///< nesting of arrays and objects
    std::size_t values = 100'000;                 ///< in the whole text, containers included
    std::size_t memory = (std::size_t(16) << 20); ///< bytes, apart from the characters of keys and strings
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
    json(const char* text) : json(std::string(text)) {}
    json(std::string_view text) : json(std::string(text)) {}
    json(std::string text) { become_string() = std::move(text); }
    json(array items) { become_array() = std::move(items); }
    /// Throws usage_error when a key occurs twice.
    SMLDIST_FUNCTION json(object members);
    /// A boolean or a number. Throws usage_error for an integer that does not fit std::int64_t.
    template <class N>
    requires std::is_arithmetic_v<N> json(N n) {
        if constexpr (std::same_as<N, bool>) {
            value_.is = kind::boolean;
            value_.flag = n;
        } else if constexpr (std::integral<N>) {
            if (!std::in_range<std::int64_t>(n))
                raise<usage_error>("json", "integer is ", n, ", expected at most 2^63 - 1");
            become_number({static_cast<double>(n), static_cast<std::int64_t>(n), true});
        } else {
            become_number({static_cast<double>(n), 0, false});
        }
    }
    json(const json& other) : value_(other.copy()) {}
    json(json&& other) noexcept : value_(std::exchange(other.value_, {})) {}
    json& operator=(json other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~json() {
        if (value_.is >= kind::string) release();
    }

    /// Reads one value that fills the whole text. Returns false, with `error` set and `out` null, if there is none.
    static bool parse(std::string_view text, json& out, parse_error& error, json_limits limits = {}) {
        return parse_one_of_several(text, out, error, limits);
    }
    /// The same for one of several texts that share the limits: what this text uses is subtracted from `left`.
    SMLDIST_FUNCTION static bool parse_one_of_several(std::string_view text, json& out, parse_error& error,
                                                      json_limits& left);
    /// The same. Throws data_error with the byte offset.
    SMLDIST_FUNCTION static json parse(std::string_view text, json_limits limits = {});

    /// The value as the shortest text that parses back to the same, without white space.
    /// Throws usage_error for a number that is not finite and for a string that is not UTF-8.
    SMLDIST_FUNCTION std::string dump() const;

    bool is_null() const { return value_.is == kind::null; }
    bool is_string() const { return value_.is == kind::string; }

    // The value itself, or the member of that name. Each throws data_error when the type is another one.
    bool as_bool() const { return get(kind::boolean).flag; }
    bool as_bool(std::string_view key) const { return at(key).get(kind::boolean, key).flag; }
    double as_double() const { return get(kind::number).real; }
    double as_double(std::string_view key) const { return at(key).get(kind::number, key).real; }
    std::int64_t as_int() const { return integer({}, INT64_MIN, INT64_MAX); }
    std::int64_t as_int(std::string_view key) const { return at(key).integer(key, INT64_MIN, INT64_MAX); }
    std::size_t as_size() const { return static_cast<std::size_t>(integer({}, 0, max_size)); }
    std::size_t as_size(std::string_view key) const {
        return static_cast<std::size_t>(at(key).integer(key, 0, max_size));
    }
    const std::string& as_string() const { return *get(kind::string).text; }
    const std::string& as_string(std::string_view key) const { return *at(key).get(kind::string, key).text; }
    const array& as_array() const { return *get(kind::array).items; }
    const array& as_array(std::string_view key) const { return *at(key).get(kind::array, key).items; }
    const object& as_object() const { return *get(kind::object).members; }
    const object& as_object(std::string_view key) const { return *at(key).get(kind::object, key).members; }

    /// The member of that name; null when there is none or this is not an object.
    SMLDIST_NOINLINE SMLDIST_FUNCTION const json* find(std::string_view key) const;
    /// The member of that name. Throws data_error when there is none.
    SMLDIST_NOINLINE SMLDIST_FUNCTION const json& at(std::string_view key) const;
    /// Replaces or appends a member. Null turns into an object first; throws usage_error on any other type.
    SMLDIST_FUNCTION void set(std::string_view key, json value);

    friend bool operator==(const json& a, const json& b) {
        if (a.value_.is != b.value_.is) return false;
        switch (a.value_.is) {
        case kind::null:
            return true;
        case kind::boolean:
            return a.value_.flag == b.value_.flag;
        case kind::number:
            return a.number() == b.number();
        case kind::string:
            return *a.value_.text == *b.value_.text;
        case kind::array:
            return *a.value_.items == *b.value_.items;
        case kind::object:
            return *a.value_.members == *b.value_.members;
        }
        return false;
    }

private:
    enum class kind : std::uint8_t { null, boolean, number, string, array, object };
    /// A tagged union: a std::variant would add half a second to the compile time of code that reads a model file.
    struct content {
        kind is = kind::null;
        bool flag = false; ///< a boolean, or whether a number is an integer
        double real = 0;
        union {
            std::int64_t whole = 0; ///< of a number that is an integer
            std::string* text;      ///< owned, as the next two
            array* items;
            object* members;
        };
    };
    static constexpr std::size_t heap = 2 * sizeof(void*); ///< bytes of overhead per heap block
    static constexpr std::int64_t max_size =
        sizeof(std::size_t) >= sizeof(std::int64_t) ? INT64_MAX : static_cast<std::int64_t>(SIZE_MAX);

    static std::string_view name_of(kind k) {
        constexpr std::string_view names[] = {"null", "a boolean", "a number", "a string", "an array", "an object"};
        return names[static_cast<std::size_t>(k)];
    }

    // Each turns null into a value of that kind.
    SMLDIST_FUNCTION void become_number(const json_number& n);
    SMLDIST_FUNCTION std::string& become_string();
    SMLDIST_FUNCTION array& become_array();
    SMLDIST_FUNCTION object& become_object();
    json_number number() const { return {value_.real, value_.whole, value_.flag}; }
    [[gnu::cold]] content copy() const {
        content c = value_;
        if (c.is == kind::string) c.text = new std::string(*value_.text);
        if (c.is == kind::array) c.items = new array(*value_.items);
        if (c.is == kind::object) c.members = new object(*value_.members);
        return c;
    }
    SMLDIST_NOINLINE SMLDIST_FUNCTION void release() noexcept;

    [[gnu::cold]] const content& get(kind k, std::string_view key = {}) const {
        if (value_.is != k) wrong(key, name_of(value_.is), name_of(k));
        return value_;
    }
    [[gnu::cold]] SMLDIST_FUNCTION std::int64_t integer(std::string_view key, std::int64_t low,
                                                        std::int64_t high) const;
    template <class... P>
    [[noreturn, gnu::cold]] static void wrong(std::string_view key, std::string_view got, const P&... wanted) {
        raise<data_error>("json", key.data() ? "value of " : "value", key.data() ? quote(key) : "", " is ", got,
                          ", expected ", wanted...);
    }
    /// A key that occurs twice, or a view without data if there is none. n log n comparisons.
    SMLDIST_FUNCTION static std::string_view repeated_key(const object& members);

    /// Subtracts memory from the limits before it is allocated.
    SMLDIST_FUNCTION static bool take(json_scanner& scanner, json_limits& left, std::size_t bytes);
    /// Reads a string; a long one takes a heap block.
    static bool string(json_scanner& scanner, json_limits& left, std::string& text) {
        static const std::size_t inside = std::string().capacity();
        return scanner.string(text) && (text.size() <= inside || take(scanner, left, heap));
    }
    /// Makes room for one more item, by doubling a full capacity. Old and new items exist together for a moment.
    template <class V> static bool grow(json_scanner& scanner, json_limits& left, V& items) {
        if (items.size() < items.capacity()) return true;
        const std::size_t old = items.capacity(), size = sizeof(typename V::value_type);
        if (!take(scanner, left, (old == 0 ? 1 : 2 * old) * size + heap)) return false;
        items.reserve(old == 0 ? 1 : 2 * old);
        if (old > 0) left.memory += old * size + heap;
        return true;
    }

    SMLDIST_FUNCTION bool read(json_scanner& scanner, std::size_t depth, json_limits& left);

    SMLDIST_FUNCTION void write(std::string& out) const;
    SMLDIST_FUNCTION static void write(std::string& out, const json_number& number);
    SMLDIST_FUNCTION static void write(std::string& out, const std::string& text);

    content value_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#if SMLDIST_DEPLOY_BODIES
#include "smldist/io/json.ipp"
#endif

#endif
