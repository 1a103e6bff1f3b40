// SPDX-License-Identifier: BSD-3-Clause
/// 11: images. A MobileNetV3 in two dimensions teaches a smaller one, which becomes a program.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "smldist/data/normaliser.hpp"
#include "smldist/data/shapes.hpp"
#include "smldist/data/split.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/model/network.hpp"
#include "smldist/train/fit.hpp"

using namespace smldist;
using network = model::network2d<float>;

int main() {
    // Discs, squares, triangles and crosses. An image is a window of height × width samples: its pixels, row by row.
    const data::train_test set = data::shapes({.train = 2600, .test = 400, .height = 24, .width = 24, .noise = 0.05});
    const data::hold_out images = data::hold_out_subjects(set.train, 200, 0);
    const normaliser normal = data::fit_normaliser(images.train);

    const auto make = [&](double width, std::uint64_t seed) {
        auto config = model::preset("mobilenet_v3_small", width);
        config.backbone.channels = set.train.channels();
        config.backbone.height = config.backbone.width = 24; // with these, the network reads its windows as images
        config.backbone.rows[0].stride = 1;                  // the table is for larger images
        config.classes = set.train.classes();
        config.head = model::memory_head{};
        return network(config, generator(seed));
    };
    const auto epochs = [](std::size_t n) { return train::training_options{.epochs = n, .batch = 32}; };

    network teacher = make(0.35, 1), student = make(0.25, 2);
    train::fit(teacher, images.train, images.validation, normal, epochs(20));
    const auto history = distill::fit(student, teacher, images.train, images.validation, normal, epochs(20)).history;
    for (const auto& epoch : history)
        std::printf("epoch %2zu: hard %.3f, soft %.3f, stage %.3f, memory %.3f; validation macro-F1 %.3f\n",
                    epoch.epoch, epoch.train["hard"], epoch.train["soft"], epoch.train["stage"],
                    epoch.train["memory"], epoch.validation.macro_f1);
    const auto report = [&](const char* name, const network& net) {
        const double f1 = train::evaluate(net, set.test, normal).macro_f1;
        std::printf("%-8s %7zu parameters, macro-F1 on unseen images %.3f\n", name, parameter_count(net), f1);
        return f1;
    };
    report("teacher", teacher);
    const double f1 = report("student", student);

    // The program takes raw pixels. It has the student's height, width and channels.
    const auto program = deploy::compile(student, {.normaliser = normal});
    std::vector<float> logits(set.test.classes());
    std::size_t right = 0;
    for (std::size_t i = 0; i < set.test.size(); ++i) {
        program.run(set.test.window(i), logits.data());
        right += std::max_element(logits.begin(), logits.end()) - logits.begin() == set.test.label[i] ? 1u : 0u;
    }
    const double accuracy = double(right) / double(set.test.size());
    std::printf("the program classifies %.1f %% of them correctly\n", 100 * accuracy);
    return f1 > 0.6 && accuracy > 0.6 ? 0 : 1;
}
