// SPDX-License-Identifier: BSD-3-Clause
/// Checks of options.
#ifndef SMLDIST_CORE_CHECK_HPP
#define SMLDIST_CORE_CHECK_HPP

#include <cmath>
#include <string_view>

#include "smldist/core/error.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Checks the options of one function or struct. Each member raises usage_error `where: WHAT is GOT, expected WANTED` for a
/// value out of range; NaN is always out of range.
///
///     const option_check o{"loss::memory_options"};
///     o.positive("temperature", temperature);
///     o.need(power == 2 || power == 4, "power", power, "2 or 4");
struct option_check {
    std::string_view where;

    /// Any condition on a number.
    SMLDIST_COLD void need(bool ok, std::string_view what, const message_part& got, std::string_view wanted) const {
        if (!ok) raise<usage_error>(where, what, " is ", got, ", expected ", wanted);
    }
    /// Finite and above 0.
    SMLDIST_COLD void positive(std::string_view what, double v) const {
        need(v > 0 && std::isfinite(v), what, v, "a positive number");
    }
    /// Finite and at least 0.
    SMLDIST_COLD void at_least_0(std::string_view what, double v) const {
        need(v >= 0 && std::isfinite(v), what, v, "at least 0");
    }
    /// In [0, most].
    SMLDIST_COLD void up_to(double most, std::string_view what, double v) const {
        if (!(v >= 0 && v <= most)) raise<usage_error>(where, what, " is ", v, ", expected 0 to ", most);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
