// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/baseline/simkd.hpp"

#include "check.hpp"

using namespace smldist;
using loss::baseline::simkd;
using loss::baseline::simkd_options;

TEST_CASE("simkd: gradients are exact; values and gradients agree between worlds and with PyTorch") {
    const auto f = against(simkd{}, part::feature, {baseline_array("simkd/default/teacher_feature")});
    check_op("simkd", {baseline_array("simkd/default/feature")}, f);
    check_baseline("simkd/default", {"feature"}, f);
}

TEST_CASE("simkd: 0 with zero gradient for the teacher's feature; labels have no weight") {
    const tensor<double> x = normal({4, 3});
    const auto [value, slope] = differentiate(simkd{}, part::feature, {x}, {x});
    CHECK(value == 0);
    CHECK(slope == 0);
    CHECK(simkd{}.options.weight.hard == 0);
}

TEST_CASE("simkd: invalid arguments are refused") {
    check_weights<simkd_options>();
    generator g;
    const auto shapes = [](const shape& feature, const shape& logits) {
        outputs<shape> s;
        s.feature = feature;
        s.logits = logits;
        return s;
    };
    CHECK_NOTHROW(simkd{}.prepare(shapes({2, 8}, {2, 6}), shapes({2, 8}, {2, 6}), g));
    CHECK_RAISES(usage_error, "are 4 and 8", simkd{}.prepare(shapes({2, 4}, {2, 6}), shapes({2, 8}, {2, 6}), g));
    CHECK_RAISES(usage_error, "(2, 5) and (2, 6)",
                 simkd{}.prepare(shapes({2, 8}, {2, 5}), shapes({2, 8}, {2, 6}), g));
    CHECK_RAISES(shape_error, "(4, 3) and (4, 5)",
                 term_of(simkd{}, part::feature, {normal({4, 3})}, {normal({4, 5})}));
}
