// SPDX-License-Identifier: BSD-3-Clause
/// The whole method in one unit: trains a teacher, distils a student, saves and loads. Compiled by the budget test.
#include "smldist/smldist.hpp"

using namespace smldist;
using network = model::network<float>;
using distiller = distill::distiller;

template class train::training<network, train::supervised>;
template class train::training<network, distiller>;

distiller objective(const network& teacher, const network& student, distill::teacher_statistics plan) {
    return {teacher, student, std::move(plan), {}, shape{1, 128, 9}, generator(0)};
}

template model::loaded<float> model::load<float>(const std::string& path, io::load_options limits);
