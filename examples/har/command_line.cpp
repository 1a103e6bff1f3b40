// SPDX-License-Identifier: BSD-3-Clause
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "recipe.hpp"
#include "settings.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/io/json_scanner.hpp"
#include "smldist/model/network.hpp"

namespace har {

using namespace smldist;

namespace {

constexpr std::size_t name_width = 30, text_width = 70; ///< columns of --help

/// Text in lines of text_width, which CLI11 indents.
std::string wrapped(const std::string& text) {
    std::string out;
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        if (column > 0 && column + 1 + end - at > text_width) {
            out += '\n';
            column = 0;
        } else if (column > 0) {
            out += ' ';
            ++column;
        }
        out += text.substr(at, end - at);
        column += end - at;
        at = end + 1;
    }
    return out;
}

/// "a, b or c"
std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t k = 0; k < words.size(); ++k)
        out += (k == 0 ? "" : k + 1 == words.size() ? " or " : ", ") + words[k];
    return out;
}

template <class Names> std::vector<std::string> list_of(const Names& names) { return {names.begin(), names.end()}; }

/// Declares the options of one subcommand, group after group.
class declarer {
public:
    declarer(CLI::App& app, std::vector<setting>& settings) : app_(app), settings_(settings) {
        app_.set_help_flag(); // comes last again, see end()
    }
    void group(const std::string& name) { group_ = name; }

    void flag(const std::string& name, bool& value, const std::string& description) {
        auto* option = app_.add_flag("--" + name, value, wrapped(description))->group(group_);
        settings_.push_back({name, value_kind::flag, false, 1,
                             [&value](const auto& words) { value = words.at(0) == "true"; },
                             [&value] { return std::vector<std::string>{value ? "true" : "false"}; },
                             [option] { return option->count() > 0; }});
    }
    /// A flag that no configuration holds.
    void momentary_flag(const std::string& name, bool& value, const std::string& description) {
        app_.add_flag("--" + name, value, wrapped(description))->group(group_);
    }
    void whole(const std::string& name, std::uint64_t& value, std::uint64_t low, std::uint64_t high,
               const std::string& description) {
        add(name, "N", description, std::to_string(low) + " to " + std::to_string(high),
            {name,
             value_kind::number,
             false,
             1,
             [=, &value](const auto& words) { value = read_whole(name, words.at(0), low, high); },
             [&value] { return std::vector{std::to_string(value)}; },
             {}});
    }
    template <class T> void real(const std::string& name, T& value, const bounds& b, const std::string& description) {
        add(name, "X", description, text(b),
            {name,
             value_kind::number,
             false,
             1,
             [=, &value](const auto& words) { value = static_cast<T>(read_real(name, words.at(0), b)); },
             [&value] { return std::vector{text(double(value))}; },
             {}});
    }
    void reals(const std::string& name, std::vector<double>& values, const bounds& b,
               const std::string& description) {
        const std::size_t n = values.size();
        auto* option = add(name, "X X", description, text(b) + " each",
                           {name,
                            value_kind::number,
                            false,
                            n,
                            [=, &values](const auto& words) {
                                std::vector<double> read;
                                for (const auto& word : words) read.push_back(read_real(name, word, b));
                                values = read;
                            },
                            [&values] {
                                std::vector<std::string> words;
                                for (const double v : values) words.push_back(text(v));
                                return words;
                            },
                            {}});
        option->expected(static_cast<int>(n));
    }
    /// `empty`: whether "" may stand for none.
    void word(const std::string& name, std::string& value, const std::string& shown, const std::string& description,
              bool empty = false, const std::string& standard = "") {
        add(name, shown, description, "",
            {name,
             value_kind::text,
             false,
             1,
             [=, &value](const auto& words) {
                 if (words.at(0).empty() && !empty)
                     raise<usage_error>("--" + name, "value is \"\", expected a ", shown);
                 value = words.at(0);
             },
             [&value] { return std::vector{value}; },
             {}},
            standard);
    }
    /// `standard`: what --help names as the default, when it is not the value now.
    void choice(const std::string& name, std::string& value, const std::vector<std::string>& from,
                const std::string& description, const std::string& standard = "") {
        const std::string names = joined(from);
        add(name, "NAME", description, names,
            {name,
             value_kind::text,
             false,
             1,
             [=, &value](const auto& words) {
                 if (std::find(from.begin(), from.end(), words.at(0)) == from.end())
                     raise<usage_error>("--" + name, "name is ", io::quote(words.at(0)), ", expected ", names);
                 value = words.at(0);
             },
             [&value] { return std::vector{value}; },
             {}},
            standard);
    }
    /// Any number of words, with `separator` between them or the option before each.
    void words(const std::string& name, std::vector<std::string>& values, char separator, const std::string& shown,
               const std::string& description) {
        auto* option = add(name, shown, description, "",
                           {name,
                            value_kind::text,
                            true,
                            1,
                            [=, &values](const std::vector<std::string>& parts) {
                                values.clear();
                                for (const std::string& part : parts)
                                    for (const std::string& word : CLI::detail::split(part, separator))
                                        if (!word.empty()) values.push_back(word);
                            },
                            [&values] { return values; },
                            {}});
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    void end(const std::string& help = "Print this text.") {
        app_.set_help_flag("-h,--help", help)->group(group_);
        app_.get_formatter()->column_width(name_width);
    }

private:
    CLI::Option* add(const std::string& name, const std::string& shown, const std::string& description,
                     const std::string& range, setting s, std::string standard = "") {
        if (standard.empty() && !s.list)
            for (const auto& word : s.now()) standard += (standard.empty() ? "" : " ") + word;
        std::string notes = range;
        if (!standard.empty()) notes += (range.empty() ? "" : "; ") + ("default " + standard);
        auto* option = app_.add_option(
            "--" + name,
            [assign = s.assign](const CLI::results_t& words) {
                assign(words);
                return true;
            },
            wrapped(description + (notes.empty() ? "" : " [" + notes + "]")));
        option->group(group_)->option_text(shown);
        s.given = [option] { return option->count() > 0; };
        settings_.push_back(std::move(s));
        return option;
    }

    CLI::App& app_;
    std::vector<setting>& settings_;
    std::string group_;
};

constexpr bounds weight{0, 1e6}, share{0, 1}, part_below_one{0, 1, false, true}, inside{0, 1, true, true};
constexpr std::uint64_t most_epochs = 1000000;

/// `folder`: the standard --out of a subcommand that makes one.
void output_options(declarer& d, options& o, const std::string& folder = "",
                    const char* json = "Print one JSON object with all figures as the last line of the output.") {
    d.group("Output");
    if (!folder.empty()) {
        d.word("out", o.out, "DIR",
               std::string("Folder for the models, logs, figures and pictures of the run. ") +
                   (folder == "har-demo" ? "Any but the default one" : "It") +
                   " is refused when it holds a run already, unless --force is given.",
               false, folder);
        d.momentary_flag( // no run's config.toml may replace that run
            "force", o.force,
            "Replace the run that --out holds, all of its files, once the first epoch of this one is done. A start "
            "that fails or is interrupted before leaves them as they are. Not allowed in a configuration file.");
    }
    d.flag("json", o.json, json);
    d.flag("quiet", o.quiet, "Print no progress and no remarks on stderr, only errors.");
    d.whole("seed", o.seed, 0, INT64_MAX,
            "Seed of everything random: weights, held-out subjects, order of the windows, augmentation.");
    d.whole("threads", o.threads, 0, max_threads,
            "Number of threads; 0 takes as many as the machine has. The results do not depend on it.");
    d.end();
}

void data_option(declarer& d, options& o) {
    d.group("Data");
    d.word(
        "data", o.data, "SET",
        std::string(
            "Dataset: synthetic (built in), or NAME=DIR, where DIR is the publisher's folder and NAME is one of ") +
            dataset_names + ". scripts/get_dataset downloads them.");
}

void data_options(declarer& d, options& o) {
    data_option(d, o);
    d.whole("validation-subjects", o.validation_subjects, 1, 10000,
            "Number of training subjects that are held out for validation.");
    d.choice("augment", o.augment, {"reference", "full", "none"},
             "Random changes of the training windows: reference rotates and scales them, full makes every kind of "
             "change, none leaves them.");
    d.choice(
        "normaliser", o.normaliser, list_of(names_of<normaliser_kind>()),
        "How channels are normalised. shared: the three axes of a sensor by one common factor; zscore: each channel "
        "to mean 0 and standard deviation 1; robust and minmax: each channel to the range 0 to 1, by quartiles or "
        "by its extremes.");
}

/// `role`: what the preset is, with its standard value; likewise the head's.
void network_options(declarer& d, options& o, const std::string& role, const std::string& preset,
                     const std::string& head = "memory") {
    d.group("Network");
    d.choice("preset", o.preset, list_of(preset_names()), role, preset);
    if (role == "Network of the student.")
        d.choice("teacher-preset", o.teacher_preset, list_of(preset_names()),
                 "Network of the teacher, which is trained first.");
    auto heads = list_of(model::head_names);
    heads.emplace_back("search");
    d.choice(
        "head", o.head, heads,
        "Classifier on the last feature: memory compares it with stored patterns of known class (a Hopfield "
        "network), lookup has learned values instead of classes, prototype has one pattern per class, linear and mlp "
        "have none. search trains the first four as a mixture and keeps the best. blended comes with --compat "
        "ref2021.",
        head);
    d.real("width", o.width, {0, 16, true},
           "Factor on all widths of the presets: 0.5 halves the channels of each layer.");
    d.words("rows", o.rows, ';', "ROWS",
            "Backbone of your own instead of the preset's, one row a block, with ; between rows: "
            "kernel,expanded,out,SE|-,RE|HS|SELU,stride, and ,A at the end of a row whose output is a stage that "
            "distillation compares. Example: \"3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A\".");
    d.choice("compat", o.compat, {"smldist", "ref2021"},
             "Form of networks and training: ref2021 takes networks, losses, order and optimisers of the public code "
             "of 2021, "
             "whatever other options say of these; see docs/ref2021.md.");
}

void memory_head_options(declarer& d, options& o) {
    d.whole("patterns", o.patterns, 1, 1024,
            "Number of patterns that a memory or lookup head stores for each class.");
    d.whole("memory-heads", o.memory_heads, 1, 32,
            "Number of attention heads of a memory head: a divisor of its width, 32.");
}

void memory_training_options(declarer& d, options& o) {
    d.choice("memory-init", o.memory_init, {"random", "kmeans"},
             "First patterns of a memory that is trained with labels only: random ones, or after the first epoch the "
             "k-means centres of the features of each class.");
    d.real("memory-dropout", o.memory_dropout, part_below_one,
           "Share of the memory's patterns that are hidden from a window at random in training.");
}

void training_options(declarer& d, options& o, bool distils) {
    d.group("Training");
    d.whole("epochs", o.epochs, 0, most_epochs,
            std::string("Number of epochs") + (distils ? " of the student" : "") +
                "; 0 takes 80 for har_student and har_nano, 30 for other networks.");
    if (distils)
        d.whole("teacher-epochs", o.teacher_epochs, 0, most_epochs,
                "Number of epochs of the teacher; 0 takes 80 for har_student and har_nano, 30 for other networks.");
    d.whole("batch", o.batch, 2, 65536, "Number of windows in a training step.");
    d.real("lr", o.lr, {0, 1e9, true}, "Largest learning rate of the schedule.");
    d.choice("optimiser", o.optimiser, list_of(names_of<optim::optimiser_kind>()), "Optimiser of the weights.");
    d.choice("schedule", o.schedule, list_of(names_of<optim::schedule_kind>()),
             "How the learning rate changes over the epochs.");
    d.real("dropout", o.dropout, part_below_one, "Share of the last feature that is set to 0 at random in training.");
    d.real("weight-decay", o.weight_decay, weight, "How strongly the optimiser pulls weights towards 0.");
    d.real("label-smoothing", o.label_smoothing, share,
           "Share of the target probability that is spread evenly over all classes.");
    d.whole("patience", o.patience, 0, most_epochs,
            "Stop after this number of epochs without a better validation macro-F1; 0 never stops early.");
    d.real("mixup", o.mixup, weight,
           "Train on mixtures of two windows, in proportions drawn from Beta(X, X); 0 mixes none, otherwise at least "
           "1e-6.");
    d.real("ema", o.ema, part_below_one,
           "Decay of an exponential average of the weights, which is then validated and saved; 0 averages none.");
    d.whole("swa", o.swa, 0, most_epochs,
            "Average the weights after each of the last N epochs; 0 averages none. If N is more than the epochs, all "
            "are averaged.");
}

void distillation_options(declarer& d, options& o) {
    d.group("Distillation");
    d.word("teacher", o.teacher, "FILE", "Model file of a trained teacher, which is used instead of training one.",
           true);
    d.flag("baseline", o.baseline, "Also train the student with labels only, for comparison.");
    d.choice(
        "method", o.method, {"smldist", "hinton", "fitnets", "at", "nst", "sp", "rkd", "pkt", "dkd", "dist", "simkd"},
        "Method of distillation: smldist, or a published baseline with its published settings. With a baseline, the "
        "other options about losses have no effect, except --method-weight and, for hinton, --logit-norm.");
    d.real("temperature", o.temperature, {0, 1000, true},
           "Temperature that softens the outputs of teacher and student before they are compared.");
    d.real("hard", o.hard, weight, "Weight of the labels in the student's loss.");
    d.real("soft", o.soft, weight, "Weight of the teacher's softened outputs in the student's loss.");
    d.words("student-channels", o.student_channels, ',', "NAMES",
            "Channels that the student sees, while the teacher sees all: names of channels, or words of names, with "
            "commas "
            "between: total_acc takes its three axes, phone all channels of the phone.");
    d.choice(
        "rule", o.rule, list_of(names_of<loss::repair>()),
        "What happens to the teacher's output for a training window that it gets wrong: mix moves it towards the "
        "label until the label leads, hardness sharpens the label's probability, swap exchanges the label with the "
        "wrong winner, onehot takes the label, drop leaves the window out, off keeps the output as it is.");
    d.real("margin", o.margin, share, "Lead of the label's probability after --rule mix.");
    d.choice(
        "order", o.order, list_of(names_of<distill::distill_schedule>()),
        "Order of the losses in training: joint minimises all at once; progressive begins with the stages, one more "
        "at a time, and ends with all; sequential takes each stage by itself, then outputs and memory.");
    d.real("stage-share", o.stage_share, inside,
           "Share of the training steps that --order progressive and sequential spend on the stages.");
    d.choice("logit-norm", o.logit_norm, list_of(names_of<loss::logit_norm>()),
             "Normalisation of both networks' outputs before they are compared, in the methods smldist and hinton.");
    d.real("method-weight", o.method_weight, {-1, 1e6},
           "Weight of a baseline's loss beside the labels; below 0 the method's published weight.");
}

void stage_options(declarer& d, options& o) {
    d.group("Stage loss (the student's intermediate features learn from the teacher's)");
    d.real("stage", o.stage, weight, "Weight of the stage loss at the beginning of the training.");
    d.real("stage-last", o.stage_last, weight,
           "Weight of the stage loss at the end of the training; --stage where that is smaller.");
    d.choice(
        "standardise", o.standardise, list_of(names_of<loss::standardise>()),
        "Scaling of the features before they are compared: channel by the teacher's mean and standard deviation of "
        "each channel, sample by each window's own strength, none as they are.");
    d.choice("penalty", o.penalty, list_of(names_of<loss::penalty>()), "How a difference of two features counts.");
    d.choice(
        "channel-match", o.channel_match, list_of(names_of<loss::channel_match>()),
        "What the student's features predict where the teacher has more channels: the principal components of the "
        "teacher's channels, or all channels.");
    d.real("explained", o.explained, {0, 1, true},
           "Share of the variance of the teacher's channels that its principal components keep.");
    d.real("alpha", o.alpha, share,
           "How much the frequency bands of --band-weights count: 0 compares features evenly, 1 by the bands only.");
    d.choice(
        "band-weights", o.band_weights, list_of(names_of<loss::weighting>()),
        "Weights of the frequency bands, when --alpha is above 0: uniform; fisher, by how well a band separates the "
        "classes; energy or power, by the teacher's strength or the frequency to the power --gamma; low or high, on "
        "one "
        "side of --split-at; hertz, inside --band; uncertainty, learned.");
    d.choice(
        "basis", o.basis, list_of(names_of<loss::time_basis>()),
        "Transform along time that gives the frequency bands: real Fourier (rdft), cosine (dct), Haar wavelets, or "
        "none.");
    d.real("gamma", o.gamma, {-100, 100}, "Exponent of --band-weights energy and power.");
    d.real("split-at", o.split_at, inside,
           "Where --band-weights low ends and high begins, as a share of the highest frequency.");
    d.reals("band", o.band, {0, 1e6}, "Lowest and highest frequency, in Hz, of --band-weights hertz.");
    d.real("eta", o.eta, weight,
           "Weight of the part of the stage loss that ignores shifts in time; 0 leaves it out.");
    d.choice(
        "phase-free", o.phase_free, list_of(names_of<loss::phase_free>()),
        "What the part of the stage loss that ignores shifts in time compares, when --eta is above 0: magnitudes of "
        "the spectra, their divergence (kl), or the spectra summed over channels (attention).");
}

void memory_options(declarer& d, options& o) {
    d.group("Memory (for heads that store patterns)");
    d.real("memory", o.memory, weight,
           "Weight of the memory loss: the student's feature is to recall the same patterns as the teacher's.");
    d.choice("memory-transfer", o.transfer, {"copy_slow", "copy_freeze", "copy", "none"},
             "How the student gets the teacher's patterns: copied and trained slowly, copied and kept, copied and "
             "trained at "
             "full rate, or not at all.");
    memory_head_options(d, o);
    d.whole("student-patterns", o.student_patterns, 0, 1024,
            "Number of patterns for each class to which the teacher's memory is compressed for the student; 0 keeps "
            "all.");
    memory_training_options(d, o);
}

/// Applies the section of the subcommand `name`; all others must at least have known names.
void apply_file(const std::string& file, const std::string& name,
                const std::map<std::string, std::vector<setting>>& all) {
    std::string found;
    bool has_it = false;
    const auto read = [&] {
        const interruptible now; // the file may be a pipe that nobody writes to
        return read_config(file);
    };
    for (const config_section& section : read()) {
        const auto at = all.find(section.name);
        if (at == all.end())
            raise<usage_error>(file + ":" + std::to_string(section.line), "section is ", io::quote(section.name),
                               ", expected the name of a subcommand");
        found += (found.empty() ? "[" : ", [") + section.name + "]";
        if (section.name == name) {
            apply(file, section, at->second);
            has_it = true;
        } else {
            check_names(file, section, at->second);
        }
    }
    if (!has_it)
        raise<usage_error>(file, "sections are ", found.empty() ? "none" : found, ", expected one for ", name, ": [",
                           name, "]");
}

/// What stands for an option that was not given, and what subcommands demand of several options at once.
void complete(const std::string& name, options& o) {
    const auto demand = [&](bool ok, const char* option, const char* what) {
        if (!ok) raise<usage_error>(option, what);
    };
    if (name == "train") demand(!o.preset.empty(), "--preset", "value is missing, expected the network to train");
    if (name == "evaluate" || name == "predict")
        demand(!o.model.empty(), "--model", "value is missing, expected a model file");
    if (name == "predict") {
        demand(o.stream != !o.input.empty(), "--input", "expected either a file or --stream");
        demand(o.smoothing < 1, "--smoothing", "value is 1 in the precision of float, expected less");
        demand(o.stream || o.smoothing == 0, "--smoothing", "works only with --stream");
    }
    const std::size_t equals = o.data.find('=');
    const std::vector<std::string> sets = CLI::detail::split(dataset_names, ',');
    const bool known = std::any_of(sets.begin(), sets.end(), [&](const std::string& set) {
        return CLI::detail::trim_copy(set) == o.data.substr(0, equals);
    });
    if (o.data != "synthetic" && (equals == o.data.npos || !known))
        raise<usage_error>("--data", "value is ", io::quote(o.data),
                           ", expected synthetic or NAME=DIR with NAME one of ", dataset_names);
    if (o.preset.empty()) o.preset = "har_student";
    if (o.head.empty()) o.head = name == "summary" ? "linear" : "memory";
    if (name == "demo") {
        if (o.out.empty() || o.out == "har-demo") o.force = true; // the demo's own folder
        o.baseline = true;
        o.teacher_epochs = 12; // with 8 and 12 one seed of three leaves the distilled student behind the one alone
        o.epochs = 30;
    }
    if (o.out.empty()) o.out = name == "demo" ? "har-demo" : "har-run";
}

} // namespace

std::string read_command_line(int argc, const char* const* argv, const std::string& version, options& o) {
    CLI::App app{"Human activity recognition from inertial sensors: train, distill, evaluate, predict.", "har"};
    app.set_version_flag("--version", version, "Print version, compiler and instruction set.");
    app.require_subcommand(1);
    app.fallthrough();
    std::string config;
    app.add_option("--config", config,
                   wrapped("Read options from a TOML file, such as the config.toml of a run; options on "
                           "the command line win over it."))
        ->option_text("FILE");
    app.footer("har SUBCOMMAND --help lists the options of a subcommand.");
    std::map<std::string, std::vector<setting>> settings;
    const auto command = [&](const std::string& name, const std::string& description) {
        auto* sub = app.add_subcommand(name, description);
        sub->footer("Options can also be read from a file: har --config FILE " + name + ". See har --help.");
        return declarer(*sub, settings[name]);
    };

    {
        auto d = command("train", "Train one network with labels.");
        data_options(d, o);
        network_options(d, o, "Network to train; must be given.", "");
        training_options(d, o, false);
        d.group("Memory (for heads that store patterns)");
        memory_head_options(d, o);
        memory_training_options(d, o);
        output_options(d, o, "har-run");
    }
    {
        auto d = command("distill", "Train a teacher, then distill it into a smaller student.");
        data_options(d, o);
        network_options(d, o, "Network of the student.", "har_student");
        training_options(d, o, true);
        distillation_options(d, o);
        stage_options(d, o);
        memory_options(d, o);
        output_options(d, o, "har-run");
    }
    {
        auto d = command("evaluate", "Print the figures of a model on a dataset.");
        data_option(d, o);
        d.choice("split", o.split, {"test", "train"}, "Which subjects of the dataset are used.");
        d.group("Model");
        d.word("model", o.model, "FILE", "Model file, such as student.safetensors of a run; must be given.");
        d.group("Corruption of the data");
        d.real("rotation", o.rotation, {0, 180}, "Turn each sensor by this angle in degrees, about a random axis.");
        d.real("rate", o.rate, {0, 1e6},
               "Resample to this rate in Hz, at most that of the data; 0 keeps the data's rate.");
        d.real("noise", o.noise, {0, 1000}, "Add noise of this many standard deviations of each channel.");
        d.words(
            "missing", o.missing, ',', "NAMES",
            "Replace channels by their mean, as if they had failed: names of channels or words of names, with commas "
            "between.");
        output_options(d, o);
    }
    {
        auto d = command("predict", "Print a label and probabilities for each window of samples.");
        d.group("Model");
        d.word("model", o.model, "FILE", "Model file, such as student.safetensors of a run; must be given.");
        d.group("Data");
        d.word(
            "input", o.input, "FILE",
            "CSV file in the model's units: one line per sample, one column per channel. When the first line holds "
            "names, columns are taken by name and others ignored; without names there are exactly the model's "
            "channels, in "
            "its order. Fields end with ';', ',', TAB or blanks. An empty field, NaN, and a window whose values are "
            "too large for a finite answer are errors that name the place; the file then has no answer.",
            true);
        d.flag("stream", o.stream,
               "Read samples from standard input instead, by the same rules, and decide as they come. Decisions "
               "before an error stand. Fewer samples than a window give no decision.");
        d.whole("hop", o.hop, 0, 1000000, "Number of samples from one window to the next; 0 takes the model's.");
        d.real("smoothing", o.smoothing, part_below_one,
               "With --stream: weight of the past in a running mean of the probabilities.");
        output_options(d, o, "",
                       "Print JSON: with --input one object as the last line of the output, with --stream one object "
                       "per decision.");
    }
    {
        auto d = command("summary", "Print the layers of a network: output shape, parameters, MACs, bytes.");
        d.group("Input");
        d.word("model", o.model, "FILE", "Describe this model file instead of a preset.", true);
        d.whole("channels", o.channels, 1, 65536, "Number of input channels.");
        d.whole("length", o.length, 1, 1000000, "Number of samples in a window.");
        d.whole("classes", o.classes, 2, 1000, "Number of classes.");
        network_options(d, o, "Network to describe.", "har_student", "linear");
        d.group("Memory (for heads that store patterns)");
        memory_head_options(d, o);
        d.group("Output");
        d.flag("dot", o.dot, "Print the graph in the language of Graphviz instead of the table.");
        output_options(d, o);
    }
    {
        auto d = command(
            "demo",
            "Do the main job on built-in synthetic data, in about a minute: teacher of 12 epochs, students of 30.");
        output_options(d, o, "har-demo");
    }
    app.get_formatter()->column_width(name_width);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() == 0) {
            app.exit(e);
            return "";
        }
        const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
        if (app.get_subcommands().empty()) {
            std::string names;
            for (const auto* c : commands) names += (names.empty() ? "" : ", ") + c->get_name();
            const char* const* const word =
                std::find_if(argv + 1, argv + argc, [](const char* a) { return a[0] != '-'; });
            if (config.empty() && (argc == 1 || word == argv + 1))
                raise<usage_error>("command line", "subcommand is \"", argc == 1 ? "" : *word, "\", expected one of ",
                                   names);
        }
        raise<usage_error>("command line", e.what(), " (har --help explains)");
    }
    const std::string name = app.get_subcommands().front()->get_name();
    if (!config.empty()) apply_file(config, name, settings);
    complete(name, o);
    o.config_text = to_config(name, settings.at(name));
    return name;
}

} // namespace har
