// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/folder.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

dataset_folder::dataset_folder(std::string_view loader, const std::filesystem::path& path, std::string_view name,
                               std::string_view source)
    : loader_(loader), name_(name), source_(source), room_(loader, 0) {
    std::error_code status;
    const auto nested = path / name_;
    path_ = std::filesystem::is_directory(nested, status) ? nested : path;
    if (!std::filesystem::is_directory(path_, status)) missing("folder", path);
}

std::filesystem::path dataset_folder::file(const std::filesystem::path& relative) const {
    std::error_code status;
    const auto full = path_ / relative;
    if (!std::filesystem::is_regular_file(full, status)) missing("file", full);
    const auto size = std::filesystem::file_size(full, status);
    if (!status) room_.allow(static_cast<std::size_t>(size));
    return full;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
