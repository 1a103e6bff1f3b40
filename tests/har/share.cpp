// SPDX-License-Identifier: BSD-3-Clause
// Which share of a sweep a process does.
#include "../../examples/har/share.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "program.hpp"
#include "smldist/core/error.hpp"

namespace {

using namespace har_tests;
using variables = std::vector<std::pair<std::string, std::string>>;

/// Variables of the environment while it lives; all others that speak of shares are gone.
class environment {
public:
    explicit environment(const variables& set) {
        for (const char* name :
             {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
              "SLURM_ARRAY_TASK_STEP", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_SIZE"}) {
            if (const char* value = std::getenv(name)) before_.emplace_back(name, value);
            unsetenv(name);
        }
        for (const auto& [name, value] : set) {
            setenv(name.c_str(), value.c_str(), 1);
            set_.push_back(name);
        }
    }
    ~environment() {
        for (const auto& name : set_) unsetenv(name.c_str());
        for (const auto& [name, value] : before_) setenv(name.c_str(), value.c_str(), 1);
    }
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;

private:
    variables before_;
    std::vector<std::string> set_;
};

/// "I/N"
std::string share_in(const variables& set, const std::string& shard = "") {
    const environment e(set);
    const auto s = har::share_of(shard);
    return std::to_string(s.number) + "/" + std::to_string(s.count);
}

std::string refusal(const variables& set, const std::string& shard = "") {
    const environment e(set);
    try {
        har::share_of(shard);
    } catch (const smldist::usage_error& error) { return error.what(); }
    return "accepted";
}

variables array(const std::string& id, const std::string& count, const std::string& first, const std::string& last,
                const std::string& step) {
    return {{"SLURM_ARRAY_TASK_ID", id},
            {"SLURM_ARRAY_TASK_COUNT", count},
            {"SLURM_ARRAY_TASK_MIN", first},
            {"SLURM_ARRAY_TASK_MAX", last},
            {"SLURM_ARRAY_TASK_STEP", step}};
}

} // namespace

TEST_CASE("the flag says the share, else the launcher, else it is everything") {
    CHECK(share_in({}) == "1/1");
    CHECK(share_in({}, "3/8") == "3/8");
    CHECK(share_in({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "4"}}) == "1/4");
    CHECK(share_in({{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "4"}}) == "4/4");
    CHECK(share_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}) == "2/2");
    CHECK(share_in({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}, "5/9") == "5/9");
    const environment e({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}});
    CHECK(har::share_of("").said_by == "OMPI_COMM_WORLD_RANK 2 of 4");
    CHECK(har::share_of("1/2").said_by == "--shard");
}

TEST_CASE("the tasks of a Slurm array have different shares, whatever their first number and step") {
    for (const int first : {0, 1, 5})
        for (const int step : {1, 3, 4}) {
            std::set<std::string> all;
            for (int k = 0; k < 5; ++k)
                all.insert(share_in(array(std::to_string(first + k * step), "5", std::to_string(first),
                                          std::to_string(first + 4 * step), std::to_string(step))));
            CHECK(all == std::set<std::string>{"1/5", "2/5", "3/5", "4/5", "5/5"});
        }
    // Without the first number, the last and the step.
    CHECK(share_in({{"SLURM_ARRAY_TASK_ID", "4"}, {"SLURM_ARRAY_TASK_COUNT", "4"}}) == "1/4");
    CHECK(share_in({{"SLURM_ARRAY_TASK_ID", "0"}, {"SLURM_ARRAY_TASK_COUNT", "4"}}) == "1/4");
    CHECK(share_in({{"SLURM_ARRAY_TASK_ID", "3"}, {"SLURM_ARRAY_TASK_COUNT", "4"}}) == "4/4");
    CHECK(
        has(refusal(array("4", "3", "1", "5", "1")), "SLURM_ARRAY_TASK_ID: values are 3 from 1 to 5 in steps of 1"));
}

TEST_CASE("ranks within an array share the array's shares") {
    std::set<std::string> all;
    for (const std::string task : {"1", "2"})
        for (const std::string rank : {"0", "1", "2"}) {
            auto set = array(task, "2", "1", "2", "1");
            set.insert(set.end(), {{"OMPI_COMM_WORLD_RANK", rank}, {"OMPI_COMM_WORLD_SIZE", "3"}});
            all.insert(share_in(set));
        }
    CHECK(all == std::set<std::string>{"1/6", "2/6", "3/6", "4/6", "5/6", "6/6"});
}

TEST_CASE("a share that there is not is refused with its name and value") {
    for (const std::string shard :
         {"0/4", "5/4", "1", "/", "1/", "/4", "1/4/4", "a/b", "-1/4", " 1/4", "1/99999999", "+1/2"})
        CHECK_MESSAGE(has(refusal({}, shard), "--shard: value is \"" + shard + "\", expected I/N with I from 1 to N"),
                      shard);
    CHECK(has(refusal({{"OMPI_COMM_WORLD_RANK", "4"}, {"OMPI_COMM_WORLD_SIZE", "4"}}),
              "OMPI_COMM_WORLD_RANK: value is 4, expected less than OMPI_COMM_WORLD_SIZE, which is 4"));
    CHECK(has(refusal({{"PMI_RANK", "x"}, {"PMI_SIZE", "4"}}), "PMI_RANK: value is \"x\", expected a whole number"));
    CHECK(
        has(refusal({{"PMI_RANK", "0"}, {"PMI_SIZE", "0"}}), "PMI_SIZE: value is \"0\", expected a whole number, 1"));
    CHECK(has(refusal({{"SLURM_ARRAY_TASK_ID", "3"}}), "SLURM_ARRAY_TASK_COUNT: value is missing"));
    CHECK(refusal({{"PMI_RANK", "x"}}, "1/2") == "accepted"); // the flag wins
}

TEST_CASE("every group has one share, and the shares cost about the same") {
    std::vector<std::uint64_t> costs;
    for (std::uint64_t k = 0; k < 100; ++k) costs.push_back(k % 10 == 0 ? 50 : 1 + k % 7); // few large ones
    const std::uint64_t all = std::accumulate(costs.begin(), costs.end(), std::uint64_t(0));
    for (const std::size_t count : {1u, 2u, 3u, 8u}) {
        const auto shares = har::distributed(costs, count);
        REQUIRE(shares.size() == costs.size());
        std::map<std::size_t, std::uint64_t> load;
        for (std::size_t k = 0; k < costs.size(); ++k) load[shares[k]] += costs[k];
        CHECK(load.size() == count);
        CHECK(load.begin()->first == 1);
        CHECK(load.rbegin()->first == count);
        for (const auto& [number, cost] : load) CHECK(double(cost) < 1.3 * double(all) / double(count));
    }
    // More shares than groups: some have nothing to do.
    CHECK(har::distributed({5, 7}, 1000000) == std::vector<std::size_t>{2, 1});
    CHECK(har::distributed({}, 4).empty());
    CHECK(har::distributed({1, 1, 1, 1}, 2) == std::vector<std::size_t>{1, 2, 1, 2});
}
