// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/memory.hpp"

#include <numeric>

#include "check.hpp"
#include "smldist/op/softmax.hpp"

using namespace smldist;

namespace {

using outputs_d = memory_outputs<tensor<double>>;

outputs_d random_memory(std::size_t batch, std::size_t patterns, std::size_t width, std::uint64_t seed) {
    outputs_d m{normal({batch, patterns}, seed), normal({batch, width}, seed + 1)};
    for (double& v : m.scores) v *= 3;
    return m;
}

/// The loss of inputs (scores, retrieved) against a fixed teacher.
auto against(const outputs_d& teacher, const loss::memory_options& o, const std::vector<std::size_t>& merged = {}) {
    return [teacher, o, merged](const auto& in) {
        using X = typename std::decay_t<decltype(in)>::value_type;
        using T = op::scalar_of_t<X>;
        const memory_outputs<tensor<T>> constant{cast<T>(teacher.scores), cast<T>(teacher.retrieved)};
        return loss::memory(memory_outputs<X>{in[0], in[1]}, constant, o, merged);
    };
}

/// The columns of x in another order.
tensor<double> permuted(const tensor<double>& x, const std::vector<std::size_t>& order) {
    auto y = tensor<double>::uninitialized(x.shape());
    for (std::size_t b = 0; b < x.shape()[0]; ++b)
        for (std::size_t m = 0; m < order.size(); ++m) y(b, m) = x(b, order[m]);
    return y;
}

} // namespace

TEST_CASE("memory loss: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const double association : {0.0, 1.0, 0.4})
        for (const double retrieval : {0.0, 1.0, 2.5})
            for (const double tau : {1.0, 4.0}) {
                const std::string name = "memory/a" + text(association) + "_r" + text(retrieval) + "_tau" + text(tau);
                const outputs_d teacher{stored(name + "/teacher_scores"), stored(name + "/teacher_retrieved")};
                const auto f =
                    against(teacher, {.association = association, .retrieval = retrieval, .temperature = tau});
                check_op(name, {stored(name + "/scores"), stored(name + "/retrieved")}, f);
                check_loss(name, {"scores", "retrieved"}, f);
            }
}

TEST_CASE("memory loss: 0 with zero gradient for equal outputs and for scores that differ by a constant") {
    for (const double tau : {0.5, 1.0, 4.0}) {
        CAPTURE(tau);
        const outputs_d m = random_memory(5, 8, 3, 1);
        outputs_d shifted = m;
        for (double& v : shifted.scores) v += 17;
        for (const auto& student : {m, shifted}) {
            CAPTURE(student.scores[0]);
            tape<double> t;
            const auto s = t.variable(student.scores), r = t.variable(student.retrieved);
            const auto y = loss::memory(memory_outputs<var<double>>{s, r}, m, {.temperature = tau});
            CHECK(std::abs(y.value().item()) < 1e-13);
            t.backward(y);
            CHECK(difference(*t.gradient(s), tensor<double>(m.scores.shape()), 1e-14) == "");
            CHECK(difference(*t.gradient(r), tensor<double>(m.retrieved.shape()), 1e-14) == "");
        }
    }
}

TEST_CASE("memory loss: at least 0; permuting the patterns of both changes nothing") {
    std::vector<std::size_t> order(7);
    std::iota(order.begin(), order.end(), std::size_t(0));
    generator random(3);
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        const outputs_d student = random_memory(3, 7, 4, 2 * seed), teacher = random_memory(3, 7, 4, 9999 + 2 * seed);
        const loss::memory_options o{.temperature = random.uniform(0.3, 5)};
        const double y = loss::memory(student, teacher, o).item();
        CHECK(y > 0);
        random.shuffle(order.begin(), order.end());
        const outputs_d s{permuted(student.scores, order), student.retrieved};
        const outputs_d t{permuted(teacher.scores, order), teacher.retrieved};
        CHECK(loss::memory(s, t, o).item() == doctest::Approx(y).epsilon(1e-12));
    }
}

TEST_CASE("memory loss: the association term is 0 with a single pattern") {
    const outputs_d student = random_memory(4, 1, 3, 1), teacher = random_memory(4, 1, 3, 5);
    CHECK(loss::memory(student, teacher, {.retrieval = 0}).item() == 0);
    CHECK(loss::memory(student, teacher).item() ==
          doctest::Approx(loss::mse(student.retrieved, teacher.retrieved).item()).epsilon(1e-14));
}

TEST_CASE("memory loss: assigning each pattern to itself changes no bit of value and gradients") {
    std::vector<std::size_t> self(7);
    std::iota(self.begin(), self.end(), std::size_t(0));
    const outputs_d student = random_memory(5, 7, 4, 1), teacher = random_memory(5, 7, 4, 9);
    for (const double tau : {1.0, 3.0}) {
        CAPTURE(tau);
        tape<double> t;
        const auto gradients = [&](loss::pattern_assignment merged) {
            t.reset();
            const auto s = t.variable(student.scores), r = t.variable(student.retrieved);
            const auto y = loss::memory(memory_outputs<var<double>>{s, r}, teacher, {.temperature = tau}, merged);
            t.backward(y);
            return std::vector{y.value(), *t.gradient(s), *t.gradient(r)};
        };
        const auto plain = gradients({}), assigned = gradients(self);
        for (std::size_t i = 0; i < 3; ++i) CHECK(identical(plain[i], assigned[i]));
    }
}

TEST_CASE("memory loss: with merged patterns gradients are exact and the value is that of the formula") {
    const std::vector<std::size_t> merged{2, 0, 1, 1, 0, 2, 1};
    const outputs_d teacher = random_memory(4, 7, 3, 5);
    for (const double tau : {1.0, 0.5, 4.0}) {
        CAPTURE(tau);
        const auto f = against(teacher, {.association = 0.7, .retrieval = 1.5, .temperature = tau}, merged);
        const outputs_d student = random_memory(4, 3, 3, 1);
        check_op("memory, merged", {student.scores, student.retrieved}, f);
        double wanted = 0;
        for (std::size_t b = 0; b < 4; ++b) {
            double sum[3] = {}, p[3], q[3], all_p = 0, all_q = 0;
            for (std::size_t m = 0; m < 7; ++m) sum[merged[m]] += std::exp(teacher.scores(b, m));
            for (std::size_t j = 0; j < 3; ++j) {
                all_p += p[j] = std::pow(sum[j], 1 / tau);
                all_q += q[j] = std::exp(student.scores(b, j) / tau);
            }
            for (std::size_t j = 0; j < 3; ++j)
                wanted += 0.7 * tau * tau / 4 * p[j] / all_p * std::log(p[j] / all_p * all_q / q[j]);
        }
        wanted += loss::mse(student.retrieved, teacher.retrieved, 1.5).item();
        CHECK(f(std::vector{student.scores, student.retrieved}).item() == doctest::Approx(wanted).epsilon(1e-12));
    }
}

TEST_CASE("memory loss: with merged patterns at least 0 and 0 for the scores of the merged patterns") {
    generator random(3);
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        std::vector<std::size_t> merged{0, 1, 2, 3};
        while (merged.size() < 9) merged.push_back(random.below(4));
        random.shuffle(merged.begin(), merged.end());
        const loss::memory_options o{.temperature = random.uniform(0.3, 5)};
        const outputs_d teacher = random_memory(3, 9, 4, 7 + 2 * seed),
                        student = random_memory(3, 4, 4, 9999 + 2 * seed);
        CHECK(loss::memory(student, teacher, o, merged).item() > 0);
        const outputs_d same{loss::merge_scores(teacher.scores, merged, 4), teacher.retrieved};
        CHECK(std::abs(loss::memory(same, teacher, o, merged).item()) < 1e-12);
    }
}

TEST_CASE("merge_scores: sums the association over the members for scores of any size") {
    const std::vector<std::size_t> merged{1, 0, 1, 2, 0};
    const auto s = normal({3, 5});
    const auto whole = op::softmax(s), parts = op::softmax(loss::merge_scores(s, merged, 3));
    for (std::size_t b = 0; b < 3; ++b) {
        CHECK(parts(b, 0) == doctest::Approx(whole(b, 1) + whole(b, 4)).epsilon(1e-14));
        CHECK(parts(b, 1) == doctest::Approx(whole(b, 0) + whole(b, 2)).epsilon(1e-14));
        CHECK(parts(b, 2) == doctest::Approx(whole(b, 3)).epsilon(1e-14));
    }
    const auto far = loss::merge_scores(tensor<float>{{500, -500, 500, -500, -500}}, merged, 3);
    CHECK(far[0] == doctest::Approx(-500 + std::log(2.0)));
    CHECK(far[1] == doctest::Approx(500 + std::log(2.0)));
    CHECK(far[2] == -500);
    CHECK_RAISES(shape_error, "expected (B, 5)", loss::merge_scores(normal({3, 4}), merged, 3));
    CHECK_RAISES(usage_error, "assignment of pattern 3 is 2, expected 0 to 1", loss::merge_scores(s, merged, 2));
    CHECK_RAISES(usage_error, "pattern 3 of the student represents 0 of the teacher's",
                 loss::merge_scores(s, merged, 4));
}

TEST_CASE("memory loss: invalid arguments are refused") {
    const outputs_d m = random_memory(4, 6, 3, 1);
    CHECK_RAISES(usage_error, "expected one on student and teacher", loss::memory(outputs_d{}, m));
    CHECK_RAISES(usage_error, "expected one on student and teacher", loss::memory(m, outputs_d{}));
    CHECK_RAISES(shape_error, "(4, 6) and (4, 5)", loss::memory(m, random_memory(4, 5, 3, 1)));
    CHECK_RAISES(shape_error, "(4, 3) and (4, 2)", loss::memory(m, random_memory(4, 6, 2, 1)));
    CHECK_RAISES(shape_error, "(4, 6) and (3, 6)", loss::memory(m, random_memory(3, 6, 3, 1)));
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    for (const double bad : {-1.0, nan, inf}) {
        CAPTURE(bad);
        CHECK_RAISES(usage_error, "association is", loss::memory(m, m, {.association = bad}));
        CHECK_RAISES(usage_error, "retrieval is", loss::memory(m, m, {.retrieval = bad}));
        CHECK_RAISES(usage_error, "temperature is", loss::memory(m, m, {.temperature = bad}));
    }
    CHECK_RAISES(usage_error, "temperature is 0", loss::memory(m, m, {.temperature = 0}));
}
