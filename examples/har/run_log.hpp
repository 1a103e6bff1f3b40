// SPDX-License-Identifier: BSD-3-Clause
/// The logs of a run, read while it may still write them.
#ifndef HAR_RUN_LOG_HPP
#define HAR_RUN_LOG_HPP

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace har {

struct logged_epoch {
    std::size_t epoch = 0; ///< from 1
    double loss = 0, macro_f1 = 0, seconds = 0;
};

/// The log of one network.
struct network_log {
    std::string name;
    std::vector<logged_epoch> epochs; ///< ascending, at least one
    std::filesystem::file_time_type changed = std::filesystem::file_time_type::min();

    /// The first with the best macro-F1.
    const logged_epoch& best() const;
    double seconds() const; ///< of all epochs
};

// Lines that are not whole, or not a line of such a log, are skipped. An epoch that comes again replaces those from it on.

/// Of NAME.log.jsonl.
std::vector<logged_epoch> parse_jsonl_log(std::string_view text);
/// Of NAME.log.csv, whose first line names the columns.
std::vector<logged_epoch> parse_csv_log(std::string_view text);

/// The logs NAME.log.jsonl and NAME.log.csv in a folder that have an epoch, in the order in which a run trains: teacher,
/// student_alone, stages, student. Of two logs of a network the longer one is taken. A folder that cannot be read has none.
std::vector<network_log> read_logs(const std::filesystem::path& folder);

} // namespace har

#endif
