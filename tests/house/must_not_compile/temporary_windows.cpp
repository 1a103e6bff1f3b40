// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: .*deleted (function|constructor|member function)
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;
using network = model::network<float>;

double train(network& net, train::supervised& labels, const data::windows& all, const normaliser& normal) {
#ifdef MISUSE
    train::training session(net, labels, data::windows(all), all, normal, {});
#else
    train::training session(net, labels, all, all, normal, {});
#endif
    return session.run().seconds;
}
