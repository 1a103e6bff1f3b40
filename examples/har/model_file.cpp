// SPDX-License-Identifier: BSD-3-Clause
#include "model_file.hpp"

namespace har {

smldist::model::loaded<float> load_model(const std::string& path) {
    return as_model(path, [](const std::string& p) { return smldist::model::load<float>(p); });
}

} // namespace har
