// SPDX-License-Identifier: BSD-3-Clause
/// The subcommands. Each prints its result on stdout, the last line as one JSON object with --json, and throws on failure.
#ifndef HAR_COMMANDS_HPP
#define HAR_COMMANDS_HPP

#include "smldist/model/load.hpp"

namespace har {

struct grid;
struct options;

void inspect(const options& o);
void features(const options& o);
void train(const options& o);
void distill(const options& o);
void validate(const options& o);
/// Does the share of the grid that the options or the launcher say. `o`: what all runs share.
void sweep(const options& o, const grid& g);
void collect(const options& o);
void evaluate(const options& o);
void predict(const options& o);
/// predict of recordings with times, which may be several.
void predict_recordings(const options& o, const smldist::model::loaded<float>& m);
void predict_stream(const options& o);
/// Makes a model file of weights that were trained in PyTorch.
void import_weights(const options& o);
void summary(const options& o);
void watch(const options& o);

} // namespace har

#endif
