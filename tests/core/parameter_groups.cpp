// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/core/parameter_groups.hpp"

#include <optional>
#include <vector>

#include "../raises.hpp"

using namespace smldist;

namespace {

struct layer {
    parameter<float> weight{tensor<float>(shape{2})}, bias{tensor<float>(shape{2})};
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("bias", self.bias);
    }
};
struct block {
    layer conv, norm;
    buffer<float> mean{tensor<float>(shape{2})};
    static void visit(auto& self, auto&& member) {
        member("conv", self.conv);
        member("norm", self.norm);
        member("mean", self.mean);
    }
};
struct model {
    std::vector<block> blocks = std::vector<block>(2);
    std::optional<layer> head = layer();
    parameter<float> absent;
    static void visit(auto& self, auto&& member) {
        member("blocks", self.blocks);
        member("head", self.head);
        member("absent", self.absent);
    }
};

/// The paths of the parameters of which f(p) is true, each followed by a space.
template <class F> std::string paths(model& m, F f) {
    std::string all;
    walk(m, [&](const std::string& path, auto& leaf) {
        if constexpr (requires { leaf.rate; })
            if (f(leaf)) all += path + " ";
    });
    return all;
}
std::string frozen(model& m) {
    return paths(m, [](const auto& p) { return p.frozen; });
}

} // namespace

TEST_CASE("selects: paths, patterns with stars and question marks, and modules") {
    struct one {
        const char *pattern, *path;
        bool yes;
    };
    for (const one& c : {one{"a.b", "a.b", true},       {"a.b", "a.c", false},    {"a", "a.b.c", true},
                         {"a.b", "a.bc", false},        {"a", "ab.c", false},     {"*", "a.b", true},
                         {"a.*", "a.b.c", true},        {"a.*", "a", false},      {"*.bias", "a.b.bias", true},
                         {"*.bias", "bias", false},     {"*bias", "bias", true},  {"*.norm", "a.norm.bias", true},
                         {"*.norm", "a.normal", false}, {"a.?.c", "a.1.c", true}, {"a.?.c", "a.12.c", false},
                         {"a.*.c", "a.b.c.c.c", true},  {"*a*b*", "xaxbx", true}, {"*a*b", "abab", true},
                         {"*a*b", "abax", false},       {"", "a", false},         {"", "", true},
                         {"a.b.c", "a.b", false},       {"a**", "a", true},       {"?", "a.b", true},
                         {"b", "a.b", false},           {"*aab", "aaab", true},   {"a.b.", "a.b.c", false}}) {
        CAPTURE(c.pattern);
        CAPTURE(c.path);
        CHECK(selects(c.pattern, c.path) == c.yes);
    }
}

TEST_CASE("freeze and unfreeze by pattern") {
    model m;
    freeze(m, "blocks.0");
    CHECK(frozen(m) == "blocks.0.conv.weight blocks.0.conv.bias blocks.0.norm.weight blocks.0.norm.bias ");
    CHECK(is_frozen(m.blocks[0]));
    CHECK(mode_of(m.blocks[0].norm, mode::train) == mode::eval);
    unfreeze(m, "*");
    CHECK(frozen(m).empty());
    m.blocks[1].norm.bias.trainable = false;
    freeze(m, "*.norm");
    CHECK(frozen(m) == "blocks.0.norm.weight blocks.0.norm.bias blocks.1.norm.weight blocks.1.norm.bias ");
    CHECK(m.blocks[0].conv.weight.trainable);
    CHECK_FALSE(m.blocks[0].norm.weight.trainable);
    unfreeze(m, "blocks.?.norm.*");
    CHECK(frozen(m).empty());
    CHECK_FALSE(m.blocks[1].norm.bias.trainable); // as before
    freeze(m, "head.weight");
    CHECK_FALSE(is_frozen(*m.head));
}

TEST_CASE("set_groups: rates, decay and freezing; the later group wins, and what it leaves out stays") {
    model m;
    for_each_parameter(m, [](auto& p) { p.decay = 0.5; });
    set_groups(m, {{.pattern = "blocks", .rate = 0.1},
                   {.pattern = "*.bias", .decay = 0},
                   {.pattern = "blocks.1.conv", .rate = 0.01, .frozen = true},
                   {.pattern = "blocks.1.conv.bias", .frozen = false}});
    CHECK(paths(m, [](const auto& p) { return p.rate == 0.1; }) ==
          "blocks.0.conv.weight blocks.0.conv.bias blocks.0.norm.weight blocks.0.norm.bias blocks.1.norm.weight "
          "blocks.1.norm.bias ");
    CHECK(paths(m, [](const auto& p) { return p.rate == 0.01; }) == "blocks.1.conv.weight blocks.1.conv.bias ");
    CHECK(paths(m, [](const auto& p) { return p.rate == 1; }) == "head.weight head.bias ");
    CHECK(paths(m, [](const auto& p) { return p.decay == 0; }) ==
          "blocks.0.conv.bias blocks.0.norm.bias blocks.1.conv.bias blocks.1.norm.bias head.bias ");
    CHECK(m.head->weight.decay == 0.5);
    CHECK(frozen(m) == "blocks.1.conv.weight ");
    const model copy = m;
    CHECK(copy.blocks[0].conv.weight.rate == 0.1);
}

TEST_CASE("parameter_groups: what selects nothing or is out of range is refused, and nothing is set") {
    model m;
    CHECK_RAISES(usage_error,
                 "freeze: pattern is \"backbone\", which selects no parameter, expected the path of one, such as "
                 "\"blocks.0.conv.weight\"",
                 freeze(m, "backbone"));
    CHECK_RAISES(usage_error, "unfreeze: pattern is \"absent\"", unfreeze(m, "absent"));
    CHECK_RAISES(usage_error, "pattern is \"blocks.0.mean\"", freeze(m, "blocks.0.mean"));
    CHECK_RAISES(usage_error, "set_groups: pattern is \"heads\"",
                 set_groups(m, {{.pattern = "head", .rate = 0.1}, {.pattern = "heads", .frozen = true}}));
    for (const double bad : {-1.0, double(NAN), HUGE_VAL}) {
        CHECK_RAISES(usage_error, "set_groups: rate is",
                     set_groups(m, {{.pattern = "head", .rate = 0.1}, {.pattern = "head", .rate = bad}}));
        CHECK_RAISES(usage_error, "set_groups: decay is", set_groups(m, {{.pattern = "head", .decay = bad}}));
    }
    CHECK(m.head->weight.rate == 1);
}
