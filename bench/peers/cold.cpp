// SPDX-License-Identifier: BSD-3-Clause
/// The smallest useful program: it loads a model file, reads windows from standard input until that ends, and prints the
/// class of each. bench/peers/run measures its start, memory and size.
///
///     bench_peers_cold FILE.safetensors
#include <algorithm>
#include <cstdio>
#include <vector>

#include "smldist/deploy/load.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: bench_peers_cold FILE.safetensors\n", stderr);
        return 2;
    }
    const auto model = smldist::deploy::load(argv[1]);
    std::vector<float> window(model.net.length() * model.net.channels()), logits(model.facts.labels.size());
    while (std::fread(window.data(), sizeof(float), window.size(), stdin) == window.size()) {
        model.net.run(window.data(), logits.data());
        std::printf("%td\n", std::max_element(logits.begin(), logits.end()) - logits.begin());
        std::fflush(stdout);
    }
}
