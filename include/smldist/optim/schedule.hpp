// SPDX-License-Identifier: BSD-3-Clause
/// Learning-rate schedules: pure functions of the step, and one that follows a metric.
#ifndef SMLDIST_OPTIM_SCHEDULE_HPP
#define SMLDIST_OPTIM_SCHEDULE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>

#include "smldist/core/check.hpp"
#include "smldist/core/error.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

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

/// One cycle: up from max/div to max over the first part, down to max/div/final_div over the rest, both as half
/// cosines. Momentum (Adam's β1) moves in the opposite direction.
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

/// Half a cosine down, repeated; each period is `mult` times as long as the one before.
///
///     lr = min + (max-min)/2 (1 + cos(π t/T_i)),   T_i = period · mult^i,   t = steps since the last restart
///
/// Source     Loshchilov and Hutter 2017 (SGDR); torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
struct warm_restarts {
    double max = 1e-3, min = 0;
    std::size_t period = 1; ///< T_0
    std::size_t mult = 1;

    double operator()(std::size_t step) const {
        if (period == 0 || mult == 0 || !(max >= min))
            raise<usage_error>("optim::warm_restarts", "period, mult, max, min are ", period, ", ", mult, ", ", max,
                               ", ", min, ", expected period ≥ 1, mult ≥ 1, max ≥ min");
        std::size_t length = period, t = mult == 1 ? step % period : step;
        for (; t >= length; length *= mult) t -= length;
        return detail::anneal(max, min, double(t) / double(length));
    }
};

struct plateau_options {
    enum class direction : std::uint8_t { min, max };
    enum class measure : std::uint8_t { relative, absolute };

    direction mode = direction::min; ///< whether a good metric is small or large
    double factor = 0.1;             ///< lr becomes factor · lr
    std::size_t patience = 10;       ///< consecutive bad values that are tolerated
    double threshold = 1e-4;         ///< how much better than the best a value must be
    measure threshold_mode = measure::relative;
    std::size_t cooldown = 0; ///< observations after a reduction that do not count as bad
    double min_lr = 0;
    double eps = 1e-8; ///< a smaller change of lr is not made

    /// Throws usage_error for a value out of range.
    void check() const {
        const option_check o{"optim::plateau"};
        o.need(factor >= 0 && factor < 1, "factor", factor, "0 ≤ factor < 1");
        o.at_least_0("threshold", threshold);
        o.at_least_0("min_lr", min_lr);
        o.at_least_0("eps", eps);
    }
};

/// Reduces the learning rate when a metric, observed once per epoch, has stopped improving.
///
///     better   value < best (1 - threshold)   for a minimum, relative;   value < best - threshold   absolute;
///              for a maximum with > and +
///     not better, and not cooling down: bad += 1;   bad > patience: lr = max(factor · lr, min_lr), bad = 0, cool down
///
/// So patience p reduces the rate after p+1 bad values. NaN is not better.
/// Source     torch.optim.lr_scheduler.ReduceLROnPlateau.
class plateau {
public:
    /// Throws     usage_error for options out of range or a rate that is not positive.
    explicit plateau(double lr = 1e-3, const plateau_options& o = {})
        : options_(o), lr_(lr), best_(minimises() ? infinity : -infinity) {
        o.check();
        if (!(lr > 0 && std::isfinite(lr)))
            raise<usage_error>("optim::plateau", "lr is ", lr, ", expected a positive number");
    }

    /// Receives the metric of one epoch; returns the rate from now on.
    double observe(double figure) {
        if (better(figure)) {
            best_ = figure;
            bad_ = 0;
        } else {
            ++bad_;
        }
        if (cooling_ > 0) {
            --cooling_;
            bad_ = 0;
        }
        if (bad_ > options_.patience) {
            const double reduced = std::max(lr_ * options_.factor, options_.min_lr);
            if (lr_ - reduced > options_.eps) lr_ = reduced;
            cooling_ = options_.cooldown;
            bad_ = 0;
        }
        return lr_;
    }
    double lr() const { return lr_; }
    double best() const { return best_; }
    /// What observations change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) {
        member("lr", self.lr_);
        member("best", self.best_);
        member("bad", self.bad_);
        member("cooling", self.cooling_);
    }

private:
    static constexpr double infinity = std::numeric_limits<double>::infinity();

    bool minimises() const { return options_.mode == plateau_options::direction::min; }
    bool better(double figure) const {
        const bool relative = options_.threshold_mode == plateau_options::measure::relative;
        const double t = minimises() ? -options_.threshold : options_.threshold;
        const double bar = relative ? best_ * (1 + t) : best_ + t;
        return minimises() ? figure < bar : figure > bar;
    }

    plateau_options options_;
    double lr_, best_;
    std::size_t bad_ = 0, cooling_ = 0;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif
