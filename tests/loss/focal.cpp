// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/loss/focal.hpp"

#include <limits>

#include "allocations.hpp"
#include "check.hpp"
#include "smldist/loss/binary_cross_entropy.hpp"

using namespace smldist;

namespace {
const std::string file = "losses.safetensors";
const std::vector<int> labels{0, 4, 1, 1, 3};
const std::vector<int> other{2, 4, 0, 3, 3};

tensor<double> targets(const shape& s, bool soft) {
    tensor<double> t = normal(s, 1);
    for (double& v : t) v = soft ? 1 / (1 + std::exp(-v)) : v > 0 ? 1 : 0;
    return t;
}
} // namespace

TEST_CASE("focal: gradients are exact and all worlds agree") {
    for (const double gamma : {0.0, 0.5, 1.0, 2.0, 5.0})
        for (const bool weighted : {false, true})
            for (const bool mixed : {false, true}) {
                loss::focal_options o{.gamma = gamma};
                if (weighted) o.alpha = {0.5, 2, 0, 1, 3};
                const loss::mixed_labels mix = mixed ? loss::mixed_labels(other, 0.7) : loss::mixed_labels();
                check_op("gamma" + text(gamma), {normal({5, 5})},
                         [&](const auto& in) { return loss::focal(in[0], labels, o, mix); });
            }
}

TEST_CASE("focal: agrees with PyTorch") {
    for (const double gamma : {0.0, 0.5, 2.0, 5.0})
        for (const bool weighted : {false, true}) {
            const std::string name = "focal/gamma" + text(gamma) + "_weighted" + (weighted ? "1" : "0");
            loss::focal_options o{.gamma = gamma};
            if (weighted)
                for (const double a : stored(name + "/alpha", file)) o.alpha.push_back(a);
            const auto label = stored_labels(name + "/label", file);
            check_loss(
                name, {"z"}, [&](const auto& in) { return loss::focal(in[0], label, o); }, file);
        }
}

TEST_CASE("focal: gamma 0 is the cross entropy, and a mixture the mixture of the losses") {
    const tensor<double> z = normal({5, 5});
    CHECK(loss::focal(z, labels, {.gamma = 0}).item() ==
          doctest::Approx(loss::cross_entropy(z, labels).item()).epsilon(1e-14));
    CHECK(loss::focal(z, labels, {}, {other, 0.7}).item() ==
          doctest::Approx(0.7 * loss::focal(z, labels).item() + 0.3 * loss::focal(z, other).item()).epsilon(1e-14));
}

TEST_CASE("focal: logits far apart give finite losses and gradients") {
    for (const double gamma : {0.0, 0.5, 2.0})
        for (const float far : {20.0f, 90.0f, 1e4f})
            for (const int label : {0, 1}) {
                CAPTURE(gamma);
                CAPTURE(far);
                CAPTURE(label);
                tape<float> tape;
                const auto v = tape.variable(tensor<float>{{far, 0}});
                const std::vector<int> one{label};
                const auto y = loss::focal(v, one, {.gamma = gamma});
                tape.backward(y);
                const tensor<float>& d = *tape.gradient(v);
                CHECK(double(y.value().item()) ==
                      doctest::Approx(label == 1 ? double(far) : 0).epsilon(1e-6).scale(1e-3));
                for (std::size_t i = 0; i < 2; ++i)
                    CHECK(double(d[i]) == doctest::Approx(label == 0 ? 0.0 : i == 0 ? 1.0 : -1.0).scale(1e-3));
            }
}

TEST_CASE("focal: the slope where p is near 1 keeps its digits") {
    // p = 1 - 1e-6: L = -(1 - p)^½ ln p, dL/dz_0 = -γ r^(γ-1) p ln p … ≈ -1.5 r^1.5 (first order)
    const double z = std::log(1e6 - 1);
    tape<float> tape;
    const auto v = tape.variable(tensor<float>{{static_cast<float>(z), 0}});
    const std::vector<int> one{0};
    tape.backward(loss::focal(v, one, {.gamma = 0.5}));
    CHECK(double((*tape.gradient(v))[0]) == doctest::Approx(-1.5e-9).epsilon(1e-4).scale(0));
}

TEST_CASE("binary_focal: gradients are exact, all worlds agree, and so does PyTorch") {
    for (const bool soft : {false, true})
        for (const double gamma : {0.0, 0.5, 2.0})
            for (const double alpha : {-1.0, 0.25}) {
                loss::binary_focal_options o{.gamma = gamma};
                if (alpha >= 0) o.alpha = alpha;
                for (const shape& s : {shape{3}, shape{4, 3}, shape{2, 5, 3}}) {
                    const tensor<double> t = targets(s, soft);
                    check_op(s.text() + text(gamma) + text(alpha), {normal(s)}, [&](const auto& in) {
                        return loss::binary_focal(in[0], cast<scalar_in<std::decay_t<decltype(in)>>>(t), o);
                    });
                }
                for (const std::string rank : {"rank2", "rank3"}) {
                    const std::string name = "binary_focal/" + rank + (soft ? "_soft" : "_hard") + "_gamma" +
                                             text(gamma) + "_alpha" + text(alpha);
                    check_loss(
                        name, {"z"},
                        [&](const auto& in) {
                            using T = scalar_in<std::decay_t<decltype(in)>>;
                            return loss::binary_focal(in[0], cast<T>(stored(name + "/target", file)), o);
                        },
                        file);
                }
            }
}

TEST_CASE("binary_focal: gamma 0 is the binary cross entropy; large logits give finite losses and gradients") {
    const tensor<double> z = normal({4, 3}), t = targets({4, 3}, true);
    CHECK(loss::binary_focal(z, t, {.gamma = 0}).item() ==
          doctest::Approx(loss::binary_cross_entropy(z, t).item()).epsilon(1e-14));
    for (const double gamma : {0.0, 0.5, 2.0})
        for (const float far : {-1e30f, -100.0f, 100.0f, 1e30f})
            for (const float target : {0.0f, 1.0f}) {
                tape<float> tape;
                const auto v = tape.variable(tensor<float>(shape{1, 1}, far));
                const auto y = loss::binary_focal(v, tensor<float>(shape{1, 1}, target), {.gamma = gamma});
                tape.backward(y);
                const bool right = (far > 0) == (target > 0);
                CHECK(double(y.value().item()) ==
                      doctest::Approx(right ? 0 : std::abs(double(far))).epsilon(1e-6).scale(1e-6));
                CHECK(double((*tape.gradient(v))[0]) == doctest::Approx(right ? 0.0 : far > 0 ? 1.0 : -1.0));
            }
}

TEST_CASE("focal and binary_focal: a warmed-up step allocates nothing") {
    if (!SMLDIST_RECYCLE_MEMORY) return; // a sanitizer's build asks the heap each time
    const tensor<float> z = cast<float>(normal({5, 5})), t = cast<float>(targets({5, 5}, false));
    const loss::focal_options o{.alpha = {1, 2, 3, 4, 5}};
    tape<float> tape;
    std::size_t before = 0;
    for (int step = 0; step < 4; ++step) {
        if (step == 2) before = allocations();
        tape.reset();
        tape.backward(loss::focal(tape.variable(z), labels, o));
        tape.backward(loss::binary_focal(tape.variable(z), t, {.alpha = 0.25}));
    }
    CHECK(allocations() == before);
}

TEST_CASE("focal and binary_focal: invalid arguments are refused") {
    const tensor<double> z = normal({5, 5}), t = targets({5, 5}, false);
    CHECK_RAISES(shape_error, "shape of logits is (4, 5), expected (5, N)", loss::focal(normal({4, 5}), labels));
    CHECK_RAISES(data_error, "label of sample 1 is 4, expected 0 to 3", loss::focal(normal({5, 4}), labels));
    CHECK_RAISES(data_error, "label of sample 1 is 4",
                 loss::focal(normal({5, 4}), {std::vector<int>(5)}, {}, {labels, 0.5}));
    CHECK_RAISES(shape_error, "loss::focal: shapes of logits and targets are (5, 5) and (5, 4)",
                 op::apply(loss::focal_op<double>{}, z, normal({5, 4})));
    for (const double bad : {-1.0, double(NAN)}) {
        CHECK_RAISES(usage_error, "loss::focal: gamma is", loss::focal(z, labels, {.gamma = bad}));
        CHECK_RAISES(usage_error, "loss::focal: alpha of a class is",
                     loss::focal(z, labels, {.alpha = {1, 1, bad, 1, 1}}));
        CHECK_RAISES(usage_error, "loss::focal: share of the label is", loss::focal(z, labels, {}, {other, bad}));
        CHECK_RAISES(usage_error, "loss::binary_focal: gamma is", loss::binary_focal(z, t, {.gamma = bad}));
        CHECK_RAISES(usage_error, "loss::binary_focal: alpha is", loss::binary_focal(z, t, {.alpha = bad}));
        tensor<double> wrong = t;
        wrong[4] = bad;
        CHECK_RAISES(data_error, "element 4 of the target is", loss::binary_focal(z, wrong));
    }
    CHECK_RAISES(usage_error, "number of alpha is 2, expected one per class: 5",
                 loss::focal(z, labels, {.alpha = {1, 2}}));
    CHECK_RAISES(shape_error, "loss::binary_focal: shapes of logits and target are (5, 5) and (5, 4)",
                 loss::binary_focal(z, targets({5, 4}, false)));
    CHECK_RAISES(shape_error, "expected two of (…, K)", loss::binary_focal(normal({}), targets({}, false)));
}
