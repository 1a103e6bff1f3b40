// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: loading model files and compiling graphs into programs.
#define SMLDIST_COMPILED_DEPLOY
#include "smldist/deploy/load.hpp"
#include "smldist/deploy/plan.hpp"
