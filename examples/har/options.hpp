// SPDX-License-Identifier: BSD-3-Clause
/// Everything the command line can say.
#ifndef HAR_OPTIONS_HPP
#define HAR_OPTIONS_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace har {

/// The sets that `--data NAME=DIR` reads.
inline constexpr const char* dataset_names =
    "uci_har, hapt, sp_sw_har, sp_sw_har_watch, sp_sw_har_both, wisdm, mhealth, pamap2, motion_sense";

struct options {
    // what to run on
    std::string data = "synthetic"; ///< "synthetic" or "NAME=DIR"
    std::string out;                ///< folder of the run
    bool force = false;             ///< replace a run that the folder holds
    std::uint64_t seed = 0;
    std::size_t threads = 0; ///< 0: the machine's
    bool json = false, quiet = false;
    // networks
    std::string preset; ///< of train, summary, and the student of distill
    std::string teacher_preset = "har_teacher";
    std::string teacher; ///< model file; empty: train one
    std::string head;
    double width = 1;               ///< factor on every width of the presets
    std::string compat = "smldist"; ///< or ref2021: form and training of the public code of 2021
    std::vector<std::string> rows;  ///< a backbone of one's own instead of the preset's rows
    std::size_t patterns = 8;       ///< of each class in a memory
    std::size_t memory_heads = 1;
    double memory_dropout = 0;
    std::string memory_init = "random"; ///< of networks trained by labels alone
    double dropout = 0.2;
    // training
    std::size_t epochs = 0, teacher_epochs = 0; ///< 0: 80 for har_student and har_nano, else 30
    std::size_t batch = 64;
    double lr = 4e-3, weight_decay = 1e-3, label_smoothing = 0, ema = 0;
    std::size_t patience = 0;
    std::string optimiser = "adamw", schedule = "one_cycle";
    double mixup = 0;
    std::size_t swa = 0;
    std::size_t validation_subjects = 4;
    std::string normaliser = "shared", augment = "reference";
    // distillation
    std::string method = "smldist"; ///< or a baseline by its name in loss/baseline/method.hpp
    double method_weight = -1;      ///< of a baseline's term; below 0: the method's own
    std::string logit_norm = "none";
    bool baseline = false;
    std::vector<std::string> student_channels; ///< names, or words of names; empty: all
    double temperature = 3, hard = 1, soft = 1, margin = 0.05;
    double stage = 1, stage_last = 0.1, memory = 0.5;
    std::string rule = "mix", transfer = "copy_slow";
    std::size_t student_patterns = 0; ///< 0: the teacher's
    std::string basis = "rdft", band_weights = "fisher", phase_free = "magnitude", penalty = "square";
    std::string standardise = "channel", channel_match = "principal", order = "joint";
    double explained = 0.99;
    double alpha = 0, eta = 0, gamma = 1, split_at = 0.5, stage_share = 0.5;
    std::vector<double> band{0.5, 4}; ///< in Hz, of band_weights "hertz"
    // evaluate, predict, summary
    std::string model, input, split = "test";
    double rotation = 0, rate = 0, noise = 0; ///< corruptions of evaluate's data
    std::vector<std::string> missing;
    std::size_t hop = 0; ///< 0: the model's
    bool stream = false;
    float smoothing = 0;
    std::size_t channels = 9, length = 128, classes = 6;
    bool dot = false;

    std::string config_text; ///< the effective options as TOML, kept with the run
};

} // namespace har

#endif
