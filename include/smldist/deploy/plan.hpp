// SPDX-License-Identifier: BSD-3-Clause
/// From a graph to a program: the passes of the compiler in their order.
#ifndef SMLDIST_DEPLOY_PLAN_HPP
#define SMLDIST_DEPLOY_PLAN_HPP

#include "smldist/deploy/options.hpp"
#include "smldist/deploy/source.hpp"
#include "smldist/runtime/program.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// Compiles a graph that was traced for one window.
///
///     annotate   checks every op, notes the readers of every value
///     fold       computes ops with only constant inputs
///     fuse       decides which ops one step computes
///     emit       makes the steps, packs weights, folds batch-norms into them
///     place      assigns values places in one arena by their lifetimes
///
/// Throws     usage_error, or data_error for a graph from a file, naming a node that programs do not support, whose
///            inputs do not fit or that mixes the windows of a batch, and for outputs that do not exist.
SMLDIST_FUNCTION runtime::program plan(source s, const options& o);

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#if SMLDIST_DEPLOY_BODIES
#include "smldist/deploy/plan.ipp"
#endif

#endif
