// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: files, graphs as text, loading and compiling programs.
#define SMLDIST_COMPILED_DEPLOY
#include "smldist/smldist.hpp"
