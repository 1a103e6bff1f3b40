// SPDX-License-Identifier: BSD-3-Clause
#include "output_file.hpp"

#include <filesystem>
#include <system_error>

#include "smldist/core/error.hpp"

namespace har {

using namespace smldist;

void check_output_file(const std::string& file, bool force) {
    namespace fs = std::filesystem;
    std::error_code none;
    const fs::path folder = fs::path(file).parent_path();
    if (file.empty()) raise<usage_error>("--out", "file is \"\", expected a name");
    if (fs::is_directory(file, none)) raise<usage_error>("--out", file, " is a folder, expected a file");
    if (!force && fs::exists(fs::symlink_status(file, none)))
        raise<usage_error>("--out", "file ", file,
                           " exists, expected a new one: choose another name, or give --force to replace it");
    if (!folder.empty() && !fs::is_directory(folder, none))
        raise<io_error>("--out", "folder ", folder.string(), " does not exist, expected one for the file");
}

} // namespace har
