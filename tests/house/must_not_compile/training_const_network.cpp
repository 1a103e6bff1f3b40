// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: train::training: network is const
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;
#ifdef MISUSE
using network = const model::network<float>;
#else
using network = model::network<float>;
#endif

double seconds(network& net, train::supervised& labels, const data::windows& all, const normaliser& normal) {
    train::training session(net, labels, all, all, normal, {.epochs = 2});
    session.on_epoch = [](const train::epoch_report&) {};
    session.add(train::early_stopping{});
    return session.run().seconds;
}
