// SPDX-License-Identifier: BSD-3-Clause
/// classify FILE: loads a program, which repeats the file's self-test, and prints the logits of one window. Compiled without
/// threads, exceptions and RTTI for other targets and for this one.
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <vector>

#include "smldist/deploy/load.hpp"
#include "smldist/deploy/program.hpp"

#if SMLDIST_THREADS
#error "expected a target without threads"
#endif

namespace {

/// Means of two elements each, where the product of both lengths has more than 32 bits.
bool pools_long_rows() {
    using namespace smldist::deploy;
    constexpr std::size_t length = 1 << 16, L = 2 * length;
    std::vector<float> x(L), y(length);
    for (std::size_t i = 0; i < L; ++i) x[i] = static_cast<float>(i);
    pool_step{L, 1, length, {place::input, 0, L}, {place::arena, 0, length}}.run({x.data(), nullptr, y.data(), 1});
    for (std::size_t i = 0; i < length; ++i)
        if (y[i] != 2 * static_cast<float>(i) + 0.5f) return false;
    return true;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const auto model = smldist::deploy::load(argv[1]);
    std::vector<float> window(model.net.length() * model.net.channels()), logits(model.facts.labels.size());
    for (std::size_t i = 0; i < window.size(); ++i) window[i] = std::sin(0.01f * static_cast<float>(i * i % 1000));
    smldist::deploy::workspace memory(model.net, 3); // more threads than there are
    model.net.run(window.data(), logits.data(), 1, memory);
    for (const float v : logits) std::printf("%.9g\n", double(v));
    return smldist::threads() == 1 && pools_long_rows() ? 0 : 1;
}
