// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_OPTIM_RANGER_HPP
#define SMLDIST_OPTIM_RANGER_HPP

#include "smldist/optim/lookahead.hpp"
#include "smldist/optim/radam.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

/// Ranger: RAdam with betas (0.95, 0.999), eps 1e-5 and decoupled decay, in Lookahead with k = 6 and α = 0.5.
/// Source     Wright 2019 (pytorch_ranger), without gradient centralisation.
template <class T> [[nodiscard]] lookahead<radam<T>> ranger(double lr = 1e-3, double weight_decay = 0) {
    radam_options o;
    o.lr = lr;
    o.beta1 = 0.95;
    o.eps = 1e-5;
    o.weight_decay = weight_decay;
    o.decoupled = true;
    return lookahead<radam<T>>(radam<T>(o), {.k = 6, .alpha = 0.5});
}

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif
