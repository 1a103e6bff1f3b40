// SPDX-License-Identifier: BSD-3-Clause
/// Everything the command line can say. An option writes into the field of the library's struct that it is about, so its
/// default is the library's; standard_options() has the few that are the program's own.
#ifndef HAR_OPTIONS_HPP
#define HAR_OPTIONS_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/enum_names.hpp"
#include "smldist/data/corruption.hpp"
#include "smldist/data/csv/options.hpp"
#include "smldist/data/filter.hpp"
#include "smldist/data/window.hpp"
#include "smldist/distill/settings.hpp"
#include "smldist/io/model_facts.hpp"
#include "smldist/model/network.hpp"
#include "smldist/runtime/stream.hpp"

namespace har {

/// The default folder of `har demo`, which replaces the run in it without --force.
inline constexpr std::string_view demo_folder = "har-demo";

/// Whose form networks and training have: the library's, or that of the public code of 2021.
enum class compatibility : std::uint8_t { smldist, ref2021 };
constexpr auto enum_names(compatibility) { return smldist::enum_table("--compat", "smldist", "ref2021"); }

/// Part of a dataset.
enum class subjects : std::uint8_t { test, train, all };
constexpr auto enum_names(subjects) { return smldist::enum_table("--split", "test", "train", "all"); }

/// A form of the log of a training.
enum class log_format : std::uint8_t { csv, jsonl, tensorboard };
constexpr auto enum_names(log_format) { return smldist::enum_table("--log", "csv", "jsonl", "tensorboard"); }

struct options {
    // what to run on
    std::string data = "synthetic";           ///< "synthetic", "csv=PATH" or "NAME=DIR"
    smldist::data::window_filter filter;      ///< what of the dataset to use
    smldist::data::csv_options csv;           ///< how recordings of one's own stand in their files
    smldist::data::cut_options windows{0, 0}; ///< of recordings of one's own; 0: chosen by their rate
    std::string toml;    ///< where inspect writes how it reads them; empty: beside them, "none": nowhere
    std::string out;     ///< folder of the run; of features: the table
    bool force = false;  ///< replace a run that the folder holds, or the table
    bool resume = false; ///< go on with the run that the folder holds
    std::string checkpoint_every = "60s"; ///< see parse_interval
    std::vector<log_format> logs{log_format::csv, log_format::jsonl};
    std::uint64_t seed = 0;
    std::size_t threads = 0; ///< 0: the machine's
    bool json = false, quiet = false;
    std::size_t validation_subjects = 0; ///< 0: see validation_people
    smldist::normaliser_kind normaliser = smldist::distill::recommended().normaliser;

    // networks
    std::string preset = "har_student"; ///< of train, summary, and the student of distill
    std::string teacher_preset = "har_teacher";
    std::size_t teachers = 1;               ///< networks of teacher_preset that teach together
    std::vector<std::string> teacher_files; ///< models that teach instead; empty: train them
    double width = 1;                       ///< factor on every width of the presets
    compatibility compat = compatibility::smldist;
    /// What the options say of every network: the head or the candidates of a search, and dropout; of `preset` also the rows,
    /// where they are not the preset's; of summary also channels and classes. The presets say the rest.
    smldist::model::network_config network;
    smldist::model::memory_head memory; ///< of a head that stores patterns; a lookup takes the number of patterns

    // training and distillation
    smldist::train::training_options training = smldist::distill::recommended().student; ///< of every network
    std::size_t teacher_epochs = smldist::distill::recommended().teacher.epochs;
    smldist::distill::distill_options losses = smldist::distill::recommended().losses;
    std::string method = "smldist"; ///< or a baseline by its name in loss/baseline/method.hpp
    double method_weight = -1;      ///< of a baseline's term; below 0: the method's own
    bool baseline = false;
    std::string warm_start;                    ///< file of the weights that --preset begins with; empty: random ones
    std::vector<std::string> student_channels; ///< names, or words of names; empty: all
    smldist::model::memory_transfer transfer = smldist::model::memory_transfer::copy_slow;
    std::size_t student_patterns = 0; ///< 0: the teacher's

    // validate, sweep
    std::vector<std::string> methods{"labels"}; ///< "labels", "smldist" or baselines; sweep has `method` instead
    std::size_t folds = 5;                      ///< 0: one per person
    std::size_t seeds = 1;
    std::string shard;        ///< of sweep: I/N; empty: see share_of
    bool keep_models = false; ///< of sweep: the folder of each run

    // evaluate, predict, summary
    std::string model, input;
    std::string subject, from, to; ///< of predict: which part of the input; empty: all of it
    bool merge = false;            ///< of predict: say segments instead of windows
    subjects split = subjects::test;
    smldist::data::corruption corruption; ///< of evaluate's data, without the channels in `missing`
    std::vector<std::string> missing;     ///< names, or words of names
    bool stream = false;
    smldist::runtime::stream_options decisions; ///< a hop of 0: the model's
    std::size_t length = 128;                   ///< of a window, in samples
    bool dot = false;

    // import
    std::string torch, map;         ///< files: the weights, and rules for their names
    std::string architecture;       ///< file of the network instead of a preset
    smldist::io::model_facts facts; ///< what the model file is to say; a hop of 0: half a window
    std::vector<double> mean, sd;   ///< of each channel; empty: nothing is normalised

    // watch
    std::string run;   ///< its folder
    bool once = false; ///< show one frame

    std::string config_text; ///< the effective options as TOML, kept with the run
    std::string run_text;    ///< those of them that decide what a run computes
};

/// The defaults of a subcommand: the library's, except what the program sets here.
options standard_options(std::string_view subcommand);

} // namespace har

#endif
