// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/stage/fused.hpp"

#include "../check.hpp"
#include "allocations.hpp"
#include "smldist/op/arithmetic.hpp"
#include "smldist/op/linear.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reduce.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {

/// How the target is brought to the feature's channels.
enum class targets { as_they_are, scaled, projected };

/// Maps from two lengths onto the rDFT of L samples, uneven weights; with or without magnitudes. L = 0: no maps.
template <class T> struct parts {
    tensor<T> student, teacher, weight, band_weight, factor, directions, offset;
    std::vector<typename loss::stage::time_bands<T>::band> bands;
    std::shared_ptr<const loss::stage::discrepancy_tables<T>> tables;

    parts(std::size_t L, std::size_t from_x, std::size_t from_t, bool magnitudes, std::size_t C = 0,
          targets to = targets::as_they_are) {
        loss::stage::target_map<T> target;
        if (to != targets::as_they_are) offset = cast<T>(normal({C}, 25));
        if (to == targets::scaled) {
            factor = cast<T>(normal({C}, 24));
            target = {factor, offset};
        }
        if (to == targets::projected) {
            directions = cast<T>(normal({C, C + 2}, 23));
            target = loss::stage::target_map<T>::onto(directions, offset);
        }
        if (L == 0) {
            tables = std::make_shared<const loss::stage::discrepancy_tables<T>>(target);
            return;
        }
        const auto basis = loss::stage::make_basis<double>(loss::stage::time_basis::rdft, L);
        const auto onto = [&](std::size_t from) {
            return from == L ? basis.matrix
                             : loss::stage::product(basis.matrix, loss::stage::make_length_map<double>(
                                                                      loss::stage::length_match::linear, L, from));
        };
        tensor<double> rows = normal({L}, 21), of_bands = normal({basis.bands.size()}, 22);
        for (double& v : rows) v = std::abs(v) + 0.1;
        for (double& v : of_bands) v = std::abs(v) + 0.1;
        student = cast<T>(onto(from_x)), teacher = cast<T>(onto(from_t)), weight = cast<T>(rows);
        if (magnitudes) {
            band_weight = cast<T>(of_bands);
            for (const auto& b : basis.bands) bands.push_back({b.first_row, b.rows, b.low, b.high});
        }
        tables = std::make_shared<const loss::stage::discrepancy_tables<T>>(
            target, student, teacher, from_x == L && from_t == L, weight, bands, band_weight);
    }
};

/// The same by the ops it stands for.
double by_parts(const parts<double>& p, const tensor<double>& x, const tensor<double>& map, const tensor<double>& t,
                loss::stage::penalty kind, double delta) {
    const tensor<double> z = map.empty() ? x : op::apply(op::normalise_op<double>{}, x, map);
    tensor<double> to = t;
    if (!p.directions.empty()) to = op::linear(t, p.directions, p.offset);
    if (!p.factor.empty()) to = op::add(op::mul(t, p.factor), p.offset);
    if (p.student.empty()) {
        const shape rows{1, z.shape().rows(), z.shape().back()};
        return op::mean(op::apply(loss::stage::row_penalty_op<double>{kind, delta}, op::reshape(z, rows),
                                  op::reshape(to, rows)))
            .item();
    }
    const auto X = op::matmul(p.student, z), Z = op::matmul(p.teacher, to);
    double y = op::sum(op::mul(op::apply(loss::stage::row_penalty_op<double>{kind, delta}, X, Z), p.weight)).item();
    if (p.bands.empty()) return y;
    using band = loss::stage::time_bands<double>::band;
    const loss::stage::band_power_op<double> power{std::make_shared<const std::vector<band>>(p.bands)};
    const loss::stage::log_magnitude_op<double> magnitude;
    const auto a = op::apply(magnitude, op::apply(power, X)), b = op::apply(magnitude, op::apply(power, Z));
    return y + op::sum(op::mul(op::apply(loss::stage::row_penalty_op<double>{}, a, b), p.band_weight)).item();
}

/// Gradients, both worlds and the ops it stands for, with a map and without.
void check_parts(const std::string& name, const parts<double>& wide, const parts<float>& narrow, const shape& of_x,
                 const shape& of_t, loss::stage::penalty pen) {
    const std::size_t C = of_x.back();
    const tensor<double> x = normal(of_x, 1), t = normal(of_t, 2), map = normal({3, C}, 3);
    for (const bool mapped : {false, true}) {
        const auto f = [&](const auto& in) {
            using T = scalar_in<std::decay_t<decltype(in)>>;
            const auto apply = [&](const auto& p, const tensor<T>& target) {
                const loss::stage::discrepancy_op<T> op{p.tables, pen, 0.7};
                return mapped ? op::apply(op, in[0], in[1], target) : op::apply(op, in[0], tensor<T>(), target);
            };
            if constexpr (std::is_same_v<T, float>)
                return apply(narrow, cast<T>(t));
            else
                return apply(wide, t);
        };
        check_op(name, mapped ? std::vector{x, map} : std::vector{x}, f);
        const tensor<double> used = mapped ? map : tensor<double>();
        const double wanted = by_parts(wide, x, used, t, pen, 0.7);
        CHECK(op::apply(loss::stage::discrepancy_op<double>{wide.tables, pen, 0.7}, x, used, t).item() ==
              doctest::Approx(wanted).epsilon(1e-12));
        CHECK(double(op::apply(loss::stage::discrepancy_op<float>{narrow.tables, pen, 0.7}, cast<float>(x),
                               mapped ? cast<float>(map) : tensor<float>(), cast<float>(t))
                         .item()) == doctest::Approx(wanted).epsilon(1e-5));
    }
}

TEST_CASE("discrepancy: chunks of parallel loops do not allocate") {
    const parts<float> p(16, 32, 16, true, 8, targets::projected);
    const auto x = cast<float>(normal({24, 32, 8}, 1)), t = cast<float>(normal({24, 16, 10}, 2)),
               map = cast<float>(normal({3, 8}, 3));
    const std::size_t before = threads();
    set_threads(1); // threads of the pool that have no free block yet
    set_threads(3);
    memory::trim();
    const std::size_t made = allocations_in_chunks();
    tape<float> record;
    record.backward(op::apply(loss::stage::discrepancy_op<float>{p.tables}, record.input(x), map, t));
    CHECK(allocations_in_chunks() == made);
    set_threads(before);
}

} // namespace

TEST_CASE("discrepancy: gradients are exact and all worlds agree; it equals the ops that it replaces") {
    for (std::size_t kind = 0; kind < names_of<loss::stage::penalty>().size(); ++kind)
        for (const bool magnitudes : {false, true})
            for (const auto& [L, from_x, from_t] :
                 {std::tuple(8u, 8u, 8u), {9u, 9u, 9u}, {6u, 8u, 6u}, {6u, 6u, 11u}, {0u, 5u, 5u}})
                for (const std::size_t C : {3u, 17u})
                    for (const auto to : {targets::as_they_are, targets::scaled, targets::projected}) {
                        if (L == 0 && magnitudes) continue;
                        const std::string name = std::string(names_of<loss::stage::penalty>()[kind]) +
                                                 (magnitudes ? " magnitude " : " ") + std::to_string(L) + " " +
                                                 std::to_string(from_x) + " " + std::to_string(from_t) + " " +
                                                 std::to_string(C) + " " + std::to_string(static_cast<int>(to));
                        check_parts(name, {L, from_x, from_t, magnitudes, C, to},
                                    {L, from_x, from_t, magnitudes, C, to}, {3, from_x, C},
                                    {3, from_t, to == targets::projected ? C + 2 : C},
                                    static_cast<loss::stage::penalty>(kind));
                    }
}

TEST_CASE("discrepancy: equals the composed ops for features without time and for many samples") {
    check_parts("rows", {0, 0, 0, false, 5, targets::projected}, {0, 0, 0, false, 5, targets::projected}, {7, 5},
                {7, 7}, loss::stage::penalty::huber);
    check_parts("groups", {24, 24, 24, true, 2, targets::projected}, {24, 24, 24, true, 2, targets::projected},
                {5, 24, 2}, {5, 24, 4}, loss::stage::penalty::square);
}

TEST_CASE("discrepancy: gradients are added to existing ones; 0 for equal features") {
    const auto tables = parts<double>(8, 8, 8, true).tables;
    const tensor<double> x = normal({2, 8, 3}, 1), t = normal({2, 8, 3}, 2);
    tape<double> tape;
    const auto v = tape.variable(x);
    const loss::stage::discrepancy_op<double> op{tables};
    const tensor<double> none;
    tape.backward(op::add(op::scale(op::apply(op, v, none, t), 2), op::apply(op, v, none, t)));
    const tensor<double> thrice = *tape.gradient(v);
    tape.reset();
    const auto w = tape.variable(x);
    tape.backward(op::apply(op, w, none, t));
    for (std::size_t i = 0; i < x.size(); ++i)
        CHECK(thrice[i] == doctest::Approx(3 * (*tape.gradient(w))[i]).scale(1e-3).epsilon(1e-12));
    CHECK(op::apply(op, x, none, x).item() < 1e-28);
}

TEST_CASE("discrepancy: reads the map of a projector's normalised result and of nothing else") {
    const auto tables = parts<double>(8, 8, 8, true).tables;
    const tensor<double> x = normal({2, 8, 3}, 1), target = normal({2, 8, 3}, 2), own = normal({3, 3}, 5), none;
    const parameter<double> onto{normal({3, 3}, 6)}, absent, weight{normal({3}, 3)}, bias{normal({3}, 4)};
    const buffer<double> mean{tensor<double>(shape{3})}, var{tensor<double>(shape{3}, 1.0)};
    const loss::stage::discrepancy_op<double> op{tables};
    for (const bool projected : {false, true})
        for (const auto& row : {std::pair(false, false), {true, false}, {false, true}}) {
            const auto& [active, mapped] = row;
            CAPTURE(projected);
            CAPTURE(row.first);
            CAPTURE(row.second);
            tape<double> late, stored;
            stored.store_normed(true);
            const auto run = [&, active = active, mapped = mapped](tape<double>& t) {
                const auto v = t.variable(x);
                const auto p = projected ? op::linear(v, onto, absent) : op::scale(v, 2);
                auto z = op::batch_norm(p, weight, bias, mean, var, mode::train);
                if (active) z = op::relu(z);
                const auto y = op::apply(op, z, mapped ? own : none, target);
                CHECK((t.normed(z) != nullptr) == (&t == &late && projected && !active && !mapped));
                t.backward(y);
                return std::pair{y.value().item(), *t.gradient(v)};
            };
            const auto a = run(late), b = run(stored);
            CHECK(a.first == doctest::Approx(b.first).epsilon(1e-12));
            CHECK(difference(a.second, b.second, 1e-12) == "");
            CHECK(difference(*std::as_const(late).gradient(weight), *std::as_const(stored).gradient(weight), 1e-12) ==
                  "");
        }
}

TEST_CASE("discrepancy: the target is moved onto the tape as a constant") {
    const auto tables = parts<double>(8, 8, 8, true).tables;
    tape<double> t;
    const auto x = t.variable(normal({2, 8, 3}, 1));
    tensor<double> target = normal({2, 8, 3}, 2);
    const double* const at = target.data();
    const auto y = op::apply(loss::stage::discrepancy_op<double>{tables}, x, tensor<double>(), std::move(target));
    const var<double> constant{&t, y.id - 1};
    CHECK(constant.value().data() == at);
    t.backward(y);
    CHECK(t.gradient(constant) == nullptr);
    CHECK(t.gradient(x) != nullptr);
}

TEST_CASE("discrepancy: the same bits on any number of threads") {
    const auto tables = parts<float>(16, 16, 16, true).tables;
    const tensor<float> x = cast<float>(normal({40, 16, 24}, 1)), t = cast<float>(normal({40, 16, 24}, 2)),
                        map = cast<float>(normal({3, 24}, 3));
    const auto run = [&](std::size_t n) {
        const std::size_t before = threads();
        set_threads(n);
        tape<float> tape;
        const auto v = tape.variable(x), m = tape.variable(map);
        const auto y = op::apply(loss::stage::discrepancy_op<float>{tables}, v, m, t);
        tape.backward(y);
        set_threads(before);
        return std::vector{y.value(), *tape.gradient(v), *tape.gradient(m)};
    };
    const auto one = run(1), three = run(3);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(identical(one[i], three[i]));
}

TEST_CASE("discrepancy: invalid arguments are refused") {
    const auto of = [&](const loss::stage::discrepancy_op<float>& op, const shape& x, const shape& t,
                        const shape& map = {}) {
        return op::apply(op, tensor<float>(x), map.rank() == 0 ? tensor<float>() : tensor<float>(map),
                         tensor<float>(t));
    };
    const loss::stage::discrepancy_op<float> op{parts<float>(8, 8, 9, false).tables};
    CHECK(of(op, {2, 8, 3}, {2, 9, 3}).item() == 0);
    CHECK_RAISES(shape_error, "(2, 9, 3) and (2, 9, 3), expected (B, 8, 3) and (B, 9, 3)",
                 of(op, {2, 9, 3}, {2, 9, 3}));
    CHECK_RAISES(shape_error, "expected (B, 8, 3)", of(op, {2, 8, 3}, {2, 8, 3}));
    CHECK_RAISES(shape_error, "expected (B, 8, 3)", of(op, {2, 8, 3}, {2, 9, 4}));
    CHECK_RAISES(shape_error, "expected (B, 8, 3)", of(op, {2, 8, 3}, {1, 9, 3}));
    CHECK_RAISES(shape_error, "expected (B, 8, 3)", of(op, {8, 3}, {2, 9, 3}));
    CHECK_RAISES(shape_error, "(2, 8, 3) and (3, 4), expected (…, C) and (3, C)",
                 of(op, {2, 8, 3}, {2, 9, 3}, {3, 4}));
    const loss::stage::discrepancy_op<float> rows{parts<float>(0, 0, 0, false, 3, targets::projected).tables};
    CHECK_RAISES(shape_error, "(4, 3) and (4, 6), expected (B, …, 3) and (B, …, 5)", of(rows, {4, 3}, {4, 6}));
    CHECK_RAISES(shape_error, "expected (B, …, 3)", of(rows, {4, 4}, {4, 5}));
    CHECK_RAISES(shape_error, "expected (B, …, 3)", of(rows, {4, 3}, {5, 5}));
    CHECK_RAISES(shape_error, "expected (B, …, 3)", of(rows, {0, 3}, {0, 5}));
}
