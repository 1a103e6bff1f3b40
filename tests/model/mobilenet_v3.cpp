// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/mobilenet_v3.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <utility>

#include "smldist/op/arithmetic.hpp"
#include "smldist/op/reduce.hpp"

using namespace smldist;

namespace {

model::backbone_config config(std::initializer_list<std::string_view> rows) {
    model::backbone_config c;
    for (const auto line : rows) c.rows.push_back(model::parse_row(line));
    return c;
}

/// Shapes of the stages and of the feature for a window of length L.
std::string traced_shapes(const model::backbone_config& c, std::size_t L) {
    generator random(1);
    const model::mobilenet_v3<float> net(c, random);
    graph g;
    const auto out = net(symbol::input(g, "x", {2, L, c.channels}));
    std::string s;
    for (const auto& stage : out.stages) s += stage.shape().text() + ' ';
    return s + out.feature.shape().text();
}

std::string message_of(std::string_view row) {
    try {
        model::parse_row(row);
    } catch (const usage_error& e) { return e.what(); }
    return "";
}

} // namespace

TEST_CASE("make_divisible: gives the figures of the specification") {
    const double v[] = {1, 9, 12, 18, 20, 25, 28, 36, 63};
    const std::size_t wanted[] = {8, 16, 16, 24, 24, 24, 32, 40, 64};
    for (std::size_t i = 0; i < 9; ++i) CHECK(model::make_divisible(v[i]) == wanted[i]);
    CHECK(model::make_divisible(9, 4) == 12);
    CHECK(model::make_divisible(18, 4) == 20);
    CHECK(model::make_divisible(25, 4) == 24);
    for (double x = 0.5; x < 300; x += 0.25) { // a multiple of 8, never below 90 %
        CHECK(model::make_divisible(x) % 8 == 0);
        CHECK(double(model::make_divisible(x)) >= 0.9 * x);
    }
}

TEST_CASE("row: survives text and parsing") {
    using enum nn::activation;
    for (const std::size_t kernel_size : {1u, 3u, 15u})
        for (const bool se : {false, true})
            for (const auto a : {none, relu, hard_swish, selu})
                for (const std::size_t stride : {1u, 4u})
                    for (const bool anchor : {false, true}) {
                        CAPTURE(kernel_size);
                        CAPTURE(se);
                        CAPTURE(name_of(a));
                        CAPTURE(stride);
                        CAPTURE(anchor);
                        const model::row r{kernel_size, 64, 65536, se, a, stride, anchor};
                        CHECK(model::parse_row(model::text(r)) == r);
                    }
    CHECK(model::text({3, 64, 32, false, relu, 1, false}) == "3,64,32,-,RE,1");
    CHECK(model::text({5, 1, 2, true, hard_swish, 2, true}) == "5,1,2,SE,HS,2,A");
}

TEST_CASE("row: errors name the cause and the row") {
    const struct {
        std::string row, expected;
    } cases[] = {
        {"", "6 fields"},
        {"3,64,32,-,RE", "6 fields"},
        {"3,64,32,-,RE,1,A,", "6 fields"},
        {"4,64,32,-,RE,1", "odd"},
        {"0,64,32,-,RE,1", "numbers in range"},
        {"17,64,32,-,RE,1", "numbers in range"},
        {"3,0,32,-,RE,1", "numbers in range"},
        {"3,65537,32,-,RE,1", "numbers in range"},
        {"3,64,0,-,RE,1", "numbers in range"},
        {"3,64,99999999999999999999999,-,RE,1", "numbers in range"},
        {"3,64,32,-,RE,0", "numbers in range"},
        {"3,64,32,-,RE,5", "numbers in range"},
        {"3x,64,32,-,RE,1", "numbers in range"},
        {" 3,64,32,-,RE,1", "numbers in range"},
        {"-3,64,32,-,RE,1", "numbers in range"},
        {"3,,32,-,RE,1", "numbers in range"},
        {"3,64,32,se,RE,1", "SE or -"},
        {"3,64,32,,RE,1", "SE or -"},
        {"3,64,32,-,RE,1,B", "A as seventh field"},
        {"3,64,32,-,RE,1,", "A as seventh field"},
        {"3,64,32,-,GELU,1", "expected RE, HS, SELU"},
    };
    for (const auto& c : cases) {
        const std::string message = message_of(c.row);
        CAPTURE(c.row);
        CAPTURE(message);
        CHECK(message.find(c.expected) != std::string::npos);
        CHECK(message.find('"') != std::string::npos);
    }
}

TEST_CASE("mobilenet_v3: lengths are ceil(L / stride) and stages are the anchors") {
    const auto student = config({"3,16,16,SE,RE,2,A", "5,48,24,-,RE,2,A", "5,64,32,SE,HS,2", "5,96,32,SE,HS,1,A"});
    CHECK(traced_shapes(student, 128) == "(2, 32, 16) (2, 16, 24) (2, 8, 32) (2, 96)");
    CHECK(traced_shapes(student, 1) == "(2, 1, 16) (2, 1, 24) (2, 1, 32) (2, 96)");
    for (const bool causal : {false, true})
        for (std::size_t L = 1; L < 40; ++L) {
            CAPTURE(causal);
            auto c = config({"5,16,16,-,RE,3,A", "3,16,8,-,HS,4,A", "15,8,8,-,RE,1,A"});
            c.causal = causal;
            const auto up = [](std::size_t n, std::size_t s) { return (n + s - 1) / s; };
            const std::size_t first = up(up(L, 2), 3), second = up(first, 4);
            const auto length = [](std::size_t n) { return std::to_string(n); };
            CHECK(traced_shapes(c, L) == "(2, " + length(first) + ", 16) (2, " + length(second) + ", 8) (2, " +
                                             length(second) + ", 8) (2, 96)");
        }
    CHECK(traced_shapes(config({"3,16,16,-,RE,1"}), 10) == "(2, 96)");
}

TEST_CASE("mobilenet_v3: a seed gives the same weights") {
    const auto c = config({"3,24,16,SE,RE,2,A"});
    const auto weights = [&c](std::uint64_t seed) {
        generator g(seed);
        return model::mobilenet_v3<float>(c, g);
    };
    const auto a = weights(1), b = weights(1), other = weights(2);
    CHECK(identical(a.blocks[0].depthwise.conv.weight.value, b.blocks[0].depthwise.conv.weight.value));
    CHECK(identical(a.tail.conv.weight.value, b.tail.conv.weight.value));
    CHECK_FALSE(identical(a.tail.conv.weight.value, other.tail.conv.weight.value));
    CHECK(a.blocks[0].se->fc1.weight.shape() == shape{8, 24}); // make_divisible(24 / 4)
}

TEST_CASE("mobilenet_v3: invalid arguments are refused") {
    generator g;
    const auto make = [&g](auto change) {
        auto c = config({"3,16,16,-,RE,1"});
        change(c);
        return model::mobilenet_v3<float>(c, g);
    };
    CHECK_THROWS_AS(make([](auto& c) { c.channels = 0; }), usage_error);
    CHECK_THROWS_AS(make([](auto& c) { c.stem = 0; }), usage_error);
    CHECK_THROWS_AS(make([](auto& c) { c.tail = 0; }), usage_error);
    CHECK_THROWS_AS(make([](auto& c) { c.rows.clear(); }), usage_error);
    const auto net = make([](auto&) {});
    for (const auto& s : {shape{8, 9}, shape{2, 8, 8}, shape{1, 2, 8, 9}}) {
        CAPTURE(s.text());
        CHECK_THROWS_WITH_AS(net(tensor<float>(s)),
                             ("model::mobilenet_v3: shape of x is " + s.text() + ", expected (B, L, 9)").c_str(),
                             shape_error);
    }
    CHECK_THROWS_AS(net(tensor<float>(shape{2, 0, 9})), shape_error);
    CHECK_THROWS_AS(make([](auto& c) {
                        for (int i = 0; i < 17; ++i) c.rows.push_back(model::parse_row("3,16,16,-,RE,1,A"));
                    })(tensor<float>(shape{2, 4, 9})),
                    usage_error);
}

TEST_CASE("backbone_config: two are equal only if every member is equal") {
    const auto a = config({"3,16,16,-,RE,1"});
    CHECK(a == config({"3,16,16,-,RE,1"}));
    CHECK_FALSE(a == config({"3,16,16,-,RE,1,A"}));
    const auto differs = [&a](auto change) {
        auto b = a;
        change(b);
        return !(a == b);
    };
    CHECK(differs([](auto& c) { c.channels = 6; }));
    CHECK(differs([](auto& c) { c.stem = 8; }));
    CHECK(differs([](auto& c) { c.tail = 8; }));
    CHECK(differs([](auto& c) { c.causal = true; }));
    CHECK(differs([](auto& c) { c.norm.eps = 1e-3; }));
    CHECK(differs([](auto& c) { c.norm.momentum = 0.01; }));
    std::size_t options = 0;
    model::backbone_form::visit(a.form, [&](std::string_view, const auto&) { ++options; });
    for (std::size_t i = 0; i < options; ++i)
        CHECK(differs([i](auto& c) {
            std::size_t n = 0;
            model::backbone_form::visit(c.form, [&](std::string_view, auto& option) {
                if (n++ != i) return;
                if constexpr (std::is_same_v<decltype(option), bool&>)
                    option = !option;
                else
                    option = nn::activation::selu;
            });
        }));
    CHECK(options == 7);
}

TEST_CASE("mobilenet_v3: training computes the ops as written whatever the tape stores") {
    model::backbone_form gated;
    gated.gate_before_activation = gated.always_expand = true;
    gated.se_bias = false;
    gated.pooled_activation = nn::activation::hard_swish;
    for (const auto& form : {model::backbone_form{}, gated})
        for (const bool causal : {false, true}) {
            CAPTURE(form.gate_before_activation);
            CAPTURE(causal);
            auto c = config({"3,8,8,-,RE,1", "5,24,16,SE,HS,2,A", "3,32,16,SE,RE,1", "3,40,16,-,SELU,1,A"});
            c.channels = 3;
            c.stem = 8;
            c.tail = 24;
            c.causal = causal;
            c.form = form;
            generator random(1);
            const model::mobilenet_v3<double> net(c, random);
            auto x = tensor<double>::uninitialized({3, 16, 3});
            for (double& v : x) v = random.normal();
            tape<double> late, stored;
            stored.store_normed(true);
            const auto run = [&](tape<double>& t) {
                const auto out = net(t.input(x), mode::train);
                auto sum = op::sum(op::mul(out.feature, out.feature));
                for (const auto& s : out.stages) sum = op::add(sum, op::sum(op::mul(s, s)));
                t.backward(sum);
                return sum.value().item();
            };
            CHECK(run(late) == run(stored));
            CHECK(late.size() < stored.size());
            for_each_parameter(net, [&](const auto& p) {
                const auto &a = *std::as_const(late).gradient(p), &b = *std::as_const(stored).gradient(p);
                REQUIRE(a.size() == b.size());
                double scale = 0;
                for (const double v : b) scale = std::max(scale, std::abs(v));
                for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) <= 1e-12 * (1 + scale));
            });
        }
}
