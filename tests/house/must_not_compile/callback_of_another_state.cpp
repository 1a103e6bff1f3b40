// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: before_epoch cannot be called with train::state&
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;

struct own {
    void after_epoch(train::run_state&) {}
#ifdef MISUSE
    void before_epoch(train::state<model::network<double>>&) {}
#else
    void before_epoch(train::state<model::network<float>>&) {}
#endif
};

void add(train::training<model::network<float>, train::supervised>& session) { session.add(own()); }
