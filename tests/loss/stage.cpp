// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage.hpp"

#include <string>
#include <type_traits>
#include <vector>

#include "stage_check.hpp"

using namespace smldist;
using loss::stage_options;

namespace {

std::vector<double> list(const tensor<double>& x) { return {x.begin(), x.end()}; }

} // namespace

TEST_CASE("plain stage loss: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const std::string name : {"stage/rank2", "stage/rank3"}) {
        const auto teacher = stored(name + "/teacher");
        const loss::feature_statistics<double> s{stored(name + "/mean"), stored(name + "/std")};
        const auto f = [&](const auto& in) { return stage(in[0], teacher, s, stage_options::plain()); };
        check_op(name, {stored(name + "/x")}, f);
        check_loss(name, {"x"}, f);
    }
}

TEST_CASE("plain stage loss with projector: gradients are exact; values and gradients agree between worlds and with "
          "PyTorch") {
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

TEST_CASE("frequency-aware stage loss: agrees with PyTorch's DFT for all phase-free terms") {
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

TEST_CASE("frequency-aware stage loss: gradients are exact and all worlds agree for all options") {
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

TEST_CASE("stage loss: gradients of projector and learned variances are exact for each way to match lengths") {
    const auto s = random_statistics(4);
    for (std::size_t match = 0; match < names_of<loss::length_match>().size(); ++match)
        for (const bool learned : {false, true}) {
            CAPTURE(names_of<loss::length_match>()[match]);
            CAPTURE(learned);
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

TEST_CASE("stage loss: behind a projector tape and tensors agree up to rounding in training and bit for bit in "
          "evaluation") {
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

TEST_CASE("stage loss: invalid arguments are refused") {
    generator g(1);
    const auto make = [&](const shape& s, const shape& t, std::size_t C, const stage_options& o,
                          const std::vector<double>& w = {}) {
        return loss::stage_loss<float>(s, t, unit<float>(C), o, w, g);
    };
    const auto aware = stage_options::frequency_aware();
    CHECK_RAISES(usage_error, "expected both (B, L, C), both (B, H, W, C) or both (B, D)",
                 make({2, 4}, {2, 8, 4}, 4, aware));
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
