// SPDX-License-Identifier: BSD-3-Clause
/// Element-wise kernels, batch-norm and depthwise convolution beside the plain loops, at the activations of the models.
///
/// `fraction` is relative to the bandwidth of a plain copy loop over as many bytes, measured beside each kernel; for
/// depthwise convolution it is relative to the FMA peak. Bytes are those that the definition reads and writes once.
#include "machine.hpp"
#include "shapes.hpp"

#include <functional>
#include <string>

#include "smldist/kernel/activation.hpp"
#include "smldist/kernel/depthwise.hpp"
#include "smldist/kernel/norm.hpp"
#include "smldist/kernel/vector.hpp"

using namespace smldist;

namespace {

/// Bytes per second of a copy loop that touches as many bytes as the kernel.
struct copy_limit {
    bench::array from, to;
    std::size_t n, calls;

    explicit copy_limit(double bytes)
        : from(static_cast<std::size_t>(bytes) / 8),
          to(from.size()),
          n(from.size()),
          calls(bench::calls_of_sample([this] { run(); })) {}
    void run() {
        bench::copy(n, from.data(), to.data());
        benchmark::ClobberMemory();
    }
    double operator()() {
        const double start = bench::now();
        for (std::size_t i = 0; i < calls; ++i) run();
        return double(calls) * double(n) * 8 / (bench::now() - start);
    }
};

struct arrays {
    std::size_t R, C;
    bench::array x, z, y, column[4];
    arrays(std::size_t R_, std::size_t C_)
        : R(R_),
          C(C_),
          x(R * C),
          z(R * C),
          y(R * C),
          column{bench::array(C), bench::array(C), bench::array(C), bench::array(2 * C)} {}
};

struct streaming {
    const char* name;
    double passes; ///< arrays of R·C that are read or written
    std::function<void(arrays&)> run;
};

const std::vector<streaming> kernels{
    {"relu", 2,
     [](arrays& a) {
         kernel::map(
             a.R * a.C, [](auto v) SMLDIST_INLINE_LAMBDA { return kernel::relu{}.value(v); }, a.y.data(), a.x.data());
     }},
    {"relu_naive", 2,
     [](arrays& a) {
         for (std::size_t i = 0; i < a.R * a.C; ++i) a.y.data()[i] = std::max(0.0f, a.x.data()[i]);
     }},
    {"hard_swish", 2,
     [](arrays& a) {
         kernel::map(
             a.R * a.C, [](auto v) SMLDIST_INLINE_LAMBDA { return kernel::hard_swish{}.value(v); }, a.y.data(),
             a.x.data());
     }},
    {"hard_swish_naive", 2,
     [](arrays& a) {
         for (std::size_t i = 0; i < a.R * a.C; ++i) {
             const float v = a.x.data()[i];
             a.y.data()[i] = v * std::clamp(v / 6 + 0.5f, 0.0f, 1.0f);
         }
     }},
    {"add", 3,
     [](arrays& a) {
         kernel::map(
             a.R * a.C, [](auto v, auto w) SMLDIST_INLINE_LAMBDA { return v + w; }, a.y.data(), a.x.data(),
             a.z.data());
     }},
    {"add_naive", 3,
     [](arrays& a) {
         for (std::size_t i = 0; i < a.R * a.C; ++i) a.y.data()[i] = a.x.data()[i] + a.z.data()[i];
     }},
    {"batch_norm_moments", 1,
     [](arrays& a) { kernel::column_moments(a.R, a.C, a.x.data(), a.column[0].data(), a.column[1].data()); }},
    {"batch_norm_moments_naive", 1,
     [](arrays& a) { kernel::naive::column_moments(a.R, a.C, a.x.data(), a.column[0].data(), a.column[1].data()); }},
    {"batch_norm_affine", 2,
     [](arrays& a) {
         kernel::column_affine(a.R, a.C, a.x.data(), a.column[0].data(), a.column[1].data(), a.y.data());
     }},
    {"batch_norm_affine_naive", 2,
     [](arrays& a) {
         for (std::size_t r = 0; r < a.R; ++r)
             for (std::size_t c = 0; c < a.C; ++c)
                 a.y.data()[r * a.C + c] = a.x.data()[r * a.C + c] * a.column[0].data()[c] + a.column[1].data()[c];
     }},
};

void add(const streaming& kernel, std::size_t R, std::size_t C) {
    const std::string name = std::string(kernel.name) + "/R:" + std::to_string(R) + "/C:" + std::to_string(C);
    bench::settings(benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        arrays a(R, C);
        const double bytes = kernel.passes * double(R * C * sizeof(float));
        copy_limit limit(bytes);
        bench::against(
            state, bytes, [&] { return limit(); }, [&] { kernel.run(a); });
    }));
}

using depthwise_kernel = void (*)(std::size_t, std::size_t, std::size_t, std::size_t, std::size_t, std::size_t,
                                  std::size_t, std::size_t, const float*, const float*, float*);

void add(const char* kind, depthwise_kernel run, std::size_t B, const bench::depthwise& d) {
    const std::string name = std::string(kind) + "/B:" + std::to_string(B) + "/L:" + std::to_string(d.L) +
                             "/C:" + std::to_string(d.C) + "/K:" + std::to_string(d.K) +
                             "/S:" + std::to_string(d.stride);
    bench::settings(benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        const std::size_t Lo = (d.L + d.stride - 1) / d.stride;
        const bench::array x(B * d.L * d.C), w(d.C * d.K), y(B * Lo * d.C);
        bench::against(state, 2.0 * double(B * Lo * d.C * d.K), bench::fma_peak,
                       [&] { run(B, d.L, d.C, Lo, d.K, d.stride, d.K / 2, 1, x.data(), w.data(), y.data()); });
    }));
}

} // namespace

int main(int argc, char** argv) {
    set_threads(1);
    for (const streaming& kernel : kernels)
        for (const auto& [R, C] : {std::pair<std::size_t, std::size_t>{64, 64}, {1024, 64}, {512, 240}, {4096, 96}})
            add(kernel, R, C);
    for (const bench::depthwise& d : bench::shapes_of_models().depthwise_layers) {
        add("depthwise", kernel::depthwise_forward<float>, 16, d);
        add("depthwise_naive", kernel::naive::depthwise_forward<float>, 16, d);
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}
