// SPDX-License-Identifier: BSD-3-Clause
/// The configuration file: the part of TOML that har writes, read strictly.
///
///     # a comment
///     [distill]
///     epochs = 80
///     baseline = true
///     out = "run#1"                      # or 'run#1', without escapes
///     student-channels = ["a", "b"]
///
/// A section is a subcommand, of one level. A value is a number, true, false, a string or a list of them on one line.
/// Memory and time are linear in the file, which has at most 64 KiB.
#ifndef HAR_CONFIG_FILE_HPP
#define HAR_CONFIG_FILE_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace har {

inline constexpr std::size_t most_config_bytes = 65536;

enum class value_kind { flag, number, text };

struct config_value {
    value_kind kind;
    std::string text; ///< a string without quotes and escapes; a number or flag as it stands
};

struct config_entry {
    std::string name;
    std::size_t line = 0; ///< from 1
    bool list = false;
    std::vector<config_value> values; ///< one, unless it is a list
};

struct config_section {
    std::string name;
    std::size_t line = 0;
    std::vector<config_entry> entries;
};

/// The sections of a configuration. Options above the first section are those of the section `first`; without that they are
/// refused. Throws usage_error that begins with `where` and the line: for what is not of the form above, a name that comes
/// twice, or more than most_config_bytes.
std::vector<config_section> parse_config(const std::string& where, std::string_view text,
                                         const std::string& first = "");
/// parse_config of a file, of which no more is read than may be. Throws io_error when it cannot be read.
std::vector<config_section> read_config(const std::string& path, const std::string& first = "");

/// "name=value" and a line break, as parse_config reads it.
std::string config_line(const config_entry& entry);

} // namespace har

#endif
