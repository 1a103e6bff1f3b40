// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/activation.hpp"

#include "check.hpp"

using namespace smldist;

TEST_CASE("activation: every name is parsed to its enumerator") {
    using enum nn::activation;
    CHECK(nn::text(none) == "-");
    CHECK(nn::text(relu) == "RE");
    CHECK(nn::text(hard_swish) == "HS");
    CHECK(nn::text(selu) == "SELU");
    CHECK(nn::text(gelu) == "gelu");
    for (const auto a : {none, relu, hard_swish, selu, gelu, log}) {
        CAPTURE(name_of(a));
        CHECK(nn::parse_activation(nn::text(a)) == a);
    }
    for (const std::string word : {"", "re", "RELU", "HS "}) {
        CAPTURE(word);
        CHECK_RAISES(usage_error, "word is \"" + word + "\"", nn::parse_activation(word));
    }
}

TEST_CASE("activation: computes the op of its name in every world") {
    const tensor<double> x = normal({2, 5});
    const auto apply = [&x](nn::activation a) { return nn::activate(x, a); };
    CHECK(identical(apply(nn::activation::none), x));
    CHECK(identical(apply(nn::activation::relu), op::relu(x)));
    CHECK(identical(apply(nn::activation::hard_swish), op::hard_swish(x)));
    CHECK(identical(apply(nn::activation::selu), op::selu(x)));
    CHECK(identical(apply(nn::activation::gelu), op::gelu(x)));
    CHECK(identical(apply(nn::activation::exp), op::exp(x)));
    for (const auto a :
         {nn::activation::relu, nn::activation::hard_swish, nn::activation::selu, nn::activation::gelu})
        check_op(std::string(nn::text(a)), {x}, [a](const auto& in) { return nn::activate(in[0], a); });
    tape<double> t;
    const auto v = t.input(x);
    CHECK(nn::activate(v, nn::activation::none).id == v.id);
}
