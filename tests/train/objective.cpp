// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/objective.hpp"

#include "smldist/core/random.hpp"
#include "train/tiny.hpp"

using namespace smldist;

TEST_CASE("supervised: is the cross entropy of labels and smoothed labels and mixed labels") {
    const network net = make(student_config());
    for (const double smoothing : {0.0, 0.2})
        for (const double mixup : {0.0, 5.0}) {
            CAPTURE(smoothing);
            CAPTURE(mixup);
            const data::batch b = first_batch(mixup);
            tape<float> t;
            const auto out = net(t.input(b.x), mode::eval);
            const auto value = train::supervised{smoothing}(t, out, b, 0.5);
            const tensor<float> wanted = loss::cross_entropy(
                out.logits.value(), b.label, {.label_smoothing = smoothing, .class_weight = {}}, {b.other, b.share});
            CHECK(value.loss.value().item() == wanted.item());
            CHECK(value.terms.total == double(wanted.item()));
            CHECK(value.terms["hard"] == value.terms.total);
            CHECK(value.terms.size() == 1);
        }
}
