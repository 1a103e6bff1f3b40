// SPDX-License-Identifier: BSD-3-Clause
/// 08: from a network to a program. Batch-norm folded, steps fused, one arena: it runs without allocating.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "smldist/data/normaliser.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;

int main() {
    const data::train_test set = data::synthetic({.users = 2, .test_users = 1, .seconds = 20});
    const normaliser normal = data::fit_normaliser(set.train);
    model::network_config config = model::preset("har_student");
    config.backbone.channels = set.train.channels();
    config.classes = set.train.classes();
    const model::network<float> student(config, generator(1));

    // The normaliser is folded in: the program takes raw sensor units.
    const auto net = deploy::compile(student, {.batch = 1, .length = set.train.length(), .normaliser = normal});
    std::fputs(runtime::text(net.report()).c_str(), stdout);

    // One program serves any number of threads, each with a workspace. A run allocates nothing.
    tensor<float> window(shape{1, set.train.length(), set.train.channels()});
    generator noise(2);
    for (float& v : window) v = static_cast<float>(noise.normal());
    std::vector<float> logits(config.classes);
    runtime::workspace memory(net);
    net.run(window.data(), logits.data(), 1, memory);

    // The same logits as the network's.
    normal.apply(window.data(), set.train.length());
    const tensor<float> want = student(window, mode::eval).logits;
    float worst = 0, largest = 1;
    for (std::size_t n = 0; n < logits.size(); ++n) {
        worst = std::max(worst, std::abs(logits[n] - want[n]));
        largest = std::max(largest, std::abs(want[n]));
    }
    std::printf("largest difference of a logit: %.1e\n", double(worst));
    return worst < 1e-5f * largest ? 0 : 1;
}
