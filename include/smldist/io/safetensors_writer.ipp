// SPDX-License-Identifier: BSD-3-Clause
/// The functions of io/safetensors_writer.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "smldist/core/argsort.hpp"
#include "smldist/core/error.hpp"

namespace smldist::io {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Throws usage_error for what the reader would refuse.
inline void check_writable(std::span<const tensor_view> tensors, const metadata_map& metadata) {
    constexpr std::string_view where = "write_safetensors";
    if (tensors.size() > limit::tensors)
        raise<usage_error>(where, "number of tensors is ", tensors.size(), ", expected at most ", limit::tensors);
    if (metadata.size() > limit::metadata)
        raise<usage_error>(where, "number of metadata entries is ", metadata.size(), ", expected at most ",
                           limit::metadata);
    const auto utf8 = [](std::string_view text) { return valid_utf8_prefix(text) == text.size(); };
    for (const auto& [key, value] : metadata)
        if (!utf8(key) || !utf8(value)) raise<usage_error>(where, "metadata ", quote(key), " is not UTF-8");
    for (const tensor_view& t : tensors) {
        if (!utf8(t.name) || t.name.size() > limit::name || t.name == "__metadata__")
            raise<usage_error>(where, "name is ", quote(t.name),
                               ", expected at most 512 bytes of UTF-8 and not __metadata__");
        if (t.bytes.size() != t.extents.size() * size_of(t.type))
            raise<usage_error>(where, "tensor ", quote(t.name), " has ", t.bytes.size(), " bytes, expected ",
                               name_of(t.type), " of shape ", t.extents.text());
        if (std::any_of(t.extents.begin(), t.extents.end(),
                        [](std::uint64_t extent) { return extent > limit::integer; }))
            raise<usage_error>(where, "shape of ", quote(t.name), " is ", t.extents.text(),
                               ", expected extents below 2^48");
    }
    const auto by_name =
        argsort(tensors.size(), [&](std::size_t i, std::size_t j) { return tensors[i].name < tensors[j].name; });
    for (std::size_t i = 1; i < by_name.size(); ++i)
        if (tensors[by_name[i]].name == tensors[by_name[i - 1]].name)
            raise<usage_error>(where, "name ", quote(tensors[by_name[i]].name), " occurs twice, expected once");
}

} // namespace detail

byte_vector write_safetensors(std::span<const tensor_view> tensors, const metadata_map& metadata) {
    detail::check_writable(tensors, metadata);
    const auto sorted = argsort(tensors.size(), [&](std::size_t i, std::size_t j) {
        const tensor_view &a = tensors[i], &b = tensors[j];
        return size_of(a.type) != size_of(b.type) ? size_of(a.type) > size_of(b.type) : a.name < b.name;
    });

    std::string header = "{";
    const auto open = [&header](std::string_view key) {
        if (header.size() > 1) header += ',';
        append_quoted(header, key);
        header += ':';
    };
    if (!metadata.empty()) {
        open("__metadata__");
        char separator = '{';
        for (const auto& [key, value] : metadata) {
            header += std::exchange(separator, ',');
            append_quoted(header, key);
            header += ':';
            append_quoted(header, value);
        }
        header += '}';
    }
    std::size_t end = 0;
    for (const std::size_t i : sorted) {
        const tensor_view& t = tensors[i];
        open(t.name);
        ((header += "{\"dtype\":\"") += name_of(t.type)) += "\",\"shape\":[";
        for (std::size_t axis = 0; axis < t.extents.rank(); ++axis)
            (header += axis ? "," : "") += std::to_string(t.extents[axis]);
        ((header += "],\"data_offsets\":[") += std::to_string(end)) += ',';
        end += t.bytes.size();
        (header += std::to_string(end)) += "]}";
    }
    header += '}';
    header.resize((header.size() + 7) / 8 * 8, ' ');
    if (header.size() > limit::header)
        raise<usage_error>("write_safetensors", "header has ", header.size(), " bytes, expected at most ",
                           limit::header);

    const std::uint64_t length = header.size();
    byte_vector file;
    file.reserve(8 + header.size() + end);
    for (int shift = 0; shift < 64; shift += 8) file.push_back(static_cast<std::byte>(length >> shift));
    const auto text = std::as_bytes(std::span(header.data(), header.size()));
    file.insert(file.end(), text.begin(), text.end());
    for (const std::size_t i : sorted) file.insert(file.end(), tensors[i].bytes.begin(), tensors[i].bytes.end());
    return file;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::io
