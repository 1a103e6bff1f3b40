// SPDX-License-Identifier: BSD-3-Clause
// Compiled with -fno-exceptions: here raise() ends the program.
#include "smldist/core/error.hpp"

#include <typeinfo>

const std::type_info& error_of_unit_without_exceptions();
const std::type_info& error_of_unit_without_exceptions() { return typeid(smldist::data_error); }

void fail_without_exceptions();
void fail_without_exceptions() { smldist::raise<smldist::data_error>("two units", "this unit has no exceptions"); }
