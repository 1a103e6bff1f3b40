// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/rkd.hpp"

#include "check.hpp"

using namespace smldist;
using loss::baseline::rkd;
using loss::baseline::rkd_options;

namespace {
rkd with(double distance, double angle) {
    rkd_options o;
    o.distance = distance;
    o.angle = angle;
    return {o};
}
const std::pair<double, double> every_part[] = {{25, 50}, {25, 0}, {0, 50}};
} // namespace

TEST_CASE("rkd: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    for (const auto& [distance, angle] : every_part) {
        const std::string name = "rkd/d" + text(distance) + "_a" + text(angle);
        const auto f = against(with(distance, angle), part::feature, {baseline_array(name + "/teacher_feature")});
        check_op(name, {baseline_array(name + "/feature")}, f);
        check_baseline(name, {"feature"}, f);
    }
}

TEST_CASE("rkd: gradients are exact for a batch larger than a SIMD pack") {
    const tensor<double> t = normal({19, 3}, 1);
    for (const auto& row : every_part) {
        const auto& [distance, angle] = row;
        CAPTURE(row.first);
        CAPTURE(row.second);
        const auto r = testing::gradcheck({normal({19, 4})}, against(with(distance, angle), part::feature, {t}));
        CHECK_MESSAGE(r.ok, r.message);
    }
}

TEST_CASE("rkd: unchanged when features are rotated or moved or scaled") {
    const tensor<double> x = normal({7, 5}), t = normal({7, 4}, 1);
    for (const auto& row : every_part) {
        const auto& [distance, angle] = row;
        CAPTURE(row.first);
        CAPTURE(row.second);
        const rkd m = with(distance, angle);
        const double y = term_of(m, part::feature, {x}, {t});
        CHECK(y > 0.1);
        for (const auto& other : {rotated(x), affine(x, 1, 3), affine(x, -4)}) {
            CAPTURE(other[0]);
            CHECK(term_of(m, part::feature, {other}, {t}) == doctest::Approx(y).epsilon(1e-10));
            const auto [value, slope] = differentiate(m, part::feature, {other}, {x});
            CHECK(value < 1e-20);
            CHECK(slope < 1e-10);
        }
    }
}

TEST_CASE("rkd: the gradient is finite with equal windows and 0 for a batch of equal windows") {
    tensor<double> x = normal({5, 3});
    std::copy_n(x.data(), 3, x.data() + 3);
    const tensor<double> t = normal({5, 4}, 1);
    const auto pair = differentiate(rkd{}, part::feature, {x}, {t});
    CHECK(std::isfinite(pair.value));
    CHECK(std::isfinite(pair.slope));
    const auto all = differentiate(rkd{}, part::feature, {tensor<double>(shape{5, 3}, 2.0)}, {t});
    CHECK(std::isfinite(all.value));
    CHECK(all.slope == 0);
}

TEST_CASE("rkd: invalid arguments are refused") {
    check_weights<rkd_options>();
    check_option<rkd_options>({}, [](auto& o) -> double& { return o.distance; }, "distance",
                              {-1, not_a_number, infinite});
    check_option<rkd_options>({}, [](auto& o) -> double& { return o.angle; }, "angle", {-1, not_a_number, infinite});
    generator g;
    CHECK_RAISES(usage_error, "expected (B, D)",
                 rkd{}.prepare(shapes_of(part::feature, {{2, 3}}), shapes_of(part::feature, {{2, 3, 4}}), g));
    CHECK_RAISES(shape_error, "(4, 3) and (5, 5)", term_of(rkd{}, part::feature, {normal({4, 3})}, {normal({5, 3})}));
    CHECK_RAISES(shape_error, "B >= 2", term_of(rkd{}, part::feature, {normal({1, 3})}, {normal({1, 3})}));
    CHECK_RAISES(shape_error, "expected (B, D)",
                 term_of(rkd{}, part::feature, {normal({4, 3})}, {normal({4, 3, 2})}));
}
