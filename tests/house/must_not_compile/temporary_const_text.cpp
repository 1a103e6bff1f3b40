// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/io/json_scanner.hpp"

using namespace smldist;

const std::string made();

bool good(const std::string& text) {
#ifdef MISUSE
    return io::json_scanner(made()).good();
#else
    return io::json_scanner(text).good();
#endif
}
