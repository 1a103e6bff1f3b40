// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/deploy/stream.hpp"

using namespace smldist;

std::size_t hop(const deploy::program& net) {
#ifdef MISUSE
    return deploy::stream(deploy::program(net)).hop();
#else
    return deploy::stream(net).hop();
#endif
}
