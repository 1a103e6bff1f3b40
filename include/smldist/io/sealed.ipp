// SPDX-License-Identifier: BSD-3-Clause
/// The functions of io/sealed.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <string>
#include <string_view>
#include <utility>

#include "smldist/core/error.hpp"
#include "smldist/io/sha256.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

byte_vector write_sealed(std::span<const tensor_view> tensors, metadata_map metadata) {
    // The hash has a fixed length, so the buffer does not move when the zeros are replaced.
    std::string& hash = metadata["sha256_of_buffer"] = std::string(64, '0');
    const auto draft = safetensors_file::parse(write_safetensors(tensors, metadata));
    hash = sha256_hex(draft.buffer());
    return write_safetensors(tensors, metadata);
}

const std::string& metadata_entry(const safetensors_file& file, std::string_view key, std::string_view what) {
    const auto found = file.metadata().find(key);
    if (found == file.metadata().end()) raise<data_error>(what, "metadata key ", quote(key), " is missing");
    return found->second;
}

void check_seal(const safetensors_file& file, std::string_view format, std::string_view version,
                std::string_view what) {
    const auto text = [&](std::string_view key) -> const std::string& { return metadata_entry(file, key, what); };
    if (text("format") != format)
        raise<data_error>(what, "format is ", quote(text("format")), ", expected ", quote(format));
    if (text("format_version") != version)
        raise<data_error>(what, "format_version is ", quote(text("format_version")), ", expected ", quote(version),
                          "; a newer smldist may read it");
    if (const auto hash = sha256_hex(file.buffer()); hash != text("sha256_of_buffer"))
        raise<data_error>(what, "SHA-256 of the weights is ", hash, ", expected ", quote(text("sha256_of_buffer")));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io
