// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/mse.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("mse: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const std::string rank : {"rank2", "rank3"}) {
        const tensor<double> target = stored("mse/" + rank + "/target");
        for (const double scale : {1.0, 0.0, 2.5}) {
            CAPTURE(scale);
            check_op(rank + "_scale" + text(scale), {stored("mse/" + rank + "/x")}, [&](const auto& in) {
                return loss::mse(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(target), scale);
            });
        }
        check_loss("mse/" + rank, {"x"}, [&](const auto& in) {
            return loss::mse(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(target));
        });
    }
}

TEST_CASE("mse: gradients are exact with a scale for every channel") {
    for (const shape& s : {shape{3}, shape{2, 3}, shape{2, 5, 17}})
        for (const double scale : {1.0, 0.4}) {
            CAPTURE(s.text());
            CAPTURE(scale);
            const tensor<double> target = normal(s, 1), channel = normal({s.back()}, 2);
            check_op(s.text() + "_scale" + text(scale), {normal(s)}, [&](const auto& in) {
                using T = scalar_in<std::decay_t<decltype(in)>>;
                return op::apply(loss::mse_op<T>{scale}, in[0], cast<T>(target), cast<T>(channel));
            });
        }
}

TEST_CASE("mse: the value is the one computed by hand") {
    const tensor<double> x{{1, 2}, {3, 5}}, t{{1, 0}, {0, 1}};
    CHECK(loss::mse(x, t).item() == (4 + 9 + 16) / 4.0);
    CHECK(loss::mse(x, t, 2).item() == (4 + 9 + 16) / 2.0);
    CHECK(op::apply(loss::mse_op<double>{}, x, t, tensor<double>{2, 0.5}).item() == (1 + 36 + 4) / 4.0);
    CHECK(loss::mse(x, x).item() == 0);
}

TEST_CASE("mse: invalid arguments are refused") {
    const tensor<double> x = normal({2, 3});
    CHECK_RAISES(shape_error, "shapes of x and target are (2, 3) and (3, 2)", loss::mse(x, normal({3, 2})));
    CHECK_RAISES(shape_error, "expected them equal", loss::mse(tensor<double>(), tensor<double>()));
    CHECK_RAISES(shape_error, "expected them equal, with at least one axis", loss::mse(normal({}), normal({})));
    CHECK_RAISES(shape_error, "shape of the channel scale is (2), expected (3)",
                 op::apply(loss::mse_op<double>{}, x, x, normal({2})));
}
