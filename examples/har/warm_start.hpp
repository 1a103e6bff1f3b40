// SPDX-License-Identifier: BSD-3-Clause
/// Weights that a network begins with: --warm-start.
#ifndef HAR_WARM_START_HPP
#define HAR_WARM_START_HPP

#include <string>

#include "smldist/io/json.hpp"
#include "smldist/io/safetensors_reader.hpp"
#include "smldist/model/network.hpp"

namespace har {

class warm_start {
public:
    /// Reads the file. Throws io_error when it cannot be read, model_error when it is no safetensors file.
    explicit warm_start(const std::string& path);

    /// A line that tells this file from others, for the configuration of checkpoints.
    std::string configuration() const { return "# SHA-256 of --warm-start: " + hash_ + "\n"; }

    /// Gives the network `name` the tensors that fit; says on stderr, unless `quiet`, what was taken and what was not.
    /// Returns    the same as figures.
    /// Throws     model_error when no tensor fits, or one has infinity or NaN.
    smldist::io::json apply(smldist::model::network<float>& net, const std::string& name, bool quiet) const;

private:
    std::string path_, hash_;
    smldist::io::safetensors_file file_;
};

} // namespace har

#endif
