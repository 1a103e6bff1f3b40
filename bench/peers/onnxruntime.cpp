// SPDX-License-Identifier: BSD-3-Clause
/// ONNX Runtime as a worker of bench/peers, see worker.hpp. The form names the kind of model file: conv1d or conv2d.
///
///     bench_peers_onnxruntime LIBRARY FOLDER THREADS    FOLDER/MODEL.FORM.bBATCH.onnx
///     bench_peers_onnxruntime LIBRARY                   prints its version
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "onnxruntime.hpp"
#include "worker.hpp"

namespace {

struct setting {
    peers::onnxruntime ort;
    std::string folder;
    int threads;
    std::vector<float> windows;
};

peers::job make_job(setting& s, const peers::request& r) {
    if (r.task != "inference") throw std::runtime_error("task is " + r.task + ", expected inference");
    const auto B = static_cast<std::int64_t>(r.batch);
    const auto logits = std::make_shared<std::vector<float>>(r.batch * peers::classes);
    const auto session = peers::bound([&] {
        return std::make_shared<peers::onnxruntime::session>(
            s.ort, s.folder + "/" + r.model + "." + r.form + ".b" + std::to_string(r.batch) + ".onnx", s.threads,
            s.windows.data(), std::vector<std::int64_t>{B, peers::window_length, peers::channels}, logits->data(),
            std::vector<std::int64_t>{B, peers::classes});
    });
    const auto run = [session] { session->run(); };
    return {run, [run, logits] {
                run();
                return std::vector<double>(logits->begin(), logits->end());
            }};
}

} // namespace

int main(int argc, char** argv) try {
    if (argc == 2) {
        std::puts(peers::onnxruntime(argv[1]).version().c_str());
        return 0;
    }
    if (argc < 4) {
        std::fputs("usage: bench_peers_onnxruntime LIBRARY FOLDER THREADS\n", stderr);
        return 2;
    }
    setting s{peers::onnxruntime(argv[1]), argv[2], std::atoi(argv[3]),
              peers::read_values<float>(std::string(argv[2]) + "/windows.f32")};
    return peers::serve([&](const peers::request& r) { return make_job(s, r); });
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
