// SPDX-License-Identifier: BSD-3-Clause
#include "share.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string_view>

#include "smldist/core/error.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

constexpr std::uint64_t most_shares = 1000000;

std::optional<std::uint64_t> whole(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size() || value > most_shares) return std::nullopt;
    return value;
}

/// A variable of the environment. Nothing when it is not set; throws usage_error when it is no number from `low` on.
std::optional<std::uint64_t> variable(const std::string& name, std::uint64_t low) {
    const char* text = std::getenv(name.c_str());
    if (text == nullptr) return std::nullopt;
    const auto value = whole(text);
    if (!value || *value < low)
        raise<usage_error>(name, "value is ", io::quote(text), ", expected a whole number, ", low, " to ",
                           most_shares, "; --shard I/N wins over it");
    return value;
}

/// A place, counted from 0, and the number of places; nothing when neither variable is set.
struct job_place {
    std::uint64_t at, of;
};
std::optional<job_place> place_of(const std::string& at, const std::string& of) {
    const auto here = variable(at, 0), all = variable(of, 1);
    if (!here && !all) return std::nullopt;
    if (!here || !all)
        raise<usage_error>(here ? of : at, "value is missing while ", here ? at : of,
                           " is set, expected both; --shard I/N wins over them");
    return job_place{*here, *all};
}

std::optional<job_place> rank(const std::string& at, const std::string& of) {
    const auto p = place_of(at, of);
    if (p && p->at >= p->of)
        raise<usage_error>(at, "value is ", p->at, ", expected less than ", of, ", which is ", p->of);
    return p;
}

std::optional<job_place> array_task() {
    const std::string name = "SLURM_ARRAY_TASK_";
    auto p = place_of(name + "ID", name + "COUNT");
    if (!p) return p;
    const std::uint64_t step = variable(name + "STEP", 1).value_or(1);
    const auto first = variable(name + "MIN", 0), last = variable(name + "MAX", 0);
    if (first && last && *last - *first != step * (p->of - 1))
        raise<usage_error>(name + "ID", "values are ", p->of, " from ", *first, " to ", *last, " in steps of ", step,
                           ", expected evenly spaced ones; --shard I/N wins over them");
    p->at = p->at / step % p->of;
    return p;
}

} // namespace

share share_of(const std::string& shard) {
    if (!shard.empty()) {
        const std::size_t slash = std::min(shard.find('/'), shard.size() - 1);
        const auto number = whole(std::string_view(shard).substr(0, slash)),
                   count = whole(std::string_view(shard).substr(slash + 1));
        if (!number || !count || *number < 1 || *number > *count)
            raise<usage_error>("--shard", "value is ", io::quote(shard), ", expected I/N with I from 1 to N");
        return {*number, *count, "--shard"};
    }
    share s;
    const auto name = [&](const std::string& variable, std::uint64_t value, std::uint64_t of) {
        s.said_by +=
            (s.said_by.empty() ? "" : ", ") + variable + " " + std::to_string(value) + " of " + std::to_string(of);
    };
    if (const auto task = array_task()) {
        s.number = task->at + 1;
        s.count = task->of;
        name("SLURM_ARRAY_TASK_ID", *variable("SLURM_ARRAY_TASK_ID", 0), task->of);
    }
    for (const std::string prefix : {"OMPI_COMM_WORLD_", "PMI_"}) {
        const auto process = rank(prefix + "RANK", prefix + "SIZE");
        if (!process) continue;
        s.number = (s.number - 1) * process->of + process->at + 1;
        s.count *= process->of;
        name(prefix + "RANK", process->at, process->of);
        break;
    }
    return s;
}

std::vector<std::size_t> distributed(const std::vector<std::uint64_t>& costs, std::size_t count) {
    std::vector<std::size_t> order(costs.size()), shares(costs.size());
    std::iota(order.begin(), order.end(), std::size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return costs[a] > costs[b]; });
    std::vector<std::uint64_t> load(std::min(count, std::max<std::size_t>(1, costs.size())));
    for (const std::size_t group : order) {
        const auto least = std::min_element(load.begin(), load.end());
        *least += costs[group];
        shares[group] = static_cast<std::size_t>(least - load.begin()) + 1;
    }
    return shares;
}

} // namespace har
