// SPDX-License-Identifier: BSD-3-Clause
#include "warm_start.hpp"

#include <cstdio>

#include "model_file.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/io/sha256.hpp"
#include "smldist/model/state_dict.hpp"

namespace har {

using namespace smldist;

warm_start::warm_start(const std::string& path) : path_(path) {
    io::byte_vector bytes = io::read_file(path);
    hash_ = io::sha256_hex(bytes);
    file_ = naming_model(path, [&] { return io::safetensors_file::parse(std::move(bytes)); });
}

io::json warm_start::apply(model::network<float>& net, const std::string& name, bool quiet) const {
    const auto report = naming_model(path_, [&] { return model::load_state_dict(net, file_, {.strict = false}); });
    const std::string rest = text(report);
    if (report.loaded.empty())
        raise<model_error>(path_, "no tensor fits the network ", name, ", expected some; ", rest);
    if (!quiet)
        std::fprintf(stderr, "%s: begins with %zu tensors of %s%s%s\n", name.c_str(), report.loaded.size(),
                     printable(path_).c_str(), rest.empty() ? "" : "; ", rest.c_str());
    io::json j;
    j.set("file", path_);
    j.set("sha256", hash_);
    j.set("tensors", report.loaded.size());
    j.set("rest", rest);
    return j;
}

} // namespace har
