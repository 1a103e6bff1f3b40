// SPDX-License-Identifier: BSD-3-Clause
/// The functions of model/state_dict.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/printable.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// What each * of the pattern stands for in the name; nothing if the name does not fit. Linear in the name for each *: with
/// as few characters as possible for one *, the next has most left.
inline std::optional<std::vector<std::string_view>> match_name(std::string_view pattern, std::string_view name) {
    std::vector<std::string_view> taken;
    std::size_t star = pattern.find('*'), at = star; // where the * begins in pattern and name
    if (star == pattern.npos) return pattern == name ? std::optional(taken) : std::nullopt;
    if (!name.starts_with(pattern.substr(0, star))) return std::nullopt;
    for (;;) {
        pattern.remove_prefix(star + 1);
        star = pattern.find('*');
        const std::string_view part = pattern.substr(0, star); // between this * and the next
        const bool last = star == pattern.npos;
        if (name.size() < at + 1 + part.size() || (last && !name.ends_with(part))) return std::nullopt;
        const std::size_t end = last ? name.size() - part.size() : name.find(part, at + 1);
        if (end == name.npos) return std::nullopt;
        taken.push_back(name.substr(at, end - at));
        if (last) return taken;
        at = end + part.size();
    }
}

/// The pattern with its * replaced in turn.
inline std::string fill_name(std::string_view pattern, const std::vector<std::string_view>& taken) {
    std::string out;
    std::size_t k = 0;
    for (const char c : pattern) c == '*' ? out += taken[k++] : out += c;
    return out;
}

inline void check_rules(const std::vector<name_rule>& rules, std::string_view where) {
    for (const name_rule& r : rules) {
        const auto left = std::count(r.name.begin(), r.name.end(), '*');
        const auto right = std::count(r.path.begin(), r.path.end(), '*');
        if (r.name.empty() || (left != right && !r.path.empty()))
            raise<usage_error>(where, "rule is ", io::quote(r.name + " = " + r.path),
                               ", expected a name and as many * ", "in the path as in the name");
    }
}

/// What the first rule that fits makes of `text`, in the direction of `from` to `to`; the text itself if none fits.
inline std::string renamed(std::string_view text, const std::vector<name_rule>& rules, std::string name_rule::*from,
                           std::string name_rule::*to) {
    for (const name_rule& r : rules)
        if (const auto taken = match_name(r.*from, text)) return (r.*to).empty() ? "" : fill_name(r.*to, *taken);
    return std::string(text);
}

[[noreturn]] inline void raise_two(std::string_view where, std::string_view one, std::string_view other,
                                   std::string_view both) {
    raise<usage_error>(where, io::quote(one), " and ", io::quote(other), " both become ", io::quote(both),
                       ", expected rules that keep them apart");
}

state_dict_report match_state_dict(const io::safetensors_file& file, const state_dict_options& o,
                                   std::span<state_dict_target> targets) {
    constexpr std::string_view where = "model::load_state_dict";
    check_rules(o.names, where);
    const auto& tensors = file.tensors();
    std::map<std::string, std::size_t, std::less<>> by_path;
    std::vector<bool> met(tensors.size(), true); // or left out
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const auto fits = [&](const std::string& pattern) {
            return match_name(pattern, tensors[i].name).has_value();
        };
        if (std::any_of(o.ignore.begin(), o.ignore.end(), fits)) continue;
        const std::string path = renamed(tensors[i].name, o.names, &name_rule::name, &name_rule::path);
        if (path.empty()) continue;
        if (const auto [at, fresh] = by_path.emplace(path, i); !fresh)
            raise_two(where, tensors[at->second].name, tensors[i].name, path);
        met[i] = false;
    }
    state_dict_report report;
    for (state_dict_target& target : targets) {
        const auto found = by_path.find(target.path);
        if (found == by_path.end()) {
            report.missing.push_back(target.path);
            continue;
        }
        met[found->second] = true;
        const io::tensor_view& t = tensors[found->second];
        const bool fits = t.extents == target.wanted;
        if (fits) target.from = &t;
        (fits ? report.loaded : report.mismatched).push_back({t.name, target.path, t.type, t.extents, target.wanted});
    }
    for (std::size_t i = 0; i < tensors.size(); ++i)
        if (!met[i]) report.unexpected.push_back(tensors[i].name);
    if (o.strict && !report.complete())
        raise<data_error>(where, "file does not fit, expected the names and shapes of the network: ", text(report));
    for (const state_dict_target& target : targets)
        if (target.from && !io::all_finite(target.from->type, target.from->bytes))
            raise<data_error>(where, "tensor ", io::quote(target.from->name),
                              " has infinity or NaN, expected finite numbers");
    return report;
}

void rename_paths(std::vector<io::tensor_view>& tensors, const std::vector<name_rule>& names) {
    constexpr std::string_view where = "model::save_state_dict";
    check_rules(names, where);
    std::map<std::string, std::string> path_of;
    for (io::tensor_view& t : tensors) {
        std::string name = renamed(t.name, names, &name_rule::path, &name_rule::name);
        if (const auto [at, fresh] = path_of.emplace(name, t.name); !fresh)
            raise_two(where, at->second, t.name, name);
        t.name = std::move(name);
    }
}

} // namespace detail

std::vector<name_rule> parse_name_rules(std::string_view text) {
    const auto trimmed = [](std::string_view s) {
        const std::size_t begin = s.find_first_not_of(" \t\r");
        return begin == s.npos ? std::string()
                               : std::string(s.substr(begin, s.find_last_not_of(" \t\r") + 1 - begin));
    };
    std::vector<name_rule> rules;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string line = trimmed(text.substr(0, text.find('\n')).substr(0, text.find('#')));
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
        if (line.empty()) continue;
        const std::string where = "line " + std::to_string(number);
        const std::size_t equals = line.find('=');
        if (equals == line.npos) raise<usage_error>(where, "rule is ", io::quote(line), ", expected \"name = path\"");
        rules.push_back({trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))});
        detail::check_rules({rules.back()}, where);
    }
    return rules;
}

std::string text(const state_dict_report& r, std::size_t most) {
    std::string out;
    const auto add = [&](std::string_view what, const auto& list, const auto& shown) {
        if (list.empty()) return;
        out += (out.empty() ? "" : "; ") + std::string(what) + " (" + std::to_string(list.size()) + "): ";
        for (std::size_t i = 0; i < std::min(most, list.size()); ++i) out += (i > 0 ? ", " : "") + shown(list[i]);
        if (list.size() > most) out += " and " + std::to_string(list.size() - most) + " more";
    };
    const auto name = [](const std::string& n) { return printable(n); };
    add("missing", r.missing, name);
    add("unexpected", r.unexpected, name);
    add("of another shape", r.mismatched, [](const state_dict_entry& e) {
        return printable(e.name) + " is " + e.extents.text() + ", expected " + e.wanted.text();
    });
    return out;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model
