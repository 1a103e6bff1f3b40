// SPDX-License-Identifier: BSD-3-Clause
/// Model files whose content asks for more than they hold; container and hash are in order.
#ifndef SMLDIST_TESTS_IO_FORGED_HPP
#define SMLDIST_TESTS_IO_FORGED_HPP

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "smldist/io/bundle.hpp"

/// A graph under construction, as the text of a model file: x (1, L, 1) → … → 3 logits.
class forged_graph {
public:
    explicit forged_graph(std::size_t window) : window_(window) {
        add(R"({"kind":"input","name":"x","shape":)" + text({1, window, 1}) + "}", {1, window, 1});
    }
    /// A parameter with ones.
    std::size_t parameter(const smldist::shape& s) {
        const std::string name = "w" + std::to_string(weights_.size());
        weights_.emplace_back(name, s);
        return add(R"({"kind":"parameter","tensor":")" + name + R"(","shape":)" + text(s) + "}", s);
    }
    std::size_t absent() { return add(R"({"kind":"parameter","shape":[0]})", {0}); }
    std::size_t op(const std::string& name, const smldist::shape& s, const std::vector<std::size_t>& inputs,
                   const std::string& attributes = "") {
        std::string list;
        for (const std::size_t i : inputs) list += (list.empty() ? "" : ",") + std::to_string(i);
        return add(R"({"kind":"op","name":")" + name + R"(","shape":)" + text(s) + R"(,"inputs":[)" + list +
                       R"(],"attributes":{)" + attributes + "}}",
                   s);
    }
    smldist::shape shape_of(std::size_t id) const { return shapes_[id]; } // by value: a new node may move the list
    /// concat(v, v) along an axis.
    std::size_t twice(std::size_t v, std::size_t axis) {
        const smldist::shape& s = shapes_[v];
        return op("concat", s.with(axis, 2 * s[axis]), {v, v}, "\"axis\":" + std::to_string(axis));
    }
    /// Three logits from a value (1, L, C), which therefore must be computed.
    std::size_t logits(std::size_t v) {
        const std::size_t mean = op("mean_over_time", {1, shapes_[v].back()}, {v});
        const std::size_t one = op("slice", {1, 1}, {mean}, R"("axis":1,"begin":0,"end":1)");
        const std::size_t two = twice(one, 1);
        return op("concat", {1, 3}, {two, one}, "\"axis\":1");
    }
    /// The file whose logits are node `id`, listed so many times.
    smldist::io::byte_vector file(std::size_t id, std::size_t times = 1) const {
        using namespace smldist;
        std::string graph = R"({"nodes":[)" + nodes_ + R"(],"outputs":[)";
        for (std::size_t i = 0; i < times; ++i)
            graph += (i ? R"(,{"name":"logits","node":)" : R"({"name":"logits","node":)") + std::to_string(id) + "}";
        io::model_facts f;
        io::parse_error error;
        io::json::parse(graph + "]}", f.graph, error, {.values = 10'000'000, .memory = std::size_t(1) << 32});
        f.architecture = io::json::parse("{}");
        f.window = window_;
        f.hop = 1;
        f.rate_hz = 50;
        f.channels = {"x"};
        f.labels = {"a", "b", "c"};
        std::vector<std::vector<float>> values{std::vector<float>(window_, 1), std::vector<float>(3, 0)};
        std::vector<io::tensor_view> tensors{
            io::view_of(std::string(io::selftest_input), {1, window_, 1}, values[0].data()),
            io::view_of(std::string(io::selftest_output), {1, 3}, values[1].data())};
        values.reserve(2 + weights_.size());
        for (const auto& [name, s] : weights_)
            tensors.push_back(io::view_of(name, s, values.emplace_back(s.size(), 1.0f).data()));
        return io::write_bundle(f, tensors);
    }

private:
    static std::string text(const smldist::shape& s) {
        std::string list;
        for (const std::size_t e : s) list += (list.empty() ? "" : ",") + std::to_string(e);
        return "[" + list + "]";
    }
    std::size_t add(const std::string& node, const smldist::shape& s) {
        nodes_ += (shapes_.empty() ? "" : ",") + node;
        shapes_.push_back(s);
        return shapes_.size() - 1;
    }

    std::size_t window_;
    std::string nodes_;
    std::vector<smldist::shape> shapes_;
    std::vector<std::pair<std::string, smldist::shape>> weights_;
};

#endif
