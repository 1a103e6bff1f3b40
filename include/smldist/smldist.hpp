// SPDX-License-Identifier: BSD-3-Clause
/// The whole library in one include, for programs. A header of the library includes what it uses instead.
#ifndef SMLDIST_SMLDIST_HPP
#define SMLDIST_SMLDIST_HPP

#include "smldist/core/activation.hpp"
#include "smldist/core/argsort.hpp"
#include "smldist/core/budget.hpp"
#include "smldist/core/check.hpp"
#include "smldist/core/config.hpp"
#include "smldist/core/decimal.hpp"
#include "smldist/core/enum_names.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/core/normaliser.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/core/parameter_groups.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/core/tensor.hpp"

#include "smldist/spec/all.hpp"
#include "smldist/spec/arithmetic.hpp"
#include "smldist/spec/conv1d.hpp"
#include "smldist/spec/conv2d.hpp"
#include "smldist/spec/elementwise.hpp"
#include "smldist/spec/extent2.hpp"
#include "smldist/spec/hopfield.hpp"
#include "smldist/spec/linear.hpp"
#include "smldist/spec/norm.hpp"
#include "smldist/spec/options.hpp"
#include "smldist/spec/pool2d.hpp"
#include "smldist/spec/recurrent.hpp"
#include "smldist/spec/reduce.hpp"
#include "smldist/spec/reshape.hpp"
#include "smldist/spec/select.hpp"
#include "smldist/spec/shapes.hpp"
#include "smldist/spec/softmax.hpp"
#include "smldist/spec/upsample.hpp"

#include "smldist/autograd/tape.hpp"

#include "smldist/graph/attributes.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/graph/json.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/graph/trace.hpp"
#include "smldist/graph/visit.hpp"

#include "smldist/op/adaptive_pool.hpp"
#include "smldist/op/apply.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/batch_share.hpp"
#include "smldist/op/broadcast.hpp"
#include "smldist/op/conv1d.hpp"
#include "smldist/op/conv2d.hpp"
#include "smldist/op/conv_transpose1d.hpp"
#include "smldist/op/group_norm.hpp"
#include "smldist/op/hopfield.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/mixture.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/normed.hpp"
#include "smldist/op/normed_conv.hpp"
#include "smldist/op/operand.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/pool2d.hpp"
#include "smldist/op/recurrent.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/select.hpp"
#include "smldist/op/softmax.hpp"
#include "smldist/op/upsample.hpp"

#include "smldist/nn/activation.hpp"
#include "smldist/nn/blended_head.hpp"
#include "smldist/nn/cluster.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/nn/conv2d.hpp"
#include "smldist/nn/conv_norm.hpp"
#include "smldist/nn/feature_projector.hpp"
#include "smldist/nn/gru_cell.hpp"
#include "smldist/nn/hopfield.hpp"
#include "smldist/nn/hopfield_mask.hpp"
#include "smldist/nn/init.hpp"
#include "smldist/nn/inverted_residual.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/memory.hpp"
#include "smldist/nn/mlp.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/nn/prototype.hpp"
#include "smldist/nn/recurrent.hpp"
#include "smldist/nn/squeeze_excite.hpp"

#include "smldist/model/architecture.hpp"
#include "smldist/model/file.hpp"
#include "smldist/model/heads.hpp"
#include "smldist/model/load.hpp"
#include "smldist/model/mobilenet_v3.hpp"
#include "smldist/model/network.hpp"
#include "smldist/model/state_dict.hpp"

#include "smldist/loss/baseline/attention.hpp"
#include "smldist/loss/baseline/dist.hpp"
#include "smldist/loss/baseline/dkd.hpp"
#include "smldist/loss/baseline/fitnets.hpp"
#include "smldist/loss/baseline/hinton.hpp"
#include "smldist/loss/baseline/method.hpp"
#include "smldist/loss/baseline/pkt.hpp"
#include "smldist/loss/baseline/rkd.hpp"
#include "smldist/loss/baseline/selectivity.hpp"
#include "smldist/loss/baseline/setting.hpp"
#include "smldist/loss/baseline/similarity.hpp"
#include "smldist/loss/baseline/simkd.hpp"
#include "smldist/loss/binary_cross_entropy.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/loss/divergence.hpp"
#include "smldist/loss/focal.hpp"
#include "smldist/loss/huber.hpp"
#include "smldist/loss/logit_norm.hpp"
#include "smldist/loss/logits.hpp"
#include "smldist/loss/memory.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/loss/soft_cross_entropy.hpp"
#include "smldist/loss/stage.hpp"
#include "smldist/loss/stage/band_weights.hpp"
#include "smldist/loss/stage/compared_channels.hpp"
#include "smldist/loss/stage/compared_rows.hpp"
#include "smldist/loss/stage/feature_statistics.hpp"
#include "smldist/loss/stage/fused.hpp"
#include "smldist/loss/stage/principal.hpp"
#include "smldist/loss/stage/projector.hpp"
#include "smldist/loss/stage/spectral.hpp"
#include "smldist/loss/stage/stage_options.hpp"
#include "smldist/loss/stage/target_map.hpp"
#include "smldist/loss/stage/time_basis.hpp"
#include "smldist/loss/stage/time_map.hpp"
#include "smldist/loss/supervised_contrastive.hpp"

#include "smldist/optim/adam.hpp"
#include "smldist/optim/any_optimiser.hpp"
#include "smldist/optim/any_schedule.hpp"
#include "smldist/optim/average.hpp"
#include "smldist/optim/ema.hpp"
#include "smldist/optim/gradient_accumulator.hpp"
#include "smldist/optim/lookahead.hpp"
#include "smldist/optim/radam.hpp"
#include "smldist/optim/ranger.hpp"
#include "smldist/optim/schedule.hpp"
#include "smldist/optim/sgd.hpp"
#include "smldist/optim/step.hpp"
#include "smldist/optim/swa.hpp"

#include "smldist/metric/bootstrap.hpp"
#include "smldist/metric/calibration.hpp"
#include "smldist/metric/confusion.hpp"
#include "smldist/metric/evaluation.hpp"
#include "smldist/metric/multi_label.hpp"
#include "smldist/metric/predictions.hpp"
#include "smldist/metric/regression.hpp"

#include "smldist/data/augment.hpp"
#include "smldist/data/corruption.hpp"
#include "smldist/data/csv/columns.hpp"
#include "smldist/data/csv/dialect.hpp"
#include "smldist/data/csv/import.hpp"
#include "smldist/data/csv/names.hpp"
#include "smldist/data/csv/options.hpp"
#include "smldist/data/csv/path_pattern.hpp"
#include "smldist/data/csv/segments.hpp"
#include "smldist/data/csv/table.hpp"
#include "smldist/data/csv/timestamps.hpp"
#include "smldist/data/csv/units.hpp"
#include "smldist/data/csv_reader.hpp"
#include "smldist/data/csv_recordings.hpp"
#include "smldist/data/dataset/dsads.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/dataset/hapt.hpp"
#include "smldist/data/dataset/mhealth.hpp"
#include "smldist/data/dataset/motion_sense.hpp"
#include "smldist/data/dataset/pamap2.hpp"
#include "smldist/data/dataset/sp_sw_har.hpp"
#include "smldist/data/dataset/uci_har.hpp"
#include "smldist/data/dataset/wisdm.hpp"
#include "smldist/data/features.hpp"
#include "smldist/data/filter.hpp"
#include "smldist/data/images.hpp"
#include "smldist/data/inspect.hpp"
#include "smldist/data/loader.hpp"
#include "smldist/data/mixup.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/data/prefetcher.hpp"
#include "smldist/data/recording.hpp"
#include "smldist/data/resample.hpp"
#include "smldist/data/shapes.hpp"
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
#include "smldist/io/sealed.hpp"
#include "smldist/io/sha256.hpp"
#include "smldist/io/tensor_view.hpp"

#include "smldist/runtime/program.hpp"
#include "smldist/runtime/recurrent.hpp"
#include "smldist/runtime/step.hpp"
#include "smldist/runtime/stream.hpp"

#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/load.hpp"
#include "smldist/deploy/network.hpp"
#include "smldist/deploy/options.hpp"
#include "smldist/deploy/plan.hpp"
#include "smldist/deploy/source.hpp"

#if SMLDIST_DEPLOY_BODIES // otherwise smldist::compiled contains the functions that need them
#include "smldist/deploy/annotate.hpp"
#include "smldist/deploy/builder.hpp"
#include "smldist/deploy/emit.hpp"
#include "smldist/deploy/emit_moves.hpp"
#include "smldist/deploy/emit_products.hpp"
#include "smldist/deploy/emit_recurrent.hpp"
#include "smldist/deploy/fold.hpp"
#include "smldist/deploy/fuse.hpp"
#include "smldist/deploy/place.hpp"
#include "smldist/runtime/depthwise.hpp"
#include "smldist/runtime/elementwise_steps.hpp"
#include "smldist/runtime/move_steps.hpp"
#include "smldist/runtime/product.hpp"
#endif

#include "smldist/train/archive.hpp"
#include "smldist/train/batch_parts.hpp"
#include "smldist/train/callback.hpp"
#include "smldist/train/callbacks.hpp"
#include "smldist/train/checkpoint.hpp"
#include "smldist/train/door.hpp"
#include "smldist/train/epochs.hpp"
#include "smldist/train/evaluate.hpp"
#include "smldist/train/fit.hpp"
#include "smldist/train/logging.hpp"
#include "smldist/train/loop.hpp"
#include "smldist/train/loss_terms.hpp"
#include "smldist/train/lr_finder.hpp"
#include "smldist/train/memory_initialisation.hpp"
#include "smldist/train/objective.hpp"
#include "smldist/train/state.hpp"
#include "smldist/train/tensorboard.hpp"
#include "smldist/train/training_options.hpp"
#include "smldist/train/validation_metric.hpp"

#include "smldist/distill/baseline.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/distill/projected_teacher.hpp"
#include "smldist/distill/settings.hpp"
#include "smldist/distill/teacher_statistics.hpp"

#include "smldist/search/head_search.hpp"

#include "smldist/ref2021/loss.hpp"
#include "smldist/ref2021/presets.hpp"
#include "smldist/ref2021/training.hpp"

#include "smldist/testing/gradcheck.hpp"

// The templates of several folders that smldist::compiled contains, for model::network<float>. Nothing in header-only programs.
namespace smldist {

SMLDIST_INSTANTIATE(class train::detail::training_loop<model::network<float>>)
SMLDIST_INSTANTIATE(class train::training<model::network<float>, train::supervised>)
SMLDIST_INSTANTIATE(class train::training<model::network<float>, distill::distiller>)
SMLDIST_INSTANTIATE(train::training_result<model::network<float>> train::fit(model::network<float>&,
                                                                             const data::windows&,
                                                                             const data::windows&, const normaliser&,
                                                                             const train::training_options&))
SMLDIST_INSTANTIATE(train::training_result<model::network<float>> distill::fit(
    model::network<float>&, const model::network<float>&, const data::windows&, const data::windows&,
    const normaliser&, const train::training_options&, distill::distill_options, generator))
SMLDIST_INSTANTIATE(distill::distiller::distiller(const model::network<float>&, const model::network<float>&,
                                                  const data::windows&, const normaliser&,
                                                  const distill::distill_options&, generator,
                                                  std::span<const std::size_t>))
SMLDIST_INSTANTIATE(tensor<float> train::logits(const model::network<float>&, const data::windows&, const normaliser&,
                                                std::span<const std::size_t>))
SMLDIST_INSTANTIATE(tensor<float> train::predict(const model::network<float>&, const data::windows&,
                                                 const normaliser&, std::span<const std::size_t>))
SMLDIST_INSTANTIATE(metric::evaluation train::evaluate(const model::network<float>&, const data::windows&,
                                                       const normaliser&, std::span<const std::size_t>))
SMLDIST_INSTANTIATE(model::loaded<float> model::load<float>(io::bundle))
SMLDIST_INSTANTIATE(model::loaded<float> model::load<float>(const std::string&, io::load_options))
SMLDIST_INSTANTIATE(io::byte_vector model::to_bytes<float>(const model::network<float>&, const io::model_facts&,
                                                           const tensor<float>&))
SMLDIST_INSTANTIATE(void model::save<float>(const std::string&, const model::network<float>&, const io::model_facts&,
                                            const tensor<float>&))
SMLDIST_INSTANTIATE(graph model::trace<float>(const model::network<float>&, std::size_t, std::size_t))
SMLDIST_INSTANTIATE(runtime::program deploy::compile(const model::network<float>&, deploy::options))

} // namespace smldist

#endif
