// SPDX-License-Identifier: BSD-3-Clause
/// ONNX Runtime as a worker of bench/peers, see worker.hpp. The form names the kind of model file, such as conv1d.
///
///     bench_peers_onnxruntime LIBRARY FOLDER THREADS    FOLDER/MODEL.FORM.bBATCH.onnx, .shape and .f32: its input
///     bench_peers_onnxruntime LIBRARY                   prints its version
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
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
};

peers::job make_job(setting& s, const peers::request& r) {
    if (r.task != "inference") throw std::runtime_error("task is " + r.task + ", expected inference");
    const std::string path = s.folder + "/" + r.model + "." + r.form + ".b" + std::to_string(r.batch);
    const std::size_t classes = peers::sample_of(r.model).classes;
    struct state {
        std::vector<float> in, logits;
        std::shared_ptr<peers::onnxruntime::session> session;
    };
    const auto st = std::make_shared<state>();
    st->in = peers::read_values<float>(path + ".f32");
    st->logits.resize(r.batch * classes);
    std::ifstream text(path + ".shape");
    const std::vector<std::int64_t> shape{std::istream_iterator<std::int64_t>(text), {}};
    st->session = peers::bound([&] {
        return std::make_shared<peers::onnxruntime::session>(
            s.ort, path + ".onnx", s.threads, st->in.data(), shape, st->logits.data(),
            std::vector<std::int64_t>{std::int64_t(r.batch), std::int64_t(classes)});
    });
    const auto run = [st] { st->session->run(); };
    return {run, [st, run] {
                run();
                return std::vector<double>(st->logits.begin(), st->logits.end());
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
    setting s{peers::onnxruntime(argv[1]), argv[2], std::atoi(argv[3])};
    return peers::serve([&](const peers::request& r) { return make_job(s, r); });
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
