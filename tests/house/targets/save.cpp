// SPDX-License-Identifier: BSD-3-Clause
/// save FILE: writes the model file that classify.cpp reads on all targets, and prints what that is to print.
#include <cstddef>
#include <string>
#include <vector>

#include "smldist/model/load.hpp"
#include "smldist/model/network.hpp"
#include "window.hpp"

using namespace smldist;

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    model::network_config config = model::preset("har_student");
    config.head = model::prototype_head{}; // logits of the order of 1
    const std::size_t C = config.backbone.channels;
    io::model_facts facts;
    facts.window = 128;
    facts.hop = 64;
    facts.rate_hz = 50;
    facts.normaliser = {normaliser_kind::zscore, std::vector<float>(C, 0.1f), std::vector<float>(C, 1.5f), {}, {}};
    for (std::size_t c = 0; c < C; ++c) facts.channels.push_back("channel " + std::to_string(c));
    for (std::size_t n = 0; n < config.classes; ++n) facts.labels.push_back("class " + std::to_string(n));
    tensor<float> window(shape{1, facts.window, C});
    generator random(2);
    for (float& v : window) v = static_cast<float>(random.normal());
    model::save(argv[1], model::network<float>(config, generator(1)), facts, window);
    print_logits(deploy::load(argv[1]));
}
