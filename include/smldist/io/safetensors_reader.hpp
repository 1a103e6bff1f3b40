// SPDX-License-Identifier: BSD-3-Clause
/// A strict safetensors reader for untrusted files.
///
/// Any bytes give a file or a typed error. Memory is at most 2 × file + 16 MiB, including the file itself; time is
/// linear in the file, except for sorting at most 65 536 names. Nothing in a file is used as a path or executed.
#ifndef SMLDIST_IO_SAFETENSORS_READER_HPP
#define SMLDIST_IO_SAFETENSORS_READER_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/argsort.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/io/dtype.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json_scanner.hpp"
#include "smldist/io/tensor_view.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

struct safetensors_options {
    bool require_finite = false;    ///< refuse files with infinity or NaN in a floating-point tensor
    std::string_view infinite = {}; ///< … except in tensors whose names begin so; empty: in none
};

/// A safetensors file in memory. Owns the bytes that its views look at; movable, not copyable.
///
///     const auto file = io::safetensors_file::load("model.safetensors");
///     const io::tensor_view& w = file.at("stem.weight");
///     std::vector<float> values(w.extents.size());
///     io::copy_to(w, values.data(), values.size());
class safetensors_file {
public:
    safetensors_file() = default;
    safetensors_file(safetensors_file&&) = default;
    safetensors_file& operator=(safetensors_file&&) = default;
    safetensors_file(const safetensors_file&) = delete;
    safetensors_file& operator=(const safetensors_file&) = delete;

    /// Takes the bytes of a file. Returns false, with `fault` set and `out` empty, when they break a rule.
    SMLDIST_FUNCTION static bool parse(byte_vector bytes, safetensors_file& out, format_fault& fault,
                                       safetensors_options options = {});
    /// The same. Throws format_error.
    SMLDIST_FUNCTION static safetensors_file parse(byte_vector bytes, safetensors_options options = {});
    /// Reads a file. Throws io_error as read_file does, format_error naming the path.
    SMLDIST_FUNCTION static safetensors_file load(const std::string& path, safetensors_options options = {});

    /// All tensors, in the order of their bytes.
    const std::vector<tensor_view>& tensors() const& { return tensors_; }
    const metadata_map& metadata() const& { return metadata_; }
    /// The byte buffer: everything after the header.
    std::span<const std::byte> buffer() const& {
        return std::span(bytes_).subspan(std::min(buffer_at_, bytes_.size()));
    }

    /// The tensor of that name, or null. Cost log n comparisons.
    const tensor_view* find(std::string_view name) const& {
        const auto less = [this](std::size_t i, std::string_view key) { return tensors_[i].name < key; };
        const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name, less);
        return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
    }
    /// The tensor of that name. Throws format_error when there is none.
    const tensor_view& at(std::string_view name) const& {
        const tensor_view* tensor = find(name);
        if (!tensor) detail::raise_format({violation::tensor_missing, "tensor " + in_quotes(name) + " is missing"});
        return *tensor;
    }
    // Tensors, bytes and metadata are views of the file, which must outlive them.
    const metadata_map& metadata() const&& = delete;
    const std::vector<tensor_view>& tensors() const&& = delete;
    std::span<const std::byte> buffer() const&& = delete;
    const tensor_view* find(std::string_view) const&& = delete;
    const tensor_view& at(std::string_view) const&& = delete;

    /// Bytes that the file takes in memory: its content and the names, descriptions and metadata.
    [[gnu::cold]] SMLDIST_FUNCTION std::size_t memory() const;

private:
    class reader;

    byte_vector bytes_;
    std::size_t buffer_at_ = 0;
    std::vector<tensor_view> tensors_;
    std::vector<std::size_t> by_name_;
    metadata_map metadata_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::io

#if SMLDIST_DEPLOY_BODIES
#include "smldist/io/safetensors_reader.ipp"
#endif

#endif
