// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/upsample.hpp"

#include "check.hpp"
#include "smldist/graph/json.hpp"
#include "smldist/graph/visit.hpp"

using namespace smldist;

namespace {

const std::string file = "losses.safetensors";

void compare(const std::string& name, const shape& x, const op::upsample_options& o) {
    const auto f = [o](const auto& in) { return op::upsample(in[0], o); };
    check_reference("upsample/" + name, {"x"}, f, file);
    check_op(name, {normal(x)}, f);
}

std::string number(double v) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%g", v);
    return digits;
}

} // namespace

TEST_CASE("upsample: PyTorch, gradients, worlds, of signals and images, by size and by scale") {
    struct kind {
        std::string name;
        shape x;
        std::vector<shape> sizes;
    };
    const kind kinds[] = {{"signal", {2, 5, 3}, {{1}, {3}, {5}, {8}, {10}, {13}}},
                          {"image", {2, 3, 5, 2}, {{1, 1}, {3, 5}, {6, 10}, {7, 4}, {2, 13}}}};
    for (const kind& k : kinds) {
        for (const shape& size : k.sizes) {
            const std::string end = "_size" + std::to_string(size[0]) +
                                    (size.rank() == 2 ? "x" + std::to_string(size[1]) : std::string());
            compare(k.name + "_nearest" + end, k.x, {.size = size});
            for (const bool corners : {false, true})
                compare(k.name + "_linear" + (corners ? "1" : "0") + end, k.x,
                        {.size = size, .linear = true, .align_corners = corners});
        }
        for (const double scale : {0.5, 1.0, 1.5, 2.0, 3.25}) {
            compare(k.name + "_nearest_scale" + number(scale), k.x, {.scale = scale});
            for (const bool corners : {false, true})
                compare(k.name + "_linear" + (corners ? "1" : "0") + "_scale" + number(scale), k.x,
                        {.scale = scale, .linear = true, .align_corners = corners});
        }
    }
}

TEST_CASE("upsample: values by hand") {
    const tensor<double> x(shape{1, 2, 1}, {0, 1});
    CHECK(identical(op::upsample(x, {.scale = 2}), tensor<double>(shape{1, 4, 1}, {0, 0, 1, 1})));
    CHECK(
        identical(op::upsample(x, {.scale = 2, .linear = true}), tensor<double>(shape{1, 4, 1}, {0, 0.25, 0.75, 1})));
    CHECK(identical(op::upsample(x, {.size = {5}, .linear = true, .align_corners = true}),
                    tensor<double>(shape{1, 5, 1}, {0, 0.25, 0.5, 0.75, 1})));
    CHECK(identical(op::upsample(normal({2, 5, 3}), {.size = {5}, .linear = true}), normal({2, 5, 3})));
}

TEST_CASE("upsample: options come back from a graph") {
    for (const op::upsample_options& o : {op::upsample_options{.size = {4, 7}, .linear = true, .align_corners = true},
                                          op::upsample_options{.scale = 1.5}}) {
        graph g;
        const symbol y = op::upsample(symbol::input(g, "x", {1, 3, 5, 2}), o);
        budget room;
        const graph read = read_graph(to_json(g), room);
        const auto back = describe<spec::upsample>(read, y.id);
        CHECK(back.size == o.size);
        CHECK(back.scale == o.scale);
        CHECK(back.linear == o.linear);
        CHECK(back.align_corners == o.align_corners);
    }
}

TEST_CASE("upsample: errors") {
    const tensor<float> x(shape{2, 5, 3});
    CHECK_RAISES(usage_error, "op::upsample: size and scale are () and 0", op::upsample(x, {}));
    CHECK_RAISES(usage_error, "align_corners is true", op::upsample(x, {.scale = 2, .align_corners = true}));
    CHECK_RAISES(shape_error, "shape of x is (5, 3)", op::upsample(tensor<float>(shape{5, 3}), {.scale = 2}));
    CHECK_RAISES(shape_error, "size is (2, 3)", op::upsample(x, {.size = {2, 3}}));
    CHECK_RAISES(shape_error, "shape of the result is (2, 0, 3)", op::upsample(x, {.scale = 0.1}));
}
