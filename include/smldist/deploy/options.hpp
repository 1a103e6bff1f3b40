// SPDX-License-Identifier: BSD-3-Clause
/// What a program is compiled for.
#ifndef SMLDIST_DEPLOY_OPTIONS_HPP
#define SMLDIST_DEPLOY_OPTIONS_HPP

#include <cstddef>
#include <string>
#include <vector>

#include "smldist/core/normaliser.hpp"
#include "smldist/core/shape.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

struct options {
    std::size_t batch = 1;  ///< windows of run(in, out)
    std::size_t length = 0; ///< L, samples of a window; 0 for a model file: the file's
    std::size_t height = 0,
                width = 0;    ///< of an image (H, W, C) in place of a window; length is then H·W or 0. All three
                              ///< 0: the extents of the image in the model's configuration
    std::size_t channels = 0; ///< C; 0: those of the model's configuration
    smldist::normaliser normaliser =
        {}; ///< applied to the input, which then has raw units; kind none: the input is normalised
    /// Names of the outputs, in any order: "logits", "feature", "stages.0"; "stages" and "memory" name all of them, "all"
    /// everything. Empty: only the logits. Ops that no output needs are not computed.
    std::vector<std::string> outputs = {};
};

/// The shape of the program's input, with the extents that `o` gives: (1, L, C), or (1, H, W, C) for images.
[[nodiscard]] inline shape input_shape(const options& o) {
    if (o.height == 0) return {1, o.length, o.channels};
    return {1, o.height, o.width, o.channels};
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif
