// SPDX-License-Identifier: BSD-3-Clause
/// The safetensors writer: deterministic, and every file it writes is accepted by the reader.
#ifndef SMLDIST_IO_SAFETENSORS_WRITER_HPP
#define SMLDIST_IO_SAFETENSORS_WRITER_HPP

#include <span>

#include "smldist/io/dtype.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json_scanner.hpp"
#include "smldist/io/tensor_view.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

/// The bytes of a file with these tensors and metadata; the same input in any order gives the same bytes.
///
/// Tensors are sorted by descending dtype size, then name, so each is aligned to its element size. The header is padded
/// with spaces to a multiple of 8: the byte buffer is 8-byte aligned.
///
/// Throws     usage_error for whatever safetensors_file::parse would refuse, such as a name that occurs twice.
[[nodiscard]] SMLDIST_FUNCTION byte_vector write_safetensors(std::span<const tensor_view> tensors,
                                                             const metadata_map& metadata = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#if SMLDIST_DEPLOY_BODIES
#include "smldist/io/safetensors_writer.ipp"
#endif

#endif
