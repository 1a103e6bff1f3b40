// SPDX-License-Identifier: BSD-3-Clause
/// The options of a subcommand as text: strictly read, and written again.
#ifndef HAR_SETTINGS_HPP
#define HAR_SETTINGS_HPP

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config_file.hpp"

namespace har {

/// What a number may be.
struct bounds {
    double low = 0, high = 0;
    bool above_low = false, below_high = false; ///< whether the bound itself is excluded
};

/// "0 to 1", "above 0, at most 1000", "0 to below 1"
std::string text(const bounds& b);

/// The shortest decimal form that reads as the same number.
std::string text(double value);

/// Whole numbers and reals are read alike on the command line and in a configuration: decimal digits, for a real also a
/// sign, a point and an exponent; nothing before, between or after. Throws usage_error "--NAME: value is …, expected …" for
/// anything else, and for what is out of bounds.
std::uint64_t read_whole(const std::string& option, std::string_view word, std::uint64_t low, std::uint64_t high);
double read_real(const std::string& option, std::string_view word, const bounds& b);

/// One option: how it is set from text, and what it is now.
struct setting {
    std::string name; ///< without --
    value_kind kind = value_kind::text;
    bool list = false;                                           ///< of any number of values
    std::size_t values = 1;                                      ///< that it takes, when it is no list
    std::function<void(const std::vector<std::string>&)> assign; ///< throws usage_error that names the option
    std::function<std::vector<std::string>()> now;
    std::function<bool()> given; ///< on the command line

    config_entry entry() const;
};

/// Throws usage_error, with file and line, when a section has a name that is no option.
void check_names(const std::string& file, const config_section& section, const std::vector<setting>& settings);

/// Sets from a section of the configuration file what the command line did not give. Throws usage_error, with file and
/// line, as check_names, and for a value of another kind or one that the option refuses. `explained_by`: the subcommand whose
/// --help lists the options; empty: the section's name.
void apply(const std::string& file, const config_section& section, const std::vector<setting>& settings,
           const std::string& explained_by = "");

/// The section that sets `settings` as they are now.
std::string to_config(const std::string& section, const std::vector<setting>& settings);

/// Whether the option decides what a run computes: not where it writes, what it says, or on how many threads it runs.
bool decides(const setting& s);

} // namespace har

#endif
