// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/window.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

tensor<float> select_channels(const tensor<float>& x, std::span<const std::size_t> chosen) {
    if (chosen.empty()) return x;
    const std::size_t rank = x.shape().rank(), C = rank == 0 ? 0 : x.shape().back(), rows = x.shape().rows();
    for (const std::size_t c : chosen)
        if (c >= C) raise<usage_error>("select_channels", "channel is ", c, ", expected less than ", C);
    auto y = tensor<float>::uninitialized(x.shape().with(rank - 1, chosen.size()));
    float* to = y.data();
    for (std::size_t r = 0; r < rows; ++r)
        for (const std::size_t c : chosen) *to++ = x[r * C + c];
    return y;
}

std::vector<int> windows::subjects() const {
    std::vector<int> s = subject;
    std::sort(s.begin(), s.end());
    s.erase(std::unique(s.begin(), s.end()), s.end());
    return s;
}

std::vector<std::size_t> windows::class_counts() const {
    std::vector<std::size_t> count(label.empty() && targets() > 0 ? 0 : classes());
    for (const int n : label) ++count.at(static_cast<std::size_t>(n));
    return count;
}

std::vector<std::string> windows::missing_classes() const {
    std::vector<std::string> names;
    const auto count = class_counts();
    for (std::size_t n = 0; n < count.size(); ++n)
        if (count[n] == 0) names.push_back(info.labels[n]);
    return names;
}

windows windows::select(const std::vector<std::size_t>& indices) const {
    const std::size_t stride = length() * channels();
    windows w{tensor<float>::uninitialized({indices.size(), length(), channels()}), {}, {}, info};
    if (targets() > 0) w.target = tensor<float>::uninitialized({indices.size(), targets()});
    w.label.reserve(label.empty() ? 0 : indices.size());
    w.subject.reserve(indices.size());
    float *to = w.x.data(), *to_target = w.target.data();
    for (const std::size_t i : indices) {
        if (i >= size()) raise<usage_error>("windows.select", "index is ", i, ", expected less than ", size());
        to = std::copy_n(window(i), stride, to);
        to_target = std::copy_n(target.data() + i * targets(), targets(), to_target);
        if (!label.empty()) w.label.push_back(label[i]);
        w.subject.push_back(subject[i]);
    }
    return w;
}

void windows::check() const {
    if (empty() && label.empty()) raise<data_error>("windows", "number of windows is 0, expected at least one");
    if (empty() || length() == 0 || channels() == 0)
        raise<data_error>("windows", "samples have shape ", x.shape().text(), ", expected (N, L, C)");
    if (subject.size() != size())
        raise<data_error>("windows", "number of subjects is ", subject.size(), ", expected one per window: ", size());
    if (!(target.shape() == shape{0}) && !(target.shape() == shape{size(), std::max<std::size_t>(targets(), 1)}))
        raise<data_error>("windows", "target has shape ", target.shape().text(), ", expected (", size(), ", K)");
    if (label.empty() && targets() > 0 && classes() != targets())
        raise<data_error>("windows", "number of names in info.labels is ", classes(),
                          ", expected one per column of the target: ", targets());
    info.check(channels());
    if (label.size() != size() && (!label.empty() || targets() == 0))
        raise<data_error>("windows", "number of labels is ", label.size(), ", expected one per window: ", size(),
                          targets() == 0 ? " (or a target)" : " (or none)");
    for (std::size_t i = 0; i < label.size(); ++i)
        if (label[i] < 0 || static_cast<std::size_t>(label[i]) >= classes())
            raise<data_error>("windows", "label of window ", i, " is ", label[i], ", expected 0 to ", classes() - 1);
    const auto first_not_finite = [](const tensor<float>& values) {
        const float* bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
        return static_cast<std::size_t>(bad - values.begin());
    };
    if (const std::size_t at = first_not_finite(x); at < x.size()) {
        const std::size_t row = at / channels();
        raise<data_error>("windows", "window ", row / length(), ", sample ", row % length(), ", ",
                          info.channel_name(at % channels()), " is ", x[at], ", expected a finite number");
    }
    if (const std::size_t at = first_not_finite(target); at < target.size())
        raise<data_error>("windows", "window ", at / targets(), ", target ", at % targets(), " is ", target[at],
                          ", expected a finite number");
}

void windows::check_trainable() const {
    check();
    for (std::size_t i = targets(); i < target.size(); ++i)
        if (target[i] != target[i - targets()]) return;
    if (label.empty())
        raise<data_error>("windows", "all ", size(), " windows have the same target, expected at least two");
    const auto count = class_counts();
    if (std::count(count.begin(), count.end(), 0u) + 1 < static_cast<std::ptrdiff_t>(count.size())) return;
    raise<data_error>("windows", "all ", size(), " windows have the label ",
                      info.labels[static_cast<std::size_t>(label[0])], ", expected at least two classes");
}

namespace detail {

inline void check_recording(const recording& r, std::size_t number, const signal_info& info, std::size_t channels,
                            std::size_t length) {
    const std::string where = "cut: recording " + std::to_string(number);
    const shape& s = r.samples.shape();
    if (s.rank() != 2 || s[1] != channels)
        raise<data_error>(where, "shape is ", s.text(), ", expected (n, ", channels, ")");
    if (r.labels.size() != s[0])
        raise<data_error>(where, "number of labels is ", r.labels.size(), ", expected one per sample: ", s[0]);
    if (s[0] < length)
        raise<data_error>(where, "number of samples is ", s[0], ", expected at least one window of ", length);
    for (std::size_t t = 0; t < s[0]; ++t) {
        if (r.labels[t] < -1 || r.labels[t] >= static_cast<int>(info.labels.size()))
            raise<data_error>(where, "label of sample ", t, " is ", r.labels[t], ", expected -1 to ",
                              info.labels.size() - 1);
        for (std::size_t c = 0; c < channels; ++c)
            if (!std::isfinite(r.samples(t, c)))
                raise<data_error>(where, "sample ", t, ", ", info.channel_name(c), " is ", r.samples(t, c),
                                  ", expected a finite number");
    }
}

/// The label of a window under `majority` or `last`; -1: none.
inline int window_label(const int* labels, const cut_options& o, std::vector<std::size_t>& count) {
    std::fill(count.begin(), count.end(), 0);
    std::size_t labelled = 0;
    for (std::size_t t = 0; t < o.length; ++t)
        if (labels[t] >= 0) {
            ++count[static_cast<std::size_t>(labels[t])];
            ++labelled;
        }
    if (labelled == 0 || double(labelled) < o.labelled * double(o.length)) return -1;
    return o.rule == label_rule::last
               ? labels[o.length - 1]
               : static_cast<int>(std::max_element(count.begin(), count.end()) - count.begin());
}

} // namespace detail

windows cut(const std::vector<recording>& recordings, const signal_info& info, const cut_options& o) {
    if (o.length == 0 || o.hop == 0)
        raise<usage_error>("cut", "length is ", o.length, " and hop is ", o.hop, ", expected both at least 1");
    if (!(o.labelled >= 0 && o.labelled <= 1))
        raise<usage_error>("cut", "smallest labelled share is ", o.labelled, ", expected 0 to 1");
    if (recordings.empty()) raise<data_error>("cut", "number of recordings is 0, expected at least one");
    const shape& first = recordings[0].samples.shape();
    const std::size_t channels = first.rank() == 2 ? first[1] : 0;
    if (channels == 0) raise<data_error>("cut", "shape of recording 0 is ", first.text(), ", expected (n, C)");
    info.check(channels);

    windows w;
    w.info = info;
    std::vector<const float*> start;
    std::vector<std::size_t> count(info.labels.size());
    const auto keep = [&](const recording& r, std::size_t t, int label) {
        if (label < 0) return;
        start.push_back(r.samples.data() + t * channels);
        w.label.push_back(label);
        w.subject.push_back(r.subject);
    };
    for (std::size_t k = 0; k < recordings.size(); ++k) {
        const recording& r = recordings[k];
        detail::check_recording(r, k, info, channels, o.length);
        const std::size_t n = r.labels.size();
        if (o.rule == label_rule::constant)
            for (std::size_t begin = 0, end; begin < n; begin = end) {
                for (end = begin + 1; end < n && r.labels[end] == r.labels[begin];) ++end;
                for (std::size_t t = begin; t + o.length <= end; t += o.hop) keep(r, t, r.labels[begin]);
            }
        else
            for (std::size_t t = 0; t + o.length <= n; t += o.hop)
                keep(r, t, detail::window_label(r.labels.data() + t, o, count));
    }
    if (start.empty()) raise<data_error>("cut", "number of labelled windows is 0, expected at least one");
    w.x = tensor<float>::uninitialized({start.size(), o.length, channels});
    float* to = w.x.data();
    for (const float* from : start) to = std::copy_n(from, o.length * channels, to);
    return w;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
