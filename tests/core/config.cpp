// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/config.hpp"

#include <doctest/doctest.h>

#include <string>
#include <typeinfo>

namespace smldist {
SMLDIST_NAMESPACE_BEGIN
struct probe {};
SMLDIST_NAMESPACE_END
} // namespace smldist

TEST_CASE("config: one version in three spellings") {
    CHECK(std::string(SMLDIST_VERSION_STRING) == std::to_string(SMLDIST_VERSION_MAJOR) + "." +
                                                     std::to_string(SMLDIST_VERSION_MINOR) + "." +
                                                     std::to_string(SMLDIST_VERSION_PATCH));
    CHECK(SMLDIST_VERSION == SMLDIST_VERSION_MAJOR * 10000 + SMLDIST_VERSION_MINOR * 100 + SMLDIST_VERSION_PATCH);
}

TEST_CASE("config: the inline namespace names version, instruction set, packs, threads and assertions") {
    const std::string name = typeid(smldist::probe).name();
    CHECK(name.find("v" + std::to_string(SMLDIST_VERSION_MAJOR) + "_" + std::to_string(SMLDIST_VERSION_MINOR) + "_" +
                    std::to_string(SMLDIST_VERSION_PATCH)) != std::string::npos);
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
    CHECK(name.find("_avx512") != std::string::npos);
    CHECK(SMLDIST_SIMD_BITS == 512);
#elif defined(__AVX2__) && defined(__FMA__)
    CHECK(name.find("_avx2") != std::string::npos);
    CHECK(SMLDIST_SIMD_BITS == 256);
#elif defined(__SSE2__) && !defined(__AVX__)
    CHECK(name.find("_sse") != std::string::npos);
    CHECK(SMLDIST_SIMD_BITS == 128);
#endif
#if defined(SMLDIST_NO_XSIMD)
    CHECK(name.find("_plain") != std::string::npos);
#else
    CHECK(name.find("_plain") == std::string::npos);
#endif
    CHECK((name.find("_serial") != std::string::npos) == (SMLDIST_THREADS == 0));
    CHECK((name.find("checked") != std::string::npos) == (SMLDIST_ASSERTIONS != 0));
}
