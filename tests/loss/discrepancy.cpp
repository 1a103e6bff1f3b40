// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/discrepancy.hpp"

#include "check.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

/// Maps from two lengths onto the rDFT of L samples, uneven weights; with or without magnitudes.
template <class T> struct parts {
    tensor<T> student, teacher, weight, band_weight;
    std::vector<typename loss::time_bands<T>::band> bands;
    std::shared_ptr<const loss::discrepancy_tables<T>> tables;

    parts(std::size_t L, std::size_t from_x, std::size_t from_t, bool magnitudes) {
        const auto basis = loss::make_basis<double>(loss::time_basis::rdft, L);
        const auto onto = [&](std::size_t from) {
            return from == L ? basis.matrix
                             : loss::product(basis.matrix,
                                             loss::make_length_map<double>(loss::length_match::linear, L, from));
        };
        tensor<double> rows = normal({L}, 21), of_bands = normal({basis.bands.size()}, 22);
        for (double& v : rows) v = std::abs(v) + 0.1;
        for (double& v : of_bands) v = std::abs(v) + 0.1;
        student = cast<T>(onto(from_x)), teacher = cast<T>(onto(from_t)), weight = cast<T>(rows);
        if (magnitudes) {
            band_weight = cast<T>(of_bands);
            for (const auto& b : basis.bands) bands.push_back({b.first_row, b.rows, b.low, b.high});
        }
        tables = std::make_shared<const loss::discrepancy_tables<T>>(student, teacher, from_x == L && from_t == L,
                                                                     weight, bands, band_weight);
    }
};

/// The same by the ops it stands for.
double by_parts(const parts<double>& p, const tensor<double>& x, const tensor<double>& t, loss::penalty kind,
                double delta) {
    const auto X = op::matmul(p.student, x), Z = op::matmul(p.teacher, t);
    double y = op::sum(op::mul(op::apply(loss::row_penalty_op<double>{kind, delta}, X, Z), p.weight)).item();
    if (p.bands.empty()) return y;
    using band = loss::time_bands<double>::band;
    const loss::band_power_op<double> power{std::make_shared<const std::vector<band>>(p.bands)};
    const loss::log_magnitude_op<double> magnitude;
    const auto a = op::apply(magnitude, op::apply(power, X)), b = op::apply(magnitude, op::apply(power, Z));
    return y + op::sum(op::mul(op::apply(loss::row_penalty_op<double>{}, a, b), p.band_weight)).item();
}

} // namespace

TEST_CASE("discrepancy: gradients, both worlds, and the ops it stands for") {
    for (std::size_t kind = 0; kind < loss::penalty_names.size(); ++kind)
        for (const bool magnitudes : {false, true})
            for (const auto& [L, from_x, from_t] : {std::tuple(8, 8, 8), {9, 9, 9}, {6, 8, 6}, {6, 6, 11}})
                for (const std::size_t C : {3u, 17u}) {
                    const std::string name = std::string(loss::penalty_names[kind]) +
                                             (magnitudes ? " magnitude " : " ") + std::to_string(L) + " " +
                                             std::to_string(from_x) + " " + std::to_string(from_t) + " " +
                                             std::to_string(C);
                    const auto pen = static_cast<loss::penalty>(kind);
                    const auto n = [](int v) { return static_cast<std::size_t>(v); };
                    const parts<double> wide(n(L), n(from_x), n(from_t), magnitudes);
                    const parts<float> narrow(n(L), n(from_x), n(from_t), magnitudes);
                    const tensor<double> x = normal({2, n(from_x), C}, 1), t = normal({2, n(from_t), C}, 2);
                    const auto f = [&](const auto& in) {
                        using T = scalar_in<std::decay_t<decltype(in)>>;
                        if constexpr (std::is_same_v<T, float>)
                            return op::apply(loss::discrepancy_op<T>{narrow.tables, pen, 0.7}, in[0], cast<T>(t));
                        else
                            return op::apply(loss::discrepancy_op<T>{wide.tables, pen, 0.7}, in[0], t);
                    };
                    check_op(name, {x}, f);
                    const double wanted = by_parts(wide, x, t, pen, 0.7);
                    CHECK(op::apply(loss::discrepancy_op<double>{wide.tables, pen, 0.7}, x, t).item() ==
                          doctest::Approx(wanted).epsilon(1e-12));
                    CHECK(double(op::apply(loss::discrepancy_op<float>{narrow.tables, pen, 0.7}, cast<float>(x),
                                           cast<float>(t))
                                     .item()) == doctest::Approx(wanted).epsilon(1e-5));
                }
}

TEST_CASE("discrepancy: gradients are added to what is there; 0 for equal features") {
    const auto tables = parts<double>(8, 8, 8, true).tables;
    const tensor<double> x = normal({2, 8, 3}, 1), t = normal({2, 8, 3}, 2);
    tape<double> tape;
    const auto v = tape.variable(x);
    const loss::discrepancy_op<double> op{tables};
    tape.backward(op::add(op::scale(op::apply(op, v, t), 2), op::apply(op, v, t)));
    const tensor<double> thrice = *tape.gradient(v);
    tape.reset();
    const auto w = tape.variable(x);
    tape.backward(op::apply(op, w, t));
    for (std::size_t i = 0; i < x.size(); ++i)
        CHECK(thrice[i] == doctest::Approx(3 * (*tape.gradient(w))[i]).scale(1e-3).epsilon(1e-12));
    CHECK(op::apply(op, x, x).item() == 0);
}

TEST_CASE("discrepancy: the same bits on any number of threads") {
    const auto tables = parts<float>(16, 16, 16, true).tables;
    const tensor<float> x = cast<float>(normal({40, 16, 24}, 1)), t = cast<float>(normal({40, 16, 24}, 2));
    const auto run = [&](std::size_t n) {
        const std::size_t before = threads();
        set_threads(n);
        tape<float> tape;
        const auto v = tape.variable(x);
        const auto y = op::apply(loss::discrepancy_op<float>{tables}, v, t);
        tape.backward(y);
        set_threads(before);
        return std::pair(y.value(), *tape.gradient(v));
    };
    const auto one = run(1), three = run(3);
    CHECK(identical(one.first, three.first));
    CHECK(identical(one.second, three.second));
}

TEST_CASE("discrepancy: errors") {
    const loss::discrepancy_op<float> op{parts<float>(8, 8, 9, false).tables};
    const auto of = [&](const shape& x, const shape& t) { return op::apply(op, tensor<float>(x), tensor<float>(t)); };
    CHECK(of({2, 8, 3}, {2, 9, 3}).item() == 0);
    CHECK_RAISES(shape_error, "(2, 9, 3) and (2, 9, 3), expected (B, 8, C) and (B, 9, C)", of({2, 9, 3}, {2, 9, 3}));
    CHECK_RAISES(shape_error, "expected (B, 8, C)", of({2, 8, 3}, {2, 8, 3}));
    CHECK_RAISES(shape_error, "expected (B, 8, C)", of({2, 8, 3}, {2, 9, 4}));
    CHECK_RAISES(shape_error, "expected (B, 8, C)", of({2, 8, 3}, {1, 9, 3}));
    CHECK_RAISES(shape_error, "expected (B, 8, C)", of({8, 3}, {2, 9, 3}));
}
