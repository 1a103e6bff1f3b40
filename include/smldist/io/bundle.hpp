// SPDX-License-Identifier: BSD-3-Clause
/// The model file: one safetensors file that describes itself. Weights, architecture, traced graph, normaliser, window,
/// labels, and a self-test.
#ifndef SMLDIST_IO_BUNDLE_HPP
#define SMLDIST_IO_BUNDLE_HPP

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json.hpp"
#include "smldist/io/model_facts.hpp"
#include "smldist/io/safetensors.hpp"
#include "smldist/io/sealed.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// Names of the tensors that hold the self-test: a window in raw units (1, L, C) and its logits (1, N).
inline constexpr std::string_view selftest_input = "selftest.input", selftest_output = "selftest.output";
/// Begins the names of the tensors that hold the constants of the graph, such as the 3 in x / 3. They may be infinite, as a mask is.
inline constexpr std::string_view constant_prefix = "graph.constant.";
inline constexpr std::string_view format_version = "1";

/// Checks what a model file says about a window. Throws data_error unless there are a window, a hop and a rate, and one
/// name and one finite offset and scale per channel.
[[gnu::cold]] SMLDIST_FUNCTION void check_preprocess(const model_facts& f);

/// Tolerances of a self-test. Its logits may differ by 1e-4 of the largest, which counts as at least 1. Where a network
/// amplifies rounding (a lookup with a sharp association after a layer-norm of small features), they may differ by up
/// to `amplified` times the change that nudging the window by a few roundings causes.
inline constexpr double selftest_tolerance = 1e-4, amplified = 16;
inline constexpr std::uint32_t selftest_nudges = 3;

/// Multiplies each value by 1 + 2⁻²¹ u with u in [-2, 2), a different u for each round.
[[gnu::cold]] SMLDIST_FUNCTION void nudge(std::span<float> window, std::uint32_t round);

/// A model file in memory: its facts and its tensors.
struct bundle {
    model_facts facts;
    safetensors_file file;
    budget room = {}; ///< what loading it may still take
};

/// The bytes of a model file. `tensors` holds the weights by dotted path and the two self-test tensors. Their contents
/// are not checked here; model::to_bytes does that.
[[nodiscard]] SMLDIST_FUNCTION byte_vector write_bundle(const model_facts& f, std::span<const tensor_view> tensors);

/// Reads and checks a model file: every rule of the format, the version, the hash of the buffer, the facts and the
/// shapes of the self-test. The options bound the memory and work of this function and of the deploy::load or
/// model::load after it.
/// Throws     data_error (format_error for the container) that names what is wrong.
[[nodiscard]] [[gnu::cold]] SMLDIST_FUNCTION bundle read_bundle(byte_vector bytes, load_options o = {});

/// Reads a model file from disk. Throws io_error when it cannot be read, and as read_bundle(bytes).
[[nodiscard]] inline bundle read_bundle(const std::string& path, load_options o = {}) {
    return read_bundle(read_file(path), o);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#if SMLDIST_DEPLOY_BODIES
#include "smldist/io/bundle.ipp"
#endif

#endif
