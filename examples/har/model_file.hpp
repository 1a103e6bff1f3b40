// SPDX-License-Identifier: BSD-3-Clause
/// Loads model files. A file that is no model gets an exit code of its own.
#ifndef HAR_MODEL_FILE_HPP
#define HAR_MODEL_FILE_HPP

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

/// load(), with model_error that names the path for a data_error that does not.
template <class F> auto naming_model(const std::string& path, F load) {
    try {
        return load();
    } catch (const smldist::data_error& e) { throw model_error(path + ": " + e.what()); }
}

/// The network in a model file. Throws model_error when it is none, io_error when it cannot be read.
smldist::model::loaded<float> load_model(const std::string& path);

} // namespace har

#endif
