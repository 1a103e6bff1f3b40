// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/simd.hpp"

#include <vector>

#include "compare.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;
namespace simd = smldist::kernel::simd;

namespace {

#if defined(SMLDIST_NO_XSIMD)

TEST_CASE("simd_xsimd: without xsimd nothing of it is included") {
#if defined(XSIMD_VERSION_MAJOR)
    FAIL("xsimd " << XSIMD_VERSION_MAJOR << " is included in spite of SMLDIST_NO_XSIMD");
#endif
    CHECK(std::is_same_v<simd::packs::pack<float, 128>, simd::vectors::vector<float, 4>>);
}

#else

TEST_CASE("simd_xsimd: packs are xsimd's batches of the machine's registers") {
    static_assert(XSIMD_VERSION_MAJOR >= 8);
    static_assert(std::is_same_v<simd::full<float>, xsimd::batch<float, simd::full<float>::arch_type>>);
    CHECK(simd::full<float>::size * 32 == SMLDIST_SIMD_BITS);
    CHECK(simd::full<double>::size * 64 == SMLDIST_SIMD_BITS);
    CHECK(simd::smallest<float>::size == 4);
}

TEST_CASE("simd_xsimd: bits of lanes") {
    const auto bits = simd::packs::to_bits(simd::full<float>(1.5F));
    std::vector<std::int32_t> integers(simd::width<float>);
    bits.store_unaligned(integers.data());
    CHECK(integers == std::vector<std::int32_t>(simd::width<float>, 0x3fc00000));
    std::vector<float> lanes(simd::width<float>);
    simd::store(lanes.data(), simd::packs::from_bits(bits));
    CHECK(lanes == std::vector<float>(simd::width<float>, 1.5F));
    simd::store(lanes.data(), simd::packs::to_float(bits >> 23));
    CHECK(lanes == std::vector<float>(simd::width<float>, 127.0F));
}

TEST_CASE_TEMPLATE("simd_xsimd: the sum of the lanes, in every pack", T, float, double) {
    const auto check = [](auto one) {
        using V = decltype(one);
        std::vector<T> powers(V::size);
        for (std::size_t i = 0; i < V::size; ++i) powers[i] = T(1 << i);
        CHECK(simd::sum(simd::load<V>(powers.data())) == T((1 << V::size) - 1));
    };
    check(simd::full<T>(T(0)));
    check(simd::half<T>(T(0)));
    check(simd::quarter<T>(T(0)));
}

#endif

} // namespace
