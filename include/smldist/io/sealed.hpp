// SPDX-License-Identifier: BSD-3-Clause
/// safetensors files that carry the SHA-256 of their buffer: model files and checkpoints.
#ifndef SMLDIST_IO_SEALED_HPP
#define SMLDIST_IO_SEALED_HPP

#include <span>
#include <string_view>

#include "smldist/io/file.hpp"
#include "smldist/io/safetensors.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// The bytes of a file with these tensors and metadata, and the key sha256_of_buffer. Errors: write_safetensors.
[[nodiscard]] [[gnu::cold]] SMLDIST_FUNCTION byte_vector write_sealed(std::span<const tensor_view> tensors,
                                                                      metadata_map metadata);

/// The metadata of that key. Throws data_error `what: …` when there is none.
[[nodiscard]] [[gnu::cold]] SMLDIST_FUNCTION const std::string&
metadata_entry(const safetensors_file& file, std::string_view key, std::string_view what);

/// Throws data_error `what: …` unless the metadata say this format, this version, and the hash of the buffer.
[[gnu::cold]] SMLDIST_FUNCTION void check_seal(const safetensors_file& file, std::string_view format,
                                               std::string_view version, std::string_view what);

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#if SMLDIST_DEPLOY_BODIES
#include "smldist/io/sealed.ipp"
#endif

#endif
