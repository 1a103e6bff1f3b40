// SPDX-License-Identifier: BSD-3-Clause
/// Options that switch every part of the stage loss on.
#ifndef SMLDIST_TESTS_DISTILL_OPTIONS_HPP
#define SMLDIST_TESTS_DISTILL_OPTIONS_HPP

#include "smldist/distill/distiller.hpp"

inline smldist::distill::distill_options frequency_aware() {
    smldist::distill::distill_options o;
    o.stage = smldist::loss::stage_options::frequency_aware();
    return o;
}

#endif
