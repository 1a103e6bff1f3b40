// SPDX-License-Identifier: BSD-3-Clause
/// Reads the arrays that PyTorch or NumPy computed (tests/reference/*.safetensors, written by the make_*.py beside them).
#ifndef SMLDIST_TESTS_REFERENCE_HPP
#define SMLDIST_TESTS_REFERENCE_HPP

#include <map>
#include <string>

#include "smldist/core/tensor.hpp"
#include "smldist/io/safetensors.hpp"

#ifndef SMLDIST_REFERENCE_DIR
#define SMLDIST_REFERENCE_DIR "tests/reference"
#endif

/// The file `name` of the reference folder, read once.
inline const smldist::io::safetensors_file& reference_file(const std::string& name) {
    static std::map<std::string, smldist::io::safetensors_file> files;
    const auto found = files.find(name);
    if (found != files.end()) return found->second;
    return files.emplace(name, smldist::io::safetensors_file::load(SMLDIST_REFERENCE_DIR "/" + name)).first->second;
}

/// Array `name` of file `file`. Throws when there is none.
inline smldist::tensor<double> reference(const std::string& file, const std::string& name) {
    const auto& found = reference_file(file).at(name);
    auto values = smldist::tensor<double>::uninitialized(found.extents);
    smldist::io::copy_to(found, values.data(), values.size());
    return values;
}

/// How many arrays of `file` have a name that begins with `prefix`.
inline std::size_t number_stored(const std::string& file, const std::string& prefix) {
    std::size_t n = 0;
    for (const auto& array : reference_file(file).tensors()) n += array.name.starts_with(prefix) ? 1u : 0u;
    return n;
}

#endif
