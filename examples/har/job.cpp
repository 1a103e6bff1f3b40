// SPDX-License-Identifier: BSD-3-Clause
#include "job.hpp"

#include <algorithm>

namespace har {

void job::begin(const std::string& kind, std::size_t epochs, double done) {
    end();
    const auto next =
        std::find_if(left_.begin(), left_.end(), [&](const planned_training& p) { return p.kind == kind; });
    planned_training what{kind, epochs, 1};
    if (next != left_.end()) {
        what.work = next->work;
        left_.erase(left_.begin(), next + 1);
    }
    now_ = running{what, done, done, 0};
}

void job::advance(double done, double seconds) {
    if (!now_) return;
    now_->done = done;
    now_->seconds = seconds;
}

void job::end() {
    if (!now_) return;
    const double epochs = now_->done - now_->first;
    time& kind = ended_[now_->what.kind];
    kind.epochs += epochs;
    kind.seconds += now_->seconds;
    ended_work_.epochs += epochs * now_->what.work;
    ended_work_.seconds += now_->seconds;
    now_.reset();
}

job::time job::time_of(const std::string& kind) const {
    const auto ended = ended_.find(kind);
    time t = ended == ended_.end() ? time{} : ended->second;
    if (now_ && now_->what.kind == kind) {
        t.epochs += now_->done - now_->first;
        t.seconds += now_->seconds;
    }
    return t;
}

job::time job::time_of_work() const {
    time t = ended_work_;
    if (now_) {
        t.epochs += (now_->done - now_->first) * now_->what.work;
        t.seconds += now_->seconds;
    }
    return t;
}

std::optional<double> job::seconds_left() const {
    const time all = time_of_work();
    if (!(all.epochs > 0)) return std::nullopt;
    const auto seconds = [&](const planned_training& p, double epochs) {
        const time t = time_of(p.kind);
        return epochs * (t.epochs > 0 ? t.seconds / t.epochs : p.work * all.seconds / all.epochs);
    };
    double sum = now_ ? seconds(now_->what, std::max(0.0, double(now_->what.epochs) - now_->done)) : 0;
    for (const planned_training& p : left_) sum += seconds(p, double(p.epochs));
    return sum;
}

double job::share() const {
    const auto left = seconds_left();
    const double spent = time_of_work().seconds;
    return left && spent > 0 ? spent / (spent + *left) : 0;
}

} // namespace har
