// SPDX-License-Identifier: BSD-3-Clause
/// Locks the folder of a run against a second run.
#ifndef HAR_FOLDER_LOCK_HPP
#define HAR_FOLDER_LOCK_HPP

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace har {

/// A folder that no other run has while this object lives. The system gives it free when the process dies, however it dies.
class folder_lock {
public:
    /// Makes the folder if need be, and in it the file .har.lock with the process's number, locked. Throws usage_error when
    /// another run has it, io_error when the folder cannot be made or written.
    explicit folder_lock(const std::string& path);
    folder_lock(const folder_lock&) = delete;
    folder_lock& operator=(const folder_lock&) = delete;
    /// Removes .har.lock, and the folder when it was made for this run and is empty.
    ~folder_lock() { give_back(); }

private:
    void take(const std::string& path);
    void give_back();

    std::string file_;
    std::vector<std::filesystem::path> made_; ///< folders that did not exist, the deepest first
    int descriptor_ = -1;
};

/// The number of the process whose run has the folder, "" when it is not known yet; nothing when no run has it.
std::optional<std::string> running_process(const std::string& path);

} // namespace har

#endif
