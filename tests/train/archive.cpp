// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/archive.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include "raises.hpp"
#include "smldist/autograd/tape.hpp"
#include "smldist/io/safetensors_writer.hpp"
#include "smldist/loss/mse.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/optim/adam.hpp"

using namespace smldist;

namespace {

/// One of everything that an archive lists.
struct everything {
    nn::linear<float> layer;
    optim::adam<float> optimiser;
    tensor<float> table;
    std::vector<tensor<float>> tables;
    bool flag = false;
    double number = 0;
    std::uint64_t word = 0;
    std::size_t size = 0;
    std::string text;
    generator random;
    std::optional<double> maybe;
    std::vector<double> numbers;
    std::vector<std::uint64_t> words;
    std::vector<std::string> texts;

    explicit everything(generator g) : layer(3, 2, g) {}
    static void visit_state(auto& self, auto&& member) {
        member("layer", self.layer);
        member("optimiser", self.optimiser);
        member("table", self.table);
        member("tables", self.tables);
        member("flag", self.flag);
        member("number", self.number);
        member("word", self.word);
        member("size", self.size);
        member("text", self.text);
        member("random", self.random);
        member("maybe", self.maybe);
        member("numbers", self.numbers);
        member("words", self.words);
        member("texts", self.texts);
    }
};

everything filled() {
    everything x(generator(1));
    freeze(x.layer.bias);
    tape<float> t;
    for (int step = 0; step < 3; ++step) {
        t.reset();
        const auto y = x.layer(t.input(tensor<float>(shape{4, 3}, 0.5f)));
        t.backward(loss::mse(y, tensor<float>(shape{4, 2}, 1.0f)));
        x.optimiser.step(x.layer, t);
    }
    x.table = tensor<float>(shape{2, 2}, {1, -0.0f, std::numeric_limits<float>::denorm_min(), 4});
    x.tables = {tensor<float>(), tensor<float>(shape{1}, 7.0f)};
    x.flag = true;
    x.number = -std::numeric_limits<double>::infinity();
    x.word = ~std::uint64_t(0);
    x.size = 12;
    x.text = "two\nlines";
    x.random = generator(5, ~std::uint64_t(0));
    x.random.bits();
    x.maybe = 0.25;
    x.numbers = {1, 1.0 / 3};
    x.words = {0, ~std::uint64_t(0)};
    x.texts = {"hard", "", "soft"};
    return x;
}

io::byte_vector saved(everything& x) {
    train::archive a;
    everything::visit_state(x, a);
    return io::write_safetensors(a.tensors());
}

void restore(everything& x, const io::byte_vector& bytes) {
    const auto file = io::safetensors_file::parse(io::byte_vector(bytes));
    train::archive a(file);
    everything::visit_state(x, a);
    a.check_complete();
}

} // namespace

TEST_CASE("archive: every kind of member is restored bit for bit") {
    everything x = filled(), y(generator(2));
    const auto bytes = saved(x);
    y.tables = {tensor<float>(shape{3})};
    y.maybe = 3;
    restore(y, bytes);
    CHECK(saved(y) == bytes);
    CHECK(identical(y.layer.weight.value, x.layer.weight.value));
    CHECK(y.layer.bias.frozen);
    CHECK_FALSE(y.layer.bias.trainable);
    CHECK(y.layer.weight.trainable);
    CHECK(y.optimiser.steps == x.optimiser.steps);
    CHECK(identical(y.optimiser.second.at(0), x.optimiser.second.at(0)));
    CHECK(y.tables.size() == 2);
    CHECK(y.tables.at(0).empty());
    CHECK(y.word == ~std::uint64_t(0));
    CHECK(y.text == "two\nlines");
    CHECK(y.random.bits64() == x.random.bits64());
    CHECK(y.maybe == 0.25);
    CHECK(y.texts == x.texts);
}

TEST_CASE("archive: nothing of the state before is left where the saved one had nothing") {
    everything empty(generator(1)), y = filled();
    restore(y, saved(empty));
    CHECK(saved(y) == saved(empty));
    CHECK_FALSE(y.maybe.has_value());
    CHECK(y.optimiser.first.empty());
}

TEST_CASE("archive: names are dotted paths") {
    everything x = filled();
    const auto file = io::safetensors_file::parse(saved(x));
    for (const char* name :
         {"layer.weight", "layer.bias", "optimiser.first.0", "optimiser.steps", "tables.1", "text"}) {
        CAPTURE(name);
        CHECK(file.find(name) != nullptr);
    }
    CHECK(file.find("tables.0") == nullptr);
}

TEST_CASE("archive: an array that is missing, left over, of another type or shape is a data_error that names it") {
    everything x = filled();
    const auto with = [&](auto change) {
        const auto file = io::safetensors_file::parse(saved(x));
        auto tensors = file.tensors();
        change(tensors);
        const auto changed = io::write_safetensors(tensors);
        everything y(generator(2));
        restore(y, changed);
    };
    const auto named = [](std::vector<io::tensor_view>& all, std::string_view name) {
        return std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.name == name; });
    };
    using list = std::vector<io::tensor_view>;
    CHECK_RAISES(data_error, "array \"number\" is missing", (with([&](list& l) { l.erase(named(l, "number")); }), 0));
    const float more = 1;
    CHECK_RAISES(data_error, "number of arrays is 22, expected 21",
                 (with([&](list& l) { l.push_back(io::view_of("more", shape{1}, &more)); }), 0));
    CHECK_RAISES(data_error, "type of \"layer.weight\" is I32, expected F32",
                 (with([&](list& l) { named(l, "layer.weight")->type = io::dtype::i32; }), 0));
    CHECK_RAISES(data_error, "shape of \"layer.weight\" is (3, 2), expected (2, 3)",
                 (with([&](list& l) {
                      named(l, "layer.weight")->extents = shape{3, 2};
                  }),
                  0));
    CHECK_RAISES(data_error, "shape of \"number\" is (1), expected ()",
                 (with([&](list& l) { named(l, "number")->extents = shape{1}; }), 0));
    const std::int64_t huge = std::int64_t(1) << 40;
    CHECK_RAISES(data_error, "tables.size",
                 (with([&](list& l) { named(l, "tables.size")->bytes = std::as_bytes(std::span(&huge, 1)); }), 0));
}

TEST_CASE("archive: a setting that differs is a usage_error that names both values") {
    train::archive a;
    a.same("lr", 0.5);
    a.same("optimiser", "adam");
    const auto bytes = io::write_safetensors(a.tensors());
    const auto file = io::safetensors_file::parse(io::byte_vector(bytes));
    train::archive equal(file), other(file), word(file);
    equal.same("lr", 0.5);
    equal.same("optimiser", "adam");
    equal.check_complete();
    CHECK_RAISES(usage_error, "lr is 0.25, expected 0.5", (other.same("lr", 0.25), 0));
    CHECK_RAISES(usage_error, "optimiser is \"sgd\", expected \"adam\"", (word.same("optimiser", "sgd"), 0));
}
