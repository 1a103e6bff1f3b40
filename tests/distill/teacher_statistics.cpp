// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/distill/teacher_statistics.hpp"

#include "train/tiny.hpp"

using namespace smldist;

namespace {

/// Mean and standard deviation of every channel in two passes over all rows.
void check_statistics(const loss::feature_statistics<float>& got, const tensor<float>& x) {
    const std::size_t C = x.shape().back(), rows = x.shape().rows();
    REQUIRE(got.mean.shape() == shape{C});
    REQUIRE(got.std.shape() == shape{C});
    for (std::size_t c = 0; c < C; ++c) {
        double mean = 0, variance = 0;
        for (std::size_t r = 0; r < rows; ++r) mean += double(x[r * C + c]) / double(rows);
        for (std::size_t r = 0; r < rows; ++r) variance += std::pow(double(x[r * C + c]) - mean, 2) / double(rows);
        CHECK(double(got.mean[c]) == doctest::Approx(mean).epsilon(1e-6));
        CHECK(double(got.std[c]) == doctest::Approx(std::sqrt(variance)).epsilon(1e-6));
    }
}

/// Along the directions the standardised feature has the stated variances and no covariances.
void check_components(const loss::feature_statistics<float>& got, tensor<float> x) {
    const std::size_t C = x.shape().back(), rows = x.shape().rows();
    loss::standardise_by(got, x);
    const tensor<float> z = op::matmul(std::move(x).reshaped({rows, C}), got.principal.directions,
                                       {.transpose_a = false, .transpose_b = true});
    for (std::size_t i = 0; i < C; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            double product = 0;
            for (std::size_t r = 0; r < rows; ++r) product += double(z(r, i)) * double(z(r, j)) / double(rows);
            CHECK(product ==
                  doctest::Approx(i == j ? double(got.principal.variance[i]) : 0).scale(double(C)).epsilon(1e-5));
        }
}

} // namespace

TEST_CASE("calibrate: measures every stage and the feature over all windows") {
    const sets& s = many(); // eleven batches, the last one shorter
    for (const auto head : {heads::linear, heads::memory}) {
        CAPTURE(model::text(head));
        const network teacher = make(teacher_config(head));
        const distill::teacher_statistics p = distill::calibrate(teacher, s.train, s.normal);
        const auto all = teacher(data::normalised(s.train, s.normal).x, mode::eval);
        REQUIRE(p.stages.size() == 2);
        for (std::size_t i = 0; i < 2; ++i) {
            check_statistics(p.stages[i].feature, all.stages[i]);
            CHECK(p.stages[i].length == all.stages[i].shape()[1]);
            CHECK(p.stages[i].rate_hz ==
                  doctest::Approx(s.train.info.rate_hz * double(p.stages[i].length) / double(s.train.length())));
        }
        check_statistics(p.feature, all.feature);
        check_components(p.feature, all.feature);
        for (std::size_t i = 0; i < 2; ++i) check_components(p.stages[i].feature, all.stages[i]);
        CHECK(p.teacher_accuracy == train::evaluate(teacher, s.train, s.normal).accuracy);
    }
}

TEST_CASE("calibrate: measures spectra of standardised features by class when band weights need them") {
    const sets& s = many();
    const network teacher = make(teacher_config());
    const auto all = teacher(data::normalised(s.train, s.normal).x, mode::eval);
    for (const std::size_t shorter : {0u, 1u}) { // the stage's own length, and one below
        CAPTURE(shorter);
        auto o = loss::stage_options::frequency_aware();
        std::vector<std::size_t> lengths;
        for (const auto& f : all.stages) lengths.push_back(f.shape()[1] - shorter);
        const distill::teacher_statistics p = distill::calibrate(teacher, s.train, s.normal, o, lengths);
        for (std::size_t i = 0; i < 2; ++i) {
            CHECK(p.stages[i].length == lengths[i]);
            const auto basis = loss::make_basis<float>(o.basis, lengths[i]);
            loss::band_statistics wanted(6, basis.bands.size(), all.stages[i].shape()[2]);
            tensor<float> x = all.stages[i];
            loss::standardise_by(p.stages[i].feature, x);
            const auto map =
                shorter
                    ? loss::product(basis.matrix, loss::make_length_map<float>(o.match, lengths[i], lengths[i] + 1))
                    : basis.matrix;
            wanted.add(op::matmul(map, x), basis.bands, s.train.label);
            const auto got = p.stages[i].bands.fisher(), expected = wanted.fisher();
            REQUIRE(got.size() == expected.size());
            for (std::size_t k = 0; k < got.size(); ++k) CHECK(got[k] == doctest::Approx(expected[k]).epsilon(1e-4));
        }
    }
    auto uniform = loss::stage_options::frequency_aware();
    uniform.weights.kind = loss::weighting::uniform;
    CHECK(distill::calibrate(teacher, s.train, s.normal, uniform).stages[0].bands.energy()[0] == 0); // not measured
    CHECK_THROWS_AS((void)distill::calibrate(teacher, s.train, s.normal, {}, {4}), usage_error);
    CHECK_THROWS_AS((void)distill::calibrate(teacher, s.train, s.normal, {}, {400, 4}), usage_error);
}

TEST_CASE("calibrate: does not change the teacher") {
    const network teacher = make(teacher_config()), before = teacher;
    (void)distill::calibrate(teacher, few().train, few().normal);
    CHECK(same_bits(teacher, before));
}

TEST_CASE("channel_moments: batches of any size give the moments of the whole even far from 0") {
    generator random(3);
    tensor<float> x(shape{60, 2});
    for (float& v : x) v = static_cast<float>(1000 + random.normal());
    distill::detail::channel_moments in_parts;
    for (const auto& [first, last] : {std::pair(0, 1), {1, 2}, {2, 40}, {40, 60}}) {
        tensor<float> part(shape{static_cast<std::size_t>(last - first), 2});
        std::copy(x.data() + 2 * first, x.data() + 2 * last, part.begin());
        in_parts.add(part);
    }
    check_statistics(in_parts.statistics(), x);
    distill::detail::channel_moments constant;
    constant.add(tensor<float>(shape{5, 1}, 0.1f));
    constant.add(tensor<float>(shape{3, 1}, 0.1f));
    CHECK(double(constant.statistics().std[0]) < 1e-9);
}

TEST_CASE("calibrate: invalid arguments are refused") {
    const network teacher = make(teacher_config());
    CHECK_THROWS_AS((void)distill::calibrate(teacher, few().train.select({}), few().normal), data_error);
    data::windows bad = few().train;
    bad.label[0] = 6;
    CHECK_THROWS_AS((void)distill::calibrate(teacher, bad, few().normal), data_error);
}

TEST_CASE("calibrate: windows without classes give feature statistics and energy but no accuracy") {
    const network teacher = make(teacher_config(), 1);
    data::windows w = few().train;
    w.label.clear();
    w.info.labels = {"target"};
    w.target = tensor<float>(shape{w.size(), 1});
    CHECK_THROWS_WITH_AS((void)distill::calibrate(teacher, w, few().normal), doctest::Contains("weights are fisher"),
                         usage_error);
    auto o = loss::stage_options::frequency_aware();
    o.weights.kind = loss::weighting::energy;
    const auto got = distill::calibrate(teacher, w, few().normal, o),
               want = distill::calibrate(teacher, few().train, few().normal, o);
    CHECK(got.teacher_accuracy == 0);
    CHECK(identical(got.feature.mean, want.feature.mean));
    for (std::size_t i = 0; i < got.stages.size(); ++i) {
        CHECK(identical(got.stages[i].feature.std, want.stages[i].feature.std));
        CHECK(got.stages[i].bands.energy() == want.stages[i].bands.energy());
    }
}
