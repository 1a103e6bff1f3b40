// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/path_pattern.hpp"

#include <doctest/doctest.h>
#include <map>
#include <string>

#include "../../raises.hpp"
#include "smldist/core/error.hpp"

using namespace smldist;
using data::path_pattern;

namespace {

using texts = std::map<std::string, std::string>;

/// What a pattern captures in a path; {"no", ""} if it does not fit.
texts captured(const std::string& pattern, const std::string& path) {
    const auto found = path_pattern(pattern).match(path);
    if (!found) return {{"no", ""}};
    texts all;
    for (const auto& [name, part] : *found) {
        all[name] = part.text;
        CHECK(path.substr(part.at, part.text.size()) == part.text);
    }
    return all;
}

const texts no{{"no", ""}};

} // namespace

TEST_CASE("path_pattern: text, wildcards and places") {
    CHECK(captured("a/b.csv", "a/b.csv") == texts{});
    CHECK(captured("a/b.csv", "a/b.csvx") == no);
    CHECK(captured("a/b.csv", "xa/b.csv") == no);
    CHECK(captured("*.csv", "walk.csv") == texts{});
    CHECK(captured("*.csv", ".csv") == texts{});
    CHECK(captured("*.csv", "a/walk.csv") == no);
    CHECK(captured("**/*.csv", "walk.csv") == texts{});
    CHECK(captured("**/*.csv", "a/b/c/walk.csv") == texts{});
    CHECK(captured("a/**/b.csv", "a/b.csv") == texts{});
    CHECK(captured("a/**/b.csv", "a/x/y/b.csv") == texts{});
    CHECK(captured("a/**/b.csv", "ab.csv") == no);
    CHECK(captured("?.csv", "a.csv") == texts{});
    CHECK(captured("?.csv", "ab.csv") == no);
    CHECK(captured("?.csv", ".csv") == no);
    CHECK(captured("a?b", "a/b") == no);
    CHECK(captured("{subject}/{label}_*.csv", "anna/walk_1.csv") == texts{{"subject", "anna"}, {"label", "walk"}});
    CHECK(captured("{subject}/{label}_{recording#}.csv", "Zoë B./slow walk_12.csv") ==
          texts{{"subject", "Zoë B."}, {"label", "slow walk"}, {"recording", "12"}});
    CHECK(captured("{subject#}.csv", "12.csv") == texts{{"subject", "12"}});
    CHECK(captured("{subject#}.csv", "a2.csv") == no);
    CHECK(captured("{subject}.csv", ".csv") == no);
    CHECK(captured("{label}/{device}/{sensor}.csv", "walk/watch/acc.csv") ==
          texts{{"label", "walk"}, {"device", "watch"}, {"sensor", "acc"}});
    CHECK(captured("s{subject#}_*", "s7_walk.csv") == texts{{"subject", "7"}});
    CHECK(captured("{label}_sub{subject#}.csv", "go_sub_up_sub3.csv") ==
          texts{{"label", "go_sub_up"}, {"subject", "3"}});
}

TEST_CASE("path_pattern: two readings are an error that names both, equal ones are not") {
    CHECK_RAISES(data_error,
                 "slow_walk_1.csv: fits the file pattern \"{label}_*.csv\" in two ways, {label} is \"slow\" or "
                 "\"slow_walk\", expected one way: {label#} stands for digits only",
                 path_pattern("{label}_*.csv").match("slow_walk_1.csv"));
    CHECK_RAISES(data_error, "in two ways, {", path_pattern("{subject}{label}.csv").match("abc.csv"));
    CHECK(captured("{label}_{recording#}.csv", "slow_walk_1.csv") ==
          texts{{"label", "slow_walk"}, {"recording", "1"}});
    CHECK(captured("**/**/{subject}.csv", "a/b/c.csv") == texts{{"subject", "c"}});
    CHECK_RAISES(data_error, "in two ways", path_pattern("**{label}.csv").match("walk.csv")); // * before a place
}

TEST_CASE("path_pattern: a pattern of another form is an error") {
    CHECK_RAISES(usage_error, "file pattern \"\": pattern is empty, expected a path with * and {names}",
                 path_pattern(""));
    CHECK_RAISES(usage_error, "file pattern \"{label\": { at character 1 is not closed, expected }",
                 path_pattern("{label"));
    CHECK_RAISES(
        usage_error,
        "file pattern \"a{person}\": place is {person}, expected {subject}, {label}, {recording}, {sensor} or "
        "{device}",
        path_pattern("a{person}"));
    CHECK_RAISES(usage_error, "place is {}, expected", path_pattern("{}"));
    CHECK_RAISES(usage_error, "place {label} occurs twice, expected once", path_pattern("{label}/{label#}"));
    CHECK(path_pattern("{label#}").has("label"));
    CHECK(!path_pattern("label").has("label"));
}

TEST_CASE("path_pattern: a pattern with many wildcards ends") {
    const path_pattern many("*a*a*a*a*a*a*a*a*a*a*a*b");
    CHECK_RAISES(data_error, "does not fit the file pattern \"*a*a*a*a*a*a*a*a*a*a*a*b\" within 100000 steps",
                 many.match(std::string(60, 'a')));
    CHECK(many.match(std::string(12, 'a') + "b").has_value());
}
