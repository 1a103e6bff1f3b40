// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/compared_rows.hpp"

#include "../check.hpp"

using namespace smldist;
using loss::stage::compared_rows;
using loss::stage::stage_options;

namespace {

using rows = compared_rows<double>;

tensor<double> identity(std::size_t L) {
    return loss::stage::make_basis<double>(loss::stage::time_basis::none, L).matrix;
}

} // namespace

TEST_CASE("compared_rows: applies the basis after the length map and band weights to their rows") {
    auto o = stage_options::frequency_aware();
    o.alpha = 0.5;
    const std::vector<double> w{0.5, 1, 2, 1.5, 3};
    const rows r({2, 8, 3}, {2, 12, 3}, o, w);
    const auto basis = loss::stage::make_basis<double>(o.basis, 8);
    const auto onto = [&](std::size_t from) {
        return loss::stage::product(basis.matrix, loss::stage::make_length_map<double>(o.match, 8, from));
    };
    CHECK(identical(r.student, onto(8)));
    CHECK(identical(r.teacher, onto(12)));
    CHECK(r.weights == w);
    CHECK(identical(r.weight, tensor<double>{0.75, 1, 1, 1.5, 1.5, 1.25, 1.25, 2}));
    CHECK(r.eta == o.eta);
    CHECK(r.student_dft.empty()); // the basis is the real DFT
    for (std::size_t k = 0; k < w.size(); ++k)
        CHECK(r.magnitude_weight[k] == doctest::Approx(double(basis.bands[k].rows) * w[k] / 8));
    o.basis = loss::stage::time_basis::haar;
    const rows other({2, 8, 3}, {2, 8, 3}, o, {});
    CHECK(identical(other.student_dft, basis.matrix));
    CHECK(other.magnitude_weight[1] == 0.25); // w is of other bands
    CHECK(other.weights == std::vector<double>(other.basis.bands.size(), 1));
}

TEST_CASE("compared_rows: a basis that changes nothing is skipped; features without time are a single row") {
    const rows plain({2, 8, 3}, {2, 8, 3}, stage_options::plain(), {});
    CHECK(identical(plain.student, identity(8)));
    CHECK(identical(plain.teacher, identity(8)));
    CHECK(identical(plain.weight, tensor<double>(shape{8}, 1)));
    CHECK(plain.basis.bands.empty());
    const auto changes = [](auto&& set, std::size_t L = 8) {
        stage_options o = stage_options::plain();
        set(o);
        return !rows({2, 8, 3}, {2, L, 3}, o, {}).basis.bands.empty();
    };
    CHECK_FALSE(changes([](auto&) {}));
    CHECK(changes([](auto&) {}, 9));
    CHECK(changes([](auto& o) { o.alpha = 0.1; }));
    CHECK(changes([](auto& o) { o.eta = 0.1; }));
    CHECK(changes([](auto& o) { o.pen = loss::stage::penalty::huber; }));
    CHECK(changes([](auto& o) { o.weights.kind = loss::stage::weighting::uncertainty; }));

    auto learned = stage_options::frequency_aware();
    learned.weights.kind = loss::stage::weighting::uncertainty;
    const rows timeless({2, 3}, {2, 3}, learned, {});
    CHECK(identical(timeless.student, identity(1)));
    CHECK_FALSE(timeless.learned);
    CHECK(timeless.eta == 0);
    CHECK(rows({2, 3, 3}, {2, 3, 3}, learned, {}).eta == 0); // too short for a spectrum
    CHECK_RAISES(usage_error, "number of band weights is 2, expected 5",
                 rows({2, 8, 3}, {2, 8, 3}, stage_options::frequency_aware(), {1, 1}));
}

TEST_CASE("mean_by_variance: the value is that of the formula") {
    const tensor<double> e{1, 2, 3};
    parameter<double> v;
    v.value = tensor<double>{0.5, -1};
    tensor<double> of(shape{3, 2});
    of(0, 0) = of(1, 1) = of(2, 1) = 1;
    const double wanted = (std::exp(-0.5) + 0.5 + (2 + 3) * std::exp(1.0) - 2) / 6;
    CHECK(loss::stage::mean_by_variance(e, v, of).item() == doctest::Approx(wanted).epsilon(1e-12));
}
