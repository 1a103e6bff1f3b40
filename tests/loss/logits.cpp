// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/logits.hpp"

#include <array>

#include "check.hpp"

using namespace smldist;
using loss::logits_options;
using loss::repair;

namespace {

constexpr std::array every_rule{repair::mix,    repair::hardness, repair::swap,
                                repair::onehot, repair::drop,     repair::off};
/// The rules after which a wrong teacher is right.
constexpr std::array repairing{repair::mix, repair::hardness, repair::swap, repair::onehot};

logits_options with(repair rule, double temperature, double hard = 1, double soft = 1) {
    logits_options o;
    o.rule = rule;
    o.temperature = temperature;
    o.hard = hard;
    o.soft = soft;
    return o;
}

std::size_t largest(const double* row, std::size_t n) {
    return static_cast<std::size_t>(std::max_element(row, row + n) - row);
}

/// logits() of one input against a fixed teacher.
auto against(const tensor<double>& teacher, const std::vector<int>& labels, const logits_options& o) {
    return [teacher, labels, o](const auto& in) {
        return loss::logits(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(teacher), labels, o).value;
    };
}

/// A batch in which a teacher is right for about one sample in `classes`.
struct random_case {
    tensor<double> teacher;
    std::vector<int> labels;

    random_case(std::size_t batch, std::size_t classes, std::uint64_t seed)
        : teacher(normal({batch, classes}, seed)) {
        generator random(seed, 77);
        const double spread = random.uniform(0.2, 8);
        for (double& v : teacher) v *= spread;
        for (std::size_t b = 0; b < batch; ++b) labels.push_back(static_cast<int>(random.below(classes)));
    }
    std::size_t label(std::size_t b) const { return static_cast<std::size_t>(labels[b]); }
};

} // namespace

TEST_CASE("logits loss: gradients are exact for every combination of options") {
    const random_case c(6, 4, 5);
    for (const repair rule : every_rule)
        for (const double temperature : {0.5, 1.0, 3.0, 20.0})
            for (const double smoothing : {0.0, 0.1})
                for (const auto& [hard, soft] : {std::pair(1.0, 1.0), {0.0, 1.0}, {1.0, 0.0}, {0.1, 0.9}}) {
                    logits_options o = with(rule, temperature, hard, soft);
                    o.label_smoothing = smoothing;
                    check_op(std::string(name_of(rule)) + "_T" + text(temperature) + "_eps" + text(smoothing) + "_" +
                                 text(hard) + "_" + text(soft),
                             {normal({6, 4})}, against(c.teacher, c.labels, o));
                }
    for (const double margin : {0.0, 0.3, 1.0}) {
        logits_options o;
        o.margin = margin;
        check_op("margin" + text(margin), {normal({6, 4})}, against(c.teacher, c.labels, o));
    }
    for (const double hardness : {0.5, 6.0}) {
        logits_options o = with(repair::hardness, 3);
        o.hardness = hardness;
        check_op("hardness" + text(hardness), {normal({6, 4})}, against(c.teacher, c.labels, o));
    }
}

TEST_CASE("logits loss: value and gradient and repaired targets agree with PyTorch for every rule") {
    for (const repair rule : every_rule)
        for (const double temperature : {1.0, 3.0, 20.0}) {
            const std::string name = "logits/" + std::string(name_of(rule)) + "_T" + text(temperature);
            const tensor<double> teacher = stored(name + "/teacher");
            const std::vector<int> labels = stored_labels(name + "/label");
            logits_options o = with(rule, temperature, 0.7, 1.3);
            o.label_smoothing = 0.1;
            check_loss(name, {"student"}, against(teacher, labels, o));
            const auto targets = loss::condition(teacher, labels, o);
            CHECK(difference(targets.q, stored(name + "/q"), 1e-14) == "");
            CHECK(difference(loss::condition(cast<float>(teacher), labels, o).q, targets.q, 1e-6) == "");
            CHECK(targets.repaired == 4);
        }
}

TEST_CASE("condition: gives the figures of the specification") {
    const tensor<double> z{{0, 1, 4, 0, 0, 0}};
    const std::vector<int> label{1};
    const auto q = [&](repair rule) { return loss::condition(z, label, with(rule, 4)).q; };
    const double rest = 0.124964, mixed = 0.100672, hard = 0.039864;
    CHECK(difference(q(repair::off), {{rest, 0.160457, 0.339687, rest, rest, rest}}, 1e-6) == "");
    CHECK(difference(q(repair::mix), {{mixed, 0.323656, 0.273656, mixed, mixed, mixed}}, 1e-6) == "");
    CHECK(difference(q(repair::swap), {{rest, 0.339687, 0.160457, rest, rest, rest}}, 1e-6) == "");
    CHECK(difference(q(repair::hardness), {{hard, 0.800682, hard, hard, hard, hard}}, 1e-6) == "");
    CHECK(identical(q(repair::onehot), {{0, 1, 0, 0, 0, 0}}));
    CHECK(identical(q(repair::drop), tensor<double>(shape{1, 6})));
    const double move = 1 - q(repair::mix)[0] / q(repair::off)[0];
    CHECK(std::abs(move - 0.194390) < 1e-6);
}

TEST_CASE("condition: every repairing rule makes the label the most probable class and keeps a right teacher") {
    const std::size_t batch = 50, classes = 6;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        CAPTURE(seed);
        const random_case c(batch, classes, seed);
        for (const double temperature : {1.0, 4.0}) {
            CAPTURE(temperature);
            const auto p = loss::condition(c.teacher, c.labels, with(repair::off, temperature)).q;
            for (const repair rule : repairing) {
                CAPTURE(name_of(rule));
                const auto [q, repaired] = loss::condition(c.teacher, c.labels, with(rule, temperature));
                std::size_t wrong = 0;
                for (std::size_t b = 0; b < batch; ++b) {
                    const double *row = q.data() + b * classes, *before = p.data() + b * classes;
                    double sum = 0;
                    for (std::size_t n = 0; n < classes; ++n) sum += row[n];
                    CHECK(std::abs(sum - 1) < 1e-12);
                    CHECK(largest(row, classes) == c.label(b));
                    if (largest(before, classes) == c.label(b))
                        CHECK(std::equal(row, row + classes, before));
                    else
                        ++wrong;
                }
                CHECK(repaired == wrong);
                CHECK(wrong > 0);
            }
        }
    }
}

TEST_CASE("condition: mix leads by the margin and keeps the ratios of the other classes") {
    const std::size_t batch = 50, classes = 6;
    for (const double margin : {0.0, 0.05, 0.4, 1.0})
        for (std::uint64_t seed = 0; seed < 10; ++seed) {
            CAPTURE(margin);
            CAPTURE(seed);
            const random_case c(batch, classes, seed);
            logits_options o;
            o.margin = margin;
            const auto q = loss::condition(c.teacher, c.labels, o).q;
            const auto p = loss::condition(c.teacher, c.labels, with(repair::off, o.temperature)).q;
            for (std::size_t b = 0; b < batch; ++b) {
                const double *row = q.data() + b * classes, *before = p.data() + b * classes;
                const std::size_t y = c.label(b), a = largest(before, classes);
                if (a == y) continue;
                CHECK(row[y] - row[a] == doctest::Approx(margin).epsilon(1e-12));
                for (std::size_t n = 0; n < classes; ++n)
                    if (n != y && margin < 1)
                        CHECK(row[n] / row[a] == doctest::Approx(before[n] / before[a]).epsilon(1e-10));
            }
        }
}

TEST_CASE("condition: hardness equals label smoothing with ε = N/(e^h + N - 1)") {
    const tensor<double> z{{5, 0, 0, 0}};
    const std::vector<int> label{2};
    for (const double hardness : {0.1, 3.0, 30.0, 2000.0}) {
        CAPTURE(hardness);
        logits_options o = with(repair::hardness, 3);
        o.hardness = hardness;
        const auto q = loss::condition(z, label, o).q;
        const double eps = 4 / (std::exp(hardness) + 3);
        for (std::size_t n = 0; n < 4; ++n)
            CHECK(q[n] == doctest::Approx((n == 2 ? 1 - eps : 0) + eps / 4).epsilon(1e-14));
    }
    const double smoothing = 0.2; // hard = ln((N-1)(1-ε')/ε') gives the label the mass 1-ε'
    logits_options o = with(repair::hardness, 3);
    o.hardness = std::log(3 * (1 - smoothing) / smoothing);
    CHECK(loss::condition(z, label, o).q[2] == doctest::Approx(1 - smoothing).epsilon(1e-14));
}

TEST_CASE("logits loss: the soft term is 0 with zero gradient for z_S = z_T and a right teacher") {
    for (const repair rule : every_rule)
        for (const double temperature : {1.0, 3.0, 20.0}) {
            CAPTURE(name_of(rule));
            CAPTURE(temperature);
            random_case c(20, 6, 3);
            for (std::size_t b = 0; b < 20; ++b) c.labels[b] = static_cast<int>(largest(c.teacher.data() + b * 6, 6));
            tape<double> t;
            const auto z = t.variable(c.teacher);
            const auto result = loss::logits(z, c.teacher, c.labels, with(rule, temperature, 0, 1));
            const auto& y = result.value;
            CHECK(result.repaired == 0);
            CHECK(result.hard.value().item() == 0);
            CHECK(std::abs(y.value().item()) < 1e-14 * temperature * temperature);
            t.backward(y);
            CHECK(difference(*t.gradient(z), tensor<double>(c.teacher.shape()), 1e-14) == "");
        }
}

TEST_CASE("logits loss: the soft term is never negative; a dropped sample has none") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        const random_case c(3, 5, seed);
        const tensor<double> student = normal({3, 5}, 1000 + seed);
        for (const repair rule : every_rule) {
            CAPTURE(name_of(rule));
            CHECK(loss::logits(student, c.teacher, c.labels, with(rule, 3, 0, 1)).value.item() >= -1e-14);
        }
    }
    tape<double> t;
    const tensor<double> teacher{{9, 0, 0}, {0, 9, 0}};
    const std::vector<int> labels{0, 0}; // the second teacher is wrong
    const auto z = t.variable(normal({2, 3}));
    t.backward(loss::logits(z, teacher, labels, with(repair::drop, 3, 0, 1)).value);
    for (std::size_t n = 0; n < 3; ++n) {
        CHECK((*t.gradient(z))(0, n) != 0);
        CHECK((*t.gradient(z))(1, n) == 0);
    }
}

TEST_CASE("logits loss: gradient of the soft term is T (softmax(z_S/T) - q)/B") {
    const random_case c(4, 5, 9);
    for (const double temperature : {1.0, 3.0}) {
        CAPTURE(temperature);
        tape<double> t;
        const auto z = t.variable(normal({4, 5}, 4));
        const logits_options o = with(repair::mix, temperature, 0, 1);
        t.backward(loss::logits(z, c.teacher, c.labels, o).value);
        const auto q = loss::condition(c.teacher, c.labels, o).q;
        const std::vector<int> any(4, 0);
        const auto s = loss::condition(z.value(), any, with(repair::off, temperature)).q;
        tensor<double> wanted(q.shape());
        for (std::size_t i = 0; i < q.size(); ++i) wanted[i] = temperature * (s[i] - q[i]) / 4;
        CHECK(difference(*t.gradient(z), wanted, 1e-14) == "");
    }
}

TEST_CASE("logits loss: for T → ∞ the soft term becomes half the variance of the difference of the logits") {
    random_case c(4, 5, 2);
    const tensor<double> student = normal({4, 5}, 4);
    double limit = 0;
    for (std::size_t b = 0; b < 4; ++b) {
        double mean = 0, square = 0;
        for (std::size_t n = 0; n < 5; ++n) mean += (student(b, n) - c.teacher(b, n)) / 5;
        for (std::size_t n = 0; n < 5; ++n) square += std::pow(student(b, n) - c.teacher(b, n) - mean, 2) / 5;
        limit += square / 2 / 4;
    }
    const auto at = [&](double temperature) {
        return loss::logits(student, c.teacher, c.labels, with(repair::off, temperature, 0, 1)).value.item();
    };
    const double far = std::abs(at(100) - limit), farther = std::abs(at(1000) - limit);
    CHECK(far < 0.1 * limit);
    CHECK(farther < 0.2 * far); // the error falls as 1/T
}

TEST_CASE("logits loss: without its soft part it is cross entropy and ignores the teacher") {
    const random_case c(4, 5, 2);
    logits_options o = with(repair::mix, 3, 2, 0);
    o.label_smoothing = 0.1;
    const tensor<double> z = normal({4, 5}, 4);
    CHECK(loss::logits(z, c.teacher, c.labels, o).value.item() ==
          doctest::Approx(2 * loss::cross_entropy(z, c.labels, {.label_smoothing = 0.1, .class_weight = {}}).item())
              .epsilon(1e-14));
}

TEST_CASE("logits loss: norms apply to student and teacher; gradients are exact") {
    const random_case c(6, 4, 5);
    const tensor<double> z = normal({6, 4});
    for (const auto norm : {loss::logit_norm::none, loss::logit_norm::l2, loss::logit_norm::zscore})
        for (const repair rule : every_rule) {
            logits_options o = with(rule, 3, 0.7, 1.3);
            o.norm = norm;
            o.norm_scale = 4;
            check_op(std::string(name_of(norm)) + "_" + std::string(name_of(rule)), {z},
                     against(c.teacher, c.labels, o));
            const auto y = loss::logits(z, c.teacher, c.labels, o);
            const auto plain = loss::logits(loss::normalise(z, norm, 4), loss::normalise(c.teacher, norm, 4),
                                            c.labels, with(rule, 3, 0.7, 1.3));
            CHECK(y.soft.item() == plain.soft.item());
            CHECK(y.hard.item() == loss::logits(z, c.teacher, c.labels, with(rule, 3, 0.7, 1.3)).hard.item());
            CHECK(y.repaired == plain.repaired);
        }
}

TEST_CASE("logits loss: in a mixed batch the soft term uses the dominant labels and the hard term mixed targets") {
    const random_case c(6, 4, 5), d(6, 4, 6);
    const tensor<double> z = normal({6, 4}, 4);
    const auto o = with(repair::mix, 3, 0.7, 1.3);
    const auto plain = loss::logits(z, c.teacher, c.labels, o);
    const auto mixed = loss::logits(z, c.teacher, c.labels, o, {d.labels, 0.6});
    CHECK(plain.repaired > 0);
    CHECK(mixed.repaired == plain.repaired);
    CHECK(mixed.soft.item() == plain.soft.item());
    CHECK(mixed.hard.item() ==
          doctest::Approx(0.7 * loss::cross_entropy(z, c.labels, {}, {d.labels, 0.6}).item()).epsilon(1e-14));
    CHECK(mixed.hard.item() != plain.hard.item());
    CHECK(mixed.value.item() == doctest::Approx(mixed.hard.item() + mixed.soft.item()).epsilon(1e-14));
}

TEST_CASE("repair: every rule has a name") {
    for (const repair rule : every_rule) {
        CAPTURE(name_of(rule));
        CHECK(parse_enum<repair>(name_of(rule)) == rule);
    }
    CHECK(name_of(repair::mix) == "mix");
    CHECK_RAISES(usage_error, "name is \"Mix\", expected mix, hardness", parse_enum<repair>("Mix"));
    CHECK_RAISES(usage_error, "name is \"\"", parse_enum<repair>(""));
}

TEST_CASE("logits loss: invalid arguments are refused") {
    const random_case c(4, 5, 2);
    const tensor<double> z = normal({4, 5}, 4);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
    const auto fails = [&](const char* option, double logits_options::*member, std::initializer_list<double> values) {
        for (const double bad : values) {
            CAPTURE(bad);
            logits_options o;
            o.*member = bad;
            CHECK_RAISES(usage_error, std::string(option) + " is", loss::condition(c.teacher, c.labels, o));
            CHECK_RAISES(usage_error, std::string(option) + " is", loss::logits(z, c.teacher, c.labels, o));
        }
    };
    fails("temperature", &logits_options::temperature, {0, -1, nan, inf});
    fails("hard", &logits_options::hard, {-0.1, nan, inf});
    fails("soft", &logits_options::soft, {-0.1, nan, inf});
    fails("label_smoothing", &logits_options::label_smoothing, {-0.1, 1.1, nan});
    fails("margin", &logits_options::margin, {-0.1, 1.1, nan});
    fails("hardness", &logits_options::hardness, {0, -3, nan});
    fails("norm_scale", &logits_options::norm_scale, {0, -1, nan, inf});

    const std::vector<int> few{0, 1}, high{0, 1, 2, 5};
    CHECK_RAISES(shape_error, "expected (2, N)", loss::logits(z, c.teacher, few));
    CHECK_RAISES(data_error, "label of sample 3 is 5", loss::logits(z, c.teacher, high));
    CHECK_RAISES(shape_error, "(4, 6) and (4, 5)", loss::logits(normal({4, 6}), c.teacher, c.labels));
    CHECK_RAISES(shape_error, "(3, 5) and (4, 5)", loss::logits(normal({3, 5}), c.teacher, c.labels));
}
