// SPDX-License-Identifier: BSD-3-Clause
/// 07: a network of one's own. Whatever returns `outputs` can be trained, taught and can teach.
#include <cstdio>
#include <vector>

#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/model/file.hpp"
#include "smldist/model/network.hpp"
#include "smldist/nn/conv_norm.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;

/// A plain CNN: dense convolutions that halve the time, each an anchor from the second on, mean over time, linear head.
struct cnn {
    std::vector<nn::conv_norm<float>> layers;
    nn::linear<float> head;

    cnn() = default;
    cnn(std::size_t channels, std::size_t classes, generator g) {
        const nn::conv_norm_options halve{.stride = 2, .activation = nn::activation::hard_swish};
        for (const std::size_t width : {8u, 12u, 16u, 24u}) {
            layers.emplace_back(channels, width, 5, g, halve);
            channels = width;
        }
        head = nn::linear<float>(channels, classes, g);
    }
    template <class X> outputs<X> operator()(X x, mode m = mode::eval) const {
        outputs<X> out;
        for (std::size_t i = 0; i < layers.size(); ++i) {
            x = layers[i](x, m);
            if (i > 0) out.stages.push_back(x); // at total strides 4, 8, 16, as in the presets
        }
        out.feature = op::mean_over_time(x);
        out.logits = head(out.feature);
        return out;
    }
    static void visit(auto& self, auto&& member) {
        member("layers", self.layers);
        member("head", self.head);
    }
};

int main() {
    const data::train_test set = data::synthetic({.users = 10, .test_users = 6, .seconds = 20});
    const data::hold_out people = data::hold_out_subjects(set.train, 2, 0);
    const normaliser normal = data::fit_normaliser(people.train);
    const train::training_options brief{.epochs = 10, .batch = 32};

    // Teacher and student have nothing in common but the classes and the window.
    model::network<float> teacher(model::preset("har_nano"), generator(1));
    train::fit(teacher, people.train, people.validation, normal, brief);

    cnn student(set.train.channels(), set.train.classes(), generator(2));
    const auto history = distill::fit(student, teacher, people.train, people.validation, normal, brief).history;
    const double f1 = train::evaluate(student, set.test, normal).macro_f1;
    std::printf("own network: %zu parameters, soft loss %.3f -> %.3f, stage loss %.3f -> %.3f, macro-F1 %.3f\n",
                parameter_count(student), history.front().train["soft"], history.back().train["soft"],
                history.front().train["stage"], history.back().train["stage"], f1);

    // Its file holds weights, graph and a self-test: deploy::load makes a program of it, load_into reads it back.
    const io::model_facts facts = {.normaliser = normal,
                                   .window = set.train.length(),
                                   .hop = set.train.length() / 2,
                                   .rate_hz = set.train.info.rate_hz,
                                   .channels = set.train.info.channels,
                                   .units = set.train.info.units,
                                   .labels = set.train.info.labels};
    model::save("own_network.safetensors", student, facts, set.train.select({0}).x);
    model::load_into(student, "own_network.safetensors");
    return history.back().train["soft"] < 0.5 * history.front().train["soft"] && f1 > 1.0 / 6 ? 0 : 1;
}
