// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage.hpp"

#include "check.hpp"

using namespace smldist;

namespace {

template <class T> loss::feature_statistics<T> statistics(const tensor<double>& mean, const tensor<double>& std) {
    return {cast<T>(mean), cast<T>(std)};
}

/// Random statistics of C channels.
struct channels {
    tensor<double> mean, std;
    explicit channels(std::size_t C) : mean(normal({C}, 11)), std(normal({C}, 12)) {
        for (double& v : std) v = std::abs(v) + 0.1;
    }
};

/// One projector in float and in double, with the same weights.
struct projectors {
    loss::projector<double> wide;
    loss::projector<float> narrow;

    projectors(const tensor<double>& w, const tensor<double>& weight, const tensor<double>& bias) {
        generator g(1);
        wide = {w.shape()[1], w.shape()[0], g};
        narrow = {w.shape()[1], w.shape()[0], g};
        wide.map.weight.value = w;
        wide.norm.weight.value = weight;
        wide.norm.bias.value = bias;
        narrow.map.weight.value = cast<float>(w);
        narrow.norm.weight.value = cast<float>(weight);
        narrow.norm.bias.value = cast<float>(bias);
    }
    const auto* of(double) const { return &wide; }
    const auto* of(float) const { return &narrow; }
};

} // namespace

TEST_CASE("stage loss without projector: gradients, both worlds, PyTorch") {
    for (const std::string name : {"stage/rank2", "stage/rank3"}) {
        const auto teacher = stored(name + "/teacher"), mean = stored(name + "/mean"), std = stored(name + "/std");
        const auto f = [&](const auto& in) {
            using T = scalar_in<std::decay_t<decltype(in)>>;
            return loss::stage(in[0], cast<T>(teacher), statistics<T>(mean, std));
        };
        check_op(name, {stored(name + "/x")}, f);
        check_loss(name, {"x"}, f);
    }
}

TEST_CASE("stage loss with projector: gradients, both worlds, PyTorch") {
    for (const std::string name : {"stage/rank2_projector", "stage/rank3_projector"}) {
        const auto array = [&](const std::string& what) { return stored(name + "/" + what); };
        const auto teacher = array("teacher"), mean = array("mean"), std = array("std");
        const projectors p(array("w"), array("weight"), array("bias"));
        for (const mode m : {mode::train, mode::eval}) {
            const auto f = [&](const auto& in) {
                using T = scalar_in<std::decay_t<decltype(in)>>;
                return loss::stage(in[0], cast<T>(teacher), statistics<T>(mean, std), p.of(T()), m);
            };
            check_op(name, {array("x")}, f);
            if (m == mode::train) check_loss(name, {"x"}, f);

            const auto parameters = testing::gradcheck_model(p.wide, [&](const auto& model, auto& t) {
                return loss::stage(t.input(array("x")), teacher, statistics<double>(mean, std), &model, m);
            });
            CHECK_MESSAGE(parameters.ok, parameters.message);
        }
        tape<double> t;
        t.backward(loss::stage(t.input(array("x")), teacher, statistics<double>(mean, std), &p.wide));
        CHECK(difference(*t.gradient(p.wide.map.weight), array("dw"), 1e-12) == "");
        CHECK(difference(*t.gradient(p.wide.norm.weight), array("dweight"), 1e-12) == "");
        CHECK(difference(*t.gradient(p.wide.norm.bias), array("dbias"), 1e-12) == "");
    }
}

TEST_CASE("stage loss: plain MSE for mean 0 and standard deviation 1") {
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    const loss::feature_statistics<double> plain{tensor<double>(shape{4}), tensor<double>(shape{4}, 1.0)};
    CHECK(loss::stage(x, t, plain).item() == doctest::Approx(loss::mse(x, t).item()).epsilon(3e-5)); // std + 1e-5
    const loss::feature_statistics<double> exact{plain.mean, tensor<double>(shape{4}, 1 - 1e-5)};
    CHECK(loss::stage(x, t, exact).item() == doctest::Approx(loss::mse(x, t).item()).epsilon(1e-12));
}

TEST_CASE("stage loss: 0 for equal features; does not depend on the scale and offset of the teacher's channels") {
    const tensor<double> x = normal({3, 8, 4}, 1), t = normal({3, 8, 4}, 2);
    const channels c(4);
    const loss::feature_statistics<double> s{c.mean, c.std};
    CHECK(loss::stage(x, x, s).item() == 0);

    const double factor[] = {100, 3, 0.5, 20};
    const auto rescaled = [&](tensor<double> v) {
        for (std::size_t i = 0; i < v.size(); ++i) v[i] = factor[i % 4] * v[i] + 7;
        return v;
    };
    loss::feature_statistics<double> other{rescaled(c.mean), c.std};
    for (std::size_t i = 0; i < 4; ++i) other.std[i] = factor[i] * (c.std[i] + 1e-5) - 1e-5;
    CHECK(loss::stage(rescaled(x), rescaled(t), other).item() ==
          doctest::Approx(loss::stage(x, t, s).item()).epsilon(1e-12));
}

TEST_CASE("stage loss: about 2 for an untrained projector, the sum of two unit variances") {
    generator random(5);
    const tensor<double> x = normal({64, 16, 3}, 1), t = normal({64, 16, 5}, 2);
    const loss::feature_statistics<double> unit{tensor<double>(shape{5}), tensor<double>(shape{5}, 1.0)};
    const loss::projector<double> map(3, 5, random);
    CHECK(loss::stage(x, t, unit, &map).item() == doctest::Approx(2).epsilon(0.1));
}

TEST_CASE("projector: shapes, a map without bias, and one name for each member") {
    generator random(5);
    const loss::projector<float> p(3, 5, random);
    CHECK(p(tensor<float>(shape{2, 7, 3}), mode::eval).shape() == shape{2, 7, 5});
    std::string names;
    walk(p, [&](const std::string& path, const auto& leaf) { names += path + leaf.shape().text() + " "; });
    CHECK(names == "map.weight(5, 3) norm.weight(5) norm.bias(5) norm.running_mean(5) norm.running_var(5) ");
}

TEST_CASE("stage loss: errors") {
    const channels c(4);
    const loss::feature_statistics<double> s{c.mean, c.std};
    generator random(1);
    const loss::projector<double> map(3, 4, random), narrow(3, 2, random);
    CHECK_RAISES(shape_error, "shape of the teacher's feature is (2, 8, 5), expected (…, 4)",
                 loss::stage(normal({2, 8, 4}), normal({2, 8, 5}), s));
    CHECK_RAISES(shape_error, "shape of the teacher's feature is (4)", loss::stage(normal({4}), normal({4}), s));
    CHECK_RAISES(shape_error, "teacher's feature", loss::stage(normal({2, 4}), normal({2, 4}), {c.mean, {1}}));
    CHECK_RAISES(shape_error, "teacher's feature", loss::stage(normal({2, 4}), normal({2, 4}), {{1}, c.std}));
    CHECK_RAISES(shape_error, "channels of student and teacher are 3 and 4, expected them equal without a projector",
                 loss::stage(normal({2, 8, 3}), normal({2, 8, 4}), s));
    CHECK_RAISES(shape_error, "(2, 7, 4) and (2, 8, 4)", loss::stage(normal({2, 7, 4}), normal({2, 8, 4}), s));
    CHECK_RAISES(shape_error, "(2, 7, 4) and (2, 8, 4)", loss::stage(normal({2, 7, 3}), normal({2, 8, 4}), s, &map));
    CHECK_RAISES(shape_error, "(2, 8, 2) and (2, 8, 4)",
                 loss::stage(normal({2, 8, 3}), normal({2, 8, 4}), s, &narrow));
    CHECK_THROWS_AS(loss::stage(normal({2, 8, 5}), normal({2, 8, 4}), s, &map), shape_error);
}
