// SPDX-License-Identifier: BSD-3-Clause
/// har: train, distill, evaluate and use networks for human activity recognition from inertial sensors.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include "commands.hpp"
#include "failure.hpp"
#include "options.hpp"
#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"

namespace {

std::string version() {
    std::string v = "smldist " SMLDIST_VERSION_STRING;
    v += "\nSIMD      " SMLDIST_SIMD_NAME " (" + std::to_string(SMLDIST_SIMD_BITS) + " bits)";
#if defined(__clang__)
    v += "\ncompiler  clang " __clang_version__;
#else
    v += "\ncompiler  g++ " __VERSION__;
#endif
#if defined(__OPTIMIZE__)
    v += ", optimised";
#else
    v += ", NOT optimised: slow";
#endif
    return v + "\nthreads   " + std::to_string(smldist::threads());
}

void common(CLI::App& app, har::options& o) {
    app.add_option("--seed", o.seed, "seed of weights, splits, order and augmentation")->capture_default_str();
    app.add_option("--threads", o.threads, "threads; 0: all (results do not depend on it)")->capture_default_str();
    app.add_flag("--json", o.json, "last line on stdout is one JSON object");
    app.add_flag("--quiet", o.quiet, "nothing on stderr but errors");
}

void data_options(CLI::App& app, har::options& o) {
    app.add_option("--data", o.data,
                   std::string("synthetic, or NAME=DIR with DIR the publisher's folder and NAME one of ") +
                       har::dataset_names + " (scripts/get_dataset NAME downloads)")
        ->capture_default_str();
}

void network_options(CLI::App& app, har::options& o) {
    app.add_option(
           "--head", o.head,
           "memory (label-valued Hopfield), linear, prototype, mlp, lookup (Hopfield with learned values), or "
           "search: the first four, of which the teacher keeps one")
        ->capture_default_str();
    app.add_option("--width", o.width, "factor on every width of the presets")->capture_default_str();
    app.add_option("--compat", o.compat,
                   "smldist, or ref2021: networks, losses, order and optimisers of the public code of 2021, whatever "
                   "other options say of these (docs/ref2021.md)")
        ->capture_default_str();
    app.add_option("--rows", o.rows,
                   "backbone rows instead of the preset's, each \"K,E,O,SE|-,RE|HS|SELU,stride[,A]\"")
        ->delimiter(';');
    app.add_option("--patterns", o.patterns, "memory patterns of each class")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--memory-heads", o.memory_heads, "of a memory, a divisor of its width 32")->capture_default_str();
}

void training_options(CLI::App& app, har::options& o) {
    data_options(app, o);
    network_options(app, o);
    app.add_option("--out", o.out, "folder of the run; one that holds a run is refused")->capture_default_str();
    app.add_flag(
           "--force", o.force,
           "replace the run that --out holds, all of its files, once the first epoch of this one is done; a start "
           "that fails or is interrupted before leaves them as they are")
        ->configurable(false); // a run's config.toml must not replace that run
    app.add_option("--epochs", o.epochs, "epochs; 0: 80 for har_student and har_nano, 30 for others")
        ->capture_default_str();
    app.add_option("--batch", o.batch, "windows a step")->capture_default_str();
    app.add_option("--lr", o.lr, "largest learning rate of the schedule")->capture_default_str();
    app.add_option("--weight-decay", o.weight_decay, "of the optimiser")->capture_default_str();
    app.add_option("--dropout", o.dropout, "on the feature")->capture_default_str()->check(CLI::Range(0.0, 0.99));
    app.add_option("--memory-dropout", o.memory_dropout, "share of the patterns that a window's logits do not see")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 0.99));
    app.add_option("--memory-init", o.memory_init,
                   "patterns of networks trained by labels alone: random, or kmeans of their features after epoch 1")
        ->capture_default_str();
    app.add_option("--label-smoothing", o.label_smoothing, "of the hard term")->capture_default_str();
    app.add_option("--ema", o.ema, "decay of averaged weights; 0: none")->capture_default_str();
    app.add_option("--optimiser", o.optimiser, "adamw, adam, sgd, radam or ranger")->capture_default_str();
    app.add_option("--schedule", o.schedule, "of the rate: one_cycle, cosine, warm_restarts, plateau or constant")
        ->capture_default_str();
    app.add_option("--mixup", o.mixup, "mixup: alpha of its Beta distribution; 0: none")->capture_default_str();
    app.add_option("--swa", o.swa, "average the networks after the last so many epochs, at most all; 0: none")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    app.add_option("--patience", o.patience, "stop after so many epochs without a better validation; 0: never")
        ->capture_default_str();
    app.add_option("--validation-subjects", o.validation_subjects, "training subjects held out")
        ->capture_default_str();
    app.add_option("--normaliser", o.normaliser, "zscore, robust, minmax, shared or none")->capture_default_str();
    app.add_option("--augment", o.augment, "reference (rotation, scaling), full or none")->capture_default_str();
}

void distill_options(CLI::App& app, har::options& o) {
    app.add_option("--teacher-preset", o.teacher_preset, "network of the teacher, trained first")
        ->capture_default_str();
    app.add_option("--teacher", o.teacher, "model file of a teacher instead");
    app.add_option("--teacher-epochs", o.teacher_epochs, "epochs of the teacher; 0: as --epochs says")
        ->capture_default_str();
    app.add_option(
           "--method", o.method,
           "smldist, or a baseline: hinton, fitnets, at, sp, rkd, pkt, dkd, dist, simkd; baselines have their "
           "published settings, of the loss options only --method-weight and, for hinton, --logit-norm apply")
        ->capture_default_str();
    app.add_option("--method-weight", o.method_weight, "weight of a baseline's term; below 0: the method's own")
        ->capture_default_str();
    app.add_option("--logit-norm", o.logit_norm,
                   "of both networks' logits in the soft term of smldist and hinton: none, l2 or zscore (LSKD)")
        ->capture_default_str();
    app.add_option("--student-channels", o.student_channels,
                   "channels that the student sees, and the student alone; the teacher sees all: names, or words of "
                   "names, with commas between: total_acc takes its three axes, phone all of the phone")
        ->delimiter(',');
    app.add_flag("--baseline", o.baseline, "also train the student alone");
    app.add_option("--temperature", o.temperature, "T of the soft targets")->capture_default_str();
    app.add_option("--hard", o.hard, "weight of the labels")->capture_default_str();
    app.add_option("--soft", o.soft, "weight of the soft targets")->capture_default_str();
    app.add_option("--rule", o.rule, "repair of wrong soft targets: mix, hardness, swap, onehot, drop, off")
        ->capture_default_str();
    app.add_option("--margin", o.margin, "lead of the label after mix")->capture_default_str();
    app.add_option("--stage", o.stage, "first weight of the stage loss")->capture_default_str();
    app.add_option("--stage-last", o.stage_last, "its last weight")->capture_default_str();
    app.add_option("--basis", o.basis, "along time, of the stage loss: rdft, dct, haar or none")
        ->capture_default_str();
    app.add_option("--band-weights", o.band_weights,
                   "of its bands: fisher, uniform, energy, power, low, high, hertz or uncertainty")
        ->capture_default_str();
    app.add_option("--alpha", o.alpha, "share of the band weights, 0 to 1")->capture_default_str();
    app.add_option("--gamma", o.gamma, "exponent of energy and power")->capture_default_str();
    app.add_option("--split-at", o.split_at, "where low ends and high begins, of the highest frequency")
        ->capture_default_str();
    app.add_option("--band", o.band, "LOW HIGH in Hz, of hertz")->expected(2)->capture_default_str();
    app.add_option("--phase-free", o.phase_free, "term blind to shifts: magnitude, kl, attention or none")
        ->capture_default_str();
    app.add_option("--eta", o.eta, "its weight")->capture_default_str();
    app.add_option("--penalty", o.penalty, "of a difference: square, huber or absolute")->capture_default_str();
    app.add_option("--standardise", o.standardise, "features: channel, sample or none")->capture_default_str();
    app.add_option(
           "--channel-match", o.channel_match,
           "what the projector of a stage predicts: principal components of the teacher's channels, or all of them")
        ->capture_default_str();
    app.add_option("--explained", o.explained, "share of the variance that the principal components keep")
        ->capture_default_str();
    app.add_option("--order", o.order, "of the losses: joint, progressive or sequential")->capture_default_str();
    app.add_option("--stage-share", o.stage_share, "of the steps, for the stages of progressive and sequential")
        ->capture_default_str();
    app.add_option("--memory", o.memory, "weight of the memory loss")->capture_default_str();
    app.add_option("--memory-transfer", o.transfer, "copy_slow, copy_freeze, copy or none")->capture_default_str();
    app.add_option("--student-patterns", o.student_patterns,
                   "of each class, to which the teacher's memory is compressed; 0: all")
        ->capture_default_str();
}

/// Signals that ask a run to end set har::caught_signal. What the caller ignores stays ignored: nohup, background jobs.
void catch_signals() {
    for (const int s : {SIGHUP, SIGINT, SIGTERM})
        if (std::signal(s, SIG_IGN) != SIG_IGN)
            std::signal(s, [](int caught) {
                if (har::caught_signal == 0) har::caught_signal = caught;
            });
    for (const int s : {SIGPIPE, SIGXFSZ}) std::signal(s, SIG_IGN); // the write fails, which has its own exit code
}

template <class F> int guarded(F&& run) {
    const auto fail = [](int code, const std::exception& e) {
        std::fprintf(stderr, "har: %s\n", e.what());
        return code;
    };
    try {
        run();
        std::fflush(stdout);
        if (std::ferror(stdout) != 0 && har::caught_signal == 0) { // after SIGHUP there may be no terminal
            std::fprintf(stderr, "har: stdout: short write\n");
            return har::io_failure;
        }
        return har::caught_signal != 0 ? 128 + har::caught_signal : har::success;
    } catch (const std::bad_alloc&) {
        std::fputs("har: memory is exhausted; a smaller --batch or fewer --threads need less\n", stderr);
        return har::failure;
    } catch (const har::interrupted& e) {
        return fail(128 + har::caught_signal, e);
    } catch (const har::model_error& e) { return fail(har::bad_model, e); } catch (const smldist::data_error& e) {
        return fail(har::bad_data, e);
    } catch (const smldist::usage_error& e) { return fail(har::usage, e); } catch (const smldist::shape_error& e) {
        return fail(har::usage, e);
    } catch (const smldist::numeric_error& e) { return fail(har::diverged, e); } catch (const smldist::io_error& e) {
        return fail(har::io_failure, e);
    } catch (const std::exception& e) { return fail(har::failure, e); }
}

} // namespace

int main(int argc, char** argv) {
    catch_signals();
#if !defined(__OPTIMIZE__)
    std::fprintf(stderr, "har: built without optimisation: everything is far slower\n");
#endif
    har::options o;
    CLI::App app{"Human activity recognition from inertial sensors: train, distill, evaluate, predict.", "har"};
    app.set_version_flag("--version", version());
    app.set_config("--config", "", "options from a TOML file; flags win over it");
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.require_subcommand(1);
    app.fallthrough();

    auto* train = app.add_subcommand("train", "train one network");
    common(*train, o);
    train
        ->add_option("--preset", o.preset,
                     "har_teacher, har_student, har_nano, mobilenet_v3_small, mobilenet_v3_large, ref2021_teacher, "
                     "ref2021_student")
        ->required();
    training_options(*train, o);

    auto* distill = app.add_subcommand("distill", "train a teacher, then distill it into a student");
    common(*distill, o);
    distill->add_option("--preset", o.preset, "network of the student")->default_str("har_student");
    training_options(*distill, o);
    distill_options(*distill, o);

    auto* evaluate = app.add_subcommand("evaluate", "figures of a model on a dataset");
    common(*evaluate, o);
    data_options(*evaluate, o);
    evaluate->add_option("--model", o.model, "model file")->required();
    evaluate->add_option("--split", o.split, "test or train subjects")->capture_default_str();
    evaluate->add_option("--rotation", o.rotation, "corrupt: devices turned by these degrees")->capture_default_str();
    evaluate->add_option("--rate", o.rate, "corrupt: sampled at this rate in Hz; 0: the data's")
        ->capture_default_str();
    evaluate->add_option("--noise", o.noise, "corrupt: noise, in standard deviations of the channel")
        ->capture_default_str();
    evaluate->add_option("--missing", o.missing, "corrupt: channels, or sensors, that deliver their mean")
        ->delimiter(',');

    auto* predict = app.add_subcommand("predict", "one label and probabilities a window of a CSV of samples");
    common(*predict, o);
    predict->add_option("--model", o.model, "model file")->required();
    auto* input =
        predict->add_option("--input", o.input, "CSV in the model's units: one line a sample, one column a channel");
    predict->add_option("--hop", o.hop, "samples between windows; 0: the model's")->capture_default_str();
    auto* stream =
        predict->add_flag("--stream", o.stream, "read the samples from standard input and decide as they come");
    stream->excludes(input);
    predict->add_option("--smoothing", o.smoothing, "weight of the past in the mean of a stream's probabilities")
        ->capture_default_str()
        ->needs(stream);

    auto* summary =
        app.add_subcommand("summary", "table of layers: output shape, parameters, MACs, activation bytes");
    common(*summary, o);
    summary->add_option("--preset", o.preset, "name of the network")->default_str("har_student");
    summary->add_option("--model", o.model, "model file instead of a preset");
    summary->add_option("--channels", o.channels, "of the input")->capture_default_str()->check(CLI::PositiveNumber);
    summary->add_option("--length", o.length, "samples of the window")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    summary->add_option("--classes", o.classes, "number of classes")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    summary->add_flag("--dot", o.dot, "print the graph in Graphviz' language instead");
    network_options(*summary, o);

    auto* demo = app.add_subcommand("demo", "the main job on built-in synthetic data, in about a minute");
    common(*demo, o);
    demo->add_option("--out", o.out, "folder of the run; another than the default one is refused when it holds a run")
        ->default_str("har-demo");

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e);
        if (code == 0) return har::success;
        return dynamic_cast<const CLI::FileError*>(&e) ? har::io_failure : har::usage;
    }
    // What a run's config.toml holds when none were given.
    for (auto* list : {&o.rows, &o.student_channels, &o.missing}) std::erase(*list, std::string());
    if (o.preset.empty()) o.preset = "har_student";
    if (summary->parsed() && summary->count("--head") == 0) o.head = "linear";
    if (demo->parsed()) {
        o.baseline = true;
        o.teacher_epochs = 12; // with 8 and 12 one seed of three leaves the distilled student behind the one alone
        o.epochs = 30;
        if (demo->count("--out") == 0) {
            o.out = "har-demo";
            o.force = true; // the demo's own
        }
    }
    const CLI::App* chosen = app.get_subcommands().front();
    o.config_text = "[" + chosen->get_name() + "]\n" + chosen->config_to_str(true, false);
    return guarded([&] {
        if (train->parsed())
            har::train(o);
        else if (evaluate->parsed())
            har::evaluate(o);
        else if (predict->parsed() && o.stream)
            har::predict_stream(o);
        else if (predict->parsed())
            har::predict(o);
        else if (summary->parsed())
            har::summary(o);
        else
            har::distill(o);
    });
}
