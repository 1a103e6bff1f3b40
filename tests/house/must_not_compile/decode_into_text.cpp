// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: T must be float, double, bool or an integer type
#include <string>

#include "smldist/io/dtype.hpp"

#ifdef MISUSE
using element = std::string;
#else
using element = float;
#endif

auto decode = &smldist::io::decode<element>;
