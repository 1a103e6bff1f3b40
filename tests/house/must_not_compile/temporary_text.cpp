// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/io/json_scanner.hpp"

using namespace smldist;

bool good(const std::string& text) {
#ifdef MISUSE
    return io::json_scanner(std::string(text)).good();
#else
    return io::json_scanner(text).good();
#endif
}
