// SPDX-License-Identifier: BSD-3-Clause
/// Forward declarations of the public class templates, for headers that only name them.
#ifndef SMLDIST_FWD_HPP
#define SMLDIST_FWD_HPP

#include <cstddef>

#include "smldist/core/config.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN
template <class T> class tensor;
template <std::size_t N> struct enum_table;
template <class T> struct parameter;
template <class V> struct buffer;
template <class X> class stage_list;
template <class X> struct memory_outputs;
template <class X> struct candidate_outputs;
template <class X> struct outputs;
template <class T> struct var;
template <class T> struct normed_value;
template <class T> class tape;
SMLDIST_NAMESPACE_END
} // namespace smldist

namespace smldist::memory {
SMLDIST_NAMESPACE_BEGIN
template <class T> struct page_allocator;
SMLDIST_NAMESPACE_END
} // namespace smldist::memory

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN
template <class T> struct linear;
template <class T> struct conv1d;
template <class T> struct conv_transpose1d;
template <class T> struct conv2d;
template <class T> struct batch_norm;
template <class T> struct layer_norm;
template <class T> struct group_norm;
template <class T, std::size_t Axes> struct basic_conv_norm;
template <class T> using conv_norm = basic_conv_norm<T, 1>;   ///< of windows (B, L, C)
template <class T> using conv_norm2d = basic_conv_norm<T, 2>; ///< of images (B, H, W, C)
template <class T> struct feature_projector;
template <class T, std::size_t Axes> struct basic_depthwise_separable;
template <class T> using depthwise_separable = basic_depthwise_separable<T, 1>;
template <class T> using depthwise_separable2d = basic_depthwise_separable<T, 2>;
template <class T> struct squeeze_excite;
template <class T, std::size_t Axes> struct basic_inverted_residual;
template <class T> using inverted_residual = basic_inverted_residual<T, 1>;
template <class T> using inverted_residual2d = basic_inverted_residual<T, 2>;
template <class T> struct gru_cell;
template <class T> struct gru;
template <class T> struct lstm;
template <class X> struct gru_state;
template <class X> struct gru_result;
template <class X> struct lstm_state;
template <class X> struct lstm_result;
template <class... F> struct sequential;
template <class T> struct attention_mask;
template <class T> struct multi_head_attention;
template <class T> struct hopfield_association;
template <class T> struct hopfield_lookup;
template <class T> struct hopfield_pooling;
template <class T> struct hopfield_classifier;
template <class M> struct hopfield_masks;
template <class X> struct hopfield_recall;
template <class T> struct memory;
template <class T> struct mlp;
template <class T> struct prototype;
template <class T> struct blended_head;
SMLDIST_NAMESPACE_END
} // namespace smldist::nn

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN
template <class T, std::size_t Axes> struct basic_mobilenet_v3;
template <class T> using mobilenet_v3 = basic_mobilenet_v3<T, 1>;    ///< of windows (B, L, C)
template <class T> using mobilenet_v3_2d = basic_mobilenet_v3<T, 2>; ///< of images (B, H, W, C)
template <class T, std::size_t Axes> struct basic_network;
template <class T> using network = basic_network<T, 1>;   ///< of windows
template <class T> using network2d = basic_network<T, 2>; ///< of images
template <class T, std::size_t Axes> struct basic_loaded;
template <class T> using loaded = basic_loaded<T, 1>;
template <class T> using loaded2d = basic_loaded<T, 2>;
SMLDIST_NAMESPACE_END
} // namespace smldist::model

namespace smldist::loss {
SMLDIST_NAMESPACE_BEGIN
template <class T> class stage_loss;
template <class T> struct soft_targets;
template <class X> struct logits_result;
SMLDIST_NAMESPACE_END
} // namespace smldist::loss

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN
template <class T> struct feature_statistics;
template <class T> struct projector;
template <class T> struct time_bands;
template <class T> class time_map;
template <class T> class target_map;
template <class T> struct principal_components;
template <class T> struct component_map;
template <class T> class compared_channels;
template <class T> struct compared_rows;
template <class T> struct discrepancy_tables;
template <class T> class fused_comparison;
SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN
template <class T> struct fitnets;
template <class T> struct method;
SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN
template <class T> struct sgd;
template <class T> struct adam;
template <class T> struct radam;
template <class Inner> struct lookahead;
template <class T> class any_optimiser;
template <class T> class gradient_accumulator;
template <class M> struct ema;
template <class M> struct swa;
SMLDIST_NAMESPACE_END
} // namespace smldist::optim

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN
template <class Network> struct training_result;
template <class Network, class Objective> class training;
template <class Network> struct state;
template <class State> class callback_list;
template <class Network> class ema;
template <class Network> class swa;
template <class Network> struct best_model;
SMLDIST_NAMESPACE_END
} // namespace smldist::train

namespace smldist::runtime {
SMLDIST_NAMESPACE_BEGIN
template <class G> struct recurrent_step;
SMLDIST_NAMESPACE_END
} // namespace smldist::runtime

namespace smldist::distill {
SMLDIST_NAMESPACE_BEGIN
template <class Teacher> class projected_teacher;
template <class Network> class ensemble;
class distiller;
template <class Teacher, class Method> class baseline_distiller;
SMLDIST_NAMESPACE_END
} // namespace smldist::distill

namespace smldist::ref2021 {
SMLDIST_NAMESPACE_BEGIN
template <class Teacher> class stage_objective;
template <class Teacher> class logits_objective;
SMLDIST_NAMESPACE_END
} // namespace smldist::ref2021

#endif
