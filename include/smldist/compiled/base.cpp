// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: core and the kernels.
#define SMLDIST_COMPILED_BASE
#include "smldist/smldist.hpp"
