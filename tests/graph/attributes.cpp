// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/graph/attributes.hpp"

#include "../raises.hpp"
#include "smldist/spec/all.hpp"

using namespace smldist;

namespace {

/// Changes an option to another legal value.
struct changed {
    void operator()(std::string_view, bool& v) const { v = !v; }
    void operator()(std::string_view, double& v) const { v += 0.1; }
    void operator()(std::string_view, shape& v) const { v = {3, 0, 5}; }
    void operator()(std::string_view, std::optional<std::ptrdiff_t>& v) const { v = -2; }
    template <named_enum E> void operator()(std::string_view, E& v) const {
        v = static_cast<E>(names_of<E>().size() - 1);
    }
    template <class V> void operator()(std::string_view, V& v) const { v += 3; }
};

graph::node node_of(std::vector<graph::attribute> attributes) {
    graph::node n;
    n.name = "op";
    n.attributes = std::move(attributes);
    return n;
}

template <class V> V read(const graph::node& n, std::string_view name) {
    V v{};
    attribute_reader(n, 7)(name, v);
    return v;
}

} // namespace

TEST_CASE("attributes: the options of every op are read as they were written") {
    spec::for_each([](auto s) {
        using S = decltype(s);
        CAPTURE(S::name);
        for (const bool change : {false, true}) {
            if (change) spec::visit_options(s, changed{});
            graph::node n = node_of({});
            spec::visit_options(std::as_const(s), attribute_writer(n));
            S back{};
            if (!change) spec::visit_options(back, changed{});
            if constexpr (requires { back.axis.reset(); })
                if (!change) back.axis.reset(); // an option without a value is not written
            attribute_reader from(n, 0);
            spec::visit_options(back, from);
            from.finish();
            graph::node again = node_of({});
            spec::visit_options(std::as_const(back), attribute_writer(again));
            REQUIRE(again.attributes.size() == n.attributes.size());
            for (std::size_t i = 0; i < n.attributes.size(); ++i) {
                CHECK(again.attributes[i].name == n.attributes[i].name);
                CHECK(again.attributes[i].value.number == n.attributes[i].value.number);
                CHECK(again.attributes[i].value.text == n.attributes[i].value.text);
            }
        }
    });
}

TEST_CASE("attributes: errors name the option that is missing, of another kind or out of range, and its node") {
    const auto n = node_of(
        {{"a", std::int64_t(3)}, {"b", 2.0}, {"c", 2.5}, {"d", -1.0}, {"e", std::string("(2, 3)")}, {"f", 1e9}});
    CHECK(read<std::size_t>(n, "a") == 3);
    CHECK(read<std::size_t>(n, "b") == 2); // in a file either kind of number
    CHECK(read<double>(n, "c") == 2.5);
    CHECK(read<std::ptrdiff_t>(n, "d") == -1);
    CHECK(read<shape>(n, "e") == shape{2, 3});
    CHECK(read<std::optional<std::ptrdiff_t>>(n, "d") == -1);
    CHECK_FALSE(read<std::optional<std::ptrdiff_t>>(n, "g"));
    CHECK_RAISES(data_error, "node 7 (op): attribute c is out of range", read<std::size_t>(n, "c"));
    CHECK_RAISES(data_error, "attribute d is out of range", read<std::size_t>(n, "d"));
    CHECK_RAISES(data_error, "attribute b is out of range", read<bool>(n, "b"));
    CHECK_RAISES(data_error, "attribute f is out of range", read<std::size_t>(n, "f"));
    CHECK_RAISES(data_error, "attribute g is missing, expected a number", read<double>(n, "g"));
    CHECK_RAISES(data_error, "attribute e is missing, expected a number", read<double>(n, "e"));
    CHECK_RAISES(data_error, "attribute a is missing, expected a shape", read<shape>(n, "a"));
    for (const std::string text :
         {"", "2, 3", "(2,3)", "(2, 3", "(02)", "(2, 3) ", "(-1)", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", "(16777217)",
          "(9999, 9999)", "(0, 99999999)", "(1, )"})
        CHECK_RAISES(data_error, "attribute s is not a shape", read<shape>(node_of({{"s", text}}), "s"));
    const auto stopping = [](const std::string& name) {
        return read<spec::hopfield_stop>(node_of({{"stop", name}, {"n", 1.0}}), "stop");
    };
    CHECK(stopping("batch") == spec::hopfield_stop::batch);
    CHECK_RAISES(data_error, "attribute stop is missing, expected a name of hopfield_stop", stopping("never"));
    CHECK_RAISES(data_error, "attribute a is missing, expected a name", read<spec::hopfield_stop>(n, "a"));
    attribute_reader all(n, 7);
    double v;
    all("a", v);
    CHECK_RAISES(data_error, "number of attributes is 6, expected 1", (all.finish(), 0));
}
