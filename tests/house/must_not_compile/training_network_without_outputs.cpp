// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: train::training: net\(x, mode::train\) const does not return outputs
#include "smldist/nn/linear.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;

struct own {
    nn::linear<float> map;
#ifdef MISUSE
    template <class X> X operator()(const X& x, mode) const { return map(op::mean_over_time(x)); }
#else
    template <class X> outputs<X> operator()(const X& x, mode) const {
        outputs<X> out;
        out.logits = map(op::mean_over_time(x));
        return out;
    }
#endif
    static void visit(auto& self, auto&& member) { member("map", self.map); }
};

double seconds(own& net, train::supervised& labels, const data::windows& all, const normaliser& normal) {
    train::training session(net, labels, all, all, normal, {.epochs = 2});
    return session.run().seconds;
}
