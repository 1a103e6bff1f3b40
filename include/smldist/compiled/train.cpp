// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: the functions of data, models, training, distillation and search.
#define SMLDIST_COMPILED_TRAIN
#include "smldist/smldist.hpp"
