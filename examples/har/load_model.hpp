// SPDX-License-Identifier: BSD-3-Clause
/// A model file that is none has an exit code of its own.
#ifndef HAR_LOAD_MODEL_HPP
#define HAR_LOAD_MODEL_HPP

#include <string>

#include "failure.hpp"
#include "smldist/model/load.hpp"

namespace har {

/// load(path), with model_error for a data_error.
template <class F> auto as_model(const std::string& path, F load) {
    try {
        return load(path);
    } catch (const smldist::data_error& e) { throw model_error(e.what()); }
}

/// The network in a model file. Throws model_error when it is none, io_error when it cannot be read.
inline smldist::model::loaded<float> load_model(const std::string& path) {
    return as_model(path, [](const std::string& p) { return smldist::model::load<float>(p); });
}

} // namespace har

#endif
