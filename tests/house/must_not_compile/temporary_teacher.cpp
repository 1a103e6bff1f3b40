// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/distill/distiller.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;
using network = model::network<float>;

std::size_t projected(const network& teacher, const network& student, const distill::teacher_statistics& plan) {
#ifdef MISUSE
    distill::distiller objective(network(teacher), student, plan, {}, shape{2, 32, 3}, generator(1));
#else
    distill::distiller objective(teacher, student, plan, {}, shape{2, 32, 3}, generator(1));
#endif
    return parameter_count(objective);
}
