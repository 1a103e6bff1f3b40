// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: the functions of training, distillation and search.
#define SMLDIST_COMPILED_TRAIN
#include "smldist/distill/distiller.hpp"
#include "smldist/model/architecture.hpp"
#include "smldist/search/head_search.hpp"
#include "smldist/train/objective.hpp"
