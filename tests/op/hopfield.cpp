// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/hopfield.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "check.hpp"
#include "smldist/io/json.hpp"
#include "smldist/kernel/softmax.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/reshape.hpp"
#include "smldist/op/softmax.hpp"

using namespace smldist;

namespace {

const tensor<double> one_beta{1.0};

tensor<double> scaled(tensor<double> x, double factor) {
    for (double& v : x) v *= factor;
    return x;
}
double distance(const double* a, const double* b, std::size_t n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
}
double dot(const double* a, const double* b, std::size_t n) { return std::inner_product(a, a + n, b, 0.0); }

/// -lse(β X ξ)/β + |ξ|²/2 + ln M/β + R²/2, R the length of the longest pattern.   Ramsauer et al. 2020, eq. 1
double energy(const double* state, const tensor<double>& patterns, double beta) {
    const std::size_t M = patterns.shape()[0], h = patterns.shape()[1];
    std::vector<double> scores(M);
    double longest = 0;
    for (std::size_t m = 0; m < M; ++m) {
        const double* x = patterns.data() + m * h;
        scores[m] = beta * dot(x, state, h);
        longest = std::max(longest, dot(x, x, h));
    }
    return -kernel::naive::log_sum_exp(M, scores.data()) / beta + dot(state, state, h) / 2 +
           std::log(double(M)) / beta + longest / 2;
}

/// `updates` updates without a stopping test.
tensor<double> update(const tensor<double>& q, const tensor<double>& keys, double beta, std::size_t updates = 1) {
    return op::hopfield(q, keys, tensor<double>{beta}, {.updates = updates, .eps = 0});
}

/// Networks of many widths, numbers of patterns and temperatures.
struct network {
    tensor<double> patterns;
    double beta, longest;
};
template <class F> void each_network(F f) {
    std::uint64_t seed = 0;
    for (const std::size_t h : {1u, 2u, 5u, 17u})
        for (const std::size_t M : {1u, 2u, 7u, 20u})
            for (const double beta : {0.1, 1.0, 5.0, 30.0})
                for (const double size : {0.3, 1.0}) {
                    network n{scaled(normal({M, h}, ++seed), size), beta, 0};
                    for (std::size_t m = 0; m < M; ++m) {
                        const double* x = n.patterns.data() + m * h;
                        n.longest = std::max(n.longest, std::sqrt(dot(x, x, h)));
                    }
                    f(n);
                }
}

} // namespace

TEST_CASE("hopfield: gradients, worlds, trace") {
    struct shapes {
        shape q, keys;
    };
    for (const auto& [q, keys] : {shapes{{3, 4}, {5, 4}}, shapes{{2, 3, 4}, {5, 4}}, shapes{{2, 3, 4}, {2, 5, 4}},
                                  shapes{{3, 4}, {2, 5, 4}}, shapes{{2, 17}, {9, 17}}, shapes{{1, 1}, {1, 1}}})
        for (const std::size_t updates : {0u, 1u, 2u, 3u})
            for (const double beta : {0.5, 2.0})
                for (const double eps : {0.0, 0.3})
                    check_op("hopfield" + q.text() + keys.text() + ", updates " + std::to_string(updates),
                             {normal(q, 1), normal(keys, 2), tensor<double>{beta}}, [=](const auto& in) {
                                 return op::hopfield(in[0], in[1], in[2], {.updates = updates, .eps = eps});
                             });
}

TEST_CASE_TEMPLATE("hopfield: as PyTorch", T, float, double) {
    const auto& file = reference_file("nn.safetensors");
    const auto cases = io::json::parse(file.metadata().at("cases"));
    const double tolerance = std::is_same_v<T, float> ? 1e-4 : 1e-11;
    std::size_t n = 0;
    for (const auto& o : cases.as_array()) {
        if (o.as_string("layer") != "op_hopfield") continue;
        const std::string prefix = "op_hopfield/" + std::to_string(n++) + "/";
        CAPTURE(prefix);
        const auto array = [&](const std::string& name) {
            return cast<T>(reference("nn.safetensors", prefix + name));
        };
        const auto wanted = [&](const std::string& name) { return reference("nn.safetensors", prefix + name); };
        tape<T> t;
        const var<T> in[] = {t.variable(array("0")), t.variable(array("1")), t.variable(array("2"))};
        const var<T> y =
            op::hopfield(in[0], in[1], in[2], {.updates = o.as_size("updates"), .eps = o.as_double("eps")});
        CHECK(difference(y.value(), wanted("y"), tolerance) == "");
        t.backward(y, array("dy"));
        for (std::size_t i = 0; i < 3; ++i) {
            CAPTURE(i);
            const auto* gradient = t.gradient(in[i]);
            REQUIRE(gradient);
            CHECK(difference(*gradient, wanted("d" + std::to_string(i)), tolerance) == "");
        }
    }
    CHECK(n == 48);
}

TEST_CASE("hopfield: figures of the specification") {
    const tensor<double> patterns{{1, 0}, {0, 1}, {1, 1}}, q{{1, 0.5}};
    buffer<std::int32_t> labels;
    buffer<double> no_mass;
    labels.value = tensor<std::int32_t>{0, 1, 1};
    const auto scores = [&](const tensor<double>& state) {
        return op::matmul(state, patterns, {.transpose_b = true});
    };
    const auto logits = [&](const tensor<double>& state, double kappa) {
        return op::class_log_sum_exp(scores(state), labels, no_mass, {.classes = 2, .kappa = kappa});
    };
    constexpr double tolerance = 5e-10;

    CHECK(difference(op::softmax(scores(q)), {{0.3071958857, 0.1863237232, 0.5064803911}}, tolerance) == "");
    const auto q1 = update(q, patterns, 1), q2 = update(q, patterns, 1, 2);
    CHECK(difference(q1, {{0.8136762768, 0.6928041143}}, tolerance) == "");
    CHECK(difference(q2, {{0.7719325493, 0.7426302971}}, tolerance) == "");
    CHECK(identical(update(q1, patterns, 1), q2));
    CHECK(std::abs(energy(q.data(), patterns, 1) - 0.5433426180) < tolerance);
    CHECK(std::abs(energy(q1.data(), patterns, 1) - 0.4987176289) < tolerance);
    CHECK(std::abs(energy(q2.data(), patterns, 1) - 0.4960931872) < tolerance);

    CHECK(difference(logits(q, 0), {{1, 1.8132616875}}, tolerance) == "");
    CHECK(difference(op::softmax(logits(q, 0)), {{0.3071958857, 0.6928041143}}, tolerance) == "");
    CHECK(difference(logits(q, 0.5), {{1, 1.4666880972}}, tolerance) == "");
    CHECK(difference(op::softmax(logits(q, 0.5)), {{0.3854004255, 0.6145995745}}, tolerance) == "");
    CHECK(difference(logits(q1, 0.5), {{0.8136762768, 1.5267874421}}, tolerance) == "");
    CHECK(difference(op::softmax(logits(q1, 0.5)), {{0.3289117512, 0.6710882488}}, tolerance) == "");
}

TEST_CASE("hopfield: the energy is bounded and an update lowers it by at least half the squared step") {
    each_network([](const network& n) {
        const std::size_t h = n.patterns.shape()[1], states = 8;
        tensor<double> q = scaled(normal({states, h}, 1000), 2);
        std::vector<double> step(states, 1e300);
        for (int u = 0; u < 6; ++u) {
            const auto next = update(q, n.patterns, n.beta);
            for (std::size_t s = 0; s < states; ++s) {
                const double *from = q.data() + s * h, *to = next.data() + s * h;
                const double before = energy(from, n.patterns, n.beta), after = energy(to, n.patterns, n.beta);
                const double moved = distance(from, to, h);
                CHECK(before - after >= moved * moved / 2 - 1e-10);
                CHECK(after >= -1e-10);
                CHECK(after <= 2 * n.longest * n.longest + 1e-10); // an updated state is in the convex hull
            }
            q = next;
        }
    });
}

TEST_CASE("hopfield: the retrieval error is below its bound") {
    std::size_t retrieved = 0;
    each_network([&retrieved](const network& n) {
        const auto& x = n.patterns;
        const std::size_t M = x.shape()[0], h = x.shape()[1];
        const tensor<double> noise = scaled(normal(x.shape(), 2000), 0.02);
        const auto state = tensor<double>(x.array() + noise.array());
        const auto after = update(state, x, n.beta), fixed = update(x, x, n.beta, 500);
        for (std::size_t m = 0; m < M; ++m) {
            const double* mine = x.data() + m * h;
            double separation = 1e300;
            for (std::size_t o = 0; o < M; ++o)
                if (o != m) separation = std::min(separation, dot(mine, mine, h) - dot(mine, x.data() + o * h, h));
            const double away =
                std::max(distance(state.data() + m * h, mine, h), distance(fixed.data() + m * h, mine, h));
            const double bound =
                M == 1 ? 0 : 2 * double(M - 1) * n.longest * std::exp(-n.beta * (separation - 2 * away * n.longest));
            CHECK(distance(after.data() + m * h, mine, h) <= bound + 1e-12);
            retrieved += bound < 0.01 ? 1 : 0;
        }
    });
    CHECK(retrieved > 100); // the bound says something
}

TEST_CASE("hopfield: without inverse temperature the mean, without an alternative the pattern") {
    each_network([](const network& n) {
        const std::size_t M = n.patterns.shape()[0], h = n.patterns.shape()[1];
        const tensor<double> q = normal({3, h}, 3000);
        const auto mean = update(q, n.patterns, 1e-12);
        for (std::size_t c = 0; c < h; ++c) {
            double sum = 0;
            for (std::size_t m = 0; m < M; ++m) sum += n.patterns(m, c);
            for (std::size_t s = 0; s < 3; ++s) CHECK(mean(s, c) == doctest::Approx(sum / double(M)).epsilon(1e-9));
        }
        if (M == 1)
            for (std::size_t s = 0; s < 3; ++s)
                CHECK(distance(update(q, n.patterns, n.beta).data() + s * h, n.patterns.data(), h) < 1e-14);
    });
}

TEST_CASE("hopfield: at low temperature the pattern of largest inner product, two near duplicates as their average") {
    const tensor<double> patterns = normal({9, 5}, 1), q = normal({20, 5}, 2);
    const auto hard = update(q, patterns, 1e6);
    for (std::size_t s = 0; s < 20; ++s) {
        std::size_t best = 0;
        for (std::size_t m = 1; m < 9; ++m)
            if (dot(q.data() + s * 5, patterns.data() + m * 5, 5) >
                dot(q.data() + s * 5, patterns.data() + best * 5, 5))
                best = m;
        CHECK(distance(hard.data() + s * 5, patterns.data() + best * 5, 5) < 1e-12);
    }
    const tensor<double> near{{1, 0.01, 0}, {1, -0.01, 0}, {-1, 0, 1}, {-1, 0, -1}};
    const auto meta = update(tensor<double>{{0.9, 0.2, 0.1}}, near, 20, 200);
    CHECK(difference(meta, {{1, 0, 0}}, 1e-9) == "");
}

TEST_CASE("hopfield: 256 random patterns on a sphere of 32 dimensions each retrieve themselves") {
    constexpr std::size_t M = 256, d = 32;
    tensor<double> x = normal({M, d}, 5);
    for (std::size_t m = 0; m < M; ++m) {
        const double length = std::sqrt(dot(x.data() + m * d, x.data() + m * d, d));
        for (std::size_t c = 0; c < d; ++c) x(m, c) *= 3 * std::sqrt(double(d - 1)) / length;
    }
    const auto y = update(x, x, 1);
    for (std::size_t m = 0; m < M; ++m) CHECK(distance(y.data() + m * d, x.data() + m * d, d) < 1e-3);
}

TEST_CASE("hopfield: the order of the patterns permutes the association and changes no state") {
    each_network([](const network& n) {
        const std::size_t M = n.patterns.shape()[0], h = n.patterns.shape()[1];
        const tensor<double> q = normal({3, h}, 4000);
        tensor<double> turned = n.patterns;
        std::rotate(turned.begin(), turned.begin() + static_cast<std::ptrdiff_t>(h * (M / 2)), turned.end());
        CHECK(difference(update(q, turned, n.beta, 3), update(q, n.patterns, n.beta, 3), 1e-11) == "");
        const auto association = [&](const tensor<double>& patterns) {
            return op::softmax(op::scale(op::matmul(q, patterns, {.transpose_b = true}), n.beta));
        };
        const auto a = association(n.patterns), b = association(turned);
        for (std::size_t s = 0; s < 3; ++s)
            for (std::size_t m = 0; m < M; ++m) CHECK(std::abs(b(s, m) - a(s, (m + M / 2) % M)) < 1e-13);
    });
}

TEST_CASE_TEMPLATE("hopfield: every state stops independently of the rest of the batch", T, float, double) {
    const auto keys = cast<T>(normal({7, 6}, 1)), q = cast<T>(normal({9, 6}, 2));
    const tensor<T> beta{T(0.7)};
    const op::hopfield_options o{.updates = 6, .eps = 0.1};
    const auto together = op::hopfield(q, keys, beta, o);
    CHECK_FALSE(identical(together, op::hopfield(q, keys, beta, {.updates = 6, .eps = 0}))); // some have stopped
    CHECK_FALSE(identical(together, op::hopfield(q, keys, beta, {.updates = 1, .eps = 0}))); // not all at once

    tape<T> t;
    const auto all = t.variable(q);
    t.backward(op::hopfield(all, keys, beta, o), tensor<T>(q.shape(), T(1)));
    for (std::size_t s = 0; s < 9; ++s) {
        tensor<T> alone(shape{1, 6});
        std::copy_n(q.data() + s * 6, 6, alone.data());
        const auto y = op::hopfield(alone, keys, beta, o);
        tape<T> one;
        const auto v = one.variable(alone);
        one.backward(op::hopfield(v, keys, beta, o), tensor<T>(alone.shape(), T(1)));
        for (std::size_t c = 0; c < 6; ++c) {
            CHECK(y[c] == together(s, c));
            CHECK((*one.gradient(v))[c] == (*t.gradient(all))(s, c));
        }
    }
}

namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

/// A mask of the shape s that hides two patterns of five, and of every state others.
tensor<double> hiding(const shape& s) {
    tensor<double> mask = scaled(normal(s, 7), 0.5);
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (i % 7 < 2) mask[i] = never;
    return mask;
}
/// The formula of masked_hopfield, with the rules by association; samples are matrices.
std::vector<tensor<double>> naive_updates(std::vector<tensor<double>> q, const std::vector<tensor<double>>& keys,
                                          double beta, const std::vector<tensor<double>>& mask,
                                          const op::masked_hopfield_options& o) {
    std::vector<tensor<double>> before(q.size());
    std::vector<bool> rests(q.size());
    for (std::size_t u = 0; u < o.updates; ++u) {
        double largest = 0;
        std::vector<tensor<double>> p(q.size());
        for (std::size_t i = 0; i < q.size(); ++i) {
            p[i] = op::softmax(op::add(op::scale(op::matmul(q[i], keys[i], {.transpose_b = true}), beta), mask[i]));
            const double changed = u == 0 ? HUGE_VAL : distance(p[i].data(), before[i].data(), p[i].size());
            if (!rests[i]) largest = std::max(largest, changed);
            if (o.stop == op::hopfield_stop::sample && changed <= o.eps) rests[i] = true;
        }
        if (o.stop == op::hopfield_stop::batch && largest <= o.eps) return q;
        for (std::size_t i = 0; i < q.size(); ++i)
            if (!rests[i]) q[i] = op::matmul(p[i], keys[i]);
        before = p;
    }
    return q;
}
tensor<double> sample(const tensor<double>& x, std::size_t i) {
    return op::reshape(op::slice(x, 0, i, i + 1), {x.shape()[1], x.shape()[2]});
}

} // namespace

TEST_CASE("masked_hopfield: gradients, also of the mask, worlds, trace") {
    struct shapes {
        shape q, keys, mask;
    };
    for (const auto& [q, keys, mask] :
         {shapes{{3, 4}, {5, 4}, {5}}, shapes{{3, 4}, {5, 4}, {3, 5}}, shapes{{2, 3, 4}, {5, 4}, {2, 1, 5}},
          shapes{{2, 3, 4}, {5, 4}, {3, 5}}, shapes{{2, 3, 4}, {2, 5, 4}, {2, 3, 5}},
          shapes{{3, 4}, {2, 5, 4}, {2, 1, 5}}, shapes{{2, 17}, {9, 17}, {1, 9}}})
        for (const std::size_t updates : {0u, 1u, 3u})
            for (const auto stop : {op::hopfield_stop::state, op::hopfield_stop::sample, op::hopfield_stop::batch})
                for (const double eps : {0.0, 0.2}) {
                    const auto run = [=, o = op::masked_hopfield_options{updates, eps, stop}](const auto& in) {
                        return op::masked_hopfield(in[0], in[1], in[2], in[3], o);
                    };
                    const std::string name = "masked_hopfield" + q.text() + keys.text() + mask.text() + ", updates " +
                                             std::to_string(updates) + ", " + std::string(name_of(stop));
                    std::vector<tensor<double>> values{normal(q, 1), normal(keys, 2), tensor<double>{2.0},
                                                       scaled(normal(mask, 3), 0.5)};
                    check_op(name, values, run);
                    // Differences cannot be taken by a mask of -inf: it is no input here, and its gradient is 0.
                    const tensor<double> hidden = hiding(mask);
                    values.pop_back();
                    check_op(name + ", hidden", values,
                             [&, o = op::masked_hopfield_options{updates, eps, stop}](const auto& in) {
                                 using T = op::scalar_of_t<decltype(in[0])>;
                                 return op::masked_hopfield(in[0], in[1], in[2], cast<T>(hidden), o);
                             });
                    tape<double> t;
                    std::vector<var<double>> in;
                    values.push_back(hidden);
                    for (const auto& x : values) in.push_back(t.variable(x));
                    const auto y = run(in);
                    t.backward(y, normal(y.shape(), 4));
                    for (const auto& v : in)
                        for (const double d : *t.gradient(v)) CHECK(std::isfinite(d));
                    for (std::size_t i = 0; i < hidden.size(); ++i)
                        if (hidden[i] == never) CHECK((*t.gradient(in[3]))[i] == 0);
                }
}

TEST_CASE("masked_hopfield: without a mask, state by state, it is hopfield bit for bit") {
    const tensor<double> q = normal({2, 9, 6}, 2), keys = normal({7, 6}, 1), beta{0.7};
    for (const std::size_t updates : {0u, 1u, 6u, 40u})
        for (const double eps : {0.0, 0.1}) {
            const auto plain = op::hopfield(q, keys, beta, {.updates = updates, .eps = eps});
            const op::masked_hopfield_options o{updates, eps, op::hopfield_stop::state};
            CHECK(identical(plain, op::masked_hopfield(q, keys, beta, tensor<double>(), o)));
            CHECK(identical(plain, op::masked_hopfield(q, keys, beta, tensor<double>(shape{7}), o)));
            if (eps > 0) continue;
            for (const auto stop : {op::hopfield_stop::sample, op::hopfield_stop::batch})
                CHECK(identical(plain, op::masked_hopfield(q, keys, beta, tensor<double>(), {updates, eps, stop})));
        }
}

TEST_CASE("masked_hopfield: samples stop by themselves or all together, by the change of their associations") {
    const std::size_t B = 3, Q = 2, M = 5, h = 4;
    const tensor<double> q = normal({B, Q, h}, 1), keys = scaled(normal({B, M, h}, 2), 0.8), beta{2.0},
                         mask = scaled(normal({B, Q, M}, 3), 0.3);
    std::vector<tensor<double>> qs, ks, ms;
    for (std::size_t i = 0; i < B; ++i)
        qs.push_back(sample(q, i)), ks.push_back(sample(keys, i)), ms.push_back(sample(mask, i));
    std::size_t stopped = 0, apart = 0;
    for (const double eps : {0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 1e-3}) {
        tensor<double> results[2];
        for (const auto stop : {op::hopfield_stop::sample, op::hopfield_stop::batch}) {
            const op::masked_hopfield_options o{9, eps, stop};
            auto& y = results[stop == op::hopfield_stop::batch];
            y = op::masked_hopfield(q, keys, beta, mask, o);
            tape<double> t; // which keeps the associations of every update
            CHECK(identical(op::masked_hopfield(t.variable(q), keys, beta, mask, o).value(), y));
            const auto wanted = naive_updates(qs, ks, 2, ms, o);
            for (std::size_t i = 0; i < B; ++i) CHECK(difference(sample(y, i), wanted[i], 1e-13) == "");
            stopped += !identical(y, op::masked_hopfield(q, keys, beta, mask, {9, 0, stop}));
            if (stop != op::hopfield_stop::sample) continue;
            for (std::size_t i = 0; i < B; ++i) // alone as in the batch
                CHECK(difference(op::masked_hopfield(qs[i], ks[i], beta, ms[i], o), wanted[i], 1e-13) == "");
        }
        apart += !identical(results[0], results[1]);
    }
    CHECK(stopped >= 8);
    CHECK(apart >= 3);
}

TEST_CASE("masked_hopfield: a hidden pattern is as absent, and a state without patterns becomes zero") {
    const tensor<double> q = normal({3, 4}, 1), keys = normal({5, 4}, 2), beta{1.5};
    tensor<double> mask(shape{5}), shown(shape{3, 4});
    mask[1] = mask[4] = never;
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t c = 0; c < 4; ++c) shown(i, c) = keys(std::array<std::size_t, 3>{0, 2, 3}[i], c);
    CHECK(difference(op::masked_hopfield(q, keys, beta, mask, {3, 0}), op::hopfield(q, shown, beta, {3, 0}), 1e-14) ==
          "");
    tensor<double> one(shape{3, 5}); // the second state sees nothing
    for (std::size_t m = 0; m < 5; ++m) one(1, m) = never;
    tape<double> t;
    const auto vq = t.variable(q), vk = t.variable(keys);
    const auto y = op::masked_hopfield(vq, vk, beta, one, {2, 0});
    t.backward(y, normal({3, 4}, 3));
    const auto free = op::hopfield(q, keys, beta, {2, 0});
    for (std::size_t c = 0; c < 4; ++c) {
        CHECK(y.value()(1, c) == 0);
        CHECK((*t.gradient(vq))(1, c) == 0);
        CHECK(y.value()(0, c) == free(0, c));
    }
    for (const double d : *t.gradient(vk)) CHECK(std::isfinite(d));
}

TEST_CASE("masked_hopfield: until_rest ends where nothing moves, and never runs forever") {
    const tensor<double> q = normal({3, 4}, 1), keys = normal({5, 4}, 2), beta{4.0};
    const auto rest = op::hopfield(q, keys, beta, {op::hopfield_options::until_rest, 1e-12});
    CHECK(difference(op::hopfield(rest, keys, beta, {1, 0}), rest, 1e-10) == "");
    CHECK(op::masked_hopfield(q, keys, beta, tensor<double>(), {op::hopfield_options::until_rest, 0}).shape() ==
          q.shape());
    tensor<double> broken = keys;
    broken[0] = std::nan("");
    for (const auto stop : {op::hopfield_stop::state, op::hopfield_stop::sample, op::hopfield_stop::batch})
        CHECK(std::isnan(op::masked_hopfield(q, broken, beta, tensor<double>(),
                                             {op::hopfield_options::until_rest, 1e-4, stop})[0]));
}

TEST_CASE("masked_hopfield: trace") {
    graph g;
    const auto q = symbol::input(g, "q", {2, 3, 4}), keys = symbol::input(g, "keys", {5, 4}),
               beta = symbol::input(g, "beta", {1}), mask = symbol::input(g, "mask", {2, 1, 5});
    const auto y = op::masked_hopfield(q, keys, beta, mask, {3, 0.25, op::hopfield_stop::batch});
    const auto& node = g.nodes[y.id];
    CHECK(node.name == "masked_hopfield");
    CHECK(node.macs == 2 * 3 * (2 * 3 * 5 * 4));
    REQUIRE(node.attributes.size() == 3);
    CHECK(node.attributes[2].name == "stop");
    CHECK(node.attributes[2].value.text == "batch");
}

TEST_CASE("masked_hopfield: errors") {
    const auto run = [](const shape& q, const shape& keys, const shape& mask) {
        return op::masked_hopfield(tensor<double>(q), tensor<double>(keys), tensor<double>{1.0}, tensor<double>(mask),
                                   {1, 0.1});
    };
    CHECK_NOTHROW(run({3, 4}, {5, 4}, {1, 5}));
    CHECK_NOTHROW(run({3, 4}, {5, 4}, {0}));
    CHECK_RAISES(shape_error, "shape of the mask is (2, 5) for scores (3, 5)", run({3, 4}, {5, 4}, {2, 5}));
    CHECK_RAISES(shape_error, "op::masked_hopfield", run({3, 4}, {5, 4}, {2, 3, 5}));
    CHECK_RAISES(shape_error, "op::masked_hopfield", run({2, 3, 4}, {5, 4}, {1, 2, 3, 5}));
    CHECK_RAISES(shape_error, "op::masked_hopfield", run({3, 4}, {5, 4}, {1}));
    CHECK_RAISES(shape_error, "op::hopfield", run({3, 4}, {5, 3}, {5}));
}

TEST_CASE("hopfield: trace") {
    graph g;
    const auto q = symbol::input(g, "q", {2, 3, 4}), keys = symbol::input(g, "keys", {5, 4}),
               beta = symbol::input(g, "beta", {1});
    const auto y = op::hopfield(q, keys, beta, {.updates = 3, .eps = 0.25});
    const auto& node = g.nodes[y.id];
    CHECK(node.name == "hopfield");
    CHECK(node.macs == 2 * 3 * (2 * 3 * 5 * 4));
    REQUIRE(node.attributes.size() == 2);
    CHECK(node.attributes[0].value.number == 3);
    CHECK(node.attributes[1].value.number == 0.25);
}

TEST_CASE("hopfield: errors") {
    const auto run = [](const shape& q, const shape& keys, const shape& beta = {1}, double eps = 0) {
        return op::hopfield(tensor<double>(q), tensor<double>(keys), tensor<double>(beta),
                            {.updates = 1, .eps = eps});
    };
    CHECK_NOTHROW(run({3, 4}, {5, 4}));
    CHECK_RAISES(shape_error, "shapes of state and keys are (4) and (5, 4)", run({4}, {5, 4}));
    CHECK_RAISES(shape_error, "op::hopfield", run({3, 4}, {5, 3}));
    CHECK_RAISES(shape_error, "op::hopfield", run({3, 4}, {4}));
    CHECK_RAISES(shape_error, "op::hopfield", run({3, 4}, {0, 4}));
    CHECK(run({3, 4}, {2, 5, 4}).shape() == shape{2, 3, 4});
    CHECK_RAISES(shape_error, "op::hopfield", run({2, 3, 4}, {3, 5, 4}));
    CHECK_RAISES(shape_error, "shape of beta is (2)", run({3, 4}, {5, 4}, {2}));
    CHECK_RAISES(usage_error, "eps is -1", run({3, 4}, {5, 4}, {1}, -1));
    CHECK_RAISES(usage_error, "eps is nan", run({3, 4}, {5, 4}, {1}, std::nan("")));
}
