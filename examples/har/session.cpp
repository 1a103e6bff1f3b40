// SPDX-License-Identifier: BSD-3-Clause
#include "session.hpp"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smldist/data/dataset/hapt.hpp"
#include "smldist/data/dataset/mhealth.hpp"
#include "smldist/data/dataset/motion_sense.hpp"
#include "smldist/data/dataset/pamap2.hpp"
#include "smldist/data/dataset/sp_sw_har.hpp"
#include "smldist/data/dataset/uci_har.hpp"
#include "smldist/data/dataset/wisdm.hpp"
#include "smldist/data/synthetic.hpp"
#include "smldist/io/file.hpp"

extern char** environ;

namespace har {

using namespace smldist;

volatile std::sig_atomic_t caught_signal = 0;

namespace {

/// Windows of about 2.56 s that overlap by half. The presets halve time four times, so the length is a multiple of 16.
data::cut_options windows_at(double rate_hz, data::label_rule rule = data::label_rule::majority) {
    const auto length = 16 * static_cast<std::size_t>(std::lround(2.56 * rate_hz / 16));
    return {length, length / 2, rule};
}

/// Cuts a set without an official split; every third person is for test. Says what the loader mended or left out.
data::train_test by_thirds(data::recording_set set, bool quiet) {
    const data::cut_options o = windows_at(set.info.rate_hz);
    set.drop_shorter(o.length);
    if (!quiet)
        for (const auto& r : set.repairs) std::fprintf(stderr, "data: %zu %s\n", r.count, r.what.c_str());
    const data::windows w = data::cut(set.recordings, set.info, o);
    set.recordings.clear(); // before the windows are copied: the large sets take hundreds of megabytes
    return data::test_on(w, data::every_third_subject(w));
}

data::train_test hapt(const std::string& folder) {
    const auto set = data::hapt(folder);
    const auto w = data::cut(set.recordings, set.info, windows_at(set.info.rate_hz, data::label_rule::constant));
    return data::test_on(w, {data::hapt_test_subjects.begin(), data::hapt_test_subjects.end()});
}

} // namespace

data::train_test load_data(const std::string& spec, std::uint64_t seed, bool quiet) {
    if (spec == "synthetic") {
        data::synthetic_options o;
        o.seed = seed;
        return data::synthetic(o);
    }
    const std::size_t equals = spec.find('=');
    if (equals != std::string::npos) {
        const std::string name = spec.substr(0, equals), folder = spec.substr(equals + 1);
        using enum data::sp_sw_har_devices;
        if (name == "uci_har") return data::uci_har(folder);
        if (name == "hapt") return hapt(folder);
        if (name == "sp_sw_har") return by_thirds(data::sp_sw_har(folder, {phone}), quiet);
        if (name == "sp_sw_har_watch") return by_thirds(data::sp_sw_har(folder, {watch}), quiet);
        if (name == "sp_sw_har_both") return by_thirds(data::sp_sw_har(folder, {both}), quiet);
        if (name == "wisdm") return by_thirds(data::wisdm(folder), quiet);
        if (name == "mhealth") return by_thirds(data::mhealth(folder), quiet);
        if (name == "pamap2") return by_thirds(data::pamap2(folder), quiet);
        if (name == "motion_sense") return by_thirds(data::motion_sense(folder), quiet);
    }
    raise<usage_error>("--data", "value is \"", spec, "\", expected synthetic or NAME=DIR with NAME one of ",
                       dataset_names);
}

progress::progress(std::string name, std::size_t epochs, bool quiet)
    : name_(std::move(name)),
      epochs_(epochs),
      quiet_(quiet),
      begin_(std::chrono::steady_clock::now()),
      shown_(begin_) {
    const char* term = std::getenv("TERM");
    terminal_ = isatty(STDERR_FILENO) != 0 && !(term && std::string_view(term) == "dumb");
}

void progress::step(const distill::step_report& r) {
    const auto now = std::chrono::steady_clock::now();
    if (quiet_ || !terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const double done = (double(r.epoch - 1) + double(r.step) / double(r.steps)) / double(r.epochs);
    const double elapsed = std::chrono::duration<double>(now - begin_).count();
    std::string bar(30, '.');
    std::fill_n(bar.begin(), static_cast<std::ptrdiff_t>(30 * done), '#');
    const char* no_color = std::getenv("NO_COLOR");
    const bool color = !(no_color && *no_color);
    std::fprintf(stderr, "\r%s [%s%s%s] epoch %zu/%zu loss %.4f ETA %.0f s \x1b[K", name_.c_str(),
                 color ? "\x1b[32m" : "", bar.c_str(), color ? "\x1b[0m" : "", r.epoch, r.epochs, r.loss,
                 elapsed * (1 - done) / done);
}

void progress::epoch(const distill::epoch_report& r) {
    if (quiet_) return;
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const double left = elapsed * double(epochs_ - r.epoch) / double(r.epoch);
    std::fprintf(stderr, "%s%s epoch %zu/%zu  loss %.4f", terminal_ ? "\r\x1b[K" : "", name_.c_str(), r.epoch,
                 epochs_, r.train.total);
    if (r.train.stage > 0 || r.train.soft > 0)
        std::fprintf(stderr, " (hard %.4f soft %.4f stage %.4f memory %.4f)  repaired %.1f%%", r.train.hard,
                     r.train.soft, r.train.stage, r.train.memory, 100 * r.train.repaired);
    std::fprintf(stderr, "  lr %.2e  validation macro-F1 %.4f%s  %.1f s  ETA %.0f s\n", r.lr, r.validation.macro_f1,
                 r.best ? " *" : "", r.seconds, left);
    if (r.train.repaired > 0.3)
        std::fprintf(stderr, "%s: the teacher is wrong on %.0f %% of the batches' windows: it is weak\n",
                     name_.c_str(), 100 * r.train.repaired);
}

run_folder::run_folder(const std::string& path, const options& o) : path_(path) {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) raise<io_error>("--out", "folder ", path, " cannot be made: ", code.message());
    write("config.toml", o.config_text);
}

void run_folder::write(std::string_view name, const std::string& text) const {
    io::write_file_atomically(file(name), text);
}

void run_folder::log(const std::string& name, const distill::epoch_report& r) {
    const bool first = r.epoch == 1;
    const auto open = [&](const std::string& file_name) {
        std::ofstream out(file(file_name), first ? std::ios::trunc : std::ios::app);
        return out;
    };
    io::json j;
    j.set("epoch", r.epoch);
    j.set("loss", r.train.total);
    j.set("hard", r.train.hard);
    j.set("soft", r.train.soft);
    j.set("stage", r.train.stage);
    j.set("memory", r.train.memory);
    j.set("repaired", r.train.repaired);
    j.set("lr", r.lr);
    j.set("validation_accuracy", r.validation.accuracy);
    j.set("validation_macro_f1", r.validation.macro_f1);
    j.set("seconds", r.seconds);
    auto lines = open(name + ".log.jsonl");
    lines << j.dump() << '\n';
    auto table = open(name + ".log.csv");
    const char* separator = "";
    if (first) {
        for (const auto& [key, value] : j.as_object()) table << std::exchange(separator, ",") << key;
        table << '\n';
        separator = "";
    }
    for (const auto& [key, value] : j.as_object()) table << std::exchange(separator, ",") << value.dump();
    table << '\n';
    lines.close();
    table.close();
    if (!lines || !table) raise<io_error>("log", "files of ", name, " in ", path_, " cannot be written");
}

std::string left_out(const metric::confusion& counts) {
    if (counts.absent() == 0) return "";
    return "macro-F1 leaves out " + std::to_string(counts.absent()) + " of " + std::to_string(counts.classes()) +
           " classes, which are neither label nor prediction of a window\n";
}

io::json figures(const metric::evaluation& e) {
    io::json j;
    j.set("accuracy", e.accuracy);
    j.set("macro_f1", e.macro_f1);
    j.set("absent_classes", e.absent_classes);
    j.set("worst_subject_f1", e.worst_subject_f1);
    j.set("worst_subject", e.worst_subject);
    if (e.calibration_error) j.set("calibration_error", *e.calibration_error);
    return j;
}

namespace {

/// A string for gnuplot's single quotes, with the marks of its enhanced text shown as they are.
std::string gnuplot_text(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '_' || c == '^' || c == '{' || c == '}' || c == '@' || c == '&') out += '\\';
        out += c == '\'' ? ' ' : c;
    }
    return out + "'";
}

/// Runs `gnuplot SCRIPT` in `folder`; its exit status, or -1 when it cannot be started.
int gnuplot(const std::string& folder, const std::string& script) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0); // warns of empty ranges
    std::string name = "gnuplot", argument = script;
    char* argv[] = {name.data(), argument.data(), nullptr};
    pid_t child = 0;
    const int failed = posix_spawnp(&child, "gnuplot", &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return -1;
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

std::string run_folder::draw(const std::vector<std::string>& logs,
                             const std::vector<std::pair<std::string, metric::confusion>>& matrices,
                             const std::vector<std::string>& labels) const {
    std::string script =
        "set datafile separator ','\nset terminal svg size 900,500 font 'sans,14' background 'white'\n"
        "set output 'learning_curves.svg'\nset multiplot layout 1,2\nset xlabel 'epoch'\nset grid\n"
        "set key bottom right\n";
    const auto curves = [&](std::string_view title, std::size_t column) {
        script += "set title " + gnuplot_text(title) + "\nplot ";
        for (std::size_t i = 0; i < logs.size(); ++i)
            script += (i ? ", " : "") + std::string("'") + logs[i] +
                      ".log.csv' every ::1 using 1:" + std::to_string(column) + " with lines lw 2 title " +
                      gnuplot_text(logs[i]);
        script += "\n";
    };
    curves("training loss", 2);
    curves("validation macro-F1", 10);
    script +=
        "unset multiplot\nset terminal svg size 640,560 font 'sans,14' background 'white'\nunset key\nunset grid\n"
        "set palette defined (0 'white', 1 '#2166ac')\nset xlabel 'predicted'\nset ylabel 'label'\n"
        "set xtics rotate by -35\nset cbrange [0:1]\n";
    for (const auto& [name, counts] : matrices) {
        std::string csv, ticks;
        for (std::size_t n = 0; n < counts.classes(); ++n)
            for (std::size_t k = 0; k < counts.classes(); ++k)
                csv += std::to_string(n) + ',' + std::to_string(k) + ',' + std::to_string(counts(n, k)) + ',' +
                       std::to_string(double(counts(n, k)) / double(std::max<std::uint64_t>(1, counts.labelled(n)))) +
                       '\n';
        for (std::size_t n = 0; n < labels.size(); ++n)
            ticks += (n ? ", " : "") + gnuplot_text(labels[n]) + " " + std::to_string(n);
        write("confusion." + name + ".csv", csv);
        script += "set output 'confusion." + name + ".svg'\nset title " + gnuplot_text(name + ", test subjects") +
                  "\nset xtics (" + ticks + ")\nset ytics (" + ticks +
                  ")\nset xrange [-0.5:" + std::to_string(counts.classes()) + "-0.5]\nset yrange [" +
                  std::to_string(counts.classes()) + "-0.5:-0.5]\nplot 'confusion." + name +
                  ".csv' using 2:1:4 with image, '' using 2:1:3 with labels\n";
    }
    if (std::filesystem::exists(file("stage_bands.csv")))
        script +=
            "unset xtics\nunset ytics\nset xtics\nset ytics\nset key top right\nset autoscale\n"
            "set terminal svg size 640,420 font 'sans,14' background 'white'\nset output 'stage_bands.svg'\n"
            "set title 'weight of the bands, by stage'\nset xlabel 'Hz'\nset ylabel 'weight'\nset grid\n"
            "plot for [s=0:15] 'stage_bands.csv' every ::1 using (($3+$4)/2):($1==s ? $5 : 1/0) with linespoints "
            "lw 2 title sprintf('stage %d', s)\n";
    write("plot.gp", script);
    const int status = gnuplot(path_, "plot.gp");
    if (status == 0) return "pictures: " + path_ + "/*.svg";
    if (status == 127 || status == -1)
        return "no pictures: gnuplot is not installed (run `gnuplot plot.gp` in " + path_ + ")";
    return "no pictures: gnuplot failed on " + file("plot.gp");
}

} // namespace har
