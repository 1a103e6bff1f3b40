// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/units.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cstddef>
#include <numbers>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Our spellings, and those of others.
inline const std::vector<std::pair<std::string, std::vector<std::string>>>& unit_spellings() {
    static const std::vector<std::pair<std::string, std::vector<std::string>>> known{
        {"m/s^2", {"m/s2", "m/s/s", "ms-2", "ms^-2", "m/(s^2)", "m/sec^2", "mps2", "m/s^2"}},
        {"g", {"G", "gravity", "gees"}},
        {"mg", {"milli-g"}},
        {"rad/s", {"rads", "rads/s", "rad/sec", "radians/s", "rads-1", "rads^-1", "radian/s"}},
        {"deg/s", {"dps", "degrees/s", "deg/sec", "degree/s", "degs-1"}},
        {"uT", {"microtesla", "ut"}},
        {"s", {"sec", "seconds", "second", "secs"}},
        {"ms", {"milliseconds", "millis", "msec"}},
        {"us", {"microseconds", "micros", "usec"}},
        {"ns", {"nanoseconds", "nanos", "nsec"}}};
    return known;
}

struct unit_scale {
    std::string_view unit, kind;
    double factor; ///< to the SI unit
};
inline constexpr std::array<unit_scale, 8> unit_scales{{{"m/s^2", "acceleration", 1},
                                                        {"g", "acceleration", 9.80665},
                                                        {"mg", "acceleration", 0.00980665},
                                                        {"rad/s", "rate", 1},
                                                        {"deg/s", "rate", std::numbers::pi / 180},
                                                        {"uT", "field", 1e-6},
                                                        {"mT", "field", 1e-3},
                                                        {"T", "field", 1}}};

} // namespace detail

std::string spelled_unit(std::string_view unit) {
    std::string s;
    for (std::size_t i = 0; i < unit.size(); ++i) {
        const std::string_view rest = unit.substr(i);
        if (rest.starts_with("\xC2\xB2")) { // superscript two
            s += "^2";
            ++i;
        } else if (rest.starts_with("\xC2\xB5") || rest.starts_with("\xCE\xBC")) { // micro sign, mu
            s += "u";
            ++i;
        } else if (rest.starts_with("\xC2\xB0")) { // degree sign
            s += "deg";
            ++i;
        } else if (unit[i] != ' ' && unit[i] != '*') {
            s += unit[i];
        }
    }
    if (s.size() > 2 && ((s.front() == '(' && s.back() == ')') || (s.front() == '[' && s.back() == ']')))
        s = s.substr(1, s.size() - 2);
    for (const auto& [ours, theirs] : detail::unit_spellings())
        if (std::find(theirs.begin(), theirs.end(), s) != theirs.end()) return ours;
    return s;
}

std::optional<double> unit_factor(std::string_view from, std::string_view to) {
    if (from == to) return 1.0;
    for (const detail::unit_scale& a : detail::unit_scales)
        for (const detail::unit_scale& b : detail::unit_scales)
            if (a.unit == from && b.unit == to && a.kind == b.kind) return a.factor / b.factor;
    return std::nullopt;
}

bool is_known_unit(std::string_view unit) {
    const auto& known = detail::unit_spellings();
    return std::any_of(known.begin(), known.end(), [&](const auto& u) { return u.first == unit; }) ||
           std::any_of(detail::unit_scales.begin(), detail::unit_scales.end(),
                       [&](const auto& u) { return u.unit == unit; });
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
