// SPDX-License-Identifier: BSD-3-Clause
/// Counter-based random numbers with own distributions: a seed gives the same stream on every machine.
#ifndef SMLDIST_CORE_RANDOM_HPP
#define SMLDIST_CORE_RANDOM_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "smldist/core/config.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Natural logarithm of a positive normal number, in fused operations only, so that every machine rounds alike.
/// ln(m 2^e) = e ln 2 + 2 artanh((m-1)/(m+1)) with m in [sqrt(1/2), sqrt(2)); relative error below 1e-14.
SMLDIST_FUNCTION double portable_log(double x);

/// Exponential, in fused operations only; relative error below 1e-15 for |x| ≤ 700, beyond that 0 or infinity.
/// exp(k ln 2 + r) = 2^k exp(r) with |r| ≤ ln(2)/2, the Taylor series of exp(r) to the 13th power.
SMLDIST_FUNCTION double portable_exp(double x);

/// Quantile of the standard normal distribution, relative error about 1e-15, in fused operations only.
/// Source     Wichura 1988, algorithm AS 241 (PPND16).
SMLDIST_FUNCTION double normal_quantile(double p);

} // namespace detail

/// Random numbers from Philox4x32-10 (Salmon et al. 2011): a pure function of (seed, stream, position).
///
/// Streams of one seed are independent: give every purpose, epoch or sample its own with `split`, and the numbers do not
/// depend on the order in which the purposes draw. Copying a generator copies its position.
class generator {
public:
    explicit generator(std::uint64_t seed = 0, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

    /// The next 32 random bits.
    std::uint32_t bits() {
        const std::uint64_t block = position_ / 4;
        if (!filled_ || block != block_) {
            fill(block);
            block_ = block;
            filled_ = true;
        }
        return words_[position_++ % 4];
    }
    /// The next n words of 32 random bits, the same as those of n calls of bits(): 1.3 ns per word on a Zen 4 core
    /// instead of 7.
    void bits(std::size_t n, std::uint32_t* out) {
        for (; n > 0 && position_ % 4 != 0; --n) *out++ = bits();
        for (; n >= 4 * lanes; n -= 4 * lanes, out += 4 * lanes, position_ += 4 * lanes) blocks(position_ / 4, out);
        for (; n > 0; --n) *out++ = bits();
    }
    std::uint64_t bits64() {
        const std::uint64_t low = bits();
        return low | std::uint64_t(bits()) << 32;
    }

    /// Uniform in (0, 1), 52 bits, never 0 or 1.
    double uniform() { return (double(bits64() >> 12) + 0.5) * 0x1p-52; }
    /// Uniform in (low, high).
    double uniform(double low, double high) { return std::fma(high - low, uniform(), low); }
    /// Standard normal: one 52-bit uniform through the quantile function.
    double normal() { return detail::normal_quantile(uniform()); }
    /// Uniform in {0, …, n-1}; n ≥ 1. Unbiased: Lemire's multiply with rejection.
    std::size_t below(std::size_t n) {
        const std::uint64_t m = n, threshold = (0 - m) % m;
        for (;;) {
            const auto [high, low] = multiply(bits64(), m);
            if (low >= threshold) return std::size_t(high);
        }
    }
    /// true with probability p.
    bool chance(double p) { return uniform() < p; }

    /// Beta(a, b), in [0, 1], for a and b from 1e-6 to 1e6: X/(X+Y) of two gamma variables, from their logarithms, so that
    /// small a and b do not underflow.
    double beta(double a, double b) {
        const double x = log_gamma_variable(a), y = log_gamma_variable(b);
        return 1 / (1 + detail::portable_exp(y - x));
    }

    /// Fisher-Yates shuffle of [first, last).
    template <class It> void shuffle(It first, It last) {
        for (auto n = std::size_t(last - first); n > 1; --n) {
            using std::swap;
            const auto other = first + static_cast<std::ptrdiff_t>(below(n));
            swap(first[static_cast<std::ptrdiff_t>(n) - 1], *other);
        }
    }

    /// An independent generator for sub-stream `k`; does not advance this one.
    [[nodiscard]] generator split(std::uint64_t k) const {
        generator g(seed_, 0);
        const std::array<std::uint32_t, 4> x = philox({low(k), high(k), low(stream_), high(stream_)},
                                                      low(seed_) ^ 0x5851F42Du, high(seed_) ^ 0x4C957F2Du);
        g.stream_ = x[0] | std::uint64_t(x[1]) << 32;
        return g;
    }

    std::uint64_t seed() const { return seed_; }
    std::uint64_t stream() const { return stream_; }
    /// Number of 32-bit words drawn so far; setting it resumes a stream.
    std::uint64_t position() const { return position_; }
    void set_position(std::uint64_t position) { position_ = position; }

private:
    using words = std::array<std::uint32_t, 4>;
    static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
    static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

    /// The logarithm of a Gamma(a) variable: X U^(1/a) with X from Gamma(a+1).
    /// Source     Marsaglia and Tsang 2000.
    SMLDIST_FUNCTION double log_gamma_variable(double a);

    static std::pair<std::uint64_t, std::uint64_t> multiply(std::uint64_t a, std::uint64_t b) {
        __extension__ using wide = unsigned __int128;
        const wide p = static_cast<wide>(a) * b;
        return {static_cast<std::uint64_t>(p >> 64), static_cast<std::uint64_t>(p)};
    }

    /// One round of Philox on a block.
    static void mix(std::uint32_t& c0, std::uint32_t& c1, std::uint32_t& c2, std::uint32_t& c3, std::uint32_t k0,
                    std::uint32_t k1) {
        const std::uint64_t a = std::uint64_t(0xD2511F53u) * c0, b = std::uint64_t(0xCD9E8D57u) * c2;
        c0 = high(b) ^ c1 ^ k0;
        c1 = low(b);
        c2 = high(a) ^ c3 ^ k1;
        c3 = low(a);
    }

    static words philox(words c, std::uint32_t k0, std::uint32_t k1) {
        for (int round = 0; round < 10; ++round) {
            mix(c[0], c[1], c[2], c[3], k0, k1);
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        return c;
    }

    /// Blocks that are computed side by side, since each round of one block waits for the round before.
    static constexpr std::size_t lanes = 16;

    /// The words of the blocks [first, first + lanes).
    void blocks(std::uint64_t first, std::uint32_t* out) const {
        std::uint32_t c0[lanes], c1[lanes], c2[lanes], c3[lanes], k0 = low(seed_), k1 = high(seed_);
        for (std::size_t i = 0; i < lanes; ++i) {
            c0[i] = low(first + i);
            c1[i] = high(first + i);
            c2[i] = low(stream_);
            c3[i] = high(stream_);
        }
        for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
            for (std::size_t i = 0; i < lanes; ++i) mix(c0[i], c1[i], c2[i], c3[i], k0, k1);
        for (std::size_t i = 0; i < lanes; ++i)
            for (const std::uint32_t* const c : {c0, c1, c2, c3}) *out++ = c[i];
    }

    void fill(std::uint64_t block) {
        words_ = philox({low(block), high(block), low(stream_), high(stream_)}, low(seed_), high(seed_));
    }

    std::uint64_t seed_, stream_, position_ = 0, block_ = 0;
    words words_{};
    bool filled_ = false;
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#if SMLDIST_BASE_BODIES
#include "smldist/core/random.ipp"
#endif

#endif
