// SPDX-License-Identifier: BSD-3-Clause
// The program's defaults are the library's.
#include "../../examples/har/config_file.hpp"

#include <cstdint>
#include <doctest/doctest.h>
#include <map>
#include <sstream>
#include <string>

#include "program.hpp"
#include "running.hpp"
#include "smldist/data/csv/options.hpp"
#include "smldist/data/filter.hpp"
#include "smldist/data/window.hpp"
#include "smldist/distill/fit.hpp"
#include "smldist/model/network.hpp"

namespace {

using namespace har_tests;
using namespace smldist;

/// Options of the section of a configuration, as text; lists with blanks between the values.
std::map<std::string, std::string> options_in(const std::string& file, const std::string& section) {
    std::map<std::string, std::string> options;
    for (const auto& s : har::parse_config("config.toml", file)) {
        CHECK(s.name == section);
        for (const auto& entry : s.entries) {
            std::string& text = options[entry.name];
            for (const auto& value : entry.values) text += (text.empty() ? "" : " ") + value.text;
        }
    }
    return options;
}

std::string text(double value) {
    std::ostringstream out;
    out << value;
    return out.str();
}
std::string text(std::uint64_t value) { return std::to_string(value); }
template <named_enum E> std::string text(E value) { return std::string(name_of(value)); }

/// What a training takes of the library, by the names of the options.
std::map<std::string, std::string> of_training(const train::training_options& t, normaliser_kind normaliser) {
    CHECK(t.augment == data::augment_options::reference());
    const model::network_config network;
    const model::memory_head memory;
    return {{"augment", "reference"},
            {"normaliser", text(normaliser)},
            {"balanced", t.balanced ? "true" : "false"},
            {"batch", text(t.batch)},
            {"accumulate", text(t.accumulate)},
            {"lr", text(t.lr)},
            {"optimiser", text(t.optimiser)},
            {"schedule", text(t.schedule.kind)},
            {"weight-decay", text(t.weight_decay)},
            {"patience", text(t.patience)},
            {"mixup", text(t.mixup)},
            {"ema", text(t.ema)},
            {"swa", text(t.swa_epochs)},
            {"memory-init", text(t.memory)},
            {"seed", text(t.seed)},
            {"dropout", text(network.dropout)},
            {"patterns", text(memory.patterns_per_class)},
            {"memory-heads", text(memory.heads)},
            {"memory-dropout", text(memory.dropout)},
            {"rows", ""},
            {"head", "memory"}}; // the program's own, see standard_options
}

std::map<std::string, std::string> of_losses(const distill::distill_options& d) {
    const auto& l = d.logits;
    const auto& s = d.stage;
    return {{"temperature", text(l.temperature)},
            {"hard", text(l.hard)},
            {"soft", text(l.soft)},
            {"label-smoothing", text(l.label_smoothing)},
            {"rule", text(l.rule)},
            {"margin", text(l.margin)},
            {"logit-norm", text(l.norm)},
            {"order", text(d.schedule)},
            {"stage-share", text(d.stage_share)},
            {"stage", text(d.stage_first)},
            {"stage-last", text(d.stage_last)},
            {"standardise", text(s.scale)},
            {"penalty", text(s.pen)},
            {"channel-match", text(s.channels)},
            {"explained", text(s.explained)},
            {"alpha", text(s.alpha)},
            {"band-weights", text(s.weights.kind)},
            {"basis", text(s.basis)},
            {"gamma", text(s.weights.gamma)},
            {"split-at", text(s.weights.split)},
            {"band", text(s.weights.low_hz) + " " + text(s.weights.high_hz)},
            {"eta", text(s.eta)},
            {"phase-free", text(s.term)},
            {"memory", text(d.memory_weight)}};
}

void check_equal(std::map<std::string, std::string>& options, const std::map<std::string, std::string>& wanted) {
    for (const auto& option : wanted) {
        CAPTURE(option.first);
        REQUIRE(options.contains(option.first));
        CHECK(options[option.first] == option.second);
        options.erase(option.first);
    }
}

} // namespace

TEST_CASE("the defaults of distill are those of distill::recommended") {
    const folder at;
    REQUIRE(run(at, "distill --quiet --out run" + quick).code == 0);
    auto options = options_in(contents(at / "run/config.toml"), "distill");
    const distill::settings set = distill::recommended();
    check_equal(options, of_training(set.student, set.normaliser));
    check_equal(options, of_losses(set.losses));
    check_equal(options, {{"memory-transfer", text(model::memory_transfer::copy_slow)}}); // of network::take_memory

    const data::window_filter filter;
    CHECK_FALSE(filter.any());
    check_equal(options,
                {{"subjects", ""}, {"exclude", ""}, {"classes", ""}, {"max-minutes", text(filter.max_minutes)}});

    const data::csv_options csv;
    for (const auto* list : {&csv.channels, &csv.columns, &csv.tables, &csv.units, &csv.bodies, &csv.label_map})
        CHECK(list->empty());
    for (const char* list : {"channels", "columns", "tables", "units", "bodies", "label-map"})
        check_equal(options, {{std::string("csv-") + list, ""}});
    check_equal(options, {{"csv-files", csv.files},
                          {"csv-time", csv.time},
                          {"csv-unit", text(csv.unit)},
                          {"csv-clock", text(csv.clock)},
                          {"csv-label", csv.label},
                          {"csv-segments", csv.segments},
                          {"csv-segment", text(csv.segment)},
                          {"csv-subject", csv.subject},
                          {"csv-rate", text(csv.rate_hz)},
                          {"csv-max-gap", text(csv.max_gap)},
                          {"csv-smooth", text(csv.smooth)},
                          {"csv-label-rule", text(data::cut_options().rule)},
                          {"csv-window", "0"},
                          {"csv-hop", "0"}}); // chosen by the rate

    check_equal(options, {{"warm-start", ""}});

    // Only what the library has no default for is left.
    for (const char* own : {"data",
                            "validation-subjects",
                            "preset",
                            "teacher-preset",
                            "width",
                            "compat",
                            "epochs",
                            "teacher-epochs",
                            "teacher",
                            "teachers",
                            "baseline",
                            "method",
                            "student-channels",
                            "method-weight",
                            "student-patterns",
                            "out",
                            "checkpoint-every",
                            "log",
                            "json",
                            "quiet",
                            "threads"})
        CHECK_MESSAGE(options.erase(own) == 1, own);
    for (const auto& option : options) CHECK_MESSAGE(false, option.first, " is compared with no default");
}

TEST_CASE("the defaults of train are those of distill::recommended") {
    const folder at;
    REQUIRE(run(at, "train --quiet --out run --preset har_nano --epochs 1").code == 0);
    auto options = options_in(contents(at / "run/config.toml"), "train");
    const distill::settings set = distill::recommended();
    check_equal(options, of_training(set.teacher, set.normaliser)); // the options are those of every network
    CHECK(options["label-smoothing"] == text(train::supervised{}.label_smoothing));
}

TEST_CASE("the epochs of teacher and student are those of distill::recommended unless they are given") {
    const small_set at;
    const auto done = run(at, "distill --data wisdm=set --validation-subjects 2 --json --quiet --out run");
    REQUIRE_MESSAGE(done.code == 0, done.err);
    const distill::settings set = distill::recommended();
    CHECK(done.last()["teacher"]["epochs"] == set.teacher.epochs); // of har_teacher
    CHECK(done.last()["student"]["epochs"] == set.student.epochs); // of har_student
    std::string help;
    std::istringstream words(run(at, "distill --help").out);
    for (std::string word; words >> word;) help += word + " ";
    CHECK(has(help, "0 takes " + std::to_string(set.student.epochs) + " for har_student and har_nano, " +
                        std::to_string(set.teacher.epochs) + " for other networks"));
}
