// SPDX-License-Identifier: BSD-3-Clause
/// What every consumer builds: a gradient by tape, in two threads.
#include <cstdio>
#include <smldist/smldist.hpp>
#include <thread>

#ifdef NDEBUG
#error "the package must not set a consumer's flags"
#endif
#if defined(__x86_64__) && defined(__AVX__) && !defined(EXPECT_NATIVE)
#error "the package must not set a consumer's instruction set"
#endif

int main() {
    using namespace smldist;
    parameter<float> w{{2, 3}};
    float gradients[2] = {};
    const auto work = [&](int i) {
        tape<float> t;
        const auto x = t.input({1, -2});
        t.backward(op::sum(op::mul(op::mul(x, x), w)));
        gradients[i] = (*t.gradient(w))[1];
    };
    std::thread other(work, 1);
    work(0);
    other.join();
    std::printf("smldist %s, %s: %g %g\n", SMLDIST_VERSION_STRING, SMLDIST_SIMD_NAME, double(gradients[0]),
                double(gradients[1]));
    return gradients[0] == 4 && gradients[1] == 4 ? 0 : 1;
}
