// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: train::training: network has no visit
#include "smldist/nn/linear.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;

struct own {
    nn::linear<float> map;
    template <class X> outputs<X> operator()(const X& x, mode) const {
        outputs<X> out;
        out.logits = map(op::mean_over_time(x));
        return out;
    }
#ifndef MISUSE
    static void visit(auto& self, auto&& member) { member("map", self.map); }
#endif
};

double seconds(own& net, train::supervised& labels, const data::windows& all, const normaliser& normal) {
    train::training session(net, labels, all, all, normal, {.epochs = 2});
    return session.run().seconds;
}
