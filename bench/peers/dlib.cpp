// SPDX-License-Identifier: BSD-3-Clause
/// dlib as a worker of bench/peers, see worker.hpp: the multilayer perceptron.
///
///     bench_peers_dlib FOLDER        serves; FOLDER/mlp.safetensors
///     bench_peers_dlib               prints its version
///
/// A training step is forward, loss, backward and Adam. It has no clipping and no decay of weights, which the other workers
/// compute too; within three steps both change the loss by less than the tolerance.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <dlib/dnn.h>
#include <dlib/revision.h>

#include "smldist/io/safetensors.hpp"

#include "worker.hpp"

namespace {

using network = dlib::loss_multiclass_log<dlib::fc<10, dlib::relu<dlib::fc<128, dlib::input<dlib::matrix<float>>>>>>;

/// The net with the weights of the file, and its input. The solvers refer to the net.
struct state {
    network net;
    dlib::resizable_tensor x;
    std::vector<unsigned long> labels;
    std::vector<dlib::adam> solvers;

    state(const std::string& folder, std::size_t batch)
        : solvers(network::num_computational_layers, dlib::adam(0, 0.9f, 0.999f)) {
        const auto width = peers::sample_of("mlp").size();
        const auto values = peers::read_values<float>(folder + "/inputs.f32");
        const auto classes = peers::read_values<int>(folder + "/labels.i32");
        std::vector<dlib::matrix<float>> rows(batch, dlib::matrix<float>(long(width), 1));
        for (std::size_t i = 0; i < batch; ++i) std::copy_n(values.begin() + long(i * width), width, rows[i].begin());
        labels.assign(classes.begin(), classes.begin() + long(batch));
        net.to_tensor(rows.begin(), rows.end(), x);
        net.subnet().forward(x); // makes the parameters
        const auto file = smldist::io::safetensors_file::load(folder + "/mlp.safetensors");
        take(file, "first", dlib::layer<3>(net).layer_details().get_layer_params());
        take(file, "last", dlib::layer<1>(net).layer_details().get_layer_params());
    }

    /// dlib holds the weights of a layer as (in, out), then the bias.
    static void take(const smldist::io::safetensors_file& file, const std::string& name, dlib::tensor& to) {
        const auto& weight = file.at(name + ".weight");
        const std::size_t out = weight.extents[0], in = weight.extents[1];
        if (to.size() != (in + 1) * out) throw std::runtime_error("layer " + name + " has another size");
        std::vector<float> w(in * out);
        smldist::io::copy_to(weight, w.data(), w.size());
        float* const p = to.host_write_only();
        for (std::size_t i = 0; i < in; ++i)
            for (std::size_t o = 0; o < out; ++o) p[i * out + o] = w[o * in + i];
        smldist::io::copy_to(file.at(name + ".bias"), p + in * out, out);
    }
    double step() {
        const double loss = net.compute_parameter_gradients(x, labels.begin());
        net.update_parameters(dlib::make_sstack(solvers), 4e-3);
        return loss;
    }
};

peers::job make_job(const std::string& folder, const peers::request& r) {
    const auto st = std::make_shared<state>(folder, r.batch);
    if (r.task == "inference")
        return {[st] { st->net.subnet().forward(st->x); },
                [st] {
                    const dlib::tensor& z = st->net.subnet().forward(st->x);
                    return std::vector<double>(z.begin(), z.end());
                }};
    if (r.task != "train") throw std::runtime_error("task is " + r.task + ", expected inference or train");
    return {[st] { st->step(); },
            [folder, B = r.batch] {
                state fresh(folder, B);
                return std::vector<double>{fresh.step(), fresh.step(), fresh.step()};
            }};
}

} // namespace

int main(int argc, char** argv) try {
    if (argc < 2) {
        std::printf("%d.%d\n", DLIB_MAJOR_VERSION, DLIB_MINOR_VERSION);
        return 0;
    }
    const std::string folder = argv[1];
    return peers::serve([&](const peers::request& r) { return make_job(folder, r); });
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
