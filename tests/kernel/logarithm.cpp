// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/logarithm.hpp"

#include <cmath>
#include <vector>

#include "compare.hpp"

using namespace smldist;
namespace simd = kernel::simd;

namespace {

template <class T> std::vector<T> logarithms(const std::vector<T>& x) {
    std::vector<T> y(x.size());
    simd::sweep<T>(x.size(),
                   [&](auto p, std::size_t i) { p.store(y.data() + i, simd::log_normal(p.load(x.data() + i))); });
    return y;
}

template <class T> void check_against_std(double tolerance) {
    std::vector<T> x;
    for (int e = -120; e <= 120; ++e)
        for (const double m : {1.0, 1.0001, 1.2, 1.4142135, 1.4142136, 1.7, 1.999999})
            x.push_back(static_cast<T>(std::ldexp(m, e)));
    for (int k = -1000; k <= 1000; ++k) x.push_back(static_cast<T>(1 + k * 1e-4)); // where ln is small
    const auto y = logarithms(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double wanted = std::log(double(x[i])), scale = std::abs(wanted);
        CAPTURE(x[i]);
        CHECK(std::abs(double(y[i]) - wanted) <= tolerance * scale);
    }
}

} // namespace

TEST_CASE("logarithm: agrees with the standard library") {
    check_against_std<float>(2e-7);
    check_against_std<double>(1e-15);
}

TEST_CASE("logarithm: the same bits wherever a value stands") {
    const auto y = logarithms(std::vector<float>(61, 0.7F));
    for (const float v : y) CHECK(v == y[0]);
    CHECK(logarithms(std::vector<float>{1})[0] == 0);
}
