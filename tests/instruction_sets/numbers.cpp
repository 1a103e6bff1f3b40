// SPDX-License-Identifier: BSD-3-Clause
// numbers write FILE: what a network computes in the instruction set that this program was compiled for.
// numbers compare FILE: the same, against such a file; fails where an array differs by more than 1e-5 of its largest number, a
// gradient by 5e-5: rounding decides on which side of a kink an activation is.
// Ends with 77 on a machine that lacks the instruction set.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/loss/cross_entropy.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;

namespace {

bool machine_has_it() {
#if SMLDIST_SIMD_BITS == 512
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif SMLDIST_SIMD_BITS == 256
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

struct array {
    std::string name;
    std::vector<float> values;
    double tolerance = 1e-5; ///< of the largest number
};

array named(std::string name, const tensor<float>& t) {
    return {std::move(name), std::vector<float>(t.begin(), t.end()), 1e-5};
}

/// Logits of network and program, loss and all gradients of a training step.
std::vector<array> compute(const std::string& preset) {
    constexpr std::size_t B = 8, L = 128, C = 9;
    model::network_config config = model::preset(preset);
    config.head = model::memory_head{};
    config.dropout = 0;
    const model::network<float> net(config, generator(1));
    tensor<float> x(shape{B, L, C});
    generator g(2);
    for (float& v : x) v = static_cast<float>(g.normal());
    std::vector<array> all;

    const auto out = net(x, mode::eval);
    for (std::size_t i = 0; i < out.stages.size(); ++i)
        all.push_back(named(preset + ".stages." + std::to_string(i), out.stages[i]));
    all.push_back(named(preset + ".logits", out.logits));

    array program{preset + ".program", std::vector<float>(out.logits.size()), 1e-5};
    deploy::compile(net, {.batch = B, .length = L}).run(x.data(), program.values.data());
    all.push_back(program);

    tape<float> t;
    const auto trained = net(t.input(x), mode::train);
    const auto loss = loss::cross_entropy(trained.logits, std::vector<int>{0, 1, 2, 3, 4, 5, 0, 1});
    t.backward(loss);
    all.push_back(named(preset + ".loss", loss.value()));
    array gradients{preset + ".gradients", {}, 5e-5};
    for_each_parameter(net, [&](const parameter<float>& p) {
        if (const auto* d = t.gradient(p)) gradients.values.insert(gradients.values.end(), d->begin(), d->end());
    });
    all.push_back(gradients);
    return all;
}

int compare(const std::vector<array>& got, const char* path) {
    std::ifstream file(path);
    int failures = 0;
    for (const array& a : got) {
        std::string name;
        std::size_t n = 0;
        file >> name >> n;
        if (!file || name != a.name || n != a.values.size()) {
            std::fprintf(stderr, "%s: has %s of %zu, expected %s of %zu\n", path, name.c_str(), n, a.name.c_str(),
                         a.values.size());
            return 1;
        }
        double largest = 0, worst = 0;
        for (const float v : a.values) {
            double want = 0;
            file >> want;
            largest = std::max(largest, std::abs(want));
            worst = std::max(worst, std::isfinite(v) ? std::abs(double(v) - want) : HUGE_VAL);
        }
        const bool good = file && largest > 0 && worst <= a.tolerance * largest;
        std::printf("%-26s %6zu numbers, largest difference %.1e of the largest%s\n", name.c_str(), n,
                    worst / largest, good ? "" : ": TOO MUCH");
        failures += !good;
    }
    return failures > 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: numbers write|compare FILE\n");
        return 2;
    }
    std::printf("%s\n", SMLDIST_SIMD_NAME);
    if (!machine_has_it()) {
        std::printf("skipped: this machine has no %s\n", SMLDIST_SIMD_NAME);
        return 77;
    }
    std::vector<array> all;
    for (const char* preset : {"har_student", "har_teacher"})
        for (array& a : compute(preset)) all.push_back(std::move(a));
    if (std::strcmp(argv[1], "compare") == 0) return compare(all, argv[2]);
    std::ofstream file(argv[2]);
    file.precision(9);
    for (const array& a : all) {
        file << a.name << ' ' << a.values.size();
        for (const float v : a.values) file << ' ' << v;
        file << '\n';
    }
    return file.flush() ? 0 : 1;
}
