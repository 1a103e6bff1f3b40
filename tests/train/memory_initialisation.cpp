// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/memory_initialisation.hpp"

#include "smldist/train/loop.hpp"
#include "tiny.hpp"

using namespace smldist;
using train::memory_initialisation;

namespace {

std::string message_of(auto&& run) {
    try {
        run();
    } catch (const usage_error& e) { return e.what(); }
    return "";
}

train::training_options brief(memory_initialisation start, std::size_t epochs = 3) {
    train::training_options o;
    o.epochs = epochs;
    o.batch = 26;
    o.memory = start;
    return o;
}

/// The network after every epoch.
std::vector<network> trained(network net, const train::training_options& o) {
    std::vector<network> after;
    train::supervised labels;
    train::training session(net, labels, few().train, few().validation, few().normal, o);
    session.on_epoch = [&](const train::epoch_report&) { after.push_back(net); };
    session.run();
    return after;
}

} // namespace

TEST_CASE("place_memory: places the patterns by the features of all windows and changes nothing else") {
    const sets& s = few();
    network net = make(teacher_config(heads::memory));
    network by_hand = net;
    train::place_memory(net, s.train, s.normal, generator(7));
    tensor<float> x = s.train.x;
    data::normalise(x, s.normal);
    by_hand.memory()->place(by_hand(x).feature, s.train.label, generator(7));
    CHECK(identical(net.memory()->keys.value, by_hand.memory()->keys.value));
    CHECK(same_bits(net, by_hand));
    CHECK_FALSE(same_bits(net, make(teacher_config(heads::memory))));
}

TEST_CASE("training: k_means places the memory between the first and the second epoch") {
    const network net = make(teacher_config(heads::memory));
    const auto random = trained(net, brief(memory_initialisation::random)),
               placed = trained(net, brief(memory_initialisation::k_means));
    CHECK(same_bits(random[0], placed[0]));
    CHECK_FALSE(same_bits(random[1], placed[1]));
    // A network that starts its second epoch with placed patterns moves them a little: they stay nearest to where they were put.
    network after = placed[0];
    train::place_memory(after, few().train, few().normal, generator(0, 2));
    const auto moved = [](const network& a, const network& b) {
        double squares = 0;
        for (std::size_t i = 0; i < a.memory()->keys.value.size(); ++i)
            squares += std::pow(double(a.memory()->keys.value[i]) - double(b.memory()->keys.value[i]), 2);
        return squares;
    };
    CHECK(moved(placed[1], after) < 0.5 * moved(placed[1], placed[0]));
    CHECK(same_bits(trained(net, brief(memory_initialisation::k_means)).back(), placed.back()));
}

TEST_CASE("training: averages start over when the memory is placed") {
    const network net = make(teacher_config(heads::memory));
    auto o = brief(memory_initialisation::k_means, 2);
    o.ema = 0.9999;
    o.lr = 1e-7; // nothing but the placement moves
    network averaged = net;
    train::supervised labels;
    train::training session(averaged, labels, few().train, few().validation, few().normal, o);
    session.run();
    o.ema = 0;
    const network placed = trained(net, o).back();
    for (std::size_t i = 0; i < placed.memory()->keys.value.size(); ++i)
        CHECK(averaged.memory()->keys.value[i] ==
              doctest::Approx(double(placed.memory()->keys.value[i])).epsilon(1e-3));
}

TEST_CASE("place_memory: a memory that cannot be placed is refused before training") {
    const sets& s = few();
    train::supervised labels;
    const auto fails = [&](network net, const train::training_options& o) {
        return message_of([&] { train::training(net, labels, s.train, s.validation, s.normal, o); });
    };
    network linear = make(teacher_config(heads::linear));
    CHECK(fails(linear, brief(memory_initialisation::k_means)).find("network has no memory head") !=
          std::string::npos);
    CHECK(fails(linear, brief(memory_initialisation::random)).empty());
    auto c = teacher_config(heads::memory);
    memory_of(c).patterns_per_class = 500;
    network large = make(c);
    CHECK(fails(large, brief(memory_initialisation::k_means)).find("windows of class 0 are ") != std::string::npos);
    CHECK(message_of([&] {
              train::place_memory(large, s.train, s.normal, generator(1));
          }).find("expected at least 500, one per pattern") != std::string::npos);
    CHECK(fails(make(teacher_config(heads::memory)), brief(memory_initialisation::k_means, 1))
              .find("epochs is 1, expected at least 2 with k_means") != std::string::npos);
}

TEST_CASE("place_memory: a network without memory is refused and one under search is placed") {
    struct plain {
        outputs<tensor<float>> operator()(const tensor<float>&, mode) const { return {}; }
    } none;
    CHECK(message_of([&] { train::check_placement(none, few().train); }).find("no memory head") != std::string::npos);
    network search = make(searching(teacher_config()));
    const auto keys = search.memory()->keys.value;
    train::place_memory(search, few().train, few().normal, generator(1));
    CHECK_FALSE(identical(search.memory()->keys.value, keys));
}
