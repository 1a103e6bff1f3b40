// SPDX-License-Identifier: BSD-3-Clause
/// safetensors: named tensors and string metadata in one file, the native format of weights and models.
///
/// Layout     u64 little-endian N · N bytes of JSON, padded with spaces · the byte buffer. Row-major, little-endian.
/// Source     huggingface/safetensors, description of the format; `io::limit` holds the limits, including our own.
#ifndef SMLDIST_IO_SAFETENSORS_HPP
#define SMLDIST_IO_SAFETENSORS_HPP

#include "smldist/io/safetensors_reader.hpp"
#include "smldist/io/safetensors_writer.hpp"

#endif
