// SPDX-License-Identifier: BSD-3-Clause
#include "datasets.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "own_recordings.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/data/dataset/dsads.hpp"
#include "smldist/data/dataset/hapt.hpp"
#include "smldist/data/dataset/mhealth.hpp"
#include "smldist/data/dataset/motion_sense.hpp"
#include "smldist/data/dataset/pamap2.hpp"
#include "smldist/data/dataset/sp_sw_har.hpp"
#include "smldist/data/dataset/uci_har.hpp"
#include "smldist/data/dataset/wisdm.hpp"
#include "smldist/data/split.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

/// Windows of about 2.56 s that overlap by half. The presets halve time four times, so the length is a multiple of 16.
data::cut_options windows_at(double rate_hz, data::label_rule rule) {
    const auto length = 16 * static_cast<std::size_t>(std::lround(2.56 * rate_hz / 16));
    return {length, length / 2, rule};
}

template <data::sp_sw_har_devices devices> recorded_set sp_sw_har(const std::string& folder) {
    return {data::sp_sw_har(folder, {devices})};
}

/// The recordings that published windows were cut from: a window continues the one before it if both have the same person
/// and label, and its first half is the other's second half, bit by bit. Windows of n samples come n / 2 apart.
void join(data::recording_set& set, const data::windows& w) {
    const std::size_t C = w.channels(), n = w.length(), half = n / 2;
    const auto continues = [&](std::size_t i) {
        return w.subject[i] == w.subject[i - 1] && w.label[i] == w.label[i - 1] &&
               std::memcmp(w.window(i), w.window(i - 1) + (n - half) * C, half * C * sizeof(float)) == 0;
    };
    for (std::size_t i = 0; i < w.size();) {
        std::size_t end = i + 1;
        while (end < w.size() && continues(end)) ++end;
        const std::size_t samples = n + (end - i - 1) * (n - half);
        data::recording r{tensor<float>::uninitialized({samples, C}), std::vector<int>(samples, w.label[i]),
                          w.subject[i]};
        float* to = std::copy_n(w.window(i), n * C, r.samples.data());
        while (++i < end) to = std::copy_n(w.window(i) + half * C, (n - half) * C, to);
        set.recordings.push_back(std::move(r));
    }
}

recorded_set uci_har(const std::string& folder) {
    const auto [train, test] = data::uci_har(folder);
    recorded_set recorded{{{}, train.info, {}}, test.subjects(), data::label_rule::constant};
    join(recorded.set, train);
    join(recorded.set, test);
    return recorded;
}

recorded_set synthetic(std::uint64_t seed) {
    data::synthetic_options o;
    o.seed = seed;
    recorded_set recorded{
        {data::synthetic_recordings(o, 1, o.users + o.test_users), data::synthetic_info(o.rate_hz), {}},
        {},
        data::label_rule::constant};
    for (std::size_t i = o.users; i < o.users + o.test_users; ++i)
        recorded.test_people.push_back(recorded.set.recordings[i].subject);
    return recorded;
}

struct dataset {
    std::string_view name;
    recorded_set (*read)(const std::string& folder);
    data::train_test (*published)(const std::string& folder) = nullptr; ///< if the publisher cut the windows
};

constexpr std::array datasets{
    dataset{"uci_har", uci_har, [](const std::string& folder) { return data::uci_har(folder); }},
    dataset{"hapt",
            [](const std::string& folder) {
                const auto& people = data::hapt_test_subjects;
                return recorded_set{data::hapt(folder), {people.begin(), people.end()}, data::label_rule::constant};
            }},
    dataset{"sp_sw_har", sp_sw_har<data::sp_sw_har_devices::phone>},
    dataset{"sp_sw_har_watch", sp_sw_har<data::sp_sw_har_devices::watch>},
    dataset{"sp_sw_har_both", sp_sw_har<data::sp_sw_har_devices::both>},
    dataset{"wisdm", [](const std::string& folder) { return recorded_set{data::wisdm(folder)}; }},
    dataset{"mhealth", [](const std::string& folder) { return recorded_set{data::mhealth(folder)}; }},
    dataset{"pamap2", [](const std::string& folder) { return recorded_set{data::pamap2(folder)}; }},
    dataset{"motion_sense", [](const std::string& folder) { return recorded_set{data::motion_sense(folder)}; }},
    dataset{"dsads", [](const std::string& folder) { return recorded_set{data::dsads(folder)}; }},
};

/// The set of NAME=DIR; throws usage_error for an unknown name.
const dataset& find(const std::string& spec) {
    const std::size_t equals = spec.find('=');
    if (equals != spec.npos)
        for (const dataset& set : datasets)
            if (spec.compare(0, equals, set.name) == 0) return set;
    raise<usage_error>("--data", "value is ", io::quote(spec),
                       ", expected synthetic, csv=PATH or NAME=DIR with NAME one of ", dataset_names());
}

std::string folder_of(const std::string& spec) { return spec.substr(spec.find('=') + 1); }

recorded_set own_recordings(const options& o, const io::model_facts* model) {
    recorded_set recorded;
    recorded.own = model == nullptr ? data::csv_recordings(own_path(o.data), o.csv)
                                    : recordings_for(*model, own_path(o.data), o.csv);
    recorded.set =
        std::move(static_cast<data::recording_set&>(*recorded.own)); // the slice without what was understood
    // Files may have any bytes in names; models and JSON hold text.
    for (auto* names : {&recorded.set.info.labels, &recorded.set.info.units, &recorded.set.info.subjects})
        for (std::string& name : *names) name = printable(name);
    recorded.own->info = recorded.set.info;
    recorded.own->repairs = recorded.set.repairs;
    recorded.rule = o.windows.rule;
    return recorded;
}

/// The people of an official part who are there.
std::vector<int> those_with_windows(const data::windows& w, std::span<const int> part) {
    const std::vector<int> there = w.subjects();
    std::vector<int> both;
    std::set_intersection(part.begin(), part.end(), there.begin(), there.end(), std::back_inserter(both));
    return both;
}

/// Every third person, or an error that says what to do when there are too few.
std::vector<int> test_third(const data::windows& w, bool named) {
    if (const std::size_t people = w.subjects().size(); people < 3)
        raise<data_error>("--data", "number of people is ", people,
                          ", expected at least 3, of whom every third is for test: ",
                          named ? "record more people" : "--csv-subject says where the files name people",
                          "; evaluate --split all takes everybody");
    return data::every_third_subject(w);
}

bool has_label(const data::recording& r) {
    return std::any_of(r.labels.begin(), r.labels.end(), [](int label) { return label >= 0; });
}

/// The windows of both.
data::windows joined(const data::windows& a, const data::windows& b) {
    data::windows all{tensor<float>::uninitialized({a.size() + b.size(), a.length(), a.channels()}), a.label,
                      a.subject, a.info};
    std::copy(b.x.begin(), b.x.end(), std::copy(a.x.begin(), a.x.end(), all.x.data()));
    all.label.insert(all.label.end(), b.label.begin(), b.label.end());
    all.subject.insert(all.subject.end(), b.subject.begin(), b.subject.end());
    return all;
}

/// The windows of a set that come as such, on both sides of their split: as published, or simulated.
std::optional<data::train_test> whole_windows(const options& o) {
    if (!own_path(o.data).empty()) return std::nullopt;
    if (o.data == "synthetic") { // without recordings in between, which take as much memory again
        data::synthetic_options how;
        how.seed = o.seed;
        return data::synthetic(how);
    }
    const auto published = find(o.data).published;
    if (published == nullptr) return std::nullopt;
    return published(folder_of(o.data));
}

/// The windows of a set on both sides of its split; all of them for test if it is not to be split.
data::train_test split_windows(const options& o, bool split, const io::model_facts* model) {
    if (auto sets = whole_windows(o)) {
        if (split) return std::move(*sets);
        return {sets->train.select({}), joined(sets->train, sets->test)};
    }
    recorded_set recorded = load_recordings(o, model);
    data::recording_set& set = recorded.set;
    data::cut_options how = windows_at(set.info.rate_hz, recorded.rule);
    if (recorded.own && model != nullptr) how.length = model->window;
    if (recorded.own && o.windows.length > 0) how.length = o.windows.length;
    how.hop = recorded.own && o.windows.hop > 0 ? o.windows.hop : std::max<std::size_t>(1, how.length / 2);
    set.drop_shorter(how.length);
    if (!o.quiet) {
        report_repairs(recorded);
        if (recorded.own && model != nullptr) report_rate("data", *recorded.own, model->rate_hz);
    }
    if (set.recordings.empty())
        raise<data_error>("--data", "number of recordings of at least ", how.length, " samples is 0, expected one");
    if (recorded.own && std::none_of(set.recordings.begin(), set.recordings.end(), has_label))
        raise<data_error>("--data",
                          "number of labelled samples is 0, expected some: --csv-label or --csv-segments says "
                          "where labels stand");
    data::windows w = data::cut(set.recordings, set.info, how);
    set.recordings.clear(); // before the windows are copied: the large sets take hundreds of megabytes
    if (!split) return {w.select({}), std::move(w)};
    const bool named = !recorded.own || recorded.own->understood.subject != "none";
    return data::test_on(w, recorded.test_people.empty() ? test_third(w, named)
                                                         : those_with_windows(w, recorded.test_people));
}

} // namespace

std::string dataset_names() {
    std::string names;
    for (const dataset& set : datasets) names += (names.empty() ? "" : ", ") + std::string(set.name);
    return names;
}

void check_dataset(const std::string& spec) {
    if (spec != "synthetic" && own_path(spec).empty()) find(spec);
}

recorded_set load_recordings(const options& o, const io::model_facts* model) {
    const interruptible nothing_to_save;
    if (!own_path(o.data).empty()) return own_recordings(o, model);
    return o.data == "synthetic" ? synthetic(o.seed) : find(o.data).read(folder_of(o.data));
}

void report_repairs(const recorded_set& recorded) {
    for (const auto& r : recorded.set.repairs)
        std::fprintf(stderr, "data: %zu %s\n", r.count, printable(r.what).c_str());
    if (!recorded.own) return;
    for (const auto& text : recorded.own->remarks) std::fprintf(stderr, "data: %s\n", printable(text).c_str());
}

double hop_seconds(const options& o, const data::windows& w) {
    const std::size_t own = own_path(o.data).empty() ? 0 : o.windows.hop; // windows of published sets overlap by half
    return double(own > 0 ? own : std::max<std::size_t>(1, w.length() / 2)) / w.info.rate_hz;
}

data::train_test load_data(const options& o, const std::vector<subjects>& needed, const io::model_facts* model) {
    const interruptible nothing_to_save;
    const bool split = std::find(needed.begin(), needed.end(), subjects::all) == needed.end();
    data::train_test sets = split_windows(o, split, model);
    const std::vector<int> people[]{sets.test.subjects(), sets.train.subjects()};
    if (o.filter.any()) sets = data::filtered(sets, o.filter, hop_seconds(o, sets.train));
    for (const subjects side : needed) {
        const bool train = side == subjects::train;
        if (!(train ? sets.train : sets.test).empty()) continue;
        std::string names;
        for (const int person : people[train ? 1 : 0])
            names += (names.empty() ? "" : ", ") + sets.train.info.subject_name(person);
        raise<data_error>("--data", "number of ", name_of(side),
                          " windows left is 0, expected at least one: the people on that side of the split are ",
                          names.empty() ? "none" : names);
    }
    return sets;
}

} // namespace har
