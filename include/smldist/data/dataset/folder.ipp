// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/folder.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void note_people_without_files(recording_set& set, std::span<const int> people) {
    std::string names;
    for (const int person : people) names += (names.empty() ? "" : ", ") + std::to_string(person);
    set.note("people of the published set without files (" + names + "), left out", people.size());
}

dataset_folder::dataset_folder(std::string_view loader, const std::filesystem::path& path, std::string_view name,
                               std::string_view source)
    : loader_(loader), name_(name), source_(source), room_(loader, 0) {
    std::error_code status;
    const auto nested = path / name_;
    path_ = std::filesystem::is_directory(nested, status) ? nested : path;
    if (!std::filesystem::is_directory(path_, status)) missing("folder", path);
}

bool dataset_folder::has(const std::filesystem::path& relative) const {
    std::error_code status;
    return std::filesystem::exists(path_ / relative, status);
}

std::vector<int> dataset_folder::people(const std::vector<int>& asked, int first, int last,
                                        const std::function<std::vector<std::string>(int)>& files_of,
                                        recording_set& set) const {
    std::vector<int> wanted = asked, there, absent;
    for (int person = first; asked.empty() && person <= last; ++person) wanted.push_back(person);
    for (const int person : wanted) {
        const std::vector<std::string> files = files_of(person);
        const bool any = std::any_of(files.begin(), files.end(), [&](const std::string& file) { return has(file); });
        if (!any && !asked.empty()) missing("subject " + std::to_string(person), path_ / files.front());
        (any ? there : absent).push_back(person);
    }
    if (there.empty()) missing("every subject", path_ / files_of(first).front());
    note_people_without_files(set, absent);
    return there;
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
