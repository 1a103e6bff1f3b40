// SPDX-License-Identifier: BSD-3-Clause
/// What the terminal can do.
#ifndef HAR_TERMINAL_HPP
#define HAR_TERMINAL_HPP

#include <cstddef>
#include <string>

namespace har {

struct terminal_size {
    std::size_t columns = 80, rows = 24;
    friend bool operator==(const terminal_size&, const terminal_size&) = default;
};

/// Whether a file is a terminal on which text can be replaced: not one of TERM=dumb.
bool is_terminal(int descriptor);
/// The size of the terminal now; 80 × 24 where it does not say.
terminal_size size_of_terminal(int descriptor);
/// Whether colors are wanted: NO_COLOR is not set, or empty.
bool wants_color();
/// Whether text is UTF-8: by LC_ALL, LC_CTYPE and LANG, of which the first that is set counts.
bool is_utf8();

/// "12 s", "2 min 10 s", "3 h 5 min" or "2 d 4 h", rounded up.
std::string duration_text(double seconds);

} // namespace har

#endif
