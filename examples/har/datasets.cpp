// SPDX-License-Identifier: BSD-3-Clause
#include "datasets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <span>
#include <string_view>

#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/data/dataset/dsads.hpp"
#include "smldist/data/dataset/hapt.hpp"
#include "smldist/data/dataset/mhealth.hpp"
#include "smldist/data/dataset/motion_sense.hpp"
#include "smldist/data/dataset/pamap2.hpp"
#include "smldist/data/dataset/sp_sw_har.hpp"
#include "smldist/data/dataset/uci_har.hpp"
#include "smldist/data/dataset/wisdm.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

/// Windows of about 2.56 s that overlap by half. The presets halve time four times, so the length is a multiple of 16.
data::cut_options windows_at(double rate_hz, data::label_rule rule = data::label_rule::majority) {
    const auto length = 16 * static_cast<std::size_t>(std::lround(2.56 * rate_hz / 16));
    return {length, length / 2, rule};
}

/// Says on stderr what the loader mended or left out.
void say_repairs(const data::recording_set& set, bool quiet) {
    if (!quiet)
        for (const auto& r : set.repairs) std::fprintf(stderr, "data: %zu %s\n", r.count, r.what.c_str());
}

/// The people of an official part who are there.
std::vector<int> those_with_windows(const data::windows& w, std::span<const int> part) {
    const std::vector<int> there = w.subjects();
    std::vector<int> both;
    std::set_intersection(part.begin(), part.end(), there.begin(), there.end(), std::back_inserter(both));
    return both;
}

/// Cuts a set without an official split; every third person is for test. Says what the loader mended or left out.
data::train_test by_thirds(data::recording_set set, bool quiet) {
    const data::cut_options o = windows_at(set.info.rate_hz);
    set.drop_shorter(o.length);
    say_repairs(set, quiet);
    const data::windows w = data::cut(set.recordings, set.info, o);
    set.recordings.clear(); // before the windows are copied: the large sets take hundreds of megabytes
    return data::test_on(w, data::every_third_subject(w));
}

data::train_test hapt(const std::string& folder, bool quiet) {
    const auto set = data::hapt(folder);
    say_repairs(set, quiet);
    const auto w = data::cut(set.recordings, set.info, windows_at(set.info.rate_hz, data::label_rule::constant));
    return data::test_on(w, those_with_windows(w, data::hapt_test_subjects));
}

template <data::sp_sw_har_devices devices> data::train_test sp_sw_har(const std::string& folder, bool quiet) {
    return by_thirds(data::sp_sw_har(folder, {devices}), quiet);
}

struct dataset {
    std::string_view name;
    data::train_test (*load)(const std::string& folder, bool quiet);
};

constexpr std::array datasets{
    dataset{"uci_har", [](const std::string& folder, bool) { return data::uci_har(folder); }},
    dataset{"hapt", hapt},
    dataset{"sp_sw_har", sp_sw_har<data::sp_sw_har_devices::phone>},
    dataset{"sp_sw_har_watch", sp_sw_har<data::sp_sw_har_devices::watch>},
    dataset{"sp_sw_har_both", sp_sw_har<data::sp_sw_har_devices::both>},
    dataset{"wisdm", [](const std::string& folder, bool quiet) { return by_thirds(data::wisdm(folder), quiet); }},
    dataset{"mhealth", [](const std::string& folder, bool quiet) { return by_thirds(data::mhealth(folder), quiet); }},
    dataset{"pamap2", [](const std::string& folder, bool quiet) { return by_thirds(data::pamap2(folder), quiet); }},
    dataset{"motion_sense",
            [](const std::string& folder, bool quiet) { return by_thirds(data::motion_sense(folder), quiet); }},
    dataset{"dsads", [](const std::string& folder, bool quiet) { return by_thirds(data::dsads(folder), quiet); }},
};

/// The set of NAME=DIR; throws usage_error for an unknown name.
const dataset& find(const std::string& spec) {
    const std::size_t equals = spec.find('=');
    if (equals != spec.npos)
        for (const dataset& set : datasets)
            if (spec.compare(0, equals, set.name) == 0) return set;
    raise<usage_error>("--data", "value is ", io::quote(spec), ", expected synthetic or NAME=DIR with NAME one of ",
                       dataset_names());
}

} // namespace

std::string dataset_names() {
    std::string names;
    for (const dataset& set : datasets) names += (names.empty() ? "" : ", ") + std::string(set.name);
    return names;
}

void check_dataset(const std::string& spec) {
    if (spec != "synthetic") find(spec);
}

data::train_test load_data(const std::string& spec, std::uint64_t seed, bool quiet) {
    const interruptible nothing_to_save;
    if (spec != "synthetic") return find(spec).load(spec.substr(spec.find('=') + 1), quiet);
    data::synthetic_options o;
    o.seed = seed;
    return data::synthetic(o);
}

data::train_test load_data(const std::string& spec, const data::window_filter& filter,
                           const std::vector<subjects>& needed, std::uint64_t seed, bool quiet) {
    data::train_test sets = load_data(spec, seed, quiet);
    const std::vector<int> people[]{sets.test.subjects(), sets.train.subjects()};
    if (filter.any()) { // windows of all sets overlap by half
        const double hop_seconds = double(sets.train.length() / 2) / sets.train.info.rate_hz;
        sets = data::filtered(sets, filter, hop_seconds);
    }
    for (const subjects side : needed) {
        if (!(side == subjects::test ? sets.test : sets.train).empty()) continue;
        std::string names;
        for (const int person : people[static_cast<std::size_t>(side)])
            names += (names.empty() ? "" : ", ") + sets.train.info.subject_name(person);
        raise<data_error>("--data", "number of ", name_of(side),
                          " windows left is 0, expected at least one: the people on that side of the split are ",
                          names.empty() ? "none" : names);
    }
    return sets;
}

} // namespace har
