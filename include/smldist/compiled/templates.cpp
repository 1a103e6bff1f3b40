// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: model::network<float>, its training, distillation, evaluation and model files.
#define SMLDIST_COMPILED_TEMPLATES
#include "smldist/smldist.hpp"
