// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/spec/options.hpp"

#include <doctest/doctest.h>
#include <string_view>

#include "smldist/core/shape.hpp"

using namespace smldist;

namespace {

struct plain {};
struct costly {
    int a = 1;
    bool b = true;
    static void visit(auto& self, auto&& f) {
        f("a", self.a);
        f("b", self.b);
    }
    std::uint64_t macs(const shape& x) const { return 3 * x.size(); }
};

} // namespace

TEST_CASE("options: of a description without visit there are none, without macs the cost is 0") {
    int seen = 0;
    const auto count = [&](std::string_view, const auto&) { ++seen; };
    const plain p;
    spec::visit_options(p, count);
    CHECK(seen == 0);
    costly c;
    spec::visit_options(c, count);
    CHECK(seen == 2);
    CHECK(spec::macs_of(p, shape{4}) == 0);
    CHECK(spec::macs_of(c, shape{4}) == 12);
}
