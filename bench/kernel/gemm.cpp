// SPDX-License-Identifier: BSD-3-Clause
/// Matrix products over the shapes of the models, as fractions of the FMA peak measured beside each of them.
///
///     bench_kernel_gemm --benchmark_out=gemm.json --benchmark_out_format=json && bench/kernel/summary gemm.json
///
/// inference/KERNEL   gemm_packed with a bias, and with bias and hard-swish, rows of slices of 16 windows, against the
///                    plain loop and the libraries found at configuration
/// training/KERNEL    all three products of a layer at batch 64; nt and nn pack their weights in each call
/// few/KERNEL         one row per window, 1, 4 and 8 windows: squeeze-excite and the classifier
///
/// Libraries run on one thread: set OMP_NUM_THREADS=1.
#include "machine.hpp"
#include "shapes.hpp"

#include <cstdio>
#include <functional>
#include <string>

#include "smldist/kernel/gemm.hpp"

#if BENCH_EIGEN
#include <Eigen/Core>
#endif
#if BENCH_OPENBLAS
#include <cblas.h>
#endif
#if BENCH_ONEDNN
#include <dnnl.hpp>
#endif

using namespace smldist;

namespace {

/// The matrices of C (M,N) = A (M,K) · Wᵀ + bias, W (N,K), and the backward products.
struct matrices {
    std::size_t M, N, K;
    bench::array a, w, c, bias, packed;

    matrices(std::size_t M_, std::size_t N_, std::size_t K_)
        : M(M_), N(N_), K(K_), a(M * K), w(N * K), c(M * N), bias(N), packed(kernel::packed_size<float>(N, K)) {
        kernel::pack_nt(N, K, w.data(), K, packed.data());
    }
    double flops() const { return 2.0 * double(M) * double(N) * double(K); }
    kernel::packed_b<float> weights() const { return {packed.data(), N, K}; }
};

/// Makes the product to time; the matrices must outlive it.
using product = std::function<std::function<void()>(const matrices&)>;

std::function<void()> packed(const matrices& m) {
    return [&m] { kernel::gemm_packed(m.M, m.a.data(), m.K, m.weights(), m.c.data(), m.N, {.bias = m.bias.data()}); };
}
std::function<void()> packed_hard_swish(const matrices& m) {
    return [&m] {
        kernel::gemm_packed(m.M, m.a.data(), m.K, m.weights(), m.c.data(), m.N,
                            {.bias = m.bias.data(), .f = activation::hard_swish});
    };
}
/// The forward product of training: packs W, then multiplies.
std::function<void()> forward(const matrices& m) {
    return [&m] { kernel::gemm_nt(m.M, m.N, m.K, m.a.data(), m.K, m.w.data(), m.K, m.c.data(), m.N, false); };
}
/// dx (M,K) = dy (M,N) · W
std::function<void()> input_gradient(const matrices& m) {
    return [&m] { kernel::gemm_nn(m.M, m.K, m.N, m.c.data(), m.N, m.w.data(), m.K, m.a.data(), m.K, false); };
}
/// dW (N,K) = dyᵀ · x
std::function<void()> weight_gradient(const matrices& m) {
    return [&m] { kernel::gemm_tn(m.N, m.K, m.M, m.c.data(), m.N, m.a.data(), m.K, m.w.data(), m.K, false); };
}
std::function<void()> naive(const matrices& m) {
    return [&m] {
        kernel::naive::gemm_nt(m.M, m.N, m.K, m.a.data(), m.K, m.w.data(), m.K, m.c.data(), m.N, false,
                               m.bias.data());
    };
}

#if BENCH_EIGEN
std::function<void()> eigen(const matrices& m) {
    using rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return [&m] {
        const auto n = [](std::size_t v) { return static_cast<Eigen::Index>(v); };
        const Eigen::Map<const rows> a(m.a.data(), n(m.M), n(m.K)), w(m.w.data(), n(m.N), n(m.K));
        Eigen::Map<rows>(m.c.data(), n(m.M), n(m.N)).noalias() = a * w.transpose();
    };
}
#endif

#if BENCH_OPENBLAS
std::function<void()> openblas(const matrices& m) {
    return [&m] {
        const auto n = [](std::size_t v) { return static_cast<int>(v); };
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n(m.M), n(m.N), n(m.K), 1, m.a.data(), n(m.K),
                    m.w.data(), n(m.K), 0, m.c.data(), n(m.N));
    };
}
#endif

#if BENCH_ONEDNN
/// The matmul primitive with bias, with weights in the layout that the library chooses.
std::function<void()> onednn(const matrices& m) {
    using dnnl::memory;
    const auto n = [](std::size_t v) { return static_cast<memory::dim>(v); };
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    const auto f32 = memory::data_type::f32;
    const memory::desc a({n(m.M), n(m.K)}, f32, memory::format_tag::ab),
        c({n(m.M), n(m.N)}, f32, memory::format_tag::ab);
    const memory::desc w({n(m.K), n(m.N)}, f32, memory::format_tag::ba),
        any({n(m.K), n(m.N)}, f32, memory::format_tag::any);
    const memory::desc bias({1, n(m.N)}, f32, memory::format_tag::ab);
    const dnnl::matmul::primitive_desc plan({a, any, bias, c}, engine);
    memory plain(w, engine, m.w.data()), weights(plan.weights_desc(), engine);
    dnnl::reorder(plain, weights).execute(stream, plain, weights);
    stream.wait();
    return [call = dnnl::matmul(plan), stream,
            args = std::unordered_map<int, memory>{{DNNL_ARG_SRC, memory(a, engine, m.a.data())},
                                                   {DNNL_ARG_WEIGHTS, weights},
                                                   {DNNL_ARG_BIAS, memory(bias, engine, m.bias.data())},
                                                   {DNNL_ARG_DST, memory(c, engine, m.c.data())}}]() mutable {
        call.execute(stream, args);
        stream.wait();
    };
}
#endif

struct named {
    const char* name;
    product make;
};

const std::vector<named> forward_products {
    {"packed", packed}, {"packed_hard_swish", packed_hard_swish}, {"naive", naive},
#if BENCH_EIGEN
        {"eigen", eigen},
#endif
#if BENCH_OPENBLAS
        {"openblas", openblas},
#endif
#if BENCH_ONEDNN
        {"onednn", onednn},
#endif
};

const std::vector<named> training_products{{"nt", forward}, {"nn", input_gradient}, {"tn", weight_gradient}};

void add(const std::string& task, const named& kernel, std::size_t M, std::size_t N, std::size_t K) {
    const std::string name =
        task + '/' + kernel.name + "/M:" + std::to_string(M) + "/N:" + std::to_string(N) + "/K:" + std::to_string(K);
    const auto run = [=, make = kernel.make](benchmark::State& state) {
        const matrices m(M, N, K);
        bench::against(state, m.flops(), bench::fma_peak, make(m));
    };
    bench::settings(benchmark::RegisterBenchmark(name.c_str(), run));
}

} // namespace

int main(int argc, char** argv) {
    set_threads(1);
    if (!BENCH_EIGEN) std::fprintf(stderr, "Eigen: not found, left out (Debian: libeigen3-dev)\n");
    if (!BENCH_OPENBLAS) std::fprintf(stderr, "OpenBLAS: not found, left out (Debian: libopenblas-dev)\n");
    if (!BENCH_ONEDNN) std::fprintf(stderr, "oneDNN: not found, left out (Debian: libdnnl-dev)\n");
    const bench::model_shapes shapes = bench::shapes_of_models();
    for (const named& kernel : forward_products)
        for (const bench::product& p : shapes.pointwise) add("inference", kernel, 16 * p.rows, p.N, p.K);
    for (const named& kernel : training_products)
        for (const bench::product& p : shapes.pointwise) add("training", kernel, 64 * p.rows, p.N, p.K);
    for (const named& kernel : forward_products)
        for (const bench::product& p : shapes.single)
            for (const std::size_t M : {1u, 4u, 8u}) add("few", kernel, M, p.N, p.K);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
}
