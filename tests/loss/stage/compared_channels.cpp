// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/compared_channels.hpp"

#include "../check.hpp"

using namespace smldist;
using loss::stage::compared_channels;
using loss::stage::standardise;
using loss::stage::teacher_space;

namespace {

/// Statistics of 4 channels with two equal ones, so that three components hold all the variance.
loss::stage::feature_statistics<double> statistics() {
    tensor<double> correlation(shape{4, 4});
    for (std::size_t c = 0; c < 4; ++c) correlation(c, c) = 1;
    correlation(0, 1) = correlation(1, 0) = 1;
    return {{1, 2, 3, 4}, {0.5, 2, 1, 4}, loss::stage::principal<double>(correlation)};
}
loss::stage::stage_options options(standardise scale) {
    auto o = loss::stage::stage_options::frequency_aware();
    o.scale = scale;
    return o;
}
/// target() by itself.
tensor<double> by_target(const compared_channels<double>& c, const tensor<double>& t) {
    auto y = tensor<double>::uninitialized({t.shape()[0], t.shape()[1], c.width()});
    c.target()(t.shape().rows(), c.width(), t.data(), y.data());
    return y;
}

} // namespace

TEST_CASE("compared_channels: equal channels of both sides are standardised by the teacher's statistics") {
    const auto s = statistics();
    const tensor<double> x = normal({2, 5, 4}, 1);
    const compared_channels<double> c(x.shape(), x.shape(), s, {});
    CHECK_FALSE(c.projected());
    CHECK(c.width() == 4);
    CHECK(c.components() == 0);
    tensor<double> wanted = x;
    loss::stage::standardise_by(s, wanted);
    CHECK(difference(c.student(x), wanted, 1e-12) == "");
    CHECK(difference(c.teacher(x), wanted, 1e-12) == "");
    CHECK(difference(by_target(c, x), wanted, 1e-12) == "");
    CHECK(c.student_normal().shape() == shape{3, 4});
}

TEST_CASE("compared_channels: behind a projector components are compared whether projected here or by the teacher") {
    auto s = statistics();
    const tensor<double> t = normal({2, 5, 4}, 1), x = normal({2, 5, 3}, 2);
    const auto map = loss::stage::principal_map(s, {}, 3);
    const tensor<double> wanted = op::linear(t, map.directions, map.offset);
    const compared_channels<double> here(x.shape(), t.shape(), s, {});
    CHECK(here.projected());
    CHECK(here.width() == 3);
    CHECK(identical(here.student(x), x)); // the projector has done it
    CHECK(here.student_normal().empty());
    CHECK(identical(here.teacher(t), wanted));
    CHECK(difference(by_target(here, t), wanted, 1e-12) == "");
    s.space = teacher_space::components;
    const compared_channels<double> there(x.shape(), wanted.shape(), s, {});
    CHECK(there.width() == 3);
    CHECK(identical(there.teacher(wanted), wanted));
    CHECK(identical(by_target(there, wanted), wanted));
    generator g(1);
    const auto projector = here.make_projector(3, g);
    CHECK(projector.map.weight.shape() == shape{3, 3});
    CHECK(identical(projector.norm.weight.value, map.std)); // it begins with the deviations of what it predicts
}

TEST_CASE("compared_channels: features can be unscaled or scaled for each sample") {
    const tensor<double> t = normal({2, 5, 4}, 1), x = normal({2, 5, 3}, 2);
    const compared_channels<double> none(x.shape(), t.shape(), statistics(), options(standardise::none));
    CHECK(none.projected());
    CHECK(none.width() == 4);
    CHECK(identical(none.teacher(t), t));
    CHECK(identical(by_target(none, t), t));
    const compared_channels<double> sample(t.shape(), t.shape(), statistics(), options(standardise::sample));
    CHECK(sample.by_sample());
    CHECK(identical(sample.teacher(t), loss::stage::unit_rows(t)));
    CHECK(identical(sample.student(t), loss::stage::unit_rows(t)));
    const compared_channels<double> timeless({2, 4}, {2, 4}, statistics(), options(standardise::sample));
    CHECK_FALSE(timeless.by_sample()); // there is no time to scale along
}

TEST_CASE("unit_rows: gradients are exact and all worlds agree; the mean square along time is 1") {
    const tensor<double> x = normal({2, 5, 3}, 1);
    check_op("unit_rows", {x}, [](const auto& in) { return loss::stage::unit_rows(in[0]); });
    const tensor<double> y = loss::stage::unit_rows(x);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t c = 0; c < 3; ++c) {
            double sum = 0;
            for (std::size_t i = 0; i < 5; ++i) sum += y(b, i, c) * y(b, i, c);
            CHECK(sum / 5 == doctest::Approx(1).epsilon(1e-6));
        }
}

TEST_CASE("in_time: a vector is one step and an image the rows of its pixels") {
    CHECK(loss::stage::in_time(normal({2, 3})).shape() == shape{2, 1, 3});
    CHECK(loss::stage::in_time(normal({2, 8, 3})).shape() == shape{2, 8, 3});
    const tensor<double> x = normal({2, 4, 2, 3}, 1);
    CHECK(identical(loss::stage::in_time(x), tensor<double>(x).reshaped({2, 8, 3})));
    CHECK(identical(loss::stage::unit_rows(x), loss::stage::unit_rows(loss::stage::in_time(x))));
}
