// SPDX-License-Identifier: BSD-3-Clause
// What distillation gains on people that training has not seen.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "distiller.hpp"
#include "smldist/train/evaluate.hpp"

using namespace smldist;
using distill::distill_options;

namespace {

/// Enough epochs to learn many(), without augmentation.
train::training_options learning(std::size_t epochs, std::uint64_t seed) {
    train::training_options o;
    o.epochs = epochs;
    o.lr = 1e-2;
    o.seed = seed;
    o.augment = data::augment_options::none();
    return o;
}

network trained(network net, const train::training_options& o) {
    train::supervised objective;
    const sets& s = many();
    train::training<network, train::supervised>(net, objective, s.train, s.validation, s.normal, o).run();
    return net;
}

/// A teacher that knows what it teaches, made once.
const network& good_teacher() {
    static const network net = [] {
        auto o = learning(20, 0);
        o.augment = data::augment_options::reference();
        return trained(make(teacher_config(heads::memory)), o);
    }();
    return net;
}

double test_f1(const network& net) { return train::evaluate(net, many().test, many().normal).macro_f1; }

/// A teacher that mistakes every class for its neighbour on about 30 % of the windows, always the same ones.
struct unreliable {
    const network* inner;

    template <class X> outputs<X> operator()(const X& x, mode m = mode::eval) const {
        auto out = (*inner)(x, m);
        if constexpr (std::is_same_v<X, tensor<float>>) {
            const std::size_t stride = x.size() / x.shape()[0], N = out.logits.shape()[1];
            for (std::size_t b = 0; b < x.shape()[0]; ++b) {
                float* z = out.logits.data() + b * N;
                if (generator(std::bit_cast<std::uint32_t>(x[b * stride])).chance(0.3)) std::rotate(z, z + 1, z + N);
            }
        }
        return out;
    }
};

} // namespace

// Ten seeds: the difference of the two moves by 0.03 from one seed to the next and is 0.03 in the mean of these ten; the mean of
// the first three is 0.816 with, 0.821 without a teacher.
TEST_CASE("distillation: on unseen people the mean of 10 seeds is at least that without a teacher" *
          doctest::test_suite("slow")) {
    CHECK(test_f1(good_teacher()) > 0.8); // chance: 0.17
    double alone = 0, taught = 0;
    constexpr std::uint64_t seeds = 10;
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
        network student = make(student_config(heads::memory), seed);
        alone += test_f1(trained(student, learning(15, seed))) / double(seeds);
        student.take_memory(good_teacher(), model::memory_transfer::copy_slow);
        taught += test_f1(distilled(good_teacher(), student, frequency_aware(), learning(15, seed), many())) /
                  double(seeds);
    }
    CHECK(alone > 0.6);
    CHECK(taught >= alone);
}

TEST_CASE("distillation: with 30 % wrong teacher logits repair by mix beats no repair in the mean of 3 seeds" *
          doctest::test_suite("slow")) {
    // Only the soft term, so the student sees labels only through the rule.
    const unreliable teacher{&good_teacher()};
    const auto mean_with = [&](loss::repair rule) {
        distill_options o = frequency_aware();
        o.logits.rule = rule;
        o.logits.hard = o.stage_first = o.stage_last = 0;
        double mean = 0;
        for (std::uint64_t seed = 0; seed < 3; ++seed)
            mean += test_f1(distilled(teacher, make(student_config(), seed), o, learning(10, seed), many())) / 3;
        return mean;
    };
    const double mix = mean_with(loss::repair::mix), off = mean_with(loss::repair::off);
    CHECK(mix > off);
}
