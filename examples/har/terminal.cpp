// SPDX-License-Identifier: BSD-3-Clause
#include "terminal.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace har {

bool is_terminal(int descriptor) {
    const char* term = std::getenv("TERM");
    return isatty(descriptor) != 0 && !(term && std::string_view(term) == "dumb");
}

terminal_size size_of_terminal(int descriptor) {
    terminal_size size;
    winsize window{};
    if (ioctl(descriptor, TIOCGWINSZ, &window) != 0) return size;
    if (window.ws_col > 0) size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
    return size;
}

bool wants_color() {
    const char* no_color = std::getenv("NO_COLOR");
    return !(no_color && *no_color);
}

bool is_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (!value || !*value) continue;
        std::string locale(value);
        for (char& c : locale) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        return locale.find("UTF-8") != locale.npos || locale.find("UTF8") != locale.npos;
    }
    return false;
}

std::string duration_text(double seconds) {
    struct unit {
        std::uint64_t seconds;
        const char* name;
    };
    static constexpr std::array<unit, 4> units{{{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}}};
    const auto whole = static_cast<std::uint64_t>(std::ceil(std::clamp(seconds, 0.0, 1e12)));
    std::size_t u = 0;
    while (u + 1 < units.size() && whole < units[u].seconds) ++u;
    std::string text = std::to_string(whole / units[u].seconds) + units[u].name;
    if (u + 1 == units.size()) return text;
    const std::uint64_t rest = whole % units[u].seconds / units[u + 1].seconds;
    return rest == 0 ? text : text + " " + std::to_string(rest) + units[u + 1].name;
}

} // namespace har
