// SPDX-License-Identifier: BSD-3-Clause
/// A learning-rate schedule chosen at run time, by name.
#ifndef SMLDIST_OPTIM_ANY_SCHEDULE_HPP
#define SMLDIST_OPTIM_ANY_SCHEDULE_HPP

#include <cstddef>
#include <cstdint>
#include <optional>

#include "smldist/core/check.hpp"
#include "smldist/core/enum_names.hpp"
#include "smldist/optim/schedule.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

enum class schedule_kind : std::uint8_t { one_cycle, cosine, warm_restarts, plateau, constant };
constexpr auto enum_names(schedule_kind) {
    return enum_table("optim::schedule_kind", "one_cycle", "cosine", "warm_restarts", "plateau", "constant");
}

/// Options of a schedule.
struct schedule_options {
    schedule_kind kind = schedule_kind::one_cycle;
    std::size_t restart_epochs = 10; ///< warm_restarts: the first period …
    std::size_t restart_mult = 2;    ///< … and how much longer each is than the one before
    plateau_options plateau{.mode = plateau_options::direction::max}; ///< of the metric observed after each epoch

    /// Throws usage_error for a value out of range, whatever the kind.
    void check() const {
        const option_check o{"optim::schedule_options"};
        o.need(restart_epochs >= 1, "restart_epochs", restart_epochs, "at least 1");
        o.need(restart_mult >= 1, "restart_mult", restart_mult, "at least 1");
        plateau.check();
    }
};

/// One of the schedules, with the largest rate `lr`.
class any_schedule {
public:
    /// Throws     usage_error for options out of range, no epochs or no steps, or a rate that is not positive.
    any_schedule(const schedule_options& o, double lr, std::size_t epochs, std::size_t steps_per_epoch)
        : kind_(o.kind), max_(lr), plateau_(lr, o.plateau) {
        o.check();
        cycle_.max = cosine_.max = restarts_.max = lr;
        cycle_.total = cosine_.total = epochs * steps_per_epoch;
        restarts_.period = o.restart_epochs * steps_per_epoch;
        restarts_.mult = o.restart_mult;
        if (cycle_.total == 0)
            raise<usage_error>("optim::any_schedule", "epochs and steps of one are ", epochs, " and ",
                               steps_per_epoch, ", expected at least 1");
    }

    /// The rate of a step, from 0.
    double lr(std::size_t step) const {
        switch (kind_) {
        case schedule_kind::one_cycle:
            return cycle_(step);
        case schedule_kind::cosine:
            return cosine_(step);
        case schedule_kind::warm_restarts:
            return restarts_(step);
        case schedule_kind::plateau:
            return plateau_.lr();
        case schedule_kind::constant:
            break;
        }
        return max_;
    }
    /// The momentum of a step, if the schedule changes it: only one_cycle does.
    std::optional<double> momentum(std::size_t step) const {
        if (kind_ != schedule_kind::one_cycle) return std::nullopt;
        return cycle_.momentum(step);
    }
    /// Receives the metric of an epoch, for plateau.
    void observe(double figure) { plateau_.observe(figure); }
    std::size_t total() const { return cycle_.total; } ///< steps of the run
    /// What observations change, for train/checkpoint.hpp.
    static void visit_state(auto& self, auto&& member) { member("plateau", self.plateau_); }

private:
    schedule_kind kind_;
    double max_;
    one_cycle cycle_;
    cosine cosine_;
    warm_restarts restarts_;
    plateau plateau_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif
