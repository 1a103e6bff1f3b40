// SPDX-License-Identifier: BSD-3-Clause
/// Learning-rate schedules as pure functions of the step.
#ifndef SMLDIST_OPTIM_SCHEDULE_HPP
#define SMLDIST_OPTIM_SCHEDULE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "smldist/core/error.hpp"

namespace smldist::inline SMLDIST_ABI::optim {

namespace detail {
/// Half a cosine from a (x = 0) to b (x = 1).
inline double anneal(double a, double b, double x) { return b + (a - b) / 2 * (1 + std::cos(std::numbers::pi * x)); }
} // namespace detail

/// Linear warm-up, then half a cosine down.
///
///     step < W:  lr = max (step+1)/W            W = warmup · total, rounded up
///     else       lr = min + (max-min)/2 (1 + cos(π (step-W)/(total-W)))
struct cosine {
    double max = 1e-3, min = 0;
    std::size_t total = 1;
    double warmup = 0.05; ///< share of the steps

    double operator()(std::size_t step) const {
        if (total == 0 || !(warmup >= 0 && warmup < 1) || !(max >= min))
            raise<usage_error>("optim::cosine", "total, warmup, max, min are ", total, ", ", warmup, ", ", max, ", ",
                               min, ", expected total ≥ 1, 0 ≤ warmup < 1, max ≥ min");
        const double W = std::ceil(warmup * double(total)), s = double(std::min(step, total));
        if (s < W) return max * (s + 1) / W;
        return detail::anneal(max, min, (s - W) / std::max(1.0, double(total) - W));
    }
};

/// One cycle: up from max/div to max over the first part, down to max/div/final_div over the rest, both as half cosines;
/// momentum (Adam's β1) moves against it.
/// Source     Smith and Topin 2018; torch.optim.lr_scheduler.OneCycleLR with its defaults.
struct one_cycle {
    double max = 4e-3;
    std::size_t total = 1;
    double rise = 0.3, div = 25, final_div = 1e4;
    double base_momentum = 0.85, max_momentum = 0.95;

    double operator()(std::size_t step) const { return at(step, max / div, max, max / div / final_div); }
    double momentum(std::size_t step) const { return at(step, max_momentum, base_momentum, max_momentum); }

private:
    double at(std::size_t step, double start, double middle, double end) const {
        if (total == 0 || !(rise > 0 && rise < 1) || !(div > 0) || !(final_div > 0))
            raise<usage_error>("optim::one_cycle", "total, rise, div, final_div are ", total, ", ", rise, ", ", div,
                               ", ", final_div, ", expected total ≥ 1, 0 < rise < 1, positive divisors");
        const double peak = rise * double(total) - 1, last = double(total) - 1;
        const double s = std::min(double(step), last);
        if (s <= peak) return detail::anneal(start, middle, peak > 0 ? s / peak : 1);
        return detail::anneal(middle, end, last > peak ? (s - peak) / (last - peak) : 1);
    }
};

} // namespace smldist::inline SMLDIST_ABI::optim

#endif
