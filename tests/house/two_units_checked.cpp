// SPDX-License-Identifier: BSD-3-Clause
// Compiled with SMLDIST_ASSERTIONS=1, whatever the other units have.
#include "smldist/fwd.hpp"

#include "smldist/smldist.hpp"

#include <typeinfo>

const std::type_info& tensor_of_checked_unit();
const std::type_info& tensor_of_checked_unit() { return typeid(smldist::tensor<float>); }

bool checked_unit_has_assertions();
bool checked_unit_has_assertions() { return SMLDIST_ASSERTIONS != 0; }
