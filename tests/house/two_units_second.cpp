// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/fwd.hpp"

#include "smldist/smldist.hpp"

#include <typeinfo>

const std::type_info& tensor_of_second_unit();
const std::type_info& tensor_of_second_unit() { return typeid(smldist::tensor<float>); }
