// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/group_norm.hpp"

#include "check.hpp"
#include "smldist/op/norm.hpp"
#include "smldist/op/reshape.hpp"

using namespace smldist;

namespace {
const std::string file = "losses.safetensors";
} // namespace

TEST_CASE("group_norm: PyTorch, gradients, worlds, over groups, eps, rank and affine map") {
    for (const double eps : {1e-5, 1e-2})
        for (const shape& s : {shape{3, 6}, shape{2, 5, 6}, shape{2, 2, 2, 6}})
            for (const std::size_t groups : {1u, 3u, 6u}) {
                if (s.rank() == 2 && groups == 6) continue; // each value would be its own mean
                const op::group_norm_options o{.groups = groups, .eps = eps};
                const std::string end = std::string(eps < 1e-3 ? "_eps1e-05" : "_eps0.01") + "_rank" +
                                        std::to_string(s.rank()) + "_g" + std::to_string(groups);
                const auto affine = [o](const auto& in) { return op::group_norm(in[0], in[1], in[2], o); };
                const auto plain = [o](const auto& in) {
                    return op::group_norm(in[0], absent(in[0]), absent(in[0]), o);
                };
                check_reference("group_norm/affine1" + end, {"x", "w", "b"}, affine, file);
                check_reference("group_norm/affine0" + end, {"x"}, plain, file);
                check_op("group_norm" + s.text(), {normal(s, 1), normal({6}, 2), normal({6}, 3)}, affine);
                check_op("group_norm without affine map" + s.text(), {normal(s, 1)}, plain);
            }
    check_reference(
        "group_norm/instance", {"x", "w", "b"},
        [](const auto& in) { return op::group_norm(in[0], in[1], in[2], {.groups = 4}); }, file);
}

TEST_CASE("group_norm: one group of one position is the layer-norm of a row; the axes between count as one") {
    const tensor<double> x = normal({4, 6}, 1), w = normal({6}, 2), b = normal({6}, 3);
    CHECK(difference(op::group_norm(x, w, b), op::layer_norm(x, w, b), 1e-14) == "");
    const tensor<double> image = normal({2, 3, 4, 6}, 4);
    CHECK(identical(op::group_norm(image, w, b, {.groups = 2}).reshaped({2, 12, 6}),
                    op::group_norm(image.reshaped({2, 12, 6}), w, b, {.groups = 2})));
    // A sample's result does not depend on the others.
    CHECK(identical(op::group_norm(op::slice(image, 0, 1, 2), w, b, {.groups = 3}),
                    op::slice(op::group_norm(image, w, b, {.groups = 3}), 0, 1, 2)));
}

TEST_CASE("group_norm: equal values become the bias") {
    const tensor<float> x(shape{2, 3, 4}, 7.0f), w(shape{4}, 2.0f), b{1, 2, 3, 4};
    const auto y = op::group_norm(x, w, b, {.groups = 2});
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == b[i % 4]);
}

TEST_CASE("group_norm: errors") {
    const parameter<float> four{tensor<float>(shape{4})}, three{tensor<float>(shape{3})}, none;
    const tensor<float> x(shape{2, 5, 4});
    CHECK_RAISES(usage_error, "groups is 0, expected at least 1", op::group_norm(x, four, four, {.groups = 0}));
    CHECK_RAISES(shape_error, "shape of x is (2, 5, 4), expected (B, …, C) with C divisible by 3 groups",
                 op::group_norm(x, four, four, {.groups = 3}));
    CHECK_RAISES(shape_error, "shape of x is (4)", op::group_norm(tensor<float>(shape{4}), none, none));
    CHECK_RAISES(shape_error, "shape of x is (2, 0, 4)", op::group_norm(tensor<float>(shape{2, 0, 4}), four, four));
    CHECK_RAISES(shape_error, "op::group_norm: shape of weight or bias is (3)", op::group_norm(x, three, four));
    CHECK_RAISES(shape_error, "op::group_norm: shape of weight or bias is (0)", op::group_norm(x, four, none));
}
