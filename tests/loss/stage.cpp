// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage.hpp"

#include "check.hpp"

using namespace smldist;
using loss::stage_options;

namespace {

template <class T> loss::feature_statistics<T> statistics(const tensor<double>& mean, const tensor<double>& std) {
    return {cast<T>(mean), cast<T>(std)};
}
/// Mean 0, standard deviation 1.
template <class T = double> loss::feature_statistics<T> unit(std::size_t C) {
    return {tensor<T>(shape{C}), tensor<T>(shape{C}, T(1 - 1e-5))};
}
/// Random statistics of C channels.
template <class T = double> loss::feature_statistics<T> random_statistics(std::size_t C) {
    tensor<double> std = normal({C}, 12);
    for (double& v : std) v = std::abs(v) + 0.1;
    return statistics<T>(normal({C}, 11), std);
}

std::vector<double> list(const tensor<double>& x) { return {x.begin(), x.end()}; }

stage_options options(loss::time_basis basis, double alpha, loss::phase_free term, double eta) {
    auto o = stage_options::frequency_aware();
    o.basis = basis;
    o.alpha = alpha;
    o.term = term;
    o.eta = eta;
    return o;
}

/// The loss of one pair, made anew: shapes of x and teacher.
template <class X>
auto stage(const X& x, const tensor<double>& teacher, const loss::feature_statistics<double>& s,
           const stage_options& o, const std::vector<double>& weights = {}) {
    using T = op::scalar_of_t<X>;
    generator g(3);
    const loss::stage_loss<T> one(x.shape(), teacher.shape(), {cast<T>(s.mean), cast<T>(s.std)}, o, weights, g);
    return one(x, cast<T>(teacher));
}

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

TEST_CASE("plain stage loss: gradients, both worlds, PyTorch") {
    for (const std::string name : {"stage/rank2", "stage/rank3"}) {
        const auto teacher = stored(name + "/teacher");
        const loss::feature_statistics<double> s{stored(name + "/mean"), stored(name + "/std")};
        const auto f = [&](const auto& in) { return stage(in[0], teacher, s, stage_options::plain()); };
        check_op(name, {stored(name + "/x")}, f);
        check_loss(name, {"x"}, f);
    }
}

TEST_CASE("plain stage loss with projector: gradients, both worlds, PyTorch") {
    for (const std::string name : {"stage/rank2_projector", "stage/rank3_projector"}) {
        const auto array = [&](const std::string& what) { return stored(name + "/" + what); };
        const auto teacher = array("teacher"), mean = array("mean"), std = array("std");
        generator g(1);
        const auto make = [&]<class T>(T) {
            loss::stage_loss<T> one(array("x").shape(), teacher.shape(), statistics<T>(mean, std),
                                    stage_options::plain(), {}, g);
            walk(one, [&](const std::string& path, auto& leaf) {
                if (path == "projector.map.weight") leaf.value = cast<T>(array("w"));
                if (path == "projector.norm.weight") leaf.value = cast<T>(array("weight"));
                if (path == "projector.norm.bias") leaf.value = cast<T>(array("bias"));
            });
            return one;
        };
        const auto wide = make(1.0);
        const auto narrow = make(1.0F);
        for (const mode m : {mode::train, mode::eval}) {
            const auto f = [&](const auto& in) {
                using T = scalar_in<std::decay_t<decltype(in)>>;
                if constexpr (std::is_same_v<T, float>)
                    return narrow(in[0], cast<float>(teacher), m);
                else
                    return wide(in[0], teacher, m);
            };
            check_op(name, {array("x")}, f);
            if (m == mode::train) check_loss(name, {"x"}, f);
            const auto parameters = testing::gradcheck_model(
                wide, [&](const auto& model, auto& t) { return model(t.input(array("x")), teacher, m); });
            CHECK_MESSAGE(parameters.ok, parameters.message);
        }
        tape<double> t;
        t.backward(wide(t.input(array("x")), teacher));
        for_each_parameter(wide, [&](const parameter<double>& p) {
            const char* wanted = p.shape().rank() == 2 ? "dw" : p.value[0] == array("bias")[0] ? "dbias" : "dweight";
            CHECK(difference(*t.gradient(p), array(wanted), 1e-12) == "");
        });
    }
}

TEST_CASE("frequency-aware stage loss: PyTorch's DFT, all phase-free terms") {
    for (const std::string L : {"8", "9"})
        for (const double alpha : {0.5, 1.0})
            for (std::size_t term = 0; term < names_of<loss::phase_free>().size(); ++term) {
                const std::string name =
                    "spectrum/L" + L + "_a" + text(alpha) + "_" + std::string(names_of<loss::phase_free>()[term]);
                const auto teacher = stored(name + "/teacher");
                const loss::feature_statistics<double> s{stored(name + "/mean"), stored(name + "/std")};
                auto o = options(loss::time_basis::rdft, alpha, static_cast<loss::phase_free>(term), 0.25);
                o.temperature = 2;
                const auto weights = list(stored(name + "/weights"));
                const auto f = [&](const auto& in) { return stage(in[0], teacher, s, o, weights); };
                CAPTURE(name);
                check_loss(name, {"x"}, f);
            }
}

TEST_CASE("frequency-aware stage loss: gradients and both worlds over all options") {
    const auto s = random_statistics(3);
    for (std::size_t basis = 0; basis < names_of<loss::time_basis>().size(); ++basis)
        for (std::size_t term = 0; term < names_of<loss::phase_free>().size(); ++term)
            for (std::size_t pen = 0; pen < names_of<loss::penalty>().size(); ++pen)
                for (std::size_t scale = 0; scale < names_of<loss::standardise>().size(); ++scale)
                    for (const std::size_t L : {8u, 6u}) {
                        auto o = options(static_cast<loss::time_basis>(basis), 0.7,
                                         static_cast<loss::phase_free>(term), 0.5);
                        o.pen = static_cast<loss::penalty>(pen);
                        o.delta = 0.8;
                        o.scale = static_cast<loss::standardise>(scale);
                        const auto bands = loss::make_basis<double>(o.basis, 6).bands.size();
                        std::vector<double> weights(bands);
                        for (std::size_t k = 0; k < bands; ++k) weights[k] = 0.5 + double(k) / double(bands);
                        const std::string name = std::string(names_of<loss::time_basis>()[basis]) + " " +
                                                 std::string(names_of<loss::phase_free>()[term]) + " " +
                                                 std::string(names_of<loss::penalty>()[pen]) + " " +
                                                 std::string(names_of<loss::standardise>()[scale]) + " " +
                                                 std::to_string(L);
                        const auto teacher = normal({2, 6, 3}, 5);
                        CAPTURE(name);
                        const auto f = [&](const auto& in) { return stage(in[0], teacher, s, o, weights); };
                        const std::vector<tensor<double>> x{normal({2, L, 3}, 4)};
                        const auto gradient = testing::gradcheck(x, any_world(f));
                        CHECK_MESSAGE(gradient.ok, gradient.message);
                        const auto same = testing::same_in_both_worlds(x, any_world(f));
                        CHECK_MESSAGE(same.ok, same.message);
                    }
}

TEST_CASE("stage loss: unlike lengths, each way to match them; gradients of projector and learned variances") {
    const auto s = random_statistics(4);
    for (std::size_t match = 0; match < names_of<loss::length_match>().size(); ++match)
        for (const bool learned : {false, true}) {
            auto o = options(loss::time_basis::rdft, 0.5, loss::phase_free::magnitude, 0.25);
            o.match = static_cast<loss::length_match>(match);
            if (learned) o.weights.kind = loss::weighting::uncertainty;
            generator g(2);
            const loss::stage_loss<double> one({3, 12, 2}, {3, 8, 4}, s, o, {}, g);
            const tensor<double> x = normal({3, 12, 2}, 8), teacher = normal({3, 8, 4}, 9);
            const auto r =
                testing::gradcheck_model(one, [&](const auto& m, auto& t) { return m(t.input(x), teacher); });
            CHECK_MESSAGE(r.ok, r.message);
            std::size_t parameters = 0;
            for_each_parameter(one, [&](const auto&) { ++parameters; });
            CHECK(parameters == (learned ? 4 : 3));
        }
}

TEST_CASE("stage loss: behind a projector tape and tensors agree to rounding in training, to the bit in evaluation") {
    const auto s = random_statistics(4);
    const tensor<double> x = normal({3, 12, 2}, 8), teacher = normal({3, 8, 4}, 9);
    for (std::size_t term = 0; term < names_of<loss::phase_free>().size(); ++term) {
        generator g(2);
        const loss::stage_loss<double> one(
            {3, 12, 2}, {3, 8, 4}, s, options(loss::time_basis::rdft, 0.5, static_cast<loss::phase_free>(term), 0.25),
            {}, g);
        CAPTURE(term);
        tape<double> t;
        CHECK(one(t.input(x), teacher, mode::train).value().item() ==
              doctest::Approx(one(x, teacher, mode::train).item()).epsilon(1e-12));
        CHECK(identical(one(t.input(x), teacher, mode::eval).value(), one(x, teacher, mode::eval)));
    }
}

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

TEST_CASE("stage loss: alpha = 0 is the mean squared error in every basis (Parseval)") {
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    const double mse = loss::mse(x, t).item();
    for (const auto basis :
         {loss::time_basis::none, loss::time_basis::rdft, loss::time_basis::dct, loss::time_basis::haar}) {
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
        const auto with = options(loss::time_basis::rdft, 0.5, term, 1),
                   without = options(loss::time_basis::rdft, 0.5, term, 0);
        CHECK(stage(moved, t, unit(4), with).item() - stage(moved, t, unit(4), without).item() ==
              doctest::Approx(0).scale(1).epsilon(1e-6));
        CHECK(stage(moved, t, unit(4), without).item() > 0.5);
        const tensor<double> other = normal({3, 16, 4}, 3);
        CHECK(stage(other, t, unit(4), with).item() > stage(other, t, unit(4), without).item() + 1e-3);
    }
}

TEST_CASE("stage loss: 0 for equal features; does not depend on the scale and offset of the teacher's channels") {
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    const auto s = random_statistics(4);
    for (const auto& o : {stage_options::plain(), stage_options::frequency_aware()}) {
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

TEST_CASE("stage loss: about 2 for an untrained projector, the sum of two unit variances") {
    const tensor<double> x = normal({64, 16, 3}, 1), t = normal({64, 16, 5}, 2);
    CHECK(stage(x, t, unit(5), stage_options::plain()).item() == doctest::Approx(2).epsilon(0.1));
    CHECK(stage(x, t, unit(5), options(loss::time_basis::rdft, 0.5, loss::phase_free::none, 0)).item() ==
          doctest::Approx(2).epsilon(0.1));
}

TEST_CASE("stage loss: weights count by band") {
    // A difference in bin 3 alone is weighted by the weight of bin 3.
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

TEST_CASE("stage loss: refuses invalid arguments") {
    generator g(1);
    const auto make = [&](const shape& s, const shape& t, std::size_t C, const stage_options& o,
                          const std::vector<double>& w = {}) {
        return loss::stage_loss<float>(s, t, unit<float>(C), o, w, g);
    };
    const auto aware = stage_options::frequency_aware();
    CHECK_RAISES(usage_error, "expected both (B, L, C) or both (B, D)", make({2, 4}, {2, 8, 4}, 4, aware));
    CHECK_RAISES(usage_error, "channels of the statistics are 3, expected 4", make({2, 8, 4}, {2, 8, 4}, 3, aware));
    CHECK_RAISES(usage_error, "number of band weights is 2, expected 5",
                 make({2, 8, 4}, {2, 8, 4}, 4, aware, {1, 1}));
    auto o = aware;
    o.alpha = 1.5;
    CHECK_RAISES(usage_error, "alpha is 1.5", make({2, 8, 4}, {2, 8, 4}, 4, o)); // see stage_options.cpp
    const auto one = make({2, 8, 4}, {2, 8, 4}, 4, aware);
    CHECK_RAISES(shape_error, "expected (B, 8, 4)",
                 one(tensor<float>(shape{2, 8, 3}), tensor<float>(shape{2, 8, 4})));
    CHECK_RAISES(shape_error, "", one(tensor<float>(shape{2, 7, 4}), tensor<float>(shape{2, 8, 4})));
}

TEST_CASE("stage loss: band weights that no term reads are refused") {
    generator g(1);
    const std::vector<double> weights{1, 2, 0.5, 1, 0.5};
    const auto make = [&](const stage_options& o, const shape& s = {2, 8, 4}, const shape& t = {2, 8, 4}) {
        return loss::stage_loss<float>(s, t, unit<float>(4), o, weights, g);
    };
    const char* const zero_alpha =
        "number of band weights is 5 and alpha is 0, expected no weights, or alpha above 0";
    CHECK_RAISES(usage_error, zero_alpha, make(stage_options::plain()));
    CHECK_RAISES(usage_error, zero_alpha, make(stage_options::plain(), {2, 12, 4}));
    using loss::phase_free, loss::time_basis;
    for (const auto term : {phase_free::kl, phase_free::attention, phase_free::none})
        CHECK_RAISES(usage_error, zero_alpha, make(options(time_basis::rdft, 0, term, 1)));
    CHECK_RAISES(usage_error, zero_alpha, make(options(time_basis::dct, 0, phase_free::magnitude, 1)));
    CHECK_RAISES(usage_error, "number of band weights is 5, expected 0 for features without a time axis",
                 make(stage_options::frequency_aware(), {2, 4}, {2, 4}));

    CHECK(make(options(time_basis::rdft, 0.5, phase_free::none, 0)).weights() == weights);
    CHECK(make(options(time_basis::rdft, 0, phase_free::magnitude, 1)).weights() == weights); // that term reads them
}

TEST_CASE("stage loss: equal channels of a much narrower teacher are compared behind a projector") {
    const tensor<double> x = normal({64, 16, 4}, 1);
    tensor<double> t = normal({64, 16, 4}, 2);
    for (double& v : t) v *= 1e-3;
    loss::feature_statistics<double> narrow{tensor<double>(shape{4}), tensor<double>(shape{4}, 1e-3)};
    generator g(3);
    for (const auto& o : {stage_options::plain(), stage_options::frequency_aware(),
                          options(loss::time_basis::dct, 1, loss::phase_free::none, 0)}) {
        const loss::stage_loss<double> one(x.shape(), t.shape(), narrow, o, {}, g);
        CHECK(parameter_count(one) == 4 * 4 + 2 * 4);
        CHECK(one(x, t).item() == doctest::Approx(2).epsilon(0.2)); // the sum of two unit variances, not 1e6
        const loss::stage_loss<double> usual(x.shape(), x.shape(), unit(4), o, {}, g);
        CHECK(parameter_count(usual) == 0);
    }
    // Features as they are, and each sample by itself, divide by nothing of the teacher's.
    for (const auto scale : {loss::standardise::none, loss::standardise::sample}) {
        auto o = stage_options::plain();
        o.scale = scale;
        CHECK(parameter_count(loss::stage_loss<double>(x.shape(), t.shape(), narrow, o, {}, g)) == 0);
    }
}

TEST_CASE("stage loss: the statistics define the teacher's space, whatever the widths") {
    const tensor<double> teacher = normal({12, 8, 4}, 1);
    loss::feature_statistics<double> channels = random_statistics(4);
    tensor<double> correlation(shape{4, 4});
    for (std::size_t c = 0; c < 4; ++c) correlation(c, c) = 1 + double(c) / 4;
    correlation(0, 1) = correlation(1, 0) = 0.5;
    channels.principal = loss::principal<double>(correlation);
    auto components = channels;
    components.space = loss::teacher_space::components;
    for (stage_options o : {stage_options::plain(), stage_options::frequency_aware()}) {
        o.explained = 1;
        for (const std::size_t of_student : {6u, 5u}) { // as many components as the teacher has channels
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
