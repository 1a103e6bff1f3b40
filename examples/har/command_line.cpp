// SPDX-License-Identifier: BSD-3-Clause
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include "checkpoints.hpp"
#include "datasets.hpp"
#include "declarer.hpp"
#include "option_groups.hpp"
#include "own_recordings.hpp"
#include "recipe.hpp"
#include "settings.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

void inspect_options(declarer& d, options& o) {
    data_option(d, o);
    d.word("toml", o.toml, "FILE",
           "With --data csv=PATH: file to write how the recordings were understood, unless it exists. \"\" is "
           "recordings.toml in their folder, or walk.toml beside walk.csv, which all commands read; none writes "
           "nothing.",
           true);
    own_recordings_options(d, o);
}

void features_options(declarer& d, options& o) {
    data_option(d, o);
    filter_options(d, o);
    own_recordings_options(d, o);
    d.group("Output");
    d.word("out", o.out, "FILE",
           "File for the table: one line per window with split, person, label and features. It is refused when it "
           "exists, unless --force is given.");
    d.momentary_flag("force", o.force, "Replace the file that --out names. Not allowed in a configuration file.");
}

void evaluate_options(declarer& d, options& o) {
    data_option(d, o);
    filter_options(d, o);
    d.choice("split", o.split,
             "Which subjects of the dataset are used; all: both sides, for people of whom the model knows nobody.");
    d.group("Model");
    d.word("model", o.model, "FILE", "Model file, such as student.safetensors of a run; must be given.");
    d.group("Corruption of the data");
    d.real("rotation", o.corruption.rotation, {0, 180},
           "Turn each sensor by this angle in degrees, about a random axis.");
    d.real("rate", o.corruption.rate_hz, {0, 1e6},
           "Resample to this rate in Hz, at most that of the data; 0 keeps the data's rate.");
    d.real("noise", o.corruption.noise, {0, 1000}, "Add noise of this many standard deviations of each channel.");
    d.words("missing", o.missing, ',', "NAMES",
            "Replace channels by their mean, as if they had failed: names of channels or words of names, with commas "
            "between.");
    own_recordings_options(d, o);
}

void predict_options(declarer& d, options& o) {
    d.group("Model");
    d.word("model", o.model, "FILE", "Model file, such as student.safetensors of a run; must be given.");
    d.group("Data");
    d.word(
        "input", o.input, "PATH",
        "Recordings: a CSV file, a folder, or a pattern such as \"day*/*.csv\". Columns are found by name, others "
        "are "
        "ignored. With a time, samples are brought to the model's rate, and to its units where the files state "
        "theirs; "
        "no window crosses a gap. Lines without a time are samples in the model's units at its rate; without names "
        "they have exactly its channels, in its order; an empty field is an error. A window whose values are too "
        "large for a finite answer is an error too; there is no answer then.",
        true);
    d.word("subject", o.subject, "PERSON", "Use only the recordings of this person.", true);
    d.word(
        "from", o.from, "TIME",
        "Use only samples from this time on, written as in the input or as a time of day; without a time, the number "
        "of a sample, from 0.",
        true);
    d.word("to", o.to, "TIME", "Use only samples before this time.", true);
    d.flag("segments", o.merge,
           "Merge neighbouring windows with the same label: begin, end, label, mean probability.");
    d.flag("stream", o.stream,
           "Read samples from standard input instead, by the same rules, and decide as they come. Decisions "
           "before an error stand. Fewer samples than a window give no decision.");
    d.whole("hop", o.decisions.hop, 0, 1000000,
            "Number of samples from one window to the next; 0 takes the model's.");
    d.real("smoothing", o.decisions.smoothing, part_below_one,
           "With --stream: weight of the past in a running mean of the probabilities.");
    own_recordings_options(d, o, false);
}

void summary_options(declarer& d, options& o) {
    d.group("Input");
    d.word("model", o.model, "FILE", "Describe this model file instead of a preset.", true);
    d.whole("channels", o.network.backbone.channels, 1, 65536, "Number of input channels.");
    d.whole("length", o.length, 1, 1000000, "Number of samples in a window.");
    d.whole("classes", o.network.classes, 2, 1000, "Number of classes.");
    network_options(d, o, "Network to describe.");
    d.group("Memory (for heads that store patterns)");
    memory_head_options(d, o);
    d.group("Output");
    d.flag("dot", o.dot, "Print the graph in the language of Graphviz instead of the table.");
}

void import_options(declarer& d, options& o) {
    d.group("Weights");
    d.word("torch", o.torch, "FILE",
           "Safetensors file with the state_dict of a network in PyTorch, as examples/torch/save_state_dict.py "
           "writes it; must be given. Tensors named selftest.input, a window in raw units, and selftest.output, its "
           "logits, become the self-test: the network here must give the same. Without them it is a window of zeros. "
           "See docs/pytorch_weights.md.");
    d.word(
        "map", o.map, "FILE",
        "Rules for names, one per line: \"features.* = backbone.*\". A * stands for one or more characters; the "
        "first "
        "rule that fits a name counts, without one it stays as it is, and nothing right of = leaves the tensor out.",
        true);
    network_options(d, o, "Network that the weights are of; this or --architecture must be given.");
    d.word("architecture", o.architecture, "FILE",
           "JSON file with the network, instead of a preset: what a model file holds as its architecture.", true);
    d.group("Memory (for heads that store patterns)");
    memory_head_options(d, o);
    d.group("Windows");
    d.whole("window", o.facts.window, 0, 1000000, "Number of samples in a window; must be given.");
    d.whole("hop", o.facts.hop, 0, 1000000, "Number of samples from one window to the next; 0: half a window.");
    d.real("rate", o.facts.rate_hz, {0, 1e6}, "Sampling rate in Hz; must be given.");
    d.words("channels", o.facts.channels, ',', "NAMES", "Names of the channels in their order; must be given.");
    d.words("units", o.facts.units, ',', "NAMES", "Unit of each channel.");
    d.words("labels", o.facts.labels, ',', "NAMES",
            "Names of the classes in the order of the logits; must be given.");
    d.reals(
        "mean", o.mean, {-1e30, 1e30},
        "Mean of each channel, which is taken off raw values before the network sees them. Without --mean and --sd "
        "it sees raw values.");
    d.reals("sd", o.sd, {0, 1e30, true}, "Standard deviation of each channel, by which the rest is divided.");
    d.group("Output");
    d.word("out", o.out, "FILE", "Model file to write. It is refused when it exists, unless --force is given.");
    d.momentary_flag("force", o.force, "Replace the file that --out names. Not allowed in a configuration file.");
}

void warm_start_option(declarer& d, options& o, const std::string& whose) {
    d.word(
        "warm-start", o.warm_start, "FILE",
        "Begin with the weights in a model file or another safetensors file" + whose +
            ": those whose names and shapes fit; the rest, such as a head for other classes, begins at random. \"\" "
            "begins with random weights. --resume needs the same file.",
        true);
}

void train_options(declarer& d, options& o) {
    data_options(d, o);
    network_options(d, o, "Network to train; must be given.");
    training_options(d, o, false);
    warm_start_option(d, o, "");
    d.group("Memory (for heads that store patterns)");
    memory_head_options(d, o);
    memory_training_options(d, o);
    own_recordings_options(d, o);
}

void distill_options(declarer& d, options& o) {
    data_options(d, o);
    network_options(d, o, "Network of the student.", true);
    training_options(d, o, true);
    warm_start_option(d, o, ", in the student");
    distillation_options(d, o);
    stage_options(d, o);
    memory_options(d, o);
    own_recordings_options(d, o);
}

void fold_options(declarer& d, options& o) {
    d.whole(
        "folds", o.folds, 0, 1000,
        "Number of groups of people; each is tested once, by networks that never saw it. 0 leaves one person out at "
        "a time.");
    d.whole("seeds", o.seeds, 1, 1000, "Number of seeds, from --seed on; each repeats all folds.");
}

void validate_options(declarer& d, options& o) {
    data_options(d, o);
    own_recordings_options(d, o);
    d.group("Validation");
    d.words("methods", o.methods, ',', "NAMES",
            "Methods to compare, on the same people in each fold, with commas between: labels trains --preset with "
            "labels; "
            "smldist and the published baselines (har distill --help lists them) distil it from a teacher, which is "
            "trained "
            "in the same fold.");
    fold_options(d, o);
    network_options(d, o, "Network to validate; of distillation the student.", true);
    training_options(d, o, true);
    distillation_options(d, o, false);
    stage_options(d, o);
    memory_options(d, o);
}

void watch_options(declarer& d, options& o) {
    d.subject("RUN", o.run, "Folder of a run or of a validation.");
    d.group("Output");
    d.flag(
        "once", o.once,
        "Print the state as it is now and end. Without it the curves are drawn anew every second until the run ends; "
        "where standard output is no terminal they are printed once.");
    d.end();
}

void sweep_options(declarer& d, options& o) {
    d.subject(
        "FILE", o.input,
        "TOML file: options for all runs, and in the section [grid] options as lists, whose values are combined. "
        "See docs/many_runs.md. Options on the command line win.");
    d.group("Sweep");
    d.word(
        "shard", o.shard, "I/N",
        "Do share I of N. Without it the share is that of the task in a Slurm array and of the rank under mpirun, if "
        "there is one; otherwise all.",
        true);
    fold_options(d, o);
    d.flag("keep-models", o.keep_models, "Keep the folder of each run, with its models, in runs/ID.");
    data_options(d, o);
    own_recordings_options(d, o);
    network_options(d, o, "Network to train; of distillation the student.", true);
    training_options(d, o, true);
    d.group("Distillation");
    d.choice("method", o.method, compared_methods(),
             "How --preset is trained: labels trains it with labels; smldist and the published baselines distil it "
             "from a teacher, which is trained once for all runs that share it.");
    distillation_options(d, o, false);
    stage_options(d, o);
    memory_options(d, o);
    d.group("Output");
    d.word("out", o.out, "DIR",
           "Folder of the sweep, one for all shares. Runs whose row is in it are not done again.");
    d.momentary_flag(
        "force", o.force,
        "Go on with this grid where --out holds the sweep of another one. Rows of both stay; har collect "
        "takes those of this one.");
}

void collect_options(declarer& d, options& o) {
    d.subject("DIR", o.input, "Folder of a sweep. collect.csv, collect.json and report.html are written into it.");
}

/// A subcommand: its options, and how each is set.
struct subcommand {
    options values;
    std::vector<setting> settings;
};
using subcommands = std::map<std::string, subcommand>; // whose elements stay where they are

/// Applies the section of the subcommand `name`; all others must at least have known names.
void apply_file(const std::string& file, const std::vector<config_section>& sections, const std::string& name,
                const subcommands& all) {
    std::string found;
    bool has_it = false;
    for (const config_section& section : sections) {
        const auto at = all.find(section.name);
        if (at == all.end())
            raise<usage_error>(file + ":" + std::to_string(section.line), "section is ", io::quote(section.name),
                               ", expected the name of a subcommand");
        found += (found.empty() ? "[" : ", [") + section.name + "]";
        if (section.name == name) {
            apply(file, section, at->second.settings);
            has_it = true;
        } else {
            check_names(file, section, at->second.settings);
        }
    }
    if (!has_it)
        raise<usage_error>(file, "sections are ", found.empty() ? "none" : found, ", expected one for ", name, ": [",
                           name, "]");
}

/// Sets what the command line leaves open: from the configuration, and, for recordings of one's own, from the file beside
/// them, over which the configuration wins.
void apply_files(const std::string& config, const std::string& name, const subcommands& all) {
    std::vector<config_section> sections;
    if (!config.empty()) {
        const interruptible now; // the file may be a pipe that nobody writes to
        sections = read_config(config);
        apply_file(config, sections, name, all); // says which data
    }
    const auto& [values, settings] = all.at(name);
    if (name != "predict" && own_path(values.data).empty()) return;
    apply_toml_beside(name == "predict" ? "csv=" + values.input : values.data, settings);
    if (!config.empty()) apply_file(config, sections, name, all);
}

/// The configuration of the run that --out holds, which --resume goes on with; empty: there is none.
std::string config_of_run(const options& o) {
    const std::string file = o.out + "/config.toml";
    std::error_code none;
    return o.resume && std::filesystem::exists(file, none) ? file : "";
}

/// What the command line may leave open: all but where the run writes and what it says.
std::vector<config_section> sections_of_run(const std::string& file) {
    auto sections = read_config(file);
    for (config_section& section : sections)
        std::erase_if(section.entries,
                      [](const config_entry& e) { return e.name == "out" || e.name == "quiet" || e.name == "json"; });
    return sections;
}

/// Throws usage_error for an option that decides what the run computes and that differs from the run's.
void check_same_run(const std::string& file, const std::string& name, const std::vector<setting>& settings) {
    const auto shown = [](const config_entry& e) {
        std::string line = config_line(e);
        line.pop_back();
        return printable(line);
    };
    for (const config_section& section : read_config(file))
        for (const config_entry& e : section.entries)
            for (const setting& s : settings)
                if (s.name == e.name && section.name == name && decides(s) && shown(e) != shown(s.entry()))
                    raise<usage_error>("--resume", "option is ", shown(s.entry()), ", expected ", shown(e), " as in ",
                                       printable(file));
}

/// What subcommands demand of several options at once.
void check_together(const std::string& name, const options& o, const std::vector<setting>& settings) {
    const auto demand = [](bool ok, const char* option, const char* what) {
        if (!ok) raise<usage_error>(option, what);
    };
    if (name == "train" && o.resume && o.preset.empty())
        raise<usage_error>("--resume", "folder ", o.out,
                           " holds no config.toml of a run to go on with, expected one, or ",
                           "--preset and the other options of a new run");
    if (name == "train") demand(!o.preset.empty(), "--preset", "value is missing, expected the network to train");
    if (name == "import") {
        demand(!o.torch.empty(), "--torch", "value is missing, expected a file of weights");
        demand(o.preset.empty() != o.architecture.empty(), "--preset", "expected either a preset or --architecture");
    }
    if (name == "evaluate" || name == "predict")
        demand(!o.model.empty(), "--model", "value is missing, expected a model file");
    if (name == "predict") {
        demand(o.stream != !o.input.empty(), "--input", "expected either a file or --stream");
        demand(o.decisions.smoothing < 1, "--smoothing", "value is 1 in the precision of float, expected less");
        demand(o.stream || o.decisions.smoothing == 0, "--smoothing", "works only with --stream");
        demand(!o.stream || (o.subject.empty() && o.from.empty() && o.to.empty() && !o.merge), "--stream",
               "works without --subject, --from, --to and --segments");
        demand(!o.stream || o.csv == smldist::data::csv_options(), "--stream", "works without --csv options");
    }
    demand(!o.resume || !o.force, "--resume", "expected without --force, which replaces the run");
    static_cast<void>(parse_interval(o.checkpoint_every));
    check_dataset(o.data);
    if (name == "predict" || !own_path(o.data).empty()) return;
    for (const setting& s : settings)
        demand(!s.given() || !(s.name.starts_with("csv-") || s.name == "toml"), ("--" + s.name).c_str(),
               "works only with --data csv=PATH");
}

/// Throws the usage_error for a command line that CLI11 refuses.
[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& e, const std::string& config, int argc,
                         const char* const* argv) {
    if (app.get_subcommands().empty() && config.empty()) {
        std::string names;
        for (const auto* c : app.get_subcommands([](const CLI::App*) { return true; }))
            names += (names.empty() ? "" : ", ") + c->get_name();
        const char* const* const word =
            std::find_if(argv + 1, argv + argc, [](const char* a) { return a[0] != '-'; });
        if (argc == 1 || word == argv + 1)
            raise<usage_error>("command line", "subcommand is \"", argc == 1 ? "" : *word, "\", expected one of ",
                               names);
    }
    raise<usage_error>("command line", e.what(), " (har --help explains)");
}

} // namespace

std::string read_command_line(int argc, const char* const* argv, const std::string& version, options& o, grid& g) {
    CLI::App app{"Human activity recognition from inertial sensors: inspect, train, distill, evaluate, predict.",
                 "har"};
    app.set_version_flag("--version", version, "Print version, compiler and instruction set.");
    app.require_subcommand(1);
    app.fallthrough();
    std::string config;
    app.add_option("--config", config,
                   wrapped("Read options from a TOML file, such as the config.toml of a run; options on "
                           "the command line win over it. Not for sweep, whose FILE has the options."))
        ->option_text("FILE");
    app.footer("har SUBCOMMAND --help lists the options of a subcommand.");

    subcommands all;
    const auto command = [&](const std::string& name, const std::string& description, auto declare, auto... output) {
        auto* sub = app.add_subcommand(name, description);
        sub->footer(name == "sweep"
                        ? "FILE holds the same options, without --."
                        : "Options can also be read from a file: har --config FILE " + name + ". See har --help.");
        subcommand& c = all[name];
        c.values = standard_options(name);
        declarer d(*sub, c.settings);
        declare(d, c.values);
        output_options(d, c.values, output...);
    };
    const bool makes_folder = true;
    command("inspect", "Print what a dataset holds and what looks wrong with it.", inspect_options);
    command("features", "Write hand-made features of each window as CSV, for classifiers without a network.",
            features_options);
    command("train", "Train one network with labels.", train_options, makes_folder);
    command("distill", "Train a teacher, then distill it into a smaller student.", distill_options, makes_folder);
    command("validate",
            "Test every person by networks that never saw this person; compare methods; write report.html.",
            validate_options, makes_folder);
    command("sweep", "Do the runs of a grid, or a share of them: settings, folds and seeds.", sweep_options);
    command("collect", "Make tables and a report of the runs of a sweep.", collect_options);
    command("evaluate", "Print the figures of a model on a dataset.", evaluate_options);
    command("predict", "Print a label and probabilities for each window of samples.", predict_options, !makes_folder,
            "Print JSON: with --input one object as the last line of the output, with --stream one object "
            "per decision.");
    command("import", "Make a model file of weights that were trained in PyTorch.", import_options);
    command("summary", "Print the layers of a network: output shape, parameters, MACs, bytes.", summary_options);
    command(
        "demo",
        "Do the main job on built-in synthetic data, in about a minute: teacher of 12 epochs, students of 30.",
        [](declarer&, options&) {}, makes_folder);
    declarer watching(*app.add_subcommand("watch", "Draw the curves of a run in the terminal, while it trains."),
                      all["watch"].settings);
    watch_options(watching, all["watch"].values);
    set_columns(app);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() != 0) refuse(app, e, config, argc, argv);
        app.exit(e);
        return "";
    }
    const std::string name = app.get_subcommands().front()->get_name();
    auto& [values, settings] = all.at(name);
    if (name == "sweep") {
        if (!config.empty()) raise<usage_error>("--config", "does not work with sweep, whose FILE has the options");
        g = read_grid(values.input, values, settings);
        values.config_text = g.text;
        for (const grid_setting& s : g.settings) check_together(name, s.values, settings);
        o = values;
        return name;
    }
    apply_files(config, name, all);
    if (const std::string run = config_of_run(values); !run.empty()) {
        apply_file(run, sections_of_run(run), name, all);
        apply_files(config, name, all);
        check_same_run(run, name, settings);
    }
    check_together(name, values, settings);
    if (name == "demo" && values.out == demo_folder && !values.resume) values.force = true; // its own folder
    values.config_text = to_config(name, settings);
    for (const setting& s : settings)
        if (decides(s)) values.run_text += config_line(s.entry());
    o = values;
    return name;
}

namespace {

/// The options that `declare` declares, as TOML.
template <class F> std::string text_of(const options& o, const std::string& section, F declare) {
    options values = o;
    CLI::App app;
    std::vector<setting> settings;
    declarer d(app, settings);
    declare(d, values);
    return to_config(section, settings);
}

} // namespace

std::string data_text(const options& o) {
    return text_of(o, "data", [](declarer& d, options& values) {
        data_option(d, values);
        filter_options(d, values);
        own_recordings_options(d, values);
    });
}

std::string training_text(const options& o, bool distils) {
    return distils ? text_of(o, "distill", distill_options) : text_of(o, "train", train_options);
}

} // namespace har
