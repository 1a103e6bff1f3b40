// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: train::training: objective\(tape, outputs, batch, progress\) does not return train::objective_value
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/loop.hpp"

using namespace smldist;

struct own {
#ifdef MISUSE
    var<float> operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b, double) const {
        return loss::cross_entropy(out.logits, b.label);
    }
#else
    train::objective_value operator()(tape<float>&, const outputs<var<float>>& out, const data::batch& b,
                                      double) const {
        return {loss::cross_entropy(out.logits, b.label), {}};
    }
#endif
    static void visit(auto&, auto&&) {}
};

double seconds(model::network<float>& net, own& objective, const data::windows& all, const normaliser& normal) {
    train::training session(net, objective, all, all, normal, {.epochs = 2});
    return session.run().seconds;
}
