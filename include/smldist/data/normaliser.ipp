// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/normaliser.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void normalise(tensor<float>& x, const normaliser& n) {
    if (n.kind == normaliser_kind::none) return;
    n.require_channels(x.shape().rank() == 0 ? 0 : x.shape().back());
    parallel_for(x.shape().rows(), 4096, [&](std::size_t first, std::size_t last) {
        n.apply(x.data() + first * n.channels(), last - first);
    });
}

namespace detail {

/// 1 / spread, or 0 when the spread vanishes or its inverse is out of the range of float.
inline float inverse_spread(double spread) {
    return spread > double(std::numeric_limits<float>::min()) ? static_cast<float>(1 / spread) : 0.0f;
}

moments channel_moments(const tensor<float>& x, std::size_t c) {
    const std::size_t stride = x.shape().back(), rows = x.shape().rows();
    const float *const first = x.data() + c, *const end = x.data() + rows * stride;
    const double n = double(rows);
    moments m;
    bool constant = true;
    for (const float* p = first; p < end; p += stride) {
        m.mean += double(*p);
        m.square += double(*p) * double(*p);
        constant = constant && *p == *first;
    }
    m.mean = constant ? double(*first) : m.mean / n;
    m.square /= n;
    for (const float* p = first; p < end; p += stride) m.variance += (double(*p) - m.mean) * (double(*p) - m.mean);
    m.variance /= n;
    return m;
}

/// The q-quantile of `values`, linear between order statistics; reorders them.
inline double quantile(std::vector<float>& values, double q) {
    const double at = q * double(values.size() - 1);
    const auto below = static_cast<std::ptrdiff_t>(at);
    std::nth_element(values.begin(), values.begin() + below, values.end());
    const double a = double(values[static_cast<std::size_t>(below)]);
    if (double(below) == at) return a;
    const double b = double(*std::min_element(values.begin() + below + 1, values.end()));
    return a + (at - double(below)) * (b - a);
}

/// Throws data_error unless n is finite and maps every sample of w to a finite number.
inline void check_reach(const normaliser& n, const windows& w) {
    const std::size_t count = w.channels(), rows = w.x.shape().rows();
    std::vector<float> ends(2 * count); // the smallest and the largest value of each channel
    for (float* const end : {ends.data(), ends.data() + count}) std::copy_n(w.x.data(), count, end);
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < count; ++c) {
            const float v = w.x[r * count + c];
            ends[c] = std::min(ends[c], v);
            ends[count + c] = std::max(ends[count + c], v);
        }
    const std::vector<float> raw = ends;
    n.apply(ends.data(), 2);
    const auto finite = [](float v) { return std::isfinite(v); };
    for (std::size_t c = 0; c < count; ++c)
        if (!finite(ends[c]) || !finite(ends[count + c]) || !finite(n.offset[c]) || !finite(n.scale[c]) ||
            (!n.low.empty() && (!finite(n.low[c]) || !finite(n.high[c]))))
            raise<data_error>("fit_normaliser", w.info.channel_name(c), " lies between ", raw[c], " and ",
                              raw[count + c], ", expected a range that ", name_of(n.kind),
                              " brings to finite numbers");
}

} // namespace detail

SMLDIST_COLD normaliser fit_normaliser(const windows& w, normaliser_kind kind, bool clip_minmax) {
    w.check();
    normaliser n;
    n.kind = kind;
    if (kind == normaliser_kind::none) return n;
    const std::size_t count = w.channels(), rows = w.x.shape().rows();
    n.offset.assign(count, 0.0f);
    n.scale.assign(count, 0.0f);

    if (kind == normaliser_kind::zscore || kind == normaliser_kind::shared) {
        std::vector<detail::moments> m(count);
        for (std::size_t c = 0; c < count; ++c) {
            m[c] = detail::channel_moments(w.x, c);
            n.offset[c] = static_cast<float>(m[c].mean);
            n.scale[c] = detail::inverse_spread(std::sqrt(m[c].variance));
        }
        if (kind == normaliser_kind::shared)
            for (const auto& [x, y, z] : w.info.triples) {
                const double r = std::sqrt((m[x].square + m[y].square + m[z].square) / 3);
                for (const std::size_t c : {x, y, z}) {
                    n.offset[c] = 0.0f;
                    n.scale[c] = detail::inverse_spread(r);
                }
            }
        detail::check_reach(n, w);
        return n;
    }

    std::vector<float> values(rows);
    for (std::size_t c = 0; c < count; ++c) {
        for (std::size_t r = 0; r < rows; ++r) values[r] = w.x.data()[r * count + c];
        double from, to;
        if (kind == normaliser_kind::robust) {
            const double q1 = detail::quantile(values, 0.25), q3 = detail::quantile(values, 0.75);
            from = q1 - 1.5 * (q3 - q1);
            to = q3 + 1.5 * (q3 - q1);
        } else {
            const auto [least, most] = std::minmax_element(values.begin(), values.end());
            from = double(*least);
            to = double(*most);
        }
        if (kind == normaliser_kind::robust || clip_minmax) {
            n.low.push_back(static_cast<float>(from));
            n.high.push_back(static_cast<float>(to));
        }
        n.offset[c] = static_cast<float>(from);
        n.scale[c] = detail::inverse_spread(to - from);
    }
    detail::check_reach(n, w);
    return n;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
