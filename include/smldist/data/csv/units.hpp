// SPDX-License-Identifier: BSD-3-Clause
/// Units as exports spell them, and the factors between them.
#ifndef SMLDIST_DATA_CSV_UNITS_HPP
#define SMLDIST_DATA_CSV_UNITS_HPP

#include <optional>
#include <string>
#include <string_view>

#include "smldist/core/config.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

/// A unit in our spelling: "m/s^2" for m/s², ms-2, "m/s/s"; "g", "rad/s", "deg/s", "uT", and seconds "s" "ms" "us" "ns";
/// others as they stand, without brackets around them.
[[nodiscard]] SMLDIST_FUNCTION std::string spelled_unit(std::string_view unit);

/// Whether a unit in our spelling is one of those, or one that unit_factor knows.
[[nodiscard]] SMLDIST_FUNCTION bool is_known_unit(std::string_view unit);

/// The factor from one unit to another: 9.80665 from g to m/s^2, π/180 from deg/s to rad/s. Nothing when none is known.
[[nodiscard]] SMLDIST_FUNCTION std::optional<double> unit_factor(std::string_view from, std::string_view to);

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/csv/units.ipp"
#endif

#endif
