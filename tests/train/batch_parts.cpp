// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/batch_parts.hpp"

#include <cmath>

#include "smldist/nn/linear.hpp"
#include "smldist/op/pointwise.hpp"
#include "smldist/op/reshape.hpp"
#include "train/run.hpp"
#include "train/step_allocations.hpp"

using namespace smldist;

namespace {

/// A network without batch-norm, whose result for a window depends on no other window.
struct plain {
    nn::linear<float> hidden, out;

    explicit plain(generator g) : hidden(32 * 9, 12, g), out(12, 6, g) {
        for (float& v : hidden.weight.value) v *= 10;
        for (float& v : out.weight.value) v *= 30;
    }
    template <class X> outputs<X> operator()(const X& x, mode m) const {
        outputs<X> o;
        o.logits = out(op::dropout(op::tanh(hidden(op::flatten(x))), {.p = 0.3}, m));
        return o;
    }
    static void visit(auto& self, auto&& member) {
        member("hidden", self.hidden);
        member("out", self.out);
    }
};

train::training_options in_parts(std::size_t parts) {
    train::training_options o = brief(2);
    o.batch = 24;
    o.accumulate = parts;
    return o;
}

/// Largest difference of the parameters, relative to the largest.
double distance(const plain& a, const plain& b) {
    double worst = 0, largest = 0;
    const auto compare = [&](const tensor<float>& x, const tensor<float>& y) {
        for (std::size_t i = 0; i < x.size(); ++i) {
            worst = std::max(worst, std::abs(double(x[i]) - double(y[i])));
            largest = std::max(largest, std::abs(double(x[i])));
        }
    };
    compare(a.hidden.weight.value, b.hidden.weight.value);
    compare(a.out.weight.value, b.out.weight.value);
    return worst / largest;
}

} // namespace

TEST_CASE("batch_parts: every row is in one part and the parts are as equal as can be") {
    data::batch whole = first_batch(0.3), buffer;
    whole.target = tensor<float>(shape{26, 1});
    for (std::size_t i = 0; i < 26; ++i) whole.target[i] = float(i);
    generator random(3);
    for (const std::size_t parts : {1u, 3u, 13u, 40u}) {
        CAPTURE(parts);
        std::size_t row = 0, count = 0;
        double weight = 0;
        for (train::batch_parts p(whole, parts, random, buffer); p.next();) {
            const data::batch& b = p.part();
            CHECK(b.size() >= 26 / std::min<std::size_t>(parts, 13));
            CHECK(p.weight() == double(b.size()) / 26);
            CHECK(b.share == whole.share);
            REQUIRE(b.x.shape() == shape{b.size(), 32, 9});
            CHECK(op::current_share()->first == row);
            for (std::size_t i = 0; i < b.size(); ++i, ++row) {
                CHECK(b.x[i * 32 * 9] == whole.x[row * 32 * 9]);
                CHECK(b.x[(i + 1) * 32 * 9 - 1] == whole.x[(row + 1) * 32 * 9 - 1]);
                CHECK(b.label[i] == whole.label[row]);
                CHECK(b.other[i] == whole.other[row]);
                CHECK(b.index[i] == whole.index[row]);
                CHECK(b.target[i] == float(row));
            }
            weight += p.weight();
            CHECK(p.last() == (row == 26));
            ++count;
        }
        CHECK(row == 26);
        CHECK(count == std::min<std::size_t>(parts, 13));
        CHECK(weight == doctest::Approx(1));
        CHECK(op::current_share() == nullptr);
    }
}

TEST_CASE("batch_parts: each part begins with the random stream of the batch") {
    const data::batch whole = first_batch();
    data::batch buffer;
    generator random(3), same(3);
    const std::uint64_t first = same.bits64();
    for (train::batch_parts p(whole, 2, random, buffer); p.next();) CHECK(random.bits64() == first);
    CHECK(random.bits64() == same.bits64());
}

TEST_CASE("batch_parts: batch-norm over the shares of several processes is refused") {
    op::batch_share share;
    share.sum = [](void*, double*, std::size_t) {};
    op::current_share() = &share;
    generator random(3);
    const data::batch whole = first_batch();
    data::batch buffer;
    CHECK_THROWS_WITH_AS(train::batch_parts(whole, 2, random, buffer),
                         "training: accumulate is 2, expected 1 with synchronised batch-norm", usage_error);
    op::current_share() = nullptr;
}

TEST_CASE("training: a batch in parts gives the gradient of the whole batch and the same dropout") {
    plain whole{generator(1)};
    train::supervised objective;
    train::training t(whole, objective, few().train, few().validation, few().normal, in_parts(1));
    const auto expected = t.run();
    for (const std::size_t parts : {2u, 5u, 12u}) {
        CAPTURE(parts);
        plain net{generator(1)};
        train::training in(net, objective, few().train, few().validation, few().normal, in_parts(parts));
        const auto result = in.run();
        CHECK(distance(net, whole) < 2e-4); // AdamW divides by small second moments
        for (std::size_t e = 0; e < 2; ++e)
            CHECK(result.history[e].train.total == doctest::Approx(expected.history[e].train.total).epsilon(1e-5));
    }
}

TEST_CASE("training: a batch in parts has the same bits for any number of threads and allocates nothing") {
    const std::size_t before = threads();
    std::optional<network> one;
    for (const std::size_t n : {1u, 3u}) {
        set_threads(n);
        network net = make(student_config());
        train::supervised objective;
        train::training t(net, objective, few().train, few().validation, few().normal, in_parts(3));
        t.run();
        if (one)
            CHECK(same_bits(*one, net));
        else
            one = net;
        const auto b = first_batch(0.3);
        check_steps_allocate_nothing(t, b);
    }
    set_threads(before);
    network whole = make(student_config());
    train::supervised objective;
    train::training(whole, objective, few().train, few().validation, few().normal, in_parts(1)).run();
    CHECK_FALSE(same_bits(*one, whole)); // batch-norm takes the statistics of each part
}
