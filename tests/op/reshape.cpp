// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/reshape.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("reshape") {
    const std::vector<std::pair<shape, shape>> cases = {
        {{2, 3, 4}, {4, 6}}, {{2, 3, 4}, {24}}, {{1}, {}}, {{}, {1, 1}}, {{7}, {7}}};
    for (const auto& [from, to] : cases)
        check_op("reshape" + from.text() + to.text(), {normal(from)},
                 [to = to](const auto& in) { return op::reshape(in[0], to); });
    check_reference("reshape/2x3x4_4x6", {"x"}, [](const auto& in) { return op::reshape(in[0], {4, 6}); });
    CHECK_RAISES(shape_error, "op::reshape: shape is (2, 3), expected as many elements as (7)",
                 op::reshape(tensor<float>(shape{2, 3}), {7}));
}

TEST_CASE("flatten") {
    const auto f = [](const auto& in) { return op::flatten(in[0]); };
    for (const shape& s : {shape{2, 3, 4}, shape{5}, shape{1, 1}, shape{2, 2, 2, 2}})
        check_op("flatten" + s.text(), {normal(s)}, f);
    check_reference("flatten/2x3x4", {"x"}, f);
    CHECK(op::flatten(tensor<float>(shape{0, 3, 4})).shape() == shape{0, 12});
    CHECK_RAISES(shape_error, "op::flatten: shape is ()", op::flatten(tensor<float>(shape{})));
}

TEST_CASE("concat") {
    struct one_case {
        std::ptrdiff_t axis;
        shape a, b;
        bool in_file;
    };
    const std::vector<one_case> cases = {
        {0, {2, 3, 4}, {1, 3, 4}, true},
        {1, {2, 3, 4}, {2, 2, 4}, true},
        {2, {2, 3, 4}, {2, 3, 1}, true},
        {-1, {2, 3, 4}, {2, 3, 5}, true},
        {-3, {2, 3, 4}, {1, 3, 4}, false},
        {0, {1}, {1}, false},
        {0, {5}, {62}, false},
    };
    for (const auto& c : cases) {
        const auto f = [axis = c.axis](const auto& in) { return op::concat(in[0], in[1], axis); };
        check_op("concat" + c.a.text() + c.b.text() + std::to_string(c.axis), {normal(c.a, 1), normal(c.b, 2)}, f);
        if (c.in_file) check_reference("concat/" + std::to_string(c.axis), {"a", "b"}, f);
    }
    check_op("concat(x, x)", {normal({2, 3})}, [](const auto& in) { return op::concat(in[0], in[0], 0); });
    check_op("three parts", {normal({2, 3}, 1), normal({2, 1}, 2), normal({2, 2}, 3)},
             [](const auto& in) { return op::concat(op::concat(in[0], in[1]), in[2]); });
}

TEST_CASE("concat: a part without elements, and errors") {
    const tensor<float> x(shape{2, 3}), none(shape{2, 0}), tall(shape{3, 3});
    CHECK(op::concat(x, none, 1).shape() == shape{2, 3});
    CHECK_RAISES(shape_error, "op::concat: shape of b is (3, 3), expected that of a, (2, 3), except for axis 1",
                 op::concat(x, tall, 1));
    CHECK_RAISES(shape_error, "shape of b is (2)", op::concat(x, tensor<float>(shape{2}), 0));
    CHECK_RAISES(shape_error, "axis is 2", op::concat(x, x, 2));
}

TEST_CASE("slice") {
    struct one_case {
        std::ptrdiff_t axis;
        std::size_t begin, end;
        bool in_file;
    };
    const std::vector<one_case> cases = {{0, 1, 2, true}, {1, 0, 2, true},   {2, 1, 3, true},  {-1, 0, 4, true},
                                         {1, 2, 3, true}, {-2, 1, 2, false}, {-3, 0, 2, false}};
    for (const auto& c : cases) {
        const auto f = [c](const auto& in) { return op::slice(in[0], c.axis, c.begin, c.end); };
        const std::string name = std::to_string(c.axis) + "_" + std::to_string(c.begin) + "_" + std::to_string(c.end);
        check_op("slice " + name, {normal({2, 3, 4})}, f);
        if (c.in_file) check_reference("slice/" + name, {"x"}, f);
    }
    check_op("two parts of one x", {normal({4, 2})},
             [](const auto& in) { return op::concat(op::slice(in[0], 0, 2, 4), op::slice(in[0], 0, 1, 3), 0); });
}

TEST_CASE("slice: an empty part, and errors") {
    const tensor<float> x(shape{2, 3});
    CHECK(op::slice(x, 1, 3, 3).shape() == shape{2, 0});
    CHECK_RAISES(shape_error, "op::slice: part is [1, 4), expected inside [0, 3) of axis 1", op::slice(x, 1, 1, 4));
    CHECK_RAISES(shape_error, "part is [2, 1)", op::slice(x, 1, 2, 1));
    CHECK_RAISES(shape_error, "axis is -3", op::slice(x, -3, 0, 1));
}

namespace {
const std::string of_elements = "elementwise.safetensors";
}

TEST_CASE("permute") {
    const auto check = [](const shape& s, std::initializer_list<std::ptrdiff_t> axes) {
        std::string name;
        for (const auto a : axes) name += std::to_string(a);
        check_op("permute" + s.text() + name, {normal(s)},
                 [axes](const auto& in) { return op::permute(in[0], axes); });
    };
    check({}, {});
    check({7}, {0});
    check({7}, {-1});
    check({1, 5}, {1, 0});
    check({9, 5}, {1, 0});
    check({35, 34}, {1, 0}); // more than a tile on both sides
    check({2, 3, 5}, {0, -1, 1});
    check({3, 1, 4, 2}, {3, 1, 0, 2});
    check({2, 2, 2, 2, 3}, {4, 2, 0, 3, 1});
    check({2, 0, 3}, {2, 1, 0});
    const auto compare = [](const std::string& name, std::initializer_list<std::ptrdiff_t> axes) {
        check_reference(
            "permute/" + name, {"x"}, [axes](const auto& in) { return op::permute(in[0], axes); }, of_elements);
    };
    compare("021", {0, 2, 1});
    compare("210", {2, 1, 0});
    compare("102", {1, 0, 2});
    compare("120", {1, 2, 0});
    compare("012", {0, 1, 2});
    compare("0213", {0, 2, 1, 3});
    compare("3120", {3, 1, 2, 0});
    check_op("two uses", {normal({3, 3})}, [](const auto& in) {
        return op::concat(in[0], op::permute(in[0], {1, 0}));
    });
    const tensor<float> x(shape{2, 3});
    CHECK_RAISES(shape_error, "op::permute: axis is 2", op::permute(x, {0, 2}));
    CHECK_RAISES(shape_error, "op::permute: axes are (1, 1), expected each axis of (2, 3) once",
                 op::permute(x, {1, -1}));
    CHECK_RAISES(shape_error, "op::permute: axes are (0)", op::permute(x, {0}));
}

TEST_CASE("transpose") {
    for (const auto& [a, b] : {std::pair{0, 1}, {-1, -2}, {0, -1}, {1, 1}}) {
        const auto f = [a = a, b = b](const auto& in) { return op::transpose(in[0], a, b); };
        const std::string name = std::to_string(a) + "_" + std::to_string(b);
        check_op("transpose " + name, {normal({2, 3, 5})}, f);
        check_reference("transpose/" + name, {"x"}, f, of_elements);
    }
    CHECK_RAISES(shape_error, "op::transpose: axis is 2", op::transpose(tensor<float>(shape{2, 3}), 0, 2));
    CHECK_RAISES(shape_error, "op::transpose: axis is -3", op::transpose(tensor<float>(shape{2, 3}), -3, 0));
}

TEST_CASE("pad") {
    const auto check = [](const std::string& name, std::initializer_list<op::pad_amounts> amounts, double value) {
        const auto f = [amounts, value](const auto& in) { return op::pad(in[0], amounts, value); };
        check_op("pad " + name, {normal({2, 3, 4})}, f);
        check_reference("pad/" + name, {"x"}, f, of_elements);
    };
    check("1_2", {{1, 2}}, 0);
    check("0_0_3_1", {{0, 0}, {3, 1}}, 0.5);
    check("2_1_0_1_1_0", {{2, 1}, {0, 1}, {1, 0}}, -1.5);
    check("none", {}, 1);
    check_op("pad()", {normal({})}, [](const auto& in) { return op::pad(in[0], {}); });
    check_op("two uses", {normal({5})}, [](const auto& in) { return op::concat(in[0], op::pad(in[0], {{2, 1}})); });
    CHECK(identical(op::pad(tensor<float>{1, 2}, {{1, 2}}, 7), tensor<float>{7, 1, 2, 7, 7}));
    CHECK(identical(op::pad(tensor<float>(shape{0}), {{1, 1}}, 7), tensor<float>{7, 7}));
    CHECK_RAISES(shape_error, "op::pad: amounts are (1, 1) before and (0, 0) after, expected at most one of each",
                 op::pad(tensor<float>{1, 2}, {{1, 0}, {1, 0}}));
}

TEST_CASE("permute and pad: the same bits for any number of threads") {
    const auto x = cast<float>(normal({7, 90, 110}));
    const std::size_t before = threads();
    const auto run = [&](std::size_t n) {
        set_threads(n);
        return std::vector{op::permute(x, {0, 2, 1}), op::permute(x, {2, 1, 0}), op::pad(x, {{1, 2}, {3, 4}})};
    };
    const auto one = run(1), three = run(3);
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(identical(one[i], three[i]));
    set_threads(before);
}

TEST_CASE("as_image: rows of pixels become an image, an image stays one") {
    const tensor<double> x = normal({2, 6, 4}, 1);
    const auto f = [](const auto& in) { return op::as_image(in[0], 2, 3); };
    check_op("as_image", {x}, f);
    const auto image = op::as_image(x, 2, 3);
    CHECK(image.shape() == shape{2, 2, 3, 4});
    CHECK(image(1, 1, 2, 3) == x(1, 5, 3));
    CHECK(identical(op::as_image(image, 2, 3), image));
    CHECK(identical(op::as_rows(image), x));
    CHECK(identical(op::as_rows(x), x));
    CHECK_RAISES(shape_error, "op::as_rows: shape is (6, 4)", op::as_rows(normal({6, 4})));
    CHECK_RAISES(shape_error, "op::as_image: shape is (2, 6, 4), expected (B, 8, C) or (B, 2, 4, C)",
                 op::as_image(x, 2, 4));
    CHECK_RAISES(shape_error, "shape is (2, 2, 3, 4)", op::as_image(image, 3, 2));
    CHECK_RAISES(shape_error, "shape is (6, 4)", op::as_image(normal({6, 4}), 2, 3));
}
