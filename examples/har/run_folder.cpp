// SPDX-License-Identifier: BSD-3-Clause
#include "run_folder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <unistd.h>

#include "smldist/core/error.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/json.hpp"
#include "text.hpp"

namespace har {

using namespace smldist;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view boards_folder = "tensorboard"; ///< in it a folder per network

/// Whether a run trains a network of that name.
bool names_network(std::string_view name) {
    constexpr std::array<std::string_view, 6> names{"model",    "models",  "teacher",
                                                    "teachers", "student", "student_alone"};
    constexpr std::array<std::string_view, 3> numbered{"student_stage", "model_", "teacher_"};
    return std::find(names.begin(), names.end(), name) != names.end() ||
           std::any_of(numbered.begin(), numbered.end(), [name](std::string_view begin) {
               return name.starts_with(begin) && is_number(name.substr(begin.size()));
           });
}

constexpr std::string_view of_checkpoint = ".checkpoint";

/// Whether a run writes files of that name. No others are ever replaced or removed.
bool of_a_run(std::string_view name) {
    constexpr std::array<std::string_view, 8> names{"config.toml",     "metrics.json",    "plot.gp",
                                                    "report.html",     "validation.json", "learning_curves.svg",
                                                    "stage_bands.csv", "stage_bands.svg"};
    if (std::find(names.begin(), names.end(), name) != names.end()) return true;
    constexpr std::string_view confusion = "confusion.";
    if (name.starts_with(confusion) && (name.ends_with(".csv") || name.ends_with(".svg")))
        return names_network(name.substr(confusion.size(), name.size() - confusion.size() - 4));
    constexpr std::array<std::string_view, 6> ends{".safetensors", ".best.safetensors", ".last_good.safetensors",
                                                   ".log.csv",     ".log.jsonl",        of_checkpoint};
    for (const std::string_view end : ends)
        if (name.ends_with(end) && names_network(name.substr(0, name.size() - end.size()))) return true;
    return false;
}

/// Whether it is the name under which io::write_file_atomically begins a file of a run: NAME.tmp-PROCESS-NUMBER.
bool of_a_killed_run(std::string_view name) {
    constexpr std::string_view mark = io::temporary_mark;
    const std::size_t at = name.rfind(mark);
    if (at == name.npos || !of_a_run(name.substr(0, at))) return false;
    const std::string_view numbers = name.substr(at + mark.size());
    const std::size_t dash = numbers.find('-');
    return dash != numbers.npos && is_number(numbers.substr(0, dash)) && is_number(numbers.substr(dash + 1));
}

/// Names of the files in a folder that `wanted` takes, sorted. Throws io_error.
std::vector<std::string> names_in(const std::string& folder, bool (*wanted)(std::string_view)) {
    std::vector<std::string> names;
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
        const std::string name = entry->path().filename().string();
        std::error_code unknown;
        if (!wanted(name)) continue;
        if (!entry->is_directory(unknown))
            names.push_back(name);
        else if (wanted == of_a_run) // could not be replaced in the end
            raise<usage_error>("--out", "folder ", folder, " holds a folder ", name,
                               ", expected a file or nothing of that name");
    }
    if (code) raise<io_error>("--out", "folder ", folder, " cannot be read: ", code.message());
    std::sort(names.begin(), names.end());
    return names;
}

/// The event files of a run's networks: tensorboard/NAME/events.out.tfevents.*, sorted. Links are not followed.
std::vector<std::string> event_files_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code none;
    const auto is_folder = [&none](const fs::path& p) { return fs::is_directory(fs::symlink_status(p, none)); };
    const fs::path boards = fs::path(folder) / boards_folder;
    if (!is_folder(boards)) return names;
    for (const auto& board : fs::directory_iterator(boards, none)) {
        const std::string network = board.path().filename().string();
        if (!names_network(network) || !is_folder(board.path())) continue;
        for (const auto& file : fs::directory_iterator(board.path(), none)) {
            const std::string name = file.path().filename().string();
            if (name.starts_with("events.out.tfevents.") && !is_folder(file.path()))
                names.push_back(std::string(boards_folder) + "/" + network + "/" + name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// Names of all files of a run in a folder. Throws as names_in.
std::vector<std::string> files_of_run(const std::string& folder) {
    std::vector<std::string> names = names_in(folder, of_a_run);
    for (std::string& name : event_files_in(folder)) names.push_back(std::move(name));
    return names;
}

/// Throws io_error when the file is still there afterwards.
void remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) io::detail::raise_errno("--out", "remove", path);
}

/// Removes a file of a run, and the folders of event files that are empty then.
void remove_file_of_run(const std::string& folder, const std::string& name) {
    remove_file(folder + "/" + name);
    for (std::size_t slash = name.rfind('/'); slash != name.npos; slash = name.rfind('/', slash - 1))
        ::rmdir((folder + "/" + name.substr(0, slash)).c_str()); // fails where there is something in it
}

/// Appends whole lines, or none: a disk that fills up in between gets the file's old length back. Throws io_error.
void append(const std::string& path, const std::string& lines, bool anew) {
    std::error_code none;
    const auto length = anew || !fs::exists(path, none) ? 0 : fs::file_size(path);
    std::ofstream out(path, anew ? std::ios::trunc : std::ios::app);
    out << lines;
    out.close();
    if (out) return;
    fs::resize_file(path, length, none);
    raise<io_error>("log", "cannot write ", path);
}

} // namespace

run_folder::run_folder(const std::string& path, bool force, bool resume, std::vector<log_format> logs)
    : path_(path), lock_(path), earlier_(files_of_run(path)), logs_(std::move(logs)) {
    for (const auto& name : names_in(path, of_a_killed_run)) remove_file(file(name));
    if (earlier_.empty() || force) return;
    if (!resume)
        raise<usage_error>("--out", "folder ", path, " holds a run (", earlier_.front(),
                           "), expected one without: choose another folder, or give --force to replace that run or "
                           "--resume to go on with it");
    if (std::find(earlier_.begin(), earlier_.end(), "config.toml") == earlier_.end())
        raise<usage_error>("--resume", "folder ", path, " holds a run without config.toml (", earlier_.front(),
                           "), expected one with: --force replaces that run");
    earlier_.clear();
    begun_ = true;
    if (!is_complete(path)) remove_figures();
}

void run_folder::remove_figures() const {
    for (const char* figures : {"metrics.json", "validation.json"}) remove_file(file(figures));
}

void run_folder::write(const std::string& name, std::string_view bytes) const {
    io::write_file_atomically(file(name), bytes);
}

void run_folder::keep(const std::string& name, std::string bytes) {
    if (begun_)
        write(name, bytes);
    else
        kept_.emplace_back(name, std::move(bytes));
}

void run_folder::save(const std::vector<std::string>& names, std::string_view model) {
    const auto start = std::chrono::steady_clock::now();
    const bool durable = start - synced_ > 50 * sync_time_;
    const bool first = !begun_ && earlier_.empty();
    const auto kept = first ? kept_ : decltype(kept_)();
    try {
        if (first) begin(""); // config.toml before the model, so that the run can go on whenever it is killed
        for (const auto& name : names) {
            io::write_file_atomically(file(name), model, durable);
            if (!begun_) begin(name);
        }
    } catch (const io_error&) { // nothing of a run that has no model
        for (const auto& [name, bytes] : kept) ::unlink(file(name).c_str());
        throw;
    }
    if (!durable) return;
    synced_ = std::chrono::steady_clock::now();
    sync_time_ = synced_ - start;
}

void run_folder::begin(const std::string& first) {
    begun_ = true;
    remove_figures(); // first: they are not those of the models that now come
    for (const auto& [name, bytes] : kept_) write(name, bytes);
    for (const auto& name : earlier_) {
        const bool ours = name == first || std::any_of(kept_.begin(), kept_.end(),
                                                       [&](const auto& kept) { return kept.first == name; });
        if (!ours) remove_file_of_run(path_, name);
    }
    kept_.clear();
    if (on_begin) on_begin();
}

void run_folder::replace() {
    if (!begun_) begin("");
}

void run_folder::log(const std::string& name, const train::epoch_report& r) {
    const auto wanted = [this](log_format f) { return std::find(logs_.begin(), logs_.end(), f) != logs_.end(); };
    if (wanted(log_format::tensorboard))
        boards_.try_emplace(name, file(boards_folder) + "/" + name).first->second.write(r);
    const bool first = r.epoch == 1;
    io::json j;
    j.set("epoch", r.epoch);
    j.set("loss", r.train.total);
    j.set("hard", r.train["hard"]);
    j.set("soft", r.train["soft"]);
    j.set("stage", r.train["stage"]);
    j.set("memory", r.train["memory"]);
    j.set("repaired", r.train["repaired"]);
    j.set("lr", r.lr);
    j.set("validation_accuracy", r.validation.accuracy);
    j.set("validation_macro_f1", r.validation.macro_f1);
    j.set("seconds", r.seconds);
    if (wanted(log_format::jsonl)) append(file(name + ".log.jsonl"), j.dump() + '\n', first);
    if (!wanted(log_format::csv)) return;
    std::string head, row;
    const char* separator = "";
    for (const auto& [key, value] : j.as_object()) {
        head += separator + key;
        row += separator + value.dump();
        separator = ",";
    }
    append(file(name + ".log.csv"), (first ? head + '\n' : "") + row + '\n', first);
}

void run_folder::rewrite_logs(const std::string& name, const std::vector<train::epoch_report>& history) {
    const std::string boards = std::string(boards_folder) + "/" + name + "/";
    for (const auto& one : files_of_run(path_))
        if (one.starts_with(boards) || one == name + ".log.csv" || one == name + ".log.jsonl")
            remove_file_of_run(path_, one);
    for (const train::epoch_report& r : history) log(name, r);
}

bool is_complete(const std::string& path) {
    for (const char* figures : {"/metrics.json", "/validation.json"}) {
        std::error_code none;
        if (!fs::exists(path + figures, none)) continue;
        const auto bytes = io::read_file(path + figures);
        try {
            const auto j = io::json::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
            return j.find("seed") && !j.find("interrupted") && !j.find("failure");
        } catch (const data_error&) { return false; } // they are written again
    }
    return false;
}

void remove_checkpoints(const std::string& path) {
    for (const auto& name : names_in(path, of_a_run))
        if (name.ends_with(of_checkpoint)) remove_file(path + "/" + name);
}

bool holds_run(const std::string& path) { return !files_of_run(path).empty(); }

void remove_run(const std::string& path) {
    {
        const folder_lock lock(path);
        for (const auto& name : files_of_run(path)) remove_file_of_run(path, name);
        for (const auto& name : names_in(path, of_a_killed_run)) remove_file(path + "/" + name);
    }
    std::error_code not_empty;
    fs::remove(path, not_empty);
}

} // namespace har
