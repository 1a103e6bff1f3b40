// SPDX-License-Identifier: BSD-3-Clause
/// The functions of io/json.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "smldist/core/argsort.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

json::json(object members) {
    if (const auto key = repeated_key(members); key.data())
        raise<usage_error>("json", "key ", quote(key), " occurs twice, expected once");
    become_object() = std::move(members);
}

bool json::parse_one_of_several(std::string_view text, json& out, parse_error& error, json_limits& left) {
    out = json();
    json_scanner scanner(text);
    if (const auto valid = valid_utf8_prefix(text); valid < text.size())
        scanner.fail_at(valid, "the text is not valid UTF-8");
    else if (out.read(scanner, left.depth, left) && scanner.end())
        return true;
    out = json();
    error = scanner.error();
    return false;
}

json json::parse(std::string_view text, json_limits limits) {
    json out;
    parse_error error;
    if (!parse(text, out, error, limits)) raise<data_error>("json", error.what, " at byte ", error.offset);
    return out;
}

std::string json::dump() const {
    std::string out;
    write(out);
    return out;
}

const json* json::find(std::string_view key) const {
    if (value_.is != kind::object) return nullptr;
    for (const auto& [name, value] : *value_.members)
        if (name == key) return &value;
    return nullptr;
}

const json& json::at(std::string_view key) const {
    const json* member = find(key);
    if (!member) raise<data_error>("json", "key ", quote(key), " is missing in ", name_of(value_.is));
    return *member;
}

void json::set(std::string_view key, json value) {
    if (is_null()) become_object();
    if (value_.is != kind::object)
        raise<usage_error>("json", "set is called on ", name_of(value_.is), ", expected an object");
    for (auto& member : *value_.members)
        if (member.first == key) return void(member.second = std::move(value));
    value_.members->emplace_back(std::string(key), std::move(value));
}

void json::become_number(const json_number& n) {
    value_.is = kind::number;
    value_.flag = n.integral;
    value_.real = n.real;
    value_.whole = n.integer;
}

std::string& json::become_string() {
    value_.text = new std::string;
    value_.is = kind::string;
    return *value_.text;
}

json::array& json::become_array() {
    value_.items = new array;
    value_.is = kind::array;
    return *value_.items;
}

json::object& json::become_object() {
    value_.members = new object;
    value_.is = kind::object;
    return *value_.members;
}

void json::release() noexcept {
    if (value_.is == kind::string) delete value_.text;
    if (value_.is == kind::array) delete value_.items;
    if (value_.is == kind::object) delete value_.members;
}

std::int64_t json::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
    if (get(kind::number, key).flag && value_.whole >= low && value_.whole <= high) return value_.whole;
    std::string got;
    write(got, number());
    if (!value_.flag) wrong(key, got, "an integer of 64 bits");
    wrong(key, got, low, " to ", high);
}

std::string_view json::repeated_key(const object& members) {
    const auto by_key =
        argsort(members.size(), [&](std::size_t i, std::size_t j) { return members[i].first < members[j].first; });
    for (std::size_t i = 1; i < by_key.size(); ++i)
        if (members[by_key[i]].first == members[by_key[i - 1]].first) return members[by_key[i]].first;
    return {};
}

bool json::take(json_scanner& scanner, json_limits& left, std::size_t bytes) {
    if (bytes > left.memory) return scanner.fail("its values take too much memory");
    left.memory -= bytes;
    return true;
}

bool json::read(json_scanner& scanner, std::size_t depth, json_limits& left) {
    const char c = scanner.peek();
    if (left.values == 0) return scanner.fail("there are too many values");
    --left.values;
    if (depth == 0 && (c == '[' || c == '{')) return scanner.fail("arrays and objects are nested too deeply");
    switch (c) {
    case '"':
        return take(scanner, left, sizeof(std::string) + heap) && string(scanner, left, become_string());
    case 'n':
        return scanner.expect("null");
    case 't':
        return value_.is = kind::boolean, value_.flag = true, scanner.expect("true");
    case 'f':
        return value_.is = kind::boolean, scanner.expect("false");
    case '[': {
        if (!take(scanner, left, sizeof(array) + heap)) return false;
        auto& items = become_array();
        for (scanner.enter('['); scanner.more(']');)
            if (!grow(scanner, left, items) || !items.emplace_back().read(scanner, depth - 1, left)) return false;
        return scanner.good();
    }
    case '{': {
        const std::size_t begin = scanner.offset();
        if (!take(scanner, left, sizeof(object) + heap)) return false;
        auto& members = become_object();
        for (scanner.enter('{'); scanner.more('}');) {
            if (!grow(scanner, left, members)) return false;
            auto& [key, value] = members.emplace_back();
            if (!string(scanner, left, key) || !scanner.expect(":") || !value.read(scanner, depth - 1, left))
                return false;
        }
        const std::size_t sorting = 2 * members.size() * sizeof(std::size_t);
        if (!scanner.good() || !take(scanner, left, sorting)) return false;
        left.memory += sorting;
        const auto key = repeated_key(members);
        return !key.data() || scanner.fail_at(begin, "key " + in_quotes(key) + " occurs twice in the object");
    }
    default:
        json_number n;
        if (!scanner.number(n)) return false;
        become_number(n);
        return true;
    }
}

void json::write(std::string& out) const {
    char separator = value_.is == kind::array ? '[' : '{';
    switch (value_.is) {
    case kind::null:
        out += "null";
        break;
    case kind::boolean:
        out += value_.flag ? "true" : "false";
        break;
    case kind::number:
        write(out, number());
        break;
    case kind::string:
        write(out, *value_.text);
        break;
    case kind::array:
        for (const auto& item : *value_.items) out += std::exchange(separator, ','), item.write(out);
        out += value_.items->empty() ? "[]" : "]";
        break;
    case kind::object:
        for (const auto& [key, value] : *value_.members) {
            out += std::exchange(separator, ',');
            write(out, key);
            out += ':';
            value.write(out);
        }
        out += value_.members->empty() ? "{}" : "}";
        break;
    }
}

void json::write(std::string& out, const json_number& number) {
    char text[32];
    if (number.integral) return void(out.append(text, std::to_chars(text, text + 32, number.integer).ptr));
    if (!std::isfinite(number.real)) raise<usage_error>("json", "number is ", number.real, ", expected a finite one");
    const std::string_view digits(text,
                                  static_cast<std::size_t>(std::to_chars(text, text + 32, number.real).ptr - text));
    out += digits;
    if (digits.find_first_of(".e") == digits.npos) out += ".0"; // so that it reads back as a real number
}

void json::write(std::string& out, const std::string& text) {
    if (const auto valid = valid_utf8_prefix(text); valid < text.size())
        raise<usage_error>("json", "string is not UTF-8 at its byte ", valid);
    append_quoted(out, text);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io
