// SPDX-License-Identifier: BSD-3-Clause
#include "option_groups.hpp"

#include "datasets.hpp"
#include "networks.hpp"
#include "smldist/core/parallel.hpp"

namespace har {

using namespace smldist;

void data_option(declarer& d, options& o) {
    d.group("Data");
    d.word(
        "data", o.data, "SET",
        std::string(
            "Dataset: synthetic (built in); csv=PATH, recordings of your own in a file, a folder or by a pattern; or "
            "NAME=DIR, where DIR is the publisher's folder and NAME is one of ") +
            dataset_names() + ". scripts/get_dataset downloads them.");
}

void filter_options(declarer& d, options& o) {
    d.words("subjects", o.filter.subjects, ',', "LIST",
            "Use only these people, on either side of the split: names, or numbers in published sets, with commas "
            "between.");
    d.words("exclude", o.filter.exclude, ',', "LIST", "Leave these people out, on either side of the split.");
    d.words("classes", o.filter.classes, ',', "LIST",
            "Use only windows of these classes, with commas between; the network has an output for each. A model is "
            "evaluated on the classes that it was trained with.");
    d.real("max-minutes", o.filter.max_minutes, {0, 1e6},
           "Use at most the first X minutes of each class of each person; 0 uses all.");
}

void data_options(declarer& d, options& o) {
    using augment = data::augment_options;
    data_option(d, o);
    filter_options(d, o);
    d.whole("validation-subjects", o.validation_subjects, 0, 10000,
            "Number of training subjects that are held out for validation; 0: 4, but of recordings of your own at "
            "most a third of the training subjects.");
    d.flag("balanced", o.training.balanced,
           "Draw training windows of all classes equally often, however many windows each has.");
    d.choice<augment>("augment", o.training.augment,
                      {{"reference", augment::reference()}, {"full", augment()}, {"none", augment::none()}},
                      "Random changes of the training windows: reference rotates and scales them, full makes every "
                      "kind of change, none leaves them.");
    d.choice(
        "normaliser", o.normaliser,
        "How channels are normalised. shared: the three axes of a sensor by one common factor; zscore: each channel "
        "to mean 0 and standard deviation 1; robust and minmax: each channel to the range 0 to 1, by quartiles or "
        "by its extremes.");
}

void network_options(declarer& d, options& o, const std::string& role, bool teacher) {
    d.group("Network");
    d.choice("preset", o.preset, preset_names(), role);
    if (teacher) {
        d.choice("teacher-preset", o.teacher_preset, preset_names(),
                 "Network of the teacher, which is trained first.");
        d.whole(
            "teachers", o.teachers, 1, 64,
            "Number of teachers. Each is trained from its own random weights, with its own order of the windows. The "
            "student follows the mean of their logits, and the stages and memory of the teacher whose answers on the "
            "validation people are nearest to that mean.");
    }
    d.choice(
        "head", head_choices(), [&o](const std::string& word) { choose_head(o.network, word); },
        [&o] { return std::string(model::head_name(o.network)); },
        "Classifier on the last feature: memory compares it with stored patterns of known class (a Hopfield "
        "network), lookup has learned values instead of classes, prototype has one pattern per class, linear and mlp "
        "have none. search trains the first four as a mixture and keeps the best. blended comes with --compat "
        "ref2021.");
    d.real("width", o.width, {0, 16, true},
           "Factor on all widths of the presets: 0.5 halves the channels of each layer.");
    d.words<model::row>(
        "rows", o.network.backbone.rows, ';', "ROWS", model::parse_row, model::text,
        "Backbone of your own instead of the preset's, one row a block, with ; between rows: "
        "kernel,expanded,out,SE|-,RE|HS|SELU,stride, and ,A at the end of a row whose output is a stage that "
        "distillation compares. Example: \"3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A\".");
    d.choice("compat", o.compat,
             "Form of networks and training: ref2021 takes networks, losses, order and optimisers of the public code "
             "of 2021, "
             "whatever other options say of these; see docs/ref2021.md.");
}

void memory_head_options(declarer& d, options& o) {
    d.whole("patterns", o.memory.patterns_per_class, 1, 1024,
            "Number of patterns that a memory or lookup head stores for each class.");
    d.whole("memory-heads", o.memory.heads, 1, 32,
            "Number of attention heads of a memory head: a divisor of its width, 32.");
}

void memory_training_options(declarer& d, options& o) {
    d.choice("memory-init", o.training.memory,
             "First patterns of a memory that is trained with labels only: random ones, or after the first epoch the "
             "k-means centres of the features of each class.");
    d.real("memory-dropout", o.memory.dropout, part_below_one,
           "Share of the memory's patterns that are hidden from a window at random in training.");
}

void training_options(declarer& d, options& o, bool distils) {
    train::training_options& t = o.training;
    const auto recommended = distill::recommended();
    const std::string by_preset = "; 0 takes " + std::to_string(recommended.student.epochs) +
                                  " for har_student and har_nano, " + std::to_string(recommended.teacher.epochs) +
                                  " for other networks.";
    d.group("Training");
    d.whole("epochs", t.epochs, 0, most_epochs,
            std::string("Number of epochs") + (distils ? " of the student" : "") + by_preset);
    if (distils)
        d.whole("teacher-epochs", o.teacher_epochs, 0, most_epochs, "Number of epochs of the teacher" + by_preset);
    d.whole("batch", t.batch, 2, 65536, "Number of windows in a training step.");
    d.whole("accumulate", t.accumulate, 1, 32768,
            "Number of parts in which a step's windows are computed, one after the other, to save memory.");
    d.real("lr", t.lr, {0, 1e9, true}, "Largest learning rate of the schedule.");
    d.choice("optimiser", t.optimiser, "Optimiser of the weights.");
    d.choice("schedule", t.schedule.kind, "How the learning rate changes over the epochs.");
    d.real("dropout", o.network.dropout, part_below_one,
           "Share of the last feature that is set to 0 at random in training.");
    d.real("weight-decay", t.weight_decay, weight, "How strongly the optimiser pulls weights towards 0.");
    d.real("label-smoothing", o.losses.logits.label_smoothing, unit_interval,
           "Share of the target probability that is spread evenly over all classes.");
    d.whole("patience", t.patience, 0, most_epochs,
            "Stop after this number of epochs without a better validation macro-F1; 0 never stops early.");
    d.real("mixup", t.mixup, weight,
           "Train on mixtures of two windows, in proportions drawn from Beta(X, X); 0 mixes none, otherwise at least "
           "1e-6.");
    d.real("ema", t.ema, part_below_one,
           "Decay of an exponential average of the weights, which is then validated and saved; 0 averages none.");
    d.whole("swa", t.swa_epochs, 0, most_epochs,
            "Average the weights after each of the last N epochs; 0 averages none. If N is more than the epochs, all "
            "are averaged.");
}

void output_options(declarer& d, options& o, bool makes_folder, const char* json) {
    d.group("Output");
    if (makes_folder) {
        d.word("out", o.out, "DIR",
               std::string("Folder for the models, logs, figures and pictures of the run. ") +
                   (o.out == demo_folder ? "Any but the default one" : "It") +
                   " is refused when it holds a run already, unless --force is given.");
        d.momentary_flag( // no run's config.toml may replace that run
            "force", o.force,
            "Replace the run that --out holds, all of its files, once the first epoch of this one is done. A start "
            "that fails or is interrupted before leaves them as they are. Not allowed in a configuration file.");
        d.momentary_flag(
            "resume", o.resume,
            "Go on with the run that --out holds, from its last checkpoint: it ends with the bits of a run that was "
            "never interrupted. Options that are not given are those of that run; none may differ, except --threads, "
            "--quiet, --json, --log and --checkpoint-every. Where there is no run, one begins.");
        d.word("checkpoint-every", o.checkpoint_every, "WHEN",
               "How often the state of the run is saved, so that --resume can go on from it: a number of epochs, or "
               "one with a unit, such as 500steps, 90s, 5min or 1h. A signal that ends the run saves it too. With "
               "never nothing is saved.");
    }
    if (makes_folder)
        d.words<log_format>(
            "log", o.logs, ',', "FORMATS",
            [](std::string_view word) { return parse_enum<log_format>(word, "format"); },
            [](const log_format& f) { return std::string(name_of(f)); },
            "Logs of each training, a line or record per epoch, with commas between: csv (NAME.log.csv), jsonl "
            "(NAME.log.jsonl), tensorboard (event files in tensorboard/NAME). Unless given: csv,jsonl. \"\" writes "
            "none.");
    d.flag("json", o.json, json);
    d.flag("quiet", o.quiet, "Print no progress and no remarks on stderr, only errors.");
    d.whole("seed", o.seed, 0, INT64_MAX,
            "Seed of everything random: weights, held-out subjects, order of the windows, augmentation.");
    d.whole("threads", o.threads, 0, max_threads,
            "Number of threads; 0: one per core to which the process is bound. The results do not depend on it.");
    d.end();
}

} // namespace har
