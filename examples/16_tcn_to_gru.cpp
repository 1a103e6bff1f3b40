// SPDX-License-Identifier: BSD-3-Clause
/// 16: teacher and student of different kinds. A temporal convolutional network with attention teaches a GRU by its logits.
#include <cstdio>
#include <vector>

#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/distill/baseline.hpp"
#include "smldist/loss/baseline/hinton.hpp"
#include "smldist/nn/conv1d.hpp"
#include "smldist/nn/hopfield.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/nn/recurrent.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;

namespace {

/// Causal convolutions whose dilation doubles from block to block, each added to its input; then attention over time. After
/// the fourth block a position has seen 2 (1 + 2 + 4 + 8) + 1 = 31 positions of the stem.
struct tcn {
    struct block {
        nn::conv1d<float> conv;
        nn::batch_norm<float> norm;

        static void visit(auto& self, auto&& member) {
            member("conv", self.conv);
            member("norm", self.norm);
        }
    };
    nn::conv1d<float> stem;
    std::vector<block> blocks;
    nn::hopfield_pooling<float> pooling;
    nn::linear<float> head;

    tcn(std::size_t channels, std::size_t width, std::size_t classes, generator g)
        : stem(channels, width, 5, g, {.stride = 2, .causal = true}) {
        for (const std::size_t dilation : {1u, 2u, 4u, 8u})
            blocks.push_back(
                {{width, width, 3, g, {.dilation = dilation, .causal = true}, false}, nn::batch_norm<float>(width)});
        pooling = {width, 1, g, {.heads = 4}};
        head = {width, classes, g};
    }
    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        outputs<X> out;
        X h = stem(x);
        for (const block& b : blocks) h = h + op::relu(b.norm(b.conv(h), m));
        out.feature = pooling(h, m);
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("stem", self.stem);
        member("blocks", self.blocks);
        member("pooling", self.pooling);
        member("head", self.head);
    }
};

/// Reads a window from its first sample to its last; the mean of its states decides.
struct recurrent {
    nn::gru<float> layer;
    nn::linear<float> head;

    recurrent(std::size_t channels, std::size_t width, std::size_t classes, generator g)
        : layer(channels, width, g), head(width, classes, g) {}

    template <class X> outputs<X> operator()(const X& x, mode = mode::eval) const {
        outputs<X> out;
        out.feature = op::mean_over_time(layer(x));
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("layer", self.layer);
        member("head", self.head);
    }
};

} // namespace

int main() {
    const data::train_test set = data::synthetic({.users = 14, .test_users = 6, .seconds = 20});
    const data::hold_out people = data::hold_out_subjects(set.train, 2, 0);
    const normaliser normal = data::fit_normaliser(people.train);
    const std::size_t channels = set.train.channels(), classes = set.train.classes();
    const train::training_options options{.epochs = 20, .batch = 32, .lr = 5e-3};

    tcn teacher(channels, 24, classes, generator(1));
    train::fit(teacher, people.train, people.validation, normal, options);

    recurrent student(channels, 24, classes, generator(2));
    const double before = train::evaluate(student, set.test, normal).macro_f1;
    // Both have classes in common and no stages, so the student follows the logits (Hinton et al. 2015).
    const shape window{2, set.train.length(), channels};
    distill::baseline_distiller objective(teacher, student, loss::baseline::hinton{}, window, generator(3));
    const auto history =
        train::training(student, objective, people.train, people.validation, normal, options).run().history;
    for (const auto& epoch : history)
        if (epoch.epoch % 5 == 0)
            std::printf("epoch %2zu: hard %.3f, soft %.3f; validation macro-F1 %.3f\n", epoch.epoch,
                        epoch.train["hard"], epoch.train["soft"], epoch.validation.macro_f1);

    const double taught = train::evaluate(student, set.test, normal).macro_f1;
    const double best = train::evaluate(teacher, set.test, normal).macro_f1;
    std::printf("on people never seen: teacher (%zu parameters) macro-F1 %.3f\n", parameter_count(teacher), best);
    std::printf("                      student (%zu parameters) macro-F1 %.3f, before training %.3f\n",
                parameter_count(student), taught, before);
    const bool follows = history.back().train["soft"] < 0.5 * history.front().train["soft"];
    return follows && best > 0.7 && taught > 0.6 ? 0 : 1;
}
