// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/runtime/stream.hpp"

using namespace smldist;

std::size_t hop(const runtime::program& net) {
#ifdef MISUSE
    return runtime::stream(runtime::program(net)).hop();
#else
    return runtime::stream(net).hop();
#endif
}
