// SPDX-License-Identifier: BSD-3-Clause
/// Three units include the whole library, fwd.hpp first: two with the same flags, one with assertions. A fourth has no
/// exceptions. They link, and those with other flags have functions of their own.
#include "smldist/fwd.hpp"

#include "smldist/smldist.hpp"

#include <doctest/doctest.h>
#include <typeinfo>

const std::type_info& tensor_of_second_unit();
const std::type_info& tensor_of_checked_unit();
bool checked_unit_has_assertions();
const std::type_info& error_of_unit_without_exceptions();

TEST_CASE("two units: types are the same under the same flags and differ under other flags") {
    CHECK(typeid(smldist::tensor<float>) == tensor_of_second_unit());
    CHECK(checked_unit_has_assertions());
    CHECK((typeid(smldist::tensor<float>) == tensor_of_checked_unit()) == bool(SMLDIST_ASSERTIONS));
}

TEST_CASE("two units: an error is thrown though a unit in which it ends the program is linked") {
    CHECK(typeid(smldist::data_error) != error_of_unit_without_exceptions());
    CHECK_THROWS_AS(smldist::raise<smldist::data_error>("two units", "this unit has exceptions"),
                    smldist::data_error);
}
