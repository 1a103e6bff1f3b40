// SPDX-License-Identifier: BSD-3-Clause
/// Three units include the whole library, fwd.hpp first: two with the same flags, one with assertions. They link, and
/// the one with other flags has functions of its own.
#include "smldist/fwd.hpp"

#include "smldist/smldist.hpp"

#include <doctest/doctest.h>
#include <typeinfo>

const std::type_info& tensor_of_second_unit();
const std::type_info& tensor_of_checked_unit();
bool checked_unit_has_assertions();

TEST_CASE("two units: types are the same under the same flags and differ under other flags") {
    CHECK(typeid(smldist::tensor<float>) == tensor_of_second_unit());
    CHECK(checked_unit_has_assertions());
    CHECK((typeid(smldist::tensor<float>) == tensor_of_checked_unit()) == bool(SMLDIST_ASSERTIONS));
}
