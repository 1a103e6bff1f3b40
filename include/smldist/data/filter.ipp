// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/filter.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// For each of `known` whether it is in `wanted`. Throws usage_error for a wanted name that is not known.
inline std::vector<bool> chosen_names(std::string_view what, const std::vector<std::string>& wanted,
                                      const std::vector<std::string>& known) {
    std::vector<bool> chosen(known.size(), false);
    for (const std::string& name : wanted) {
        const auto at = std::find(known.begin(), known.end(), name);
        if (at == known.end()) {
            std::string all;
            for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
            raise<usage_error>("window_filter", what, " is \"", name, "\", expected one of ", all);
        }
        chosen[static_cast<std::size_t>(at - known.begin())] = true;
    }
    return chosen;
}

/// A filter applied to data with these people and facts.
class window_choice {
public:
    window_choice(const window_filter& f, const std::vector<int>& people, const windows& w, double hop_seconds)
        : info_(w.info) {
        std::vector<std::string> names;
        for (const int person : people) names.push_back(w.info.subject_name(person));
        const std::vector<bool> in = chosen_names("subject", f.subjects, names),
                                out = chosen_names("excluded subject", f.exclude, names);
        for (std::size_t i = 0; i < people.size(); ++i)
            if ((f.subjects.empty() || in[i]) && !out[i]) people_.push_back(people[i]);

        if (!f.classes.empty()) {
            if (w.label.empty() && !w.empty())
                raise<usage_error>("window_filter", "number of classes is ", f.classes.size(),
                                   ", expected 0 for windows without classes");
            const std::vector<bool> kept = chosen_names("class", f.classes, w.info.labels);
            info_.labels.clear();
            for (std::size_t n = 0; n < kept.size(); ++n) {
                label_.push_back(kept[n] ? static_cast<int>(info_.labels.size()) : -1);
                if (kept[n]) info_.labels.push_back(w.info.labels[n]);
            }
        }

        if (!(f.max_minutes >= 0) || !std::isfinite(f.max_minutes))
            raise<usage_error>("window_filter", "max_minutes is ", f.max_minutes,
                               ", expected a number of at least 0");
        if (f.max_minutes == 0) return;
        const double rate = w.info.rate_hz;
        if (!(hop_seconds > 0) || !(rate > 0))
            raise<usage_error>("window_filter", "max_minutes is set with a hop of ", hop_seconds,
                               " s and a sampling rate of ", rate, " Hz, expected both above 0");
        const double hops = (60 * f.max_minutes - static_cast<double>(w.length()) / rate) / hop_seconds;
        limited_ = true;
        most_ = hops < -1e-9 ? 0 : 1 + std::floor(hops + 1e-9);
    }

    windows operator()(const windows& w) const {
        std::vector<std::size_t> indices;
        std::map<std::pair<int, int>, double> taken; // windows of each person and class
        for (std::size_t i = 0; i < w.size(); ++i) {
            const int label = w.label.empty() ? 0 : w.label[i];
            if (!std::binary_search(people_.begin(), people_.end(), w.subject[i])) continue;
            if (!label_.empty() && label_[static_cast<std::size_t>(label)] < 0) continue;
            if (limited_ && ++taken[{w.subject[i], label}] > most_) continue;
            indices.push_back(i);
        }
        windows kept = w.select(indices);
        kept.info = info_;
        if (!label_.empty())
            for (int& label : kept.label) label = label_[static_cast<std::size_t>(label)];
        return kept;
    }

private:
    signal_info info_;
    std::vector<int> people_; ///< ascending
    std::vector<int> label_;  ///< the new number of each label, -1: left out; empty: all stay as they are
    bool limited_ = false;
    double most_ = 0; ///< windows of each person and class
};

} // namespace detail

windows filtered(const windows& w, const window_filter& f, double hop_seconds) {
    windows kept = detail::window_choice(f, w.subjects(), w, hop_seconds)(w);
    if (kept.empty()) raise<data_error>("window_filter", "number of windows left is 0, expected at least one");
    return kept;
}

train_test filtered(const train_test& sets, const window_filter& f, double hop_seconds) {
    const std::vector<int> train = sets.train.subjects(), test = sets.test.subjects();
    std::vector<int> people;
    std::set_union(train.begin(), train.end(), test.begin(), test.end(), std::back_inserter(people));
    const detail::window_choice choice(f, people, sets.train, hop_seconds);
    train_test kept{choice(sets.train), choice(sets.test)};
    if (kept.train.empty() && kept.test.empty())
        raise<data_error>("window_filter", "number of windows left is 0, expected at least one");
    return kept;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
