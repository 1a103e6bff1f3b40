// SPDX-License-Identifier: BSD-3-Clause
/// The subcommands of har and their options.
#ifndef HAR_COMMAND_LINE_HPP
#define HAR_COMMAND_LINE_HPP

#include <string>

#include "grid.hpp"
#include "options.hpp"

namespace har {

/// Reads the command line, and the configuration file that it names, into `o`; o.config_text then holds all of it. Every
/// value is checked by itself: numbers against bounds, names against those there are. `g` is the grid of a sweep.
///
/// Returns the subcommand, or "" when help or version was asked for, which is then printed. Throws usage_error for a
/// wrong command line or file, io_error when the file cannot be read.
std::string read_command_line(int argc, const char* const* argv, const std::string& version, options& o, grid& g);

/// The options on which the windows of a dataset depend, as TOML.
std::string data_text(const options& o);
/// The options of har distill, or else of har train, as TOML, without those of the group "Output": what a network becomes
/// depends on these and on --seed.
std::string training_text(const options& o, bool distils);

} // namespace har

#endif
