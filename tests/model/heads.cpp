// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/heads.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

#include "model/small.hpp"

using namespace smldist;

TEST_CASE("heads: every head has a name and is found by it") {
    CHECK(heads::all.size() == model::head_names.size());
    for (std::size_t k = 0; k < heads::all.size(); ++k) {
        CHECK(heads::all[k].index() == k);
        CHECK(model::text(heads::all[k]) == model::head_names[k]);
        CHECK(model::parse_head(model::head_names[k]).index() == k);
    }
    CHECK(model::head_config() == heads::linear);
    CHECK_FALSE(heads::memory == model::head_config(model::memory_head{}));
    CHECK_THROWS_WITH_AS(model::parse_head("svm"),
                         "model::head: name is \"svm\", expected linear, memory, prototype, mlp, lookup or blended",
                         usage_error);
}

TEST_CASE("heads: a description knows the sizes of its layer's tensors") {
    constexpr std::size_t D = 16, N = 4;
    for (const auto& head : heads::all) {
        CAPTURE(model::text(head));
        generator g(1);
        const auto layer = model::make_head<float>(head, D, N, g);
        CHECK(layer.index() == head.index());
        std::vector<double> told, held;
        std::visit([&](const auto& h) { h.sizes(double(D), double(N), [&](double n) { told.push_back(n); }); }, head);
        const std::vector<model::head_layer<float>> list{layer};
        model::visit_heads(list, [&](std::string_view path, const auto& l) {
            CHECK(path == (head.index() == 0 ? "intuition" : head.index() == 5 ? "ref2021" : model::text(head)));
            walk(l, [&](const std::string&, const auto& leaf) { held.push_back(double(leaf.value.size())); });
        });
        std::sort(told.begin(), told.end());
        std::sort(held.begin(), held.end());
        CHECK(told == held);
    }
}

TEST_CASE("heads: all except blended can be candidates of a search; options out of range are refused") {
    for (const auto& head : heads::all) {
        CAPTURE(model::text(head));
        CHECK(model::is_candidate(head) == (model::text(head) != "blended"));
        CHECK_NOTHROW(model::check(head));
    }
    CHECK_THROWS_AS(model::check(model::memory_head{.patterns_per_class = 0}), usage_error);
    CHECK_THROWS_AS(model::check(model::memory_head{.dropout = 1}), usage_error);
    CHECK_THROWS_AS(model::check(model::mlp_head{.hidden = 0}), usage_error);
    CHECK_THROWS_AS(model::check(model::lookup_head{.patterns_per_class = 0}), usage_error);
    CHECK_THROWS_AS(model::network<float>(small(model::mlp_head{.hidden = 0}), generator(1)), usage_error);
}

TEST_CASE("heads: a network visits them in the order of the list for any order of candidates") {
    const auto paths = [](const std::vector<model::head_config>& candidates) {
        const model::network<float> net(searching(small(), candidates), generator(1));
        std::vector<std::string> found;
        walk(net, [&](const std::string& path, const auto&) {
            const auto first = path.substr(0, path.find('.'));
            if (first != "backbone" && (found.empty() || found.back() != first)) found.push_back(first);
        });
        return found;
    };
    const std::vector<std::string> wanted{"intuition", "memory", "mlp", "choice"};
    CHECK(paths({heads::linear, heads::memory, heads::mlp}) == wanted);
    CHECK(paths({heads::mlp, heads::linear, heads::memory}) == wanted);
}

TEST_CASE("heads: keep leaves one candidate chosen by index or name") {
    const model::network<float> net(searching(small(), {heads::mlp, heads::memory, heads::linear}), generator(1));
    tensor<float> x(shape{2, 32, 3});
    generator g(3);
    for (float& v : x) v = static_cast<float>(g.normal());
    const auto all = net(x);
    for (std::size_t i = 0; i < 3; ++i) {
        auto one = net, same = net;
        one.keep(i);
        same.keep(model::text(net.config.candidates[i]));
        CHECK_FALSE(one.under_search());
        CHECK(one.config.head == net.config.candidates[i]);
        CHECK(one.heads.size() == 1);
        CHECK((one.memory() != nullptr) == (i == 1));
        CHECK(identical(one(x).logits, op::slice(all.candidates.logits, -1, i * 4, (i + 1) * 4)));
        CHECK(identical(one(x).logits, same(x).logits));
        CHECK(one(x).candidates.empty());
    }
    CHECK_THROWS_WITH_AS(model::network<float>(net).keep(3),
                         "network.keep: candidate is 3, expected below the number of heads, 3", usage_error);
    CHECK_THROWS_WITH_AS(model::network<float>(net).keep("lookup"),
                         "network.keep: head is lookup, expected one of the network's", usage_error);
    CHECK_THROWS_WITH_AS(model::network<float>(searching(small(), {heads::mlp, heads::mlp}), generator(1)),
                         "model::network: candidate mlp appears twice, expected each once", usage_error);
}
