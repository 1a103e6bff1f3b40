// SPDX-License-Identifier: BSD-3-Clause
// A stage loss compares the teacher's principal components, made by it or by a projected teacher.
#include <cmath>
#include <vector>

#include "stage_check.hpp"

using namespace smldist;
using loss::stage_options;

namespace {

/// Element c of a unit vector that is orthogonal to the first two directions.
double left_out(const loss::principal_components<double>& p, std::size_t c) {
    double v[5] = {1, 0, 0, 0, 0}, length = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        const double along = p.directions(i, 0);
        for (std::size_t d = 0; d < 5; ++d) v[d] -= along * p.directions(i, d);
    }
    for (const double e : v) length += e * e;
    return v[c] / std::sqrt(length);
}

} // namespace

TEST_CASE("stage loss: a projector predicts the teacher's principal components") {
    // five channels that are mixtures of two hidden ones
    const tensor<double> hidden = normal({12, 8, 2}, 1), mixture = normal({2, 5}, 2);
    const tensor<double> teacher = op::matmul(hidden, mixture);
    const std::size_t rows = 96;
    tensor<double> mean(shape{5}), std(shape{5}), covariance(shape{5, 5});
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < 5; ++c) mean[c] += teacher[r * 5 + c] / double(rows);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < 5; ++c)
            for (std::size_t d = 0; d < 5; ++d)
                covariance(c, d) += (teacher[r * 5 + c] - mean[c]) * (teacher[r * 5 + d] - mean[d]) / double(rows);
    for (std::size_t c = 0; c < 5; ++c) std[c] = std::sqrt(covariance(c, c));
    tensor<double> correlation = covariance;
    for (std::size_t c = 0; c < 5; ++c)
        for (std::size_t d = 0; d < 5; ++d) correlation(c, d) /= std[c] * std[d];
    const loss::feature_statistics<double> s{mean, std, loss::principal<double>(correlation)};
    const auto make = [&](std::size_t student, const stage_options& o, const loss::feature_statistics<double>& of) {
        generator g(4);
        return loss::stage_loss<double>({12, 8, student}, {12, 8, 5}, of, o, {}, g);
    };
    auto whole = stage_options::frequency_aware();
    whole.explained = 0.999;
    for (const auto& o : {stage_options::plain(), whole}) {
        CAPTURE(o.alpha);
        CHECK(make(3, o, s).components() == 2); // hold all the variance
        CHECK(make(1, o, s).components() == 1); // no more than the student's channels
        CHECK(make(5, o, s).components() == 0); // the same channels: no projector
    }
    stage_options o = whole;
    o.channels = loss::channel_match::all;
    CHECK(make(3, o, s).components() == 0);
    o = whole;
    o.scale = loss::standardise::none;
    CHECK(make(3, o, s).components() == 0);
    CHECK(make(3, whole, {mean, std}).components() == 0);

    for (stage_options plain : {stage_options::plain(), stage_options::frequency_aware()}) {
        CAPTURE(plain.alpha);
        plain.explained = 0.999;
        plain.eta = 0;
        const auto one = make(3, plain, s);
        const tensor<double> x = normal({12, 8, 3}, 5);
        CHECK(one(x, teacher).item() == doctest::Approx(2).epsilon(0.2)); // two unit variances, as with all channels
        const auto gradient =
            testing::gradcheck_model(one, [&](const auto& m, auto& t) { return m(t.input(x), teacher); });
        CHECK_MESSAGE(gradient.ok, gradient.message);
        std::size_t outputs = 0;
        for_each_parameter(one, [&](const auto& p) { outputs = p.shape()[0]; });
        CHECK(outputs == 2);
        // what the components leave out has no say
        tensor<double> other = teacher;
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t c = 0; c < 5; ++c)
                other[r * 5 + c] += 10 * std::sin(double(r)) * left_out(s.principal, c) * std[c];
        CHECK(one(x, other).item() == doctest::Approx(one(x, teacher).item()).epsilon(1e-4));
        CHECK_RAISES(shape_error, "", one(x, normal({12, 8, 4}, 1)));
        // a teacher that answers in components
        const auto map = loss::principal_map(s, plain, 3);
        auto projected = s;
        projected.space = loss::teacher_space::components;
        for (const double alpha : {plain.alpha, 0.5})
            for (const auto weighting : {loss::weighting::uniform, loss::weighting::uncertainty}) {
                CAPTURE(alpha);
                CAPTURE(name_of(weighting));
                plain.alpha = alpha;
                plain.weights.kind = weighting;
                generator g(4);
                const loss::stage_loss<double> answered({12, 8, 3}, {12, 8, 2}, projected, plain, {}, g);
                CHECK(answered.components() == 2);
                CHECK(answered(x, op::linear(teacher, map.directions, map.offset)).item() ==
                      doctest::Approx(make(3, plain, s)(x, teacher).item()).epsilon(1e-12));
            }
    }
    generator g(4);
    using stage_loss = loss::stage_loss<double>;
    CHECK_RAISES(usage_error, "channels of the statistics are 5, expected 3",
                 stage_loss({12, 8, 3}, {12, 8, 3}, s, whole, {}, g));
    loss::feature_statistics<double> wrong = s;
    wrong.principal.directions = tensor<double>(shape{5, 4});
    CHECK_RAISES(usage_error, "shape of the principal directions is (5, 4), expected (5, 5)", make(3, whole, wrong));
}

TEST_CASE("stage loss: the statistics define the teacher's space for any widths") {
    const tensor<double> teacher = normal({12, 8, 4}, 1);
    loss::feature_statistics<double> channels = random_statistics(4);
    tensor<double> correlation(shape{4, 4});
    for (std::size_t c = 0; c < 4; ++c) correlation(c, c) = 1 + double(c) / 4;
    correlation(0, 1) = correlation(1, 0) = 0.5;
    channels.principal = loss::principal<double>(correlation);
    auto components = channels;
    components.space = loss::teacher_space::components;
    for (stage_options o : {stage_options::plain(), stage_options::frequency_aware()}) {
        CAPTURE(o.alpha);
        o.explained = 1;
        for (const std::size_t of_student : {6u, 5u}) { // as many components as the teacher has channels
            CAPTURE(of_student);
            const tensor<double> x = normal({12, 8, of_student}, 3);
            const auto map = loss::principal_map(channels, o, of_student);
            REQUIRE(map.offset.size() == 4);
            const tensor<double> projected = op::linear(teacher, map.directions, map.offset);
            generator g(4), same(4);
            const loss::stage_loss<double> of_channels(x.shape(), teacher.shape(), channels, o, {}, g);
            const loss::stage_loss<double> of_components(x.shape(), projected.shape(), components, o, {}, same);
            CHECK(of_components(x, projected).item() ==
                  doctest::Approx(of_channels(x, teacher).item()).epsilon(1e-12));
            CHECK(of_components.composed(x, projected).item() ==
                  doctest::Approx(of_channels.composed(x, teacher).item()).epsilon(1e-12));
        }
        // student, channels and components of equal width: components need a projector, channels do not
        generator g(4);
        const loss::stage_loss<double> of_channels({12, 8, 4}, {12, 8, 4}, channels, o, {}, g);
        const loss::stage_loss<double> of_components({12, 8, 4}, {12, 8, 4}, components, o, {}, g);
        CHECK(parameter_count(of_channels) == 0);
        CHECK(of_components.components() == 4);
        CHECK(parameter_count(of_components) == 4 * 4 + 2 * 4);
    }
}

TEST_CASE("stage loss: a teacher whose features differ from the space of the statistics is refused") {
    loss::feature_statistics<double> s = random_statistics(4);
    tensor<double> correlation(shape{4, 4});
    for (std::size_t c = 0; c < 4; ++c) correlation(c, c) = 1;
    s.principal = loss::principal<double>(correlation);
    generator g(1);
    const auto make = [&](std::size_t of_teacher, loss::teacher_space space, const stage_options& o) {
        s.space = space;
        return loss::stage_loss<double>({2, 8, 2}, {2, 8, of_teacher}, s, o, {}, g);
    };
    using enum loss::teacher_space;
    CHECK_NOTHROW(make(4, channels, {}));
    CHECK_NOTHROW(make(2, components, {}));
    CHECK_RAISES(usage_error, "channels of the statistics are 4, expected 2", make(2, channels, {}));
    CHECK_RAISES(usage_error, "components of the teacher's feature are 4, expected 2", make(4, components, {}));
    auto all = stage_options::frequency_aware();
    all.channels = loss::channel_match::all; // no components are compared
    CHECK_RAISES(usage_error, "the teacher's feature is in components, expected channels", make(4, components, all));
}
