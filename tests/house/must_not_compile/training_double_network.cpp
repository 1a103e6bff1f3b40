// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: train::training: network computes in another type, expected float
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;
#ifdef MISUSE
using network = model::network<double>;
#else
using network = model::network<float>;
#endif

double seconds(network& net, train::supervised& labels, const data::windows& all, const normaliser& normal) {
    train::training session(net, labels, all, all, normal, {.epochs = 2});
    return session.run().seconds;
}
