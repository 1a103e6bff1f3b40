// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/io/safetensors_reader.hpp"

using namespace smldist;

std::size_t elements(const char* path) {
#ifdef MISUSE
    const io::tensor_view& w = io::safetensors_file::load(path).at("w");
#else
    const auto file = io::safetensors_file::load(path);
    const io::tensor_view& w = file.at("w");
#endif
    return w.extents.size();
}
