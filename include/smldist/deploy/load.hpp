// SPDX-License-Identifier: BSD-3-Clause
/// From a model file to a program, by its graph: neither layers nor tensors are compiled in.
#ifndef SMLDIST_DEPLOY_LOAD_HPP
#define SMLDIST_DEPLOY_LOAD_HPP

#include <string>

#include "smldist/deploy/options.hpp"
#include "smldist/io/model_facts.hpp"
#include "smldist/runtime/program.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// A program with what its file says of the model.
struct loaded {
    runtime::program net;
    io::model_facts facts;
};

/// Compiles the graph of a model file and re-runs the file's self-test. The file's normaliser is included: the program
/// takes raw sensor units. Of the options, batch and outputs are used; the logits are always among the outputs.
///
/// Any bytes give a program or a typed error, within the memory and work of io::load_options. Weights are packed
/// directly from the file's bytes into the program. Runs on the calling thread only.
/// Throws     data_error naming what is wrong: container, facts, a node that programs do not support or whose inputs do
///            not fit, logits of the self-test that differ, more memory or work than the options allow; usage_error for
///            outputs that the file does not have and for a window of another length.
SMLDIST_FUNCTION loaded load(io::bundle b, options o = {});

/// The same from a file on disk. Throws io_error when it cannot be read; data_error names the path.
SMLDIST_FUNCTION loaded load(const std::string& path, options o = {}, io::load_options limits = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#if SMLDIST_DEPLOY_BODIES
#include "smldist/deploy/load.ipp"
#endif

#endif
