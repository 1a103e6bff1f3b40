// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/runtime/stream.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include "allocations.hpp"
#include "op/check.hpp"
#include "smldist/core/random.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/model/network.hpp"

using namespace smldist;

namespace {

constexpr std::size_t L = 32, C = 3;

/// A recording with a normaliser and a network for it.
struct recording {
    std::vector<float> samples;
    normaliser normal{normaliser_kind::zscore, {9.8f, 0.1f, -0.2f}, {0.1f, 2.0f, 0.5f}, {}, {}};

    recording() {
        generator g(1);
        for (std::size_t i = 0; i < 200 * C; ++i) samples.push_back(static_cast<float>(9 + 3 * g.normal()));
    }
    std::size_t size() const { return samples.size() / C; }
    std::span<const float> operator[](std::size_t t) const { return std::span(samples).subspan(t * C, C); }
    runtime::program compile(std::size_t batch, std::vector<std::string> outputs = {}) const {
        auto config = model::preset("har_nano");
        config.backbone.channels = C;
        config.classes = 4;
        return deploy::compile(model::network<float>(config, generator(2)),
                               {.batch = batch, .length = L, .normaliser = normal, .outputs = std::move(outputs)});
    }
};

} // namespace

TEST_CASE("stream: the logits of every window have the bits of the program over a batch of windows") {
    const recording r;
    for (const std::size_t hop : {1u, 7u, 16u, 32u, 45u}) {
        CAPTURE(hop);
        const std::size_t count = (r.size() - L) / hop + 1;
        const auto batch = r.compile(count), one = r.compile(1, {"logits", "feature"});
        std::vector<float> windows, want(count * 4);
        for (std::size_t i = 0; i < count; ++i)
            windows.insert(windows.end(), &r.samples[i * hop * C], &r.samples[i * hop * C] + L * C);
        batch.run(windows.data(), want.data());

        runtime::stream s(one, {.hop = hop});
        for (int round = 0; round < 2; ++round, s.reset()) {
            CAPTURE(round);
            std::size_t decided = 0;
            for (std::size_t t = 0; t < r.size(); ++t) {
                const auto* d = s.push(r[t]);
                REQUIRE((d != nullptr) == (t + 1 >= L && (t + 1 - L) % hop == 0));
                if (!d) continue;
                CHECK(d->first == decided * hop);
                CHECK(std::equal(d->logits.begin(), d->logits.end(), &want[decided * 4]));
                double sum = 0;
                for (const float p : d->probabilities) sum += double(p);
                CHECK(sum == doctest::Approx(1));
                for (std::size_t n = 0; n < 4; ++n) CHECK(d->logits[d->label] >= d->logits[n]);
                ++decided;
            }
            CHECK(decided == count);
        }
    }
    const runtime::program net = r.compile(1);
    CHECK(runtime::stream(net).hop() == L / 2);
}

TEST_CASE("stream: smoothing is an exponential mean of the probabilities") {
    const recording r;
    const auto net = r.compile(1);
    runtime::stream raw(net, {.hop = 8}), smooth(net, {.hop = 8, .smoothing = 0.75f});
    std::vector<double> mean;
    for (std::size_t t = 0; t < r.size(); ++t) {
        const auto *a = raw.push(r[t]), *b = smooth.push(r[t]);
        if (!a) continue;
        if (mean.empty()) mean.assign(a->probabilities.begin(), a->probabilities.end());
        for (std::size_t n = 0; n < 4; ++n) {
            mean[n] = 0.75 * mean[n] + 0.25 * double(a->probabilities[n]);
            CHECK(double(b->probabilities[n]) == doctest::Approx(mean[n]));
            CHECK(b->probabilities[b->label] >= b->probabilities[n]);
        }
    }
    CHECK(mean.size() == 4);
}

TEST_CASE("stream: a sample that is not finite affects only the windows that contain it") {
    const recording r;
    const auto net = r.compile(1);
    runtime::stream s(net, {.hop = 1, .smoothing = 0.5f});
    const std::vector<float> bad(C, std::numeric_limits<float>::quiet_NaN());
    std::size_t withheld = 0, decided = 0;
    for (std::size_t t = 0; t < r.size(); ++t) {
        const auto* d = t == 100 ? s.push(bad) : s.push(r[t]);
        if (t + 1 < L) continue;
        (d ? decided : withheld) += 1;
        CHECK((d == nullptr) == (t >= 100 && t < 100 + L));
        if (d) CHECK(std::isfinite(d->probabilities[0]));
    }
    CHECK(withheld == L);
    CHECK(decided == r.size() - 2 * L + 1);
}

TEST_CASE("stream: window() is the window of the last decision, also of a withheld one") {
    const recording r;
    const auto net = r.compile(1);
    runtime::stream s(net, {.hop = 7});
    for (std::size_t t = 0; t < 3 * L; ++t) {
        s.push(r[t]);
        if (t + 1 < L) continue;
        const auto w = s.window();
        REQUIRE(w.size() == L * C);
        CHECK(std::equal(w.begin(), w.end(), r[t + 1 - L].data()));
    }
}

TEST_CASE("stream: allocates nothing, refuses programs that it cannot run") {
    const recording r;
    const auto net = r.compile(1);
    runtime::stream s(net);
    for (std::size_t t = 0; t < 2 * L; ++t) s.push(r[t]);
    const std::size_t before = allocations();
    for (std::size_t t = 2 * L; t < r.size(); ++t) s.push(r[t]);
    CHECK(allocations() == before);

    const auto feature = r.compile(1, {"feature"});
    CHECK_RAISES(usage_error, "no output named logits", runtime::stream(feature));
    for (const float bad : {-0.1f, 1.0f, std::numeric_limits<float>::quiet_NaN()}) {
        CAPTURE(bad);
        CHECK_RAISES(usage_error, "expected 0 <= smoothing < 1", runtime::stream(net, {.smoothing = bad}));
    }
}

TEST_CASE("stream: no program that ends before it") {
    static_assert(std::is_constructible_v<runtime::stream, const runtime::program&>);
    static_assert(!std::is_constructible_v<runtime::stream, runtime::program>);
    static_assert(!std::is_constructible_v<runtime::stream, const runtime::program>);
    static_assert(!std::is_constructible_v<runtime::stream, runtime::program, runtime::stream_options>);
}
