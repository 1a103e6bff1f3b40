// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/binary_cross_entropy.hpp"

#include <limits>

#include "allocations.hpp"
#include "check.hpp"
#include "smldist/loss/cross_entropy.hpp"

using namespace smldist;
using loss::binary_cross_entropy;

namespace {

/// Targets of a shape: 0, 1 and, where `soft`, numbers between.
tensor<double> targets(const shape& s, bool soft, std::uint64_t seed = 1) {
    tensor<double> t = normal(s, seed);
    for (double& v : t) v = soft ? 1 / (1 + std::exp(-v)) : v > 0 ? 1 : 0;
    return t;
}

std::vector<double> weights_of(std::size_t K) {
    std::vector<double> p(K);
    for (std::size_t k = 0; k < K; ++k) p[k] = 0.5 * double(k); // 0 among them
    return p;
}

tensor<double> scalar(double z) { return tensor<double>(shape{1, 1}, z); }

} // namespace

TEST_CASE("binary_cross_entropy: gradients are exact and all worlds agree") {
    for (const shape& s : {shape{1, 1}, shape{4, 3}, shape{3}, shape{2, 5, 17}})
        for (const bool soft : {false, true})
            for (const bool weighted : {false, true}) {
                CAPTURE(s.text());
                CAPTURE(soft);
                CAPTURE(weighted);
                const tensor<double> t = targets(s, soft);
                const loss::binary_cross_entropy_options o{weighted ? weights_of(s.back()) : std::vector<double>()};
                check_op(s.text() + (soft ? "_soft" : "") + (weighted ? "_weighted" : ""), {normal(s)},
                         [&](const auto& in) {
                             return binary_cross_entropy(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(t), o);
                         });
            }
    check_op("logits of 0", {tensor<double>(shape{2, 2})}, [&](const auto& in) {
        using T = scalar_in<std::decay_t<decltype(in)>>;
        return binary_cross_entropy(in[0], tensor<T>{{0, 1}, {T(0.25), 1}});
    });
}

TEST_CASE("binary_cross_entropy: agrees with PyTorch") {
    for (const std::string rank : {"rank2", "rank3"})
        for (const std::string kind : {"hard", "soft"})
            for (const bool weighted : {false, true}) {
                const std::string name =
                    "binary_cross_entropy/" + rank + "_" + kind + (weighted ? "_weighted" : "_plain");
                loss::binary_cross_entropy_options o;
                if (weighted)
                    for (const double p : stored(name + "/pos_weight")) o.pos_weight.push_back(p);
                check_loss(name, {"z"}, [&](const auto& in) {
                    return binary_cross_entropy(
                        in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(stored(name + "/target")), o);
                });
            }
}

TEST_CASE("binary_cross_entropy: value and gradient are those of PyTorch's formula computed with 80 digits") {
    // -[p t ln σ(z) + (1 - t) ln(1 - σ(z))], the mean of 6; logits of ±100 among them.
    const tensor<double> z{{-2.5, 0.75, 100}, {-100, 1.5, -0.25}}, t{{0, 1, 1}, {1, 0.25, 0}};
    struct expected {
        std::vector<double> weight;
        double y;
        tensor<double> dz;
    };
    const expected cases[] = {
        {{},
         17.061352239711507,
         {{0.012643030003540593, -0.053470216804101169, -6.2001266267013935e-45},
          {-0.16666666666666666, 0.094595746032273942, 0.072970583185700322}}},
        {{1, 4, 0.5},
         17.2799644025168,
         {{0.012643030003540593, -0.21388086721640467, -3.1000633133506968e-45},
          {-0.16666666666666666, 0.071792555556479398, 0.072970583185700322}}},
    };
    for (const expected& want : cases) {
        CAPTURE(want.weight.size());
        tape<double> tape;
        const auto v = tape.variable(z);
        const auto y = binary_cross_entropy(v, t, {want.weight});
        CHECK(y.value().item() == doctest::Approx(want.y).epsilon(1e-15));
        tape.backward(y);
        for (std::size_t i = 0; i < z.size(); ++i)
            CHECK(std::abs((*tape.gradient(v))[i] - want.dz[i]) <= 1e-14 * std::abs(want.dz[i]));
    }
    // The example of PyTorch's documentation: logits of 1.5, targets of 1, 0.20….
    CHECK(binary_cross_entropy(tensor<double>(shape{10, 64}, 1.5), tensor<double>(shape{10, 64}, 1),
                               {std::vector<double>(64, 1)})
              .item() == doctest::Approx(0.2014132779827524).epsilon(1e-13));
}

TEST_CASE("binary_cross_entropy: large logits do not overflow and right ones cost next to nothing") {
    const auto tiny = doctest::Approx(3.720075976020836e-44).epsilon(1e-14).scale(0); // ln(1 + exp(-100))
    CHECK(binary_cross_entropy(scalar(100), scalar(1)).item() == tiny);
    CHECK(binary_cross_entropy(scalar(-100), scalar(0)).item() == tiny);
    CHECK(binary_cross_entropy(scalar(100), scalar(0)).item() == 100);
    CHECK(binary_cross_entropy(scalar(-100), scalar(1)).item() == 100);
    CHECK(binary_cross_entropy(scalar(0), scalar(0.3)).item() == doctest::Approx(std::log(2.0)).epsilon(1e-15));
    for (const float z : {-1e30f, -1000.0f, 1000.0f, 1e30f})
        for (const float t : {0.0f, 1.0f}) {
            CAPTURE(z);
            CAPTURE(t);
            tape<float> tape;
            const auto v = tape.variable(tensor<float>(shape{1, 1}, z));
            const auto y = binary_cross_entropy(v, tensor<float>(shape{1, 1}, t));
            tape.backward(y);
            const bool right = (z > 0) == (t > 0);
            CHECK(y.value().item() == (right ? 0 : std::abs(z)));
            CHECK((*tape.gradient(v))[0] == (right ? 0.0f : z > 0 ? 1.0f : -1.0f));
        }
}

TEST_CASE("binary_cross_entropy: one label costs the cross entropy of two classes with logits 0 and z") {
    const std::vector<int> label{0, 1, 1, 0, 1};
    const tensor<double> z = normal({5, 1});
    tensor<double> t(shape{5, 1}), two(shape{5, 2});
    for (std::size_t b = 0; b < 5; ++b) {
        t[b] = label[b];
        two(b, 1) = z[b];
    }
    CHECK(binary_cross_entropy(z, t).item() ==
          doctest::Approx(loss::cross_entropy(two, label).item()).epsilon(1e-14));
}

TEST_CASE("binary_cross_entropy: inverting targets and the signs of logits together changes nothing") {
    const tensor<double> z = normal({6, 4});
    for (const bool soft : {false, true}) {
        CAPTURE(soft);
        const tensor<double> t = targets({6, 4}, soft);
        tensor<double> minus = z, other = t;
        for (double& v : minus) v = -v;
        for (double& v : other) v = 1 - v;
        CHECK(binary_cross_entropy(minus, other).item() ==
              doctest::Approx(binary_cross_entropy(z, t).item()).epsilon(1e-14));
    }
}

TEST_CASE("binary_cross_entropy: weights act as repetitions of the labels that apply") {
    const tensor<double> z(shape{3, 1}, {0.3, -1.2, 0.8}), t(shape{3, 1}, {1, 0, 1});
    const tensor<double> more(shape{5, 1}, {0.3, -1.2, 0.8, 0.3, 0.8}), repeated(shape{5, 1}, {1, 0, 1, 1, 1});
    CHECK(3 * binary_cross_entropy(z, t, {{2}}).item() ==
          doctest::Approx(5 * binary_cross_entropy(more, repeated).item()).epsilon(1e-14));
    const tensor<double> x = normal({4, 3}), y = targets({4, 3}, true);
    CHECK(binary_cross_entropy(x, y, {{1, 1, 1}}).item() == binary_cross_entropy(x, y).item());
}

TEST_CASE("binary_cross_entropy: the loss of mixed targets is the mixture of the losses") {
    const tensor<double> z = normal({4, 3}), a = targets({4, 3}, false), b = targets({4, 3}, false, 2);
    tensor<double> t = a;
    for (std::size_t i = 0; i < t.size(); ++i) t[i] = 0.7 * a[i] + 0.3 * b[i];
    const loss::binary_cross_entropy_options o{weights_of(3)};
    CHECK(binary_cross_entropy(z, t, o).item() ==
          doctest::Approx(0.7 * binary_cross_entropy(z, a, o).item() + 0.3 * binary_cross_entropy(z, b, o).item())
              .epsilon(1e-14));
}

TEST_CASE("binary_cross_entropy: a warmed-up step allocates nothing") {
    if (!SMLDIST_RECYCLE_MEMORY) return; // a sanitizer's build asks the heap each time
    const tensor<float> z = cast<float>(normal({32, 5})), t = cast<float>(targets({32, 5}, false));
    const loss::binary_cross_entropy_options o{weights_of(5)};
    tape<float> tape;
    std::size_t before = 0;
    for (int step = 0; step < 4; ++step) {
        if (step == 2) before = allocations();
        tape.reset();
        tape.backward(binary_cross_entropy(tape.variable(z), t, o));
    }
    CHECK(allocations() == before);
}

TEST_CASE("binary_cross_entropy: invalid arguments are refused") {
    const tensor<double> z = normal({2, 3}), t = targets({2, 3}, false);
    CHECK_RAISES(shape_error, "shapes of logits and target are (2, 3) and (3, 2), expected two of (…, K)",
                 binary_cross_entropy(z, targets({3, 2}, false)));
    CHECK_RAISES(shape_error, "expected two of (…, K)", binary_cross_entropy(tensor<double>(), tensor<double>()));
    CHECK_RAISES(shape_error, "expected two of (…, K)", binary_cross_entropy(normal({}), targets({}, false)));
    CHECK_RAISES(shape_error, "shape of the weights is (2), expected (3)",
                 op::apply(loss::binary_cross_entropy_op<double>{}, z, t, normal({2})));
    for (const double bad : {-0.01, 1.01, std::numeric_limits<double>::quiet_NaN()}) {
        CAPTURE(bad);
        tensor<double> wrong = t;
        wrong(1, 1) = bad;
        CHECK_RAISES(data_error, "element 4 of the target is", binary_cross_entropy(z, wrong));
    }
    CHECK_RAISES(usage_error, "number of pos_weight is 2, expected one per label: 3",
                 binary_cross_entropy(z, t, {{1, 2}}));
    for (const double bad :
         {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        CAPTURE(bad);
        CHECK_RAISES(usage_error, "pos_weight of label 1 is", binary_cross_entropy(z, t, {{1, bad, 1}}));
    }
}
