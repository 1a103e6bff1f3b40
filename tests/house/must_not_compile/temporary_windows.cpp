// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/distill/trainer.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;
using network = model::network<float>;

double train(network& net, distill::supervised& labels, const data::windows& all, const normaliser& normal) {
#ifdef MISUSE
    distill::training session(net, labels, data::windows(all), all, normal, {});
#else
    distill::training session(net, labels, all, all, normal, {});
#endif
    return session.run().seconds;
}
