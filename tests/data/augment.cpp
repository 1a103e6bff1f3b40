// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/augment.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "smldist/core/tensor.hpp"

using namespace smldist;
using data::augment_options;

namespace {

constexpr std::size_t length = 64, channels = 10;

/// Three triples (0 1 2), (3 4 5), (6 7 8) and the single channel 9.
data::signal_info sensors() {
    data::signal_info info;
    info.labels = {"a"};
    info.triples = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}};
    return info;
}

tensor<float> window(std::uint64_t seed = 1) {
    tensor<float> x(shape{length, channels});
    generator g(seed);
    for (float& v : x) v = static_cast<float>(g.normal());
    return x;
}

tensor<float> augmented(tensor<float> x, const augment_options& o, const generator& g,
                        const data::signal_info& info = sensors()) {
    data::augment_scratch scratch;
    data::augment_physical(x.data(), length, channels, o, info, g, scratch);
    data::augment_normalised(x.data(), length, channels, o, info, g);
    return x;
}

augment_options only(double augment_options::*probability) {
    augment_options o = augment_options::none();
    o.*probability = 1;
    return o;
}

float dot(const tensor<float>& x, std::size_t t, std::size_t a, std::size_t b) {
    return x(t, a) * x(t, b) + x(t, a + 1) * x(t, b + 1) + x(t, a + 2) * x(t, b + 2);
}

} // namespace

TEST_CASE("zero probability and zero strength are the identity, bit for bit") {
    const tensor<float> x = window();
    augment_options always{1, 0, 1, 0, 1, 0, 1, 0, 0, false};
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        CHECK(identical(augmented(x, augment_options::none(), generator(seed)), x));
        always.normalised_domain = seed % 2 == 1;
        CHECK(identical(augmented(x, always, generator(seed)), x));
    }
    CHECK(!augment_options::none().any());
    CHECK(augment_options::reference().any());
}

TEST_CASE("a random rotation is orthogonal, of determinant 1 and of the given angle") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        generator g(seed);
        const auto r = data::random_rotation(g, 0.3);
        for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t j = 0; j < 3; ++j) {
                const float d = r[3 * i] * r[3 * j] + r[3 * i + 1] * r[3 * j + 1] + r[3 * i + 2] * r[3 * j + 2];
                CHECK(d == doctest::Approx(i == j ? 1 : 0).epsilon(1e-6));
            }
        const float det = r[0] * (r[4] * r[8] - r[5] * r[7]) - r[1] * (r[3] * r[8] - r[5] * r[6]) +
                          r[2] * (r[3] * r[7] - r[4] * r[6]);
        CHECK(det == doctest::Approx(1).epsilon(1e-6));
        CHECK((r[0] + r[4] + r[8] - 1) / 2 == doctest::Approx(std::cos(0.3)).epsilon(1e-6));
    }
}

TEST_CASE("rotation keeps norms and, on one device, angles between sensors; other channels stay") {
    const tensor<float> x = window();
    bool moved = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        const tensor<float> y = augmented(x, only(&augment_options::rotation), generator(seed));
        for (std::size_t t = 0; t < length; ++t) {
            for (std::size_t k = 0; k < 9; k += 3) {
                const double cosine = double(dot(y, t, k, k) / dot(x, t, k, k));
                CHECK(cosine == doctest::Approx(1).epsilon(1e-5));
                double turned = 0; // <x, y> / |x|² ≥ cos 20°: no vector turns by more than the limit
                for (std::size_t i = k; i < k + 3; ++i) turned += double(x(t, i)) * double(y(t, i));
                CHECK(turned / double(dot(x, t, k, k)) > std::cos(20.001 * std::numbers::pi / 180));
            }
            CHECK(dot(y, t, 0, 6) == doctest::Approx(double(dot(x, t, 0, 6))).epsilon(1e-4));
            CHECK(y(t, 9) == x(t, 9));
        }
        moved = moved || std::abs(y[0] - x[0]) > 0.01f;
    }
    CHECK(moved);
    auto two = sensors(); // on two devices the angle between them changes
    two.devices = {0, 0, 1};
    const tensor<float> y = augmented(x, only(&augment_options::rotation), generator(3), two);
    CHECK(std::abs(dot(y, 0, 0, 6) - dot(x, 0, 0, 6)) > 1e-3f);
    CHECK(dot(y, 0, 0, 3) == doctest::Approx(double(dot(x, 0, 0, 3))).epsilon(1e-4));
}

TEST_CASE("scaling: one factor a triple, N(1, 0.1²)") {
    const tensor<float> x = window();
    double sum = 0, square = 0;
    const int n = 500;
    for (int seed = 0; seed < n; ++seed) {
        CAPTURE(seed);
        const tensor<float> y =
            augmented(x, only(&augment_options::scaling), generator(static_cast<std::uint64_t>(seed)));
        const double factor = double(y[0] / x[0]);
        for (std::size_t t = 0; t < length; ++t)
            for (std::size_t c = 0; c < 3; ++c) REQUIRE(y(t, c) / x(t, c) == doctest::Approx(factor).epsilon(1e-5));
        CHECK(std::abs(double(y(0, 3) / x(0, 3)) - factor) > 1e-7);
        CHECK(y(5, 9) / x(5, 9) == doctest::Approx(double(y(0, 9) / x(0, 9))).epsilon(1e-5));
        sum += factor;
        square += (factor - 1) * (factor - 1);
    }
    CHECK(sum / n == doctest::Approx(1).epsilon(0.02));
    CHECK(std::sqrt(square / n) == doctest::Approx(0.1).epsilon(0.1));
}

TEST_CASE("time warp: positions ascend from 0 to L-1, even when the curve would turn back") {
    std::vector<float> position(length);
    for (const double sd : {0.0, 0.2, 1.0})
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            CAPTURE(sd);
            CAPTURE(seed);
            generator g(seed);
            data::time_warp_positions(position.data(), length, sd, g);
            REQUIRE(position[0] == 0);
            REQUIRE(position[length - 1] == doctest::Approx(double(length - 1)).epsilon(1e-6));
            for (std::size_t t = 1; t < length; ++t) REQUIRE(position[t] > position[t - 1]);
            if (sd == 0) REQUIRE(position[10] == 10);
        }
}

TEST_CASE("time warp: one curve for all channels, values between neighbours") {
    tensor<float> x(shape{length, channels});
    for (std::size_t t = 0; t < length; ++t)
        for (std::size_t c = 0; c < channels; ++c) x(t, c) = static_cast<float>(t) * static_cast<float>(c + 1);
    const tensor<float> y = augmented(x, only(&augment_options::time_warp), generator(4));
    bool moved = false;
    for (std::size_t t = 0; t < length; ++t) {
        for (std::size_t c = 1; c < channels; ++c)
            CHECK(y(t, c) == doctest::Approx(double(y(t, 0)) * double(c + 1)).epsilon(1e-5));
        moved = moved || std::abs(y(t, 0) - x(t, 0)) > 0.5f;
    }
    CHECK(moved);
    CHECK(y(0, 0) == 0);
    float one[1] = {3};
    data::augment_scratch scratch;
    data::augment_physical(one, 1, 1, only(&augment_options::time_warp), {}, generator(1), scratch);
    CHECK(one[0] == 3);
}

TEST_CASE("jitter adds independent noise of the given strength") {
    const tensor<float> x = window(), y = augmented(x, only(&augment_options::jitter), generator(2));
    double square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(y[i] != x[i]);
        square += double(y[i] - x[i]) * double(y[i] - x[i]);
    }
    CHECK(std::sqrt(square / double(x.size())) == doctest::Approx(0.05).epsilon(0.1));
}

TEST_CASE("mask: one triple becomes its mean, the rest stays") {
    const tensor<float> x = window();
    std::size_t hit[3] = {0, 0, 0};
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        const tensor<float> y = augmented(x, only(&augment_options::mask), generator(seed));
        std::size_t flat = 0;
        for (std::size_t c = 0; c < channels; ++c) {
            bool same = true, constant = true;
            double mean = 0;
            for (std::size_t t = 0; t < length; ++t) {
                same = same && y(t, c) == x(t, c);
                constant = constant && y(t, c) == y(0, c);
                mean += double(x(t, c)) / double(length);
            }
            CHECK(same != constant);
            if (!constant) continue;
            CHECK(y(0, c) == doctest::Approx(mean).epsilon(1e-5));
            ++flat;
            ++hit[c / 3];
        }
        CHECK(flat == 3);
    }
    CHECK(hit[0] > 0);
    CHECK(hit[1] > 0);
    CHECK(hit[2] > 0);
    const tensor<float> y = augmented(x, only(&augment_options::mask), generator(1), {}); // no triples: one channel
    std::size_t changed = 0;
    for (std::size_t c = 0; c < channels; ++c) changed += y(0, c) != x(0, c);
    CHECK(changed == 1);
}

TEST_CASE("draws are a function of the generator, and do not depend on the other augmentations") {
    const tensor<float> x = window();
    const generator g = generator(9).split(4);
    CHECK(identical(augmented(x, {}, g), augmented(x, {}, g)));
    CHECK(!identical(augmented(x, augment_options::reference(), g),
                     augmented(x, augment_options::reference(), generator(9).split(5))));
    augment_options o = only(&augment_options::jitter);
    const tensor<float> alone = augmented(x, o, g);
    o.mask = 1;
    const tensor<float> both = augmented(x, o, g);
    CHECK(both(0, 9) == alone(0, 9));
}

TEST_CASE("normalised_domain moves rotation and scaling behind the normaliser, with the same draws") {
    const tensor<float> x = window();
    augment_options o = augment_options::reference();
    const generator g(6);
    data::augment_scratch scratch;
    tensor<float> before = x, after = x;
    data::augment_physical(before.data(), length, channels, o, sensors(), g, scratch);
    o.normalised_domain = true;
    data::augment_physical(after.data(), length, channels, o, sensors(), g, scratch);
    CHECK(identical(after, x));
    data::augment_normalised(after.data(), length, channels, o, sensors(), g);
    CHECK(identical(after, before));
}

TEST_CASE("half the windows are augmented at probability 0.5") {
    const tensor<float> x = window();
    augment_options o = augment_options::none();
    o.scaling = 0.5;
    int changed = 0;
    for (std::uint64_t k = 0; k < 1000; ++k) changed += !identical(augmented(x, o, generator(1).split(k)), x);
    CHECK(changed > 430);
    CHECK(changed < 570);
}

TEST_CASE("options out of range are refused") {
    CHECK_NOTHROW(augment_options{}.check());
    const std::pair<const char*, double augment_options::*> members[] = {
        {"time_warp", &augment_options::time_warp},
        {"rotation", &augment_options::rotation},
        {"scaling", &augment_options::scaling},
        {"jitter", &augment_options::jitter},
        {"mask", &augment_options::mask},
        {"time_warp_sd", &augment_options::time_warp_sd},
        {"rotation_degrees", &augment_options::rotation_degrees},
        {"scaling_sd", &augment_options::scaling_sd},
        {"jitter_sd", &augment_options::jitter_sd}};
    for (const auto& member : members)
        for (const double value : {-0.1, 181.0, std::nan("")}) {
            CAPTURE(std::string(member.first));
            CAPTURE(value);
            augment_options o;
            o.*member.second = value;
            CHECK_THROWS_AS(o.check(), usage_error);
        }
}
