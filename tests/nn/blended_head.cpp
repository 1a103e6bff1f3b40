// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/nn/blended_head.hpp"

#include "check.hpp"
#include "smldist/nn/hopfield.hpp"

using namespace smldist;
using nn::blended_output;

namespace {

constexpr std::size_t D = 6, N = 4;

auto make(auto zero, blended_output evaluation = blended_output::memory) {
    generator g(1);
    return nn::blended_options{evaluation}.make<decltype(zero)>(D, N, g);
}
/// The head, with what it returns in evaluation.
auto with(auto head, blended_output evaluation) {
    head.evaluation = evaluation;
    return head;
}

} // namespace

TEST_CASE("blended_output: its names") {
    CHECK(name_of(blended_output::memory) == "memory");
    CHECK(name_of(blended_output::intuition) == "intuition");
    CHECK(name_of(blended_output::fused) == "fused");
    CHECK(parse_enum<blended_output>("fused") == blended_output::fused);
    CHECK_THROWS_WITH_AS(static_cast<void>(parse_enum<blended_output>("none")),
                         "nn::blended_output: name is \"none\", expected memory, intuition or fused", usage_error);
}

TEST_CASE("blended_head: gradients, worlds, trace") {
    for (const auto e : {blended_output::memory, blended_output::intuition, blended_output::fused})
        check_layer(
            "blended_head " + std::string(name_of(e)), {normal({3, D})}, [e](auto zero) { return make(zero, e); },
            [](const auto& layer, const auto& in) { return layer(in[0], mode::eval); });
    check_layer(
        "blended_head in training", {normal({3, D})}, [](auto zero) { return make(zero); },
        [](const auto& layer, const auto& in) { return layer(in[0], mode::train); });
}

TEST_CASE("blended_head: returns probabilities in training and logits or their mixture in evaluation") {
    auto head = make(0.0);
    layer_check::randomise(head, 2);
    const tensor<double> f = normal({5, D});
    const auto memory = head(f, mode::eval), intuition = with(head, blended_output::intuition)(f, mode::eval);
    const auto p = head(f, mode::train);
    CHECK(identical(p, with(head, blended_output::fused)(f, mode::eval)));
    CHECK(identical(p, with(head, blended_output::intuition)(f, mode::train))); // training does not ask
    const auto p_h = op::softmax(memory), p_l = op::softmax(intuition), w = op::softmax(head.mixing.value);
    for (std::size_t b = 0; b < 5; ++b) {
        double sum = 0;
        for (std::size_t n = 0; n < N; ++n) {
            CHECK(p(b, n) == doctest::Approx(w[0] * p_h(b, n) + w[1] * p_l(b, n)).epsilon(1e-12));
            sum += p(b, n);
        }
        CHECK(sum == doctest::Approx(1).epsilon(1e-12));
    }
    // The logits that are evaluated do not know the mixture.
    head.mixing.value[0] = -50;
    CHECK(identical(head(f, mode::eval), memory));
    CHECK(difference(head(f, mode::train), p_l, 1e-12) == "");
}

TEST_CASE("blended_head: its memory equals a Hopfield layer with one pattern for any beta and updates") {
    const auto head = [] {
        auto h = make(0.0);
        layer_check::randomise(h, 2);
        return h;
    }();
    const tensor<double> f = normal({5, D}), wanted = head(f, mode::eval);
    for (const double beta : {0.01, 1.0, 50.0})
        for (const std::size_t updates : {0u, 2u, 5u}) {
            CAPTURE(beta);
            CAPTURE(updates);
            nn::hopfield_options o;
            o.out = N;
            o.beta = beta;
            o.learn_beta = true;
            o.retrieval = {.updates = updates, .eps = 1e-2};
            generator g(3);
            nn::hopfield_association<double> whole(D, D, D, g, o);
            whole.norm_source = head.norm;
            whole.value = head.value;
            whole.out = head.out;
            tape<double> t;
            const auto one = t.input(f.reshaped({5, 1, D}));
            const auto y = whole(one, one, one, mode::train);
            CHECK(difference(y.value().reshaped({5, N}), wanted, 1e-14) == "");
            t.backward(y, normal({5, 1, N}, 4));
            std::size_t dead = 0;
            const auto check_dead = [&](const auto& part) {
                for_each_parameter(part, [&](const parameter<double>& p) {
                    const auto* gradient = t.gradient(p);
                    if (gradient) CHECK(identical(*gradient, tensor<double>(p.shape()))); // zero to the last bit
                    dead += p.value.size();
                });
            };
            check_dead(*whole.norm_state);
            check_dead(*whole.norm_stored);
            CHECK(dead == 4 * D); // that of the public code compares by value, and then they do get one
            dead = 0;
            check_dead(whole.query);
            check_dead(whole.key);
            CHECK(dead == 2 * (D * D + D));
            if (const auto* gradient = t.gradient(whole.log_beta)) CHECK(gradient->item() == 0);
        }
}

TEST_CASE("blended_head: of equal layer-norms only the first gets the gradient") {
    const tensor<double> f = normal({5, D}), dy = normal({5, N}, 4);
    auto head = make(0.0);
    tape<double> t;
    // The gradient of a norm's weight: "none" where it took no part, "0", or "some".
    const auto gradient = [&](const nn::layer_norm<double>& norm) -> std::string {
        const auto* g = t.gradient(norm.weight);
        return !g ? "none" : identical(*g, tensor<double>(shape{D})) ? "0" : "some";
    };
    const auto of_norms = [&] {
        t.reset();
        t.backward(head(t.variable(f), mode::train), dy);
        return gradient(head.norm_state) + " " + gradient(head.norm_stored) + " " + gradient(head.norm);
    };
    CHECK(of_norms() == "some none none");
    head.norm_state.weight.value[0] = 2;
    CHECK(of_norms() == "0 some none");
    head.norm_state = head.norm;
    head.norm_stored.bias.value[3] = 1e-3;
    CHECK(of_norms() == "0 0 some"); // the state equals the projection, but nobody compares these two
    head.norm_state = head.norm_stored;
    CHECK(of_norms() == "0 0 some");
    // By value: another weight with the same result is equal.
    head.norm_state = head.norm_stored = head.norm;
    const tensor<double> even = tensor<double>({2, D}, {1, -1, 1, -1, 0, 0, 2, -2, 2, -2, 0, 0});
    head.norm_stored.weight.value[4] = 7; // of a channel that is 0 once the mean is taken off
    t.reset();
    t.backward(head(t.variable(even), mode::train), normal({2, N}, 4));
    CHECK(gradient(head.norm_state) == "some");
    // What f gets is the same by each of them, and evaluation does not ask.
    head = make(0.0);
    t.reset();
    const auto first = t.variable(f);
    t.backward(head(first, mode::train), dy);
    const tensor<double> wanted = *t.gradient(first);
    head.norm_state.weight.value.fill(3);
    head.norm_stored.weight.value.fill(2);
    CHECK(identical(head(f, mode::eval), make(0.0)(f, mode::eval)));
    t.reset();
    const auto third = t.variable(f);
    t.backward(head(third, mode::train), dy);
    CHECK(difference(*t.gradient(third), wanted, 1e-14) == "");
}

TEST_CASE("blended_head: initial values and parameter count and MACs") {
    const auto head = make(0.0f);
    CHECK(parameter_count(head) == 6 * D + (D * D + D) + 2 * (D * N + N) + 2);
    CHECK(head.mixing.value[0] == 0);
    CHECK(head.mixing.value[1] == 0);
    generator g(1);
    const nn::blended_head<float> wide(128, 64, g);
    const auto spread = [](const auto& w) {
        return std::sqrt(double(kernel::dot(w.size(), w.data(), w.data())) / double(w.size()));
    };
    CHECK(spread(wide.value.weight.value) == doctest::Approx(0.02).epsilon(0.03));
    CHECK(spread(wide.out.weight.value) == doctest::Approx(0.01).epsilon(0.03));
    CHECK(spread(wide.intuition.weight.value) == doctest::Approx(0.01).epsilon(0.03));
    graph traced;
    head(symbol::input(traced, "f", {1, D}), mode::train);
    CHECK(traced.macs() == D * D + 2 * D * N);
    CHECK_RAISES(shape_error, "op::layer_norm", head(tensor<float>(shape{2, D + 1}), mode::eval));
}
