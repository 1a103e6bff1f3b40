// SPDX-License-Identifier: BSD-3-Clause
// Values of stage losses that are known beforehand, and what does not change them.
#include <cmath>
#include <utility>
#include <vector>

#include "smldist/loss/mse.hpp"
#include "stage_check.hpp"

using namespace smldist;
using loss::stage_options;

namespace {

/// Circular shift along time.
tensor<double> shifted(const tensor<double>& x, std::size_t by) {
    tensor<double> y(x.shape());
    const std::size_t L = x.shape()[1];
    for (std::size_t b = 0; b < x.shape()[0]; ++b)
        for (std::size_t t = 0; t < L; ++t)
            for (std::size_t c = 0; c < x.shape()[2]; ++c) y(b, (t + by) % L, c) = x(b, t, c);
    return y;
}

} // namespace

TEST_CASE("stage loss: alpha = 0 is the mean squared error in every basis (Parseval)") {
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    const double mse = loss::mse(x, t).item();
    for (const auto basis :
         {loss::time_basis::none, loss::time_basis::rdft, loss::time_basis::dct, loss::time_basis::haar}) {
        CAPTURE(name_of(basis));
        CHECK(stage(x, t, unit(4), options(basis, 0, loss::phase_free::none, 0)).item() ==
              doctest::Approx(mse).epsilon(1e-12));
        // the same through the transform: weights that are all 1
        const std::vector<double> ones(loss::make_basis<double>(basis, 8).bands.size(), 1);
        CHECK(stage(x, t, unit(4), options(basis, 1, loss::phase_free::none, 0), ones).item() ==
              doctest::Approx(mse).epsilon(1e-12));
    }
}

TEST_CASE("stage loss: a circular shift leaves the phase-free terms unchanged and changes the other") {
    const tensor<double> t = normal({3, 16, 4}, 2), moved = shifted(t, 5);
    for (const auto term : {loss::phase_free::magnitude, loss::phase_free::kl, loss::phase_free::attention}) {
        CAPTURE(name_of(term));
        const auto with = options(loss::time_basis::rdft, 0.5, term, 1),
                   without = options(loss::time_basis::rdft, 0.5, term, 0);
        CHECK(stage(moved, t, unit(4), with).item() - stage(moved, t, unit(4), without).item() ==
              doctest::Approx(0).scale(1).epsilon(1e-6));
        CHECK(stage(moved, t, unit(4), without).item() > 0.5);
        const tensor<double> other = normal({3, 16, 4}, 3);
        CHECK(stage(other, t, unit(4), with).item() > stage(other, t, unit(4), without).item() + 1e-3);
    }
}

TEST_CASE("stage loss: 0 for equal features; independent of scale and offset of the teacher's channels") {
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    const auto s = random_statistics(4);
    for (const auto& o : {stage_options::plain(), stage_options::frequency_aware()}) {
        CAPTURE(o.alpha);
        CHECK(stage(x, x, s, o).item() < 1e-28);
        const double factor[] = {2, 3, 0.5, 1};
        const auto rescaled = [&](tensor<double> v) {
            for (std::size_t i = 0; i < v.size(); ++i) v[i] = factor[i % 4] * v[i] + 7;
            return v;
        };
        loss::feature_statistics<double> other{rescaled(s.mean), s.std};
        for (std::size_t i = 0; i < 4; ++i) other.std[i] = factor[i] * (s.std[i] + 1e-5) - 1e-5;
        CHECK(stage(rescaled(x), rescaled(t), other, o).item() ==
              doctest::Approx(stage(x, t, s, o).item()).epsilon(1e-9));
    }
}

TEST_CASE("stage loss: standardise::sample compares only the direction") {
    auto o = stage_options::plain();
    o.scale = loss::standardise::sample;
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    tensor<double> longer = x;
    for (std::size_t i = 0; i < longer.size(); ++i) longer[i] *= 3 + double(i % 4); // a factor a channel
    CHECK(stage(longer, t, unit(4), o).item() == doctest::Approx(stage(x, t, unit(4), o).item()).epsilon(1e-6));
}

TEST_CASE("stage loss: a dead channel of the teacher has no effect") {
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    auto s = unit(4);
    s.std[2] = 1e-7;
    tensor<double> other = x;
    for (std::size_t i = 2; i < other.size(); i += 4) other[i] = 1000;
    CHECK(stage(x, t, s, stage_options::plain()).item() == stage(other, t, s, stage_options::plain()).item());
    CHECK(stage(x, t, s, stage_options::plain()).item() < 4);
    s.std.fill(0); // all are: nothing to compare
    CHECK(stage(x, t, s, stage_options::plain()).item() == 0);
}

TEST_CASE("stage loss: an untrained projector costs about 2 which is the sum of two unit variances") {
    const tensor<double> x = normal({64, 16, 3}, 1), t = normal({64, 16, 5}, 2);
    CHECK(stage(x, t, unit(5), stage_options::plain()).item() == doctest::Approx(2).epsilon(0.1));
    CHECK(stage(x, t, unit(5), options(loss::time_basis::rdft, 0.5, loss::phase_free::none, 0)).item() ==
          doctest::Approx(2).epsilon(0.1));
}

TEST_CASE("stage loss: a difference in one band is weighted by the weight of that band") {
    // A difference only in bin 3 is weighted by the weight of bin 3.
    tensor<double> x(shape{1, 16, 1});
    const tensor<double> zero(shape{1, 16, 1});
    for (std::size_t t = 0; t < 16; ++t) x[t] = std::cos(2 * 3.14159265358979 * 3 * double(t) / 16);
    std::vector<double> weights(9, 0);
    weights[3] = 8; // two rows of 16
    const auto o = options(loss::time_basis::rdft, 1, loss::phase_free::none, 0);
    CHECK(stage(x, zero, unit(1), o, weights).item() == doctest::Approx(8 * loss::mse(x, zero).item()).epsilon(1e-9));
    std::swap(weights[3], weights[4]);
    CHECK(stage(x, zero, unit(1), o, weights).item() == doctest::Approx(0).scale(1));
}

TEST_CASE("stage loss: equal channels of a much narrower teacher are compared behind a projector") {
    const tensor<double> x = normal({64, 16, 4}, 1);
    tensor<double> t = normal({64, 16, 4}, 2);
    for (double& v : t) v *= 1e-3;
    loss::feature_statistics<double> narrow{tensor<double>(shape{4}), tensor<double>(shape{4}, 1e-3)};
    generator g(3);
    for (const auto& o : {stage_options::plain(), stage_options::frequency_aware(),
                          options(loss::time_basis::dct, 1, loss::phase_free::none, 0)}) {
        CAPTURE(o.alpha);
        CAPTURE(name_of(o.basis));
        const loss::stage_loss<double> one(x.shape(), t.shape(), narrow, o, {}, g);
        CHECK(parameter_count(one) == 4 * 4 + 2 * 4);
        CHECK(one(x, t).item() == doctest::Approx(2).epsilon(0.2)); // the sum of two unit variances, not 1e6
        const loss::stage_loss<double> usual(x.shape(), x.shape(), unit(4), o, {}, g);
        CHECK(parameter_count(usual) == 0);
    }
    // Features as they are, and each sample by itself, divide by nothing of the teacher's.
    for (const auto scale : {loss::standardise::none, loss::standardise::sample}) {
        CAPTURE(name_of(scale));
        auto o = stage_options::plain();
        o.scale = scale;
        CHECK(parameter_count(loss::stage_loss<double>(x.shape(), t.shape(), narrow, o, {}, g)) == 0);
    }
}
