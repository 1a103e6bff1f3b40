// SPDX-License-Identifier: BSD-3-Clause
/// The folder of a run: never two runs at a time, and nothing of an earlier run is lost unasked.
#ifndef HAR_RUN_FOLDER_HPP
#define HAR_RUN_FOLDER_HPP

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "folder_lock.hpp"
#include "options.hpp"
#include "smldist/train/loop.hpp"
#include "smldist/train/tensorboard.hpp"

namespace har {

/// What a run writes, every file of it in full at any moment. Files of an earlier run in the same folder stay until this
/// run has something to put in their place: its first models, after the first epoch.
class run_folder {
public:
    /// Locks the folder and removes what killed runs left half-written. Where it holds a run, that is replaced with `force`, and
    /// gone on with by `resume`. `logs`: what log() writes. Throws usage_error when another run has the folder, or when it holds a
    /// run and neither is set, or one without config.toml that shall go on; io_error when it cannot be written.
    run_folder(const std::string& path, bool force, bool resume, std::vector<log_format> logs = {});

    std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }
    /// Whether files of an earlier run are still there.
    bool replaces() const { return (!begun_ && !earlier_.empty()) || (outer != nullptr && outer->replaces()); }

    /// Writes a file that belongs to the first models: at once if these are there, otherwise along with them.
    void keep(const std::string& name, std::string bytes);
    /// Writes the same model under each of the names. The first call also writes what was kept and removes the files of the
    /// earlier run, in an order that at every moment leaves one of the two runs' models.
    ///
    /// The models are made durable, against loss of power, unless that would take more than 2 % of the time; against the
    /// end of the process they always are.
    void save(const std::vector<std::string>& names, std::string_view model);
    /// Appends an epoch to NAME.log.jsonl, NAME.log.csv and the event file in tensorboard/NAME, those of them that the run
    /// writes. Throws io_error, and then leaves only whole lines and records.
    void log(const std::string& name, const smldist::train::epoch_report& r);
    /// Makes the logs those of the epochs of a training that goes on.
    void rewrite_logs(const std::string& name, const std::vector<smldist::train::epoch_report>& history);
    void write(const std::string& name, std::string_view bytes) const;
    /// For a run whose models are in other folders, once the first of them is there: writes what was kept and removes the
    /// files of the earlier run. Does nothing the second time, and after save().
    void replace();

    std::function<void()> on_begin;    ///< called once, when the first model is there
    const run_folder* outer = nullptr; ///< the folder that on_begin replaces

private:
    void begin(const std::string& first);
    void remove_figures() const;

    std::string path_;
    folder_lock lock_;
    std::vector<std::string> earlier_;                      ///< names of the files of an earlier run
    std::vector<std::pair<std::string, std::string>> kept_; ///< names and bytes
    bool begun_ = false;
    std::vector<log_format> logs_;
    std::map<std::string, smldist::train::tensorboard_log> boards_; ///< by the name of the network
    std::chrono::steady_clock::time_point synced_ = {};             ///< when models were last made durable
    std::chrono::steady_clock::duration sync_time_ = {};            ///< how long that took
};

/// Whether a run in the folder has ended by itself: its figures are there, and say nothing else. Throws io_error.
bool is_complete(const std::string& path);
/// Removes the checkpoints of a run, which nothing needs once it is complete. Throws io_error.
void remove_checkpoints(const std::string& path);

/// Whether there is a run in the folder. Throws as run_folder.
bool holds_run(const std::string& path);
/// Removes the files of a run, and the folder if nothing else is in it. Throws usage_error when another run has the folder,
/// io_error when a file cannot be removed.
void remove_run(const std::string& path);

} // namespace har

#endif
