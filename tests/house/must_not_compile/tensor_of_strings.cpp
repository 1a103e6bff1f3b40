// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: T must be an arithmetic type such as float or double
#include <string>

#include "smldist/core/tensor.hpp"

#ifdef MISUSE
using element = std::string;
#else
using element = double;
#endif

smldist::tensor<element> x;
