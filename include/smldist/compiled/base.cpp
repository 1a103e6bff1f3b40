// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: core and the kernels.
#define SMLDIST_COMPILED_BASE
#include "smldist/core/decimal.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/kernel/conv.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/gemm.hpp"
#include "smldist/kernel/norm.hpp"
#include "smldist/kernel/normalise.hpp"
#include "smldist/kernel/normed_conv.hpp"
#include "smldist/kernel/reduce.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/kernel/time_matmul.hpp"
#include "smldist/kernel/update.hpp"
#include "smldist/kernel/vector.hpp"
