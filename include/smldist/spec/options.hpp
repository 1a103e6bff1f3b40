// SPDX-License-Identifier: BSD-3-Clause
/// The optional members of an op's description, `visit` and `macs`, and their defaults.
#ifndef SMLDIST_SPEC_OPTIONS_HPP
#define SMLDIST_SPEC_OPTIONS_HPP

#include <cstdint>

#include "smldist/core/config.hpp"

namespace smldist::spec {
SMLDIST_NAMESPACE_BEGIN

/// Calls f(name, option) for every option of a description; a description without `visit` has no options.
template <class S, class F> void visit_options(S& s, F&& f) {
    if constexpr (requires { S::visit(s, f); }) S::visit(s, f);
}

/// Multiply-accumulates of an op for inputs of these shapes; 0 for a description without `macs`.
template <class S, class... Shape> [[nodiscard]] std::uint64_t macs_of(const S& s, const Shape&... inputs) {
    if constexpr (requires { s.macs(inputs...); })
        return s.macs(inputs...);
    else
        return 0;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::spec

#endif
