// SPDX-License-Identifier: BSD-3-Clause
/// The whole library in one include, for programs. A header of the library includes what it uses instead.
#ifndef SMLDIST_SMLDIST_HPP
#define SMLDIST_SMLDIST_HPP

#include "smldist/core/config.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/core/normaliser.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/core/tensor.hpp"

#include "smldist/autograd/tape.hpp"

#include "smldist/graph/graph.hpp"
#include "smldist/graph/summary.hpp"

#include "smldist/op/apply.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/broadcast.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

#include "smldist/nn/activation.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/nn/conv_norm.hpp"
#include "smldist/nn/hopfield.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/nn/inverted_residual.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/memory.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/nn/squeeze_excite.hpp"

#include "smldist/model/load.hpp"
#include "smldist/model/mobilenet_v3.hpp"
#include "smldist/model/network.hpp"

#include "smldist/loss/cross_entropy.hpp"
#include "smldist/loss/logits.hpp"
#include "smldist/loss/memory.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/loss/stage.hpp"

#include "smldist/optim/adam.hpp"
#include "smldist/optim/choice.hpp"
#include "smldist/optim/ema.hpp"
#include "smldist/optim/lookahead.hpp"
#include "smldist/optim/radam.hpp"
#include "smldist/optim/ranger.hpp"
#include "smldist/optim/schedule.hpp"
#include "smldist/optim/sgd.hpp"
#include "smldist/optim/step.hpp"
#include "smldist/optim/swa.hpp"

#include "smldist/metric/calibration.hpp"
#include "smldist/metric/confusion.hpp"
#include "smldist/metric/evaluation.hpp"

#include "smldist/data/augment.hpp"
#include "smldist/data/dataset/uci_har.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/data/mixup.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/data/recording.hpp"
#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/data/window.hpp"

#include "smldist/io/bundle.hpp"
#include "smldist/io/dtype.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json.hpp"
#include "smldist/io/safetensors.hpp"
#include "smldist/io/safetensors_reader.hpp"
#include "smldist/io/safetensors_writer.hpp"
#include "smldist/io/sha256.hpp"
#include "smldist/io/tensor_view.hpp"

#include "smldist/distill/distiller.hpp"
#include "smldist/distill/evaluate.hpp"
#include "smldist/distill/plan.hpp"
#include "smldist/distill/trainer.hpp"
#include "smldist/distill/training_options.hpp"

#include "smldist/testing/gradcheck.hpp"

#endif
