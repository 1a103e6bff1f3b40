// SPDX-License-Identifier: BSD-3-Clause
/// What may be left out of the description of an op, and what it then means.
#ifndef SMLDIST_SPEC_OPTIONS_HPP
#define SMLDIST_SPEC_OPTIONS_HPP

#include <cstdint>

#include "smldist/core/config.hpp"

namespace smldist::inline SMLDIST_ABI::spec {

/// Calls f(name, option) for every option of a description; one without `visit` has none.
template <class S, class F> void visit_options(S& s, F&& f) {
    if constexpr (requires { S::visit(s, f); }) S::visit(s, f);
}

/// Multiply-accumulates of an op for inputs of these shapes; of one without `macs` 0.
template <class S, class... Shape> [[nodiscard]] std::uint64_t macs_of(const S& s, const Shape&... inputs) {
    if constexpr (requires { s.macs(inputs...); })
        return s.macs(inputs...);
    else
        return 0;
}

} // namespace smldist::inline SMLDIST_ABI::spec

#endif
