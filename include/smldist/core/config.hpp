// SPDX-License-Identifier: BSD-3-Clause
/// Version, build facts and the inline ABI namespaces.
///
/// What a header declares in `smldist::op` is in fact in `smldist::op::<abi>`, an inline namespace, where <abi> encodes the
/// version, the instruction set, whether packs are xsimd's, whether there are threads and exceptions, whether the code is
/// that of the compiled library, and whether assertions are on. Translation units compiled with different flags therefore use
/// separate functions instead of violating the one-definition rule. Headers write
///
///     namespace smldist::op {
///     SMLDIST_NAMESPACE_BEGIN
///     …
///     SMLDIST_NAMESPACE_END
///     } // namespace smldist::op
#ifndef SMLDIST_CORE_CONFIG_HPP
#define SMLDIST_CORE_CONFIG_HPP

#include <cstddef>
#include <cstdint>

#define SMLDIST_VERSION_MAJOR 0
#define SMLDIST_VERSION_MINOR 2
#define SMLDIST_VERSION_PATCH 0
#define SMLDIST_VERSION (SMLDIST_VERSION_MAJOR * 10000 + SMLDIST_VERSION_MINOR * 100 + SMLDIST_VERSION_PATCH)
#define SMLDIST_VERSION_STRING "0.2.0"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define SMLDIST_SIMD avx512
#define SMLDIST_SIMD_NAME "AVX-512"
#define SMLDIST_SIMD_BITS 512
#elif defined(__AVX2__) && defined(__FMA__)
#define SMLDIST_SIMD avx2
#define SMLDIST_SIMD_NAME "AVX2+FMA"
#define SMLDIST_SIMD_BITS 256
#elif defined(__AVX__)
#define SMLDIST_SIMD avx
#define SMLDIST_SIMD_NAME "AVX"
#define SMLDIST_SIMD_BITS 256
#elif defined(__SSE2__)
#define SMLDIST_SIMD sse
#define SMLDIST_SIMD_NAME "SSE2"
#define SMLDIST_SIMD_BITS 128
#elif defined(__aarch64__)
#define SMLDIST_SIMD neon64
#define SMLDIST_SIMD_NAME "NEON"
#define SMLDIST_SIMD_BITS 128
#elif defined(__wasm_simd128__)
#define SMLDIST_SIMD wasm128
#define SMLDIST_SIMD_NAME "WebAssembly SIMD"
#define SMLDIST_SIMD_BITS 128
#else
#define SMLDIST_SIMD other
#define SMLDIST_SIMD_NAME "scalar"
#define SMLDIST_SIMD_BITS 0
#endif

/// `SMLDIST_NO_XSIMD` makes the packs of kernel/simd.hpp from the compiler's vector types: xsimd is not included. It is
/// defined automatically for instruction sets other than those of x86-64 and AArch64.
#if !defined(SMLDIST_NO_XSIMD) && !defined(__SSE2__) && !defined(__aarch64__)
#define SMLDIST_NO_XSIMD
#endif
#if defined(SMLDIST_NO_XSIMD)
#define SMLDIST_PACKS _plain
#else
#define SMLDIST_PACKS
#endif

/// Whether there are threads: 0 on targets without them and with `-DSMLDIST_NO_THREADS`. Without threads parallel_for
/// runs the same chunks on the calling thread, and neither <thread>, <mutex> nor <atomic> is included.
#if defined(SMLDIST_NO_THREADS) || !defined(__STDCPP_THREADS__) || defined(_LIBCPP_HAS_NO_THREADS) ||                \
    (defined(__GLIBCXX__) && !defined(_GLIBCXX_HAS_GTHREADS))
#define SMLDIST_THREADS 0
#define SMLDIST_THREAD_LOCAL static ///< for a variable in a function
#define SMLDIST_SERIAL _serial
#else
#define SMLDIST_THREADS 1
#define SMLDIST_THREAD_LOCAL thread_local
#define SMLDIST_SERIAL
#endif

#if defined(__cpp_exceptions)
#define SMLDIST_ERRORS
#else
#define SMLDIST_ERRORS _noexcept ///< an error ends the program
#endif

/// The library is header-only. The optional CMake target `smldist::compiled` is a library with the code that is expensive to
/// compile; the target defines SMLDIST_COMPILED, and headers then only declare what it contains.
///
///     SMLDIST_FUNCTION       marks the declaration of a function that the library contains; inline in header-only programs
///     SMLDIST_BASE_BODIES    whether headers include the bodies of such functions, which stand in .ipp files: those of core/,
///     SMLDIST_DEPLOY_BODIES  those of io/, graph/ and deploy/,
///     SMLDIST_TRAIN_BODIES   all others. True in header-only programs, and in the source of the library that defines
///                            SMLDIST_COMPILED_BASE, SMLDIST_COMPILED_DEPLOY or SMLDIST_COMPILED_TRAIN. A program that only
///                            deploys links only the first two
///     SMLDIST_INSTANTIATE    an explicit instantiation that the library contains: made in the source that defines
///                            SMLDIST_COMPILED_TEMPLATES, extern elsewhere; nothing in header-only programs
///     SMLDIST_INSTANTIATE_KERNEL    the same of a kernel, gemm_nt<float>, in the source with SMLDIST_COMPILED_BASE
///     SMLDIST_INSTANTIATE_OVERLOAD  the same of an overloaded kernel, by its declaration
///
/// Compiled and header-only translation units have ABI namespaces of their own, so they cannot be mixed by accident.
#if defined(SMLDIST_COMPILED)
#define SMLDIST_LINKED _compiled
#define SMLDIST_FUNCTION
#if defined(SMLDIST_COMPILED_BASE)
#define SMLDIST_BASE_BODIES 1
#else
#define SMLDIST_BASE_BODIES 0
#endif
#if defined(SMLDIST_COMPILED_DEPLOY)
#define SMLDIST_DEPLOY_BODIES 1
#else
#define SMLDIST_DEPLOY_BODIES 0
#endif
#if defined(SMLDIST_COMPILED_TRAIN)
#define SMLDIST_TRAIN_BODIES 1
#else
#define SMLDIST_TRAIN_BODIES 0
#endif
#if defined(SMLDIST_COMPILED_TEMPLATES)
#define SMLDIST_INSTANTIATE(...) template __VA_ARGS__;
#else
#define SMLDIST_INSTANTIATE(...) extern template __VA_ARGS__;
#endif
#if defined(SMLDIST_COMPILED_BASE)
#define SMLDIST_INSTANTIATE_OVERLOAD(...) template __VA_ARGS__;
#else
#define SMLDIST_INSTANTIATE_OVERLOAD(...) extern template __VA_ARGS__;
#endif
#define SMLDIST_INSTANTIATE_KERNEL(...) SMLDIST_INSTANTIATE_OVERLOAD(decltype(__VA_ARGS__) __VA_ARGS__)
#else
#define SMLDIST_LINKED
#define SMLDIST_FUNCTION inline
#define SMLDIST_BASE_BODIES 1
#define SMLDIST_DEPLOY_BODIES 1
#define SMLDIST_TRAIN_BODIES 1
#define SMLDIST_INSTANTIATE(...)
#define SMLDIST_INSTANTIATE_OVERLOAD(...)
#define SMLDIST_INSTANTIATE_KERNEL(...)
#endif

#define SMLDIST_JOIN_(a, b, c, d, e, f, g, h, i) v##a##_##b##_##c##_##d##e##f##g##h##i
#define SMLDIST_JOIN(a, b, c, d, e, f, g, h, i) SMLDIST_JOIN_(a, b, c, d, e, f, g, h, i)

/// `SMLDIST_ASSERTIONS=1` checks the preconditions of kernels and element access; it costs speed and changes the ABI
/// namespace. Wrong *user* input never depends on it: that is checked once, at the door of each op, and throws.
#ifndef SMLDIST_ASSERTIONS
#define SMLDIST_ASSERTIONS 0
#endif
#if SMLDIST_ASSERTIONS
#include <cstdio>
#include <cstdlib>
#define SMLDIST_CHECKED _checked
#define SMLDIST_ASSERT(condition)                                                                                    \
    ((condition)                                                                                                     \
         ? static_cast<void>(0)                                                                                      \
         : (std::fprintf(stderr, "%s:%d: broken precondition: %s\n", __FILE__, __LINE__, #condition), std::abort()))
#else
#define SMLDIST_CHECKED
#define SMLDIST_ASSERT(condition) static_cast<void>(0)
#endif
#define SMLDIST_ABI                                                                                                  \
    SMLDIST_JOIN(SMLDIST_VERSION_MAJOR, SMLDIST_VERSION_MINOR, SMLDIST_VERSION_PATCH, SMLDIST_SIMD, SMLDIST_PACKS,   \
                 SMLDIST_SERIAL, SMLDIST_ERRORS, SMLDIST_LINKED, SMLDIST_CHECKED)
#define SMLDIST_NAMESPACE_BEGIN inline namespace SMLDIST_ABI {
#define SMLDIST_NAMESPACE_END }

#define SMLDIST_INLINE inline __attribute__((always_inline))
#define SMLDIST_NOINLINE __attribute__((noinline))
/// Load-time code: compiled for size and kept apart from code that runs often.
#define SMLDIST_COLD __attribute__((cold))
/// Aligns the function's loops to cache lines, where the compiler supports it.
#if defined(__GNUC__) && !defined(__clang__)
#define SMLDIST_ALIGN_LOOPS __attribute__((optimize("align-loops=64")))
#else
#define SMLDIST_ALIGN_LOOPS
#endif

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Whether a layer or op runs for training (batch statistics, active dropout) or for evaluation.
enum class mode : std::uint8_t { eval, train };

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
