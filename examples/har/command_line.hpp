// SPDX-License-Identifier: BSD-3-Clause
/// The subcommands of har and their options.
#ifndef HAR_COMMAND_LINE_HPP
#define HAR_COMMAND_LINE_HPP

#include <string>

#include "options.hpp"

namespace har {

/// Reads the command line, and the configuration file that it names, into `o`; o.config_text then holds all of it. Every
/// value is checked by itself: numbers against bounds, names against those there are.
///
/// Returns the subcommand, or "" when help or version was asked for, which is then printed. Throws usage_error for a
/// wrong command line or file, io_error when the file cannot be read.
std::string read_command_line(int argc, const char* const* argv, const std::string& version, options& o);

} // namespace har

#endif
