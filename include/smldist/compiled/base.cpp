// SPDX-License-Identifier: BSD-3-Clause
/// smldist::compiled: the kernels, memory, errors.
#define SMLDIST_COMPILED_BASE
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
