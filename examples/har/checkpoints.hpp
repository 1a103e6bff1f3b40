// SPDX-License-Identifier: BSD-3-Clause
/// The checkpoints of a run: NAME.checkpoint beside NAME.safetensors, while the run is not complete.
#ifndef HAR_CHECKPOINTS_HPP
#define HAR_CHECKPOINTS_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "failure.hpp"
#include "run_folder.hpp"
#include "smldist/train/checkpoint.hpp"

namespace har {

/// When --checkpoint-every asks for one.
struct checkpoint_interval {
    enum class unit { never, epochs, steps, seconds } of = unit::seconds;
    double every = 60;
};

/// "never", or a number of epochs, or one with a unit: "500 steps", "90s", "5min", "1h". Throws usage_error for anything else.
checkpoint_interval parse_interval(std::string_view word);

/// Checkpoints of one training. Its state goes to the file when it is due, when the training is asked to end, and when it is
/// complete: a run of several trainings that goes on later then takes the finished ones from their files.
///
/// As long as the folder holds an earlier run, which this one is to replace, nothing is written.
class checkpoints {
public:
    /// `configuration`: what a run that goes on must have in common with this one.
    checkpoints(run_folder& folder, const std::string& name, const std::string& configuration,
                const std::string& interval)
        : folder_(folder),
          path_(folder.file(name + ".checkpoint")),
          configuration_(configuration),
          interval_(parse_interval(interval)) {}

    /// Goes on from the file, if there is one. Throws model_error when it is damaged, usage_error when it is of another run.
    template <class Training> void load(Training& t) const {
        if (exists()) refuse_damaged([&] { smldist::train::load_checkpoint(path_, t, configuration_); });
    }
    template <class Training> void after_step(Training& t) {
        using unit = checkpoint_interval::unit;
        ++steps_;
        if (interval_.of == unit::steps && double(steps_) >= interval_.every) save(t);
        if (interval_.of == unit::seconds && seconds() >= interval_.every) save(t);
    }
    template <class Training> void after_epoch(Training& t) {
        ++epochs_;
        const bool due = interval_.of == checkpoint_interval::unit::epochs && double(epochs_) >= interval_.every;
        if (due || t.finished()) save(t);
    }
    template <class Training> void save(Training& t) {
        if (interval_.of == checkpoint_interval::unit::never || folder_.replaces()) return;
        folder_.replace();
        smldist::train::save_checkpoint(path_, t, configuration_);
        steps_ = epochs_ = 0;
        last_ = std::chrono::steady_clock::now();
    }

private:
    bool exists() const;
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - last_).count(); }
    template <class F> static void refuse_damaged(F load) {
        try {
            load();
        } catch (const smldist::data_error& e) {
            throw model_error(std::string(e.what()) + "; without the file this training begins anew");
        }
    }

    run_folder& folder_;
    std::string path_, configuration_;
    checkpoint_interval interval_;
    std::size_t steps_ = 0, epochs_ = 0; ///< since the last checkpoint
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

} // namespace har

#endif
