// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/huber.hpp"

#include <limits>

#include "allocations.hpp"
#include "check.hpp"
#include "smldist/loss/mse.hpp"

using namespace smldist;

namespace {
const std::string file = "losses.safetensors";

/// Errors at both sides of every delta below, none near a kink, where differences are no gradients.
tensor<double> apart(const tensor<double>& t) {
    tensor<double> x = t;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += (i % 2 ? 1 : -1) * (0.2 + 0.35 * double(i % 7));
    return x;
}
} // namespace

TEST_CASE("mae and huber: gradients are exact and all worlds agree") {
    for (const shape& s : {shape{3}, shape{2, 3}, shape{2, 5, 17}}) {
        CAPTURE(s.text());
        const tensor<double> t = normal(s, 1);
        for (const double scale : {1.0, 2.5}) {
            check_op("mae" + s.text() + text(scale), {apart(t)}, [&](const auto& in) {
                return loss::mae(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(t), scale);
            });
            for (const double delta : {0.5, 1.0, 3.0})
                check_op("huber" + s.text() + text(delta), {apart(t)}, [&](const auto& in) {
                    return loss::huber(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(t),
                                       {.delta = delta, .scale = scale});
                });
        }
    }
}

TEST_CASE("mae and huber: agree with PyTorch, at equal elements too") {
    for (const std::string rank : {"rank2", "rank3"}) {
        check_loss(
            "mae/" + rank, {"x"},
            [&](const auto& in) {
                return loss::mae(
                    in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(stored("mae/" + rank + "/target", file)));
            },
            file);
        for (const double delta : {0.5, 1.0, 3.0}) {
            const std::string huber = "huber/" + rank + "_delta" + text(delta);
            check_loss(
                huber, {"x"},
                [&](const auto& in) {
                    using T = scalar_in<std::decay_t<decltype(in)>>;
                    return loss::huber(in[0], cast<T>(stored(huber + "/target", file)), {.delta = delta});
                },
                file);
            const std::string smooth = "smooth_l1/" + rank + "_beta" + text(delta);
            check_loss(
                smooth, {"x"},
                [&](const auto& in) {
                    using T = scalar_in<std::decay_t<decltype(in)>>;
                    return loss::huber(in[0], cast<T>(stored(smooth + "/target", file)),
                                       {.delta = delta, .scale = 1 / delta});
                },
                file);
        }
    }
}

TEST_CASE("mae and huber: values by hand, and the limits of huber") {
    const tensor<double> x{{1, 2}, {3, 5}}, t{{1, 0}, {2.5, 1}};
    CHECK(loss::mae(x, t).item() == (2 + 0.5 + 4) / 4);
    CHECK(loss::mae(x, t, 4).item() == 2 + 0.5 + 4);
    CHECK(loss::huber(x, t).item() == (1.5 + 0.125 + 3.5) / 4);
    CHECK(loss::huber(x, t, {.delta = 100}).item() == loss::mse(x, t, 0.5).item());
    CHECK(loss::huber(x, t, {.delta = 1e-9, .scale = 1e9}).item() ==
          doctest::Approx(loss::mae(x, t).item()).epsilon(1e-8));
    CHECK(loss::huber(x, x).item() == 0);
}

TEST_CASE("mae and huber: what is not a number makes the loss and the gradient so, wherever it lies") {
    for (std::size_t at = 0; at < 19; ++at) {
        tensor<double> x(shape{19}, 1.0), t(shape{19});
        x[at] = double(NAN);
        const auto check = [&](auto f) {
            tape<double> tape;
            const auto v = tape.variable(x);
            const auto y = f(v);
            tape.backward(y);
            CHECK(std::isnan(y.value().item()));
            CHECK(std::isnan((*tape.gradient(v))[at]));
        };
        check([&](const auto& v) { return loss::mae(v, t); });
        check([&](const auto& v) { return loss::huber(v, t); });
    }
}

TEST_CASE("mae and huber: a warmed-up step allocates nothing") {
    if (!SMLDIST_RECYCLE_MEMORY) return; // a sanitizer's build asks the heap each time
    const tensor<float> x = cast<float>(normal({32, 5})), t = cast<float>(normal({32, 5}, 1));
    tape<float> tape;
    std::size_t before = 0;
    for (int step = 0; step < 4; ++step) {
        if (step == 2) before = allocations();
        tape.reset();
        tape.backward(loss::mae(tape.variable(x), t));
        tape.backward(loss::huber(tape.variable(x), t));
    }
    CHECK(allocations() == before);
}

TEST_CASE("mae and huber: invalid arguments are refused") {
    const tensor<double> x = normal({2, 3});
    CHECK_RAISES(shape_error, "loss::mae: shapes of x and target are (2, 3) and (3, 2), expected them equal",
                 loss::mae(x, normal({3, 2})));
    CHECK_RAISES(shape_error, "expected them equal", loss::mae(tensor<double>(), tensor<double>()));
    CHECK_RAISES(shape_error, "expected them equal, with at least one axis", loss::mae(normal({}), normal({})));
    CHECK_RAISES(shape_error, "loss::huber: shapes of x and target are (2, 3) and (2, 4)",
                 loss::huber(x, normal({2, 4})));
    for (const double bad : {0.0, -1.0, double(NAN), std::numeric_limits<double>::infinity()})
        CHECK_RAISES(usage_error, "loss::huber: delta is", loss::huber(x, x, {.delta = bad}));
}
