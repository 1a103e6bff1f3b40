// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/kernel/activation.hpp"

#include <limits>

#include "compare.hpp"
#include "smldist/kernel/vector.hpp"

using namespace smldist;
using namespace smldist::testing_kernel;

namespace {

double selu_value(double x) { return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x)); }
double selu_derivative(double x) { return 1.0507009873554805 * (x > 0 ? 1.0 : 1.6732632423543772 * std::exp(x)); }
double hard_sigmoid_value(double x) { return std::clamp(x / 6 + 0.5, 0.0, 1.0); }
double hard_sigmoid_derivative(double x) { return x > -3 && x < 3 ? 1.0 / 6 : 0.0; }
double hard_swish_value(double x) { return x * hard_sigmoid_value(x); }
double hard_swish_derivative(double x) { return x <= -3 ? 0.0 : x >= 3 ? 1.0 : (2 * x + 3) / 6; }
double sigmoid_value(double x) { return 1 / (1 + std::exp(-x)); }
double sigmoid_derivative(double x) { return sigmoid_value(x) * (1 - sigmoid_value(x)); }
double gelu_value(double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; }
double gelu_derivative(double x) {
    return std::erfc(-x / std::sqrt(2.0)) / 2 + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
}
double silu_derivative(double x) { return sigmoid_value(x) * (1 + x * (1 - sigmoid_value(x))); }
double softplus_value(double x) { return std::max(0.0, x) + std::log1p(std::exp(-std::abs(x))); }
double tanh_derivative(double x) { return 1 - std::tanh(x) * std::tanh(x); }

/// value, derivative and, where it exists, derivative_of_value over [-8, 8) in 1 003 points, a length with every tail.
template <class T, class F> void compare(F f, double (*value)(double), double (*derivative)(double)) {
    const std::size_t n = 1003;
    auto x = values<T>(n, 1);
    for (T& v : x) v *= T(8);
    std::vector<T> y(n), dx(n), y_want(n), dx_want(n);
    for (std::size_t i = 0; i < n; ++i) {
        y_want[i] = static_cast<T>(value(double(x[i])));
        dx_want[i] = static_cast<T>(derivative(double(x[i])));
    }
    kernel::map(
        n, [f](auto v) { return f.value(v); }, y.data(), x.data());
    kernel::map(
        n, [f](auto v) { return f.derivative(v); }, dx.data(), x.data());
    CHECK(close(y, y_want));
    CHECK(close(dx, dx_want));
    if constexpr (requires(kernel::simd::full<T> v) { f.derivative_of_value(v); }) {
        kernel::map(
            n, [f](auto v) { return f.derivative_of_value(v); }, dx.data(), y.data());
        CHECK(close(dx, dx_want));
    }
    // A lane's bits do not depend on the pack it was computed in.
    for (std::size_t first : counts{1, 5, 990}) {
        CAPTURE(first);
        std::vector<T> part(n - first);
        kernel::map(
            part.size(), [f](auto v) { return f.value(v); }, part.data(), x.data() + first);
        CHECK(same_bits(part, std::vector<T>(y.begin() + static_cast<std::ptrdiff_t>(first), y.end())));
    }
    const std::vector<T> nan(19, std::numeric_limits<T>::quiet_NaN());
    std::vector<T> out(19);
    kernel::map(
        19, [f](auto v) { return f.value(v); }, out.data(), nan.data());
    CHECK(std::all_of(out.begin(), out.end(), [](T v) { return std::isnan(v); }));
}

TEST_CASE_TEMPLATE("activations: values and derivatives", T, float, double) {
    compare<T>(
        kernel::relu{}, [](double x) { return std::max(0.0, x); }, [](double x) { return x > 0 ? 1.0 : 0.0; });
    compare<T>(
        kernel::relu6{}, [](double x) { return std::clamp(x, 0.0, 6.0); },
        [](double x) { return x > 0 && x < 6 ? 1.0 : 0.0; });
    compare<T>(kernel::hard_sigmoid{}, hard_sigmoid_value, hard_sigmoid_derivative);
    compare<T>(kernel::hard_swish{}, hard_swish_value, hard_swish_derivative);
    compare<T>(kernel::selu{}, selu_value, selu_derivative);
    compare<T>(kernel::gelu{}, gelu_value, gelu_derivative);
    compare<T>(kernel::sigmoid{}, sigmoid_value, sigmoid_derivative);
    compare<T>(
        kernel::tanh{}, [](double x) { return std::tanh(x); }, tanh_derivative);
    compare<T>(
        kernel::silu{}, [](double x) { return x * sigmoid_value(x); }, silu_derivative);
    compare<T>(kernel::softplus{}, softplus_value, sigmoid_value);
    compare<T>(
        kernel::square_root{}, [](double x) { return std::sqrt(x); }, [](double x) { return 0.5 / std::sqrt(x); });
    compare<T>(
        kernel::absolute{}, [](double x) { return std::abs(x); }, [](double x) { return x > 0 ? 1.0 : -1.0; });
    compare<T>(
        kernel::leaky_relu{0.25}, [](double x) { return x > 0 ? x : x / 4; },
        [](double x) { return x > 0 ? 1.0 : 0.25; });
}

TEST_CASE_TEMPLATE("activations: far out, and one-sided at the kinks", T, float, double) {
    using V = kernel::simd::full<T>;
    const auto first = [](V v) {
        std::vector<T> lanes(V::size);
        kernel::simd::store(lanes.data(), v);
        return lanes[0];
    };
    CHECK(first(kernel::sigmoid{}.value(V(T(-1000)))) == T(0));
    CHECK(first(kernel::sigmoid{}.value(V(T(1000)))) == T(1));
    CHECK(first(kernel::tanh{}.value(V(T(-1000)))) == T(-1));
    CHECK(first(kernel::selu{}.value(V(T(1000)))) == doctest::Approx(1050.7009873554805));
    CHECK(first(kernel::gelu{}.value(V(T(-1000)))) == T(0));
    CHECK(first(kernel::gelu{}.value(V(T(1000)))) == T(1000));
    CHECK(first(kernel::gelu{}.derivative(V(T(-1000)))) == T(0));
    CHECK(first(kernel::gelu{}.derivative(V(T(1000)))) == T(1));
    CHECK(first(kernel::relu{}.derivative(V(T(0)))) == T(0));
    CHECK(first(kernel::relu6{}.derivative(V(T(6)))) == T(0));
    CHECK(first(kernel::hard_sigmoid{}.derivative(V(T(3)))) == T(0));
    CHECK(first(kernel::hard_swish{}.derivative(V(T(-3)))) == T(0));
    CHECK(first(kernel::hard_swish{}.derivative(V(T(3)))) == T(1));
    CHECK(first(kernel::absolute{}.derivative(V(T(0)))) == T(0));
    CHECK(first(kernel::square_root{}.derivative(V(T(0)))) == std::numeric_limits<T>::infinity());
    CHECK(first(kernel::silu{}.value(V(T(-100)))) == doctest::Approx(0).epsilon(1e-30));
    CHECK(first(kernel::softplus{}.value(V(T(1000)))) == T(1000));
}

TEST_CASE_TEMPLATE("activations: powers, as products where the exponent is small and whole", T, float, double) {
    for (const double p : {-9.0, -8.0, -3.0, -1.0, 0.0, 1.0, 2.0, 7.0, 8.0, 9.0, 0.5, -1.5}) {
        CAPTURE(p);
        bool whole = false;
        auto x = values<T>(43, 1), y = x, want = x;
        for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] = T(1.5) + x[i];
            want[i] = static_cast<T>(std::pow(double(x[i]), p));
        }
        kernel::with_power(p, [&](auto f) {
            whole = std::is_same_v<decltype(f), kernel::whole_power>;
            kernel::map(
                x.size(), [f](auto v) { return f.value(v); }, y.data(), x.data());
        });
        CHECK(close(y, want));
        CHECK(whole == (std::abs(p) <= 8 && p == std::floor(p)));
    }
}

} // namespace
