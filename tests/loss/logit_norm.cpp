// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/logit_norm.hpp"

#include "check.hpp"

using namespace smldist;
using loss::logit_norm;

namespace {
constexpr logit_norm every_norm[] = {logit_norm::none, logit_norm::l2, logit_norm::zscore};
} // namespace

TEST_CASE("logit_norm: gradients are exact and all worlds agree") {
    for (const logit_norm norm : every_norm)
        for (const auto& s : {shape{4, 5}, shape{1, 2}, shape{2, 19}})
            check_op(std::string(name_of(norm)) + s.text(), {normal(s)},
                     [norm](const auto& in) { return loss::normalise(in[0], norm, 10); });
}

TEST_CASE("logit_norm: gives mean 0 and unbiased std 1 or length `scale` and keeps the order of the classes") {
    const tensor<double> z = normal({6, 5});
    const auto standard = loss::normalise(z, logit_norm::zscore, 10), unit = loss::normalise(z, logit_norm::l2, 10);
    for (std::size_t b = 0; b < 6; ++b) {
        double mean = 0, square = 0, length = 0;
        for (std::size_t n = 0; n < 5; ++n) {
            mean += standard(b, n) / 5;
            square += standard(b, n) * standard(b, n) / 4;
            length += unit(b, n) * unit(b, n);
        }
        CHECK(std::abs(mean) < 1e-14);
        CHECK(square == doctest::Approx(1).epsilon(1e-6));
        CHECK(length == doctest::Approx(100));
        for (std::size_t n = 1; n < 5; ++n) {
            CHECK((z(b, n) < z(b, n - 1)) == (standard(b, n) < standard(b, n - 1)));
            CHECK((z(b, n) < z(b, n - 1)) == (unit(b, n) < unit(b, n - 1)));
        }
    }
    CHECK(identical(loss::normalise(z, logit_norm::none, 10), z));
}

TEST_CASE("zscore: a row of equal logits gives 0 and a finite gradient") {
    tape<double> t;
    const auto z = t.variable(tensor<double>(shape{1, 4}, 3.0));
    const auto y = loss::normalise(z, logit_norm::zscore, 10);
    CHECK(identical(y.value(), tensor<double>(shape{1, 4})));
    t.backward(y, tensor<double>{{1, 2, 3, 4}});
    for (const double g : *t.gradient(z)) CHECK(std::isfinite(g));
}

TEST_CASE("logit_norm: every norm has a name; invalid arguments are refused") {
    for (const logit_norm norm : every_norm) {
        CAPTURE(name_of(norm));
        CHECK(parse_enum<logit_norm>(name_of(norm)) == norm);
    }
    CHECK_RAISES(usage_error, "name is \"z\", expected none, l2 or zscore", parse_enum<logit_norm>("z"));
    CHECK_RAISES(shape_error, "N >= 2", loss::normalise(normal({3, 1}), logit_norm::zscore, 10));
}
