// SPDX-License-Identifier: BSD-3-Clause
/// The same as cold.cpp, with ONNX Runtime.
///
///     bench_peers_onnxruntime_cold LIBRARY FILE.onnx
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

#include "onnxruntime.hpp"
#include "worker.hpp"

int main(int argc, char** argv) try {
    if (argc != 3) {
        std::fputs("usage: bench_peers_onnxruntime_cold LIBRARY FILE.onnx\n", stderr);
        return 2;
    }
    const peers::onnxruntime ort(argv[1]);
    const peers::sample sample;
    std::vector<float> window(sample.size()), logits(sample.classes);
    peers::onnxruntime::session session(ort, argv[2], 1, window.data(),
                                        {1, std::int64_t(sample.length), std::int64_t(sample.channels)},
                                        logits.data(), {1, std::int64_t(sample.classes)});
    while (std::fread(window.data(), sizeof(float), window.size(), stdin) == window.size()) {
        session.run();
        std::printf("%td\n", std::max_element(logits.begin(), logits.end()) - logits.begin());
        std::fflush(stdout);
    }
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
