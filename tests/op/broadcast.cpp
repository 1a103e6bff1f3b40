// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/op/broadcast.hpp"

#include "check.hpp"
#include "smldist/spec/shapes.hpp"

using namespace smldist;

namespace {

/// a − 2b, which does not commute.
struct minus_twice {
    static constexpr bool commutes = false;
    template <class V> V operator()(const V& a, const V& b) const { return a - b - b; }
};

/// Element of x that position `at` of y reads, straight from the definition.
double read(const tensor<double>& x, const shape& y, std::size_t at) {
    std::size_t offset = 0, step = 1;
    for (std::size_t i = 1; i <= y.rank(); ++i) {
        const std::size_t index = at % y[y.rank() - i];
        at /= y[y.rank() - i];
        if (i > x.shape().rank()) continue;
        const std::size_t extent = x.shape()[x.shape().rank() - i];
        if (extent != 1) offset += index * step;
        step *= extent;
    }
    return x[offset];
}

const std::vector<std::pair<shape, shape>> pairs = {
    {{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {4}},       {{4}, {2, 3, 4}},
    {{2, 3, 4}, {3, 1}},    {{2, 1, 4}, {1, 3, 1}}, {{1}, {2, 3}},
    {{5, 2, 1, 3}, {2, 1}}, {{2, 3}, {}},           {{}, {}},
    {{3, 4}, {2, 1, 1}},
};

} // namespace

TEST_CASE("is_row_of: the last part of y, whatever ones stand before it") {
    CHECK(op::detail::is_row_of({4}, {2, 3, 4}));
    CHECK(op::detail::is_row_of({1, 1, 4}, {2, 3, 4}));
    CHECK(op::detail::is_row_of({3, 4}, {2, 3, 4}));
    CHECK_FALSE(op::detail::is_row_of({3, 1}, {2, 3, 4}));
    CHECK_FALSE(op::detail::is_row_of({2, 1, 4}, {2, 3, 4}));
    CHECK_FALSE(op::detail::is_row_of({0}, {2, 0}));
}

TEST_CASE("broadcast_map: every path, writing and adding, against the definition") {
    for (const auto& [sa, sb] : pairs) {
        const tensor<double> a = normal(sa, 1), b = normal(sb, 2);
        const shape s = spec::broadcast("f", sa, sb);
        const std::string name = sa.text() + sb.text();
        CAPTURE(name);
        tensor<double> y(s, -1), sum(s, -1), wanted(s);
        op::detail::broadcast_map<false>(minus_twice{}, s, y.data(), sa, a.data(), sb, b.data());
        op::detail::broadcast_map<true>(minus_twice{}, s, sum.data(), sa, a.data(), sb, b.data());
        for (std::size_t i = 0; i < s.size(); ++i) wanted[i] = read(a, s, i) - 2 * read(b, s, i);
        CHECK(difference(y, wanted, 1e-15) == "");
        for (double& w : wanted) w -= 1;
        CHECK(difference(sum, wanted, 1e-15) == "");
    }
}

TEST_CASE("sum_to: the transpose of reading, into an empty sink and on top of another") {
    for (const auto& [first, second] : pairs)
        for (const auto& x : {first, second}) {
            const shape s = spec::broadcast("f", first, second);
            const tensor<double> dy = normal(s, 3), probe = normal(x, 4);
            const std::string name = x.text() + s.text();
            CAPTURE(name);
            tensor<double> sink;
            op::detail::sum_to(dy, x, sink);
            CHECK(sink.shape() == x);
            double inside = 0, outside = 0; // <dy, read(probe)> = <sum_to(dy), probe>
            for (std::size_t i = 0; i < s.size(); ++i) inside += dy[i] * read(probe, s, i);
            for (std::size_t i = 0; i < x.size(); ++i) outside += sink[i] * probe[i];
            CHECK(inside == doctest::Approx(outside).epsilon(1e-12));
            tensor<double> twice = sink;
            op::detail::sum_to(dy, x, twice);
            for (std::size_t i = 0; i < x.size(); ++i) CHECK(twice[i] == doctest::Approx(2 * sink[i]).epsilon(1e-13));
        }
}
