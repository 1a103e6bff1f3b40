// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: a callback needs one of before_training, before_epoch
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;

struct own {
#ifdef MISUSE
    void on_epoch(train::run_state&) {} // no member of this name is called
#else
    void after_epoch(train::run_state&) {}
#endif
};

void add(train::training<model::network<float>, train::supervised>& session) { session.add(own()); }
