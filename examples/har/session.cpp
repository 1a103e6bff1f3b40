// SPDX-License-Identifier: BSD-3-Clause
#include "session.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "options.hpp"
#include "signals.hpp"
#include "smldist/data/dataset/hapt.hpp"
#include "smldist/data/dataset/mhealth.hpp"
#include "smldist/data/dataset/motion_sense.hpp"
#include "smldist/data/dataset/pamap2.hpp"
#include "smldist/data/dataset/sp_sw_har.hpp"
#include "smldist/data/dataset/uci_har.hpp"
#include "smldist/data/dataset/wisdm.hpp"
#include "smldist/data/synthetic.hpp"

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
    const interruptible nothing_to_save;
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

void progress::step(const train::step_report& r) {
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

void progress::epoch(const train::epoch_report& r) {
    if (quiet_) return;
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const double left = elapsed * double(epochs_ - r.epoch) / double(r.epoch);
    std::fprintf(stderr, "%s%s epoch %zu/%zu  loss %.4f", terminal_ ? "\r\x1b[K" : "", name_.c_str(), r.epoch,
                 epochs_, r.train.total);
    if (r.train["stage"] > 0 || r.train["soft"] > 0)
        std::fprintf(stderr, " (hard %.4f soft %.4f stage %.4f memory %.4f)  repaired %.1f%%", r.train["hard"],
                     r.train["soft"], r.train["stage"], r.train["memory"], 100 * r.train["repaired"]);
    std::fprintf(stderr, "  lr %.2e  validation macro-F1 %.4f%s  %.1f s  ETA %.0f s\n", r.lr, r.validation.macro_f1,
                 r.best ? " *" : "", r.seconds, left);
    if (r.train["repaired"] > 0.3)
        std::fprintf(stderr, "%s: the teacher is wrong on %.0f %% of the batches' windows: it is weak\n",
                     name_.c_str(), 100 * r.train["repaired"]);
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

} // namespace har
