// SPDX-License-Identifier: BSD-3-Clause
/// classify FILE: loads a program, which repeats the file's self-test, and prints the logits of one window. Compiled without
/// threads, exceptions and RTTI, for other targets and for this one.
#include <cstddef>
#include <vector>

#include "smldist/runtime/elementwise_steps.hpp"
#include "window.hpp"

#if SMLDIST_THREADS
#error "expected a target without threads"
#endif

namespace {

/// Means of two elements each, where the product of both lengths has more than 32 bits.
bool pools_long_rows() {
    using namespace smldist::runtime;
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
    print_logits(smldist::deploy::load(argv[1]));
    smldist::set_threads(4);
    return smldist::threads() == 1 && pools_long_rows() ? 0 : 1;
}
