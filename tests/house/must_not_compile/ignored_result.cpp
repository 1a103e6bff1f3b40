// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: nodiscard
#include "smldist/model/network.hpp"
#include "smldist/train/evaluate.hpp"

using namespace smldist;

void look(const model::network<float>& net, const data::windows& w, const normaliser& normal) {
#ifdef MISUSE
    train::evaluate(net, w, normal);
#else
    static_cast<void>(train::evaluate(net, w, normal));
#endif
}
