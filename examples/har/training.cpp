// SPDX-License-Identifier: BSD-3-Clause
/// train and distill.
#include <array>
#include <csignal>
#include <cstdio>
#include <functional>
#include <numeric>
#include <optional>
#include <string_view>

#include "commands.hpp"
#include "load_model.hpp"
#include "pictures.hpp"
#include "recipe.hpp"
#include "run_folder.hpp"
#include "session.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/data/split.hpp"
#include "smldist/deploy/compile.hpp"
#include "smldist/deploy/network.hpp"
#include "smldist/distill/baseline.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/distill/projected_teacher.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/model/load.hpp"
#include "smldist/ref2021/presets.hpp"
#include "smldist/ref2021/training.hpp"
#include "smldist/search/head_search.hpp"

namespace har {

using namespace smldist;
using network = model::network<float>;

namespace {

/// One line on stderr that names the classes of which one side of the split has no window.
void warn_of_missing_classes(const data::hold_out& split) {
    const auto text_of = [](const std::string& part, const data::windows& w) {
        std::string text;
        for (const auto& name : w.missing_classes())
            text += (text.empty() ? "no " + part + " window of " : ", ") + name;
        return text;
    };
    const std::string training = text_of("training", split.train),
                      validation = text_of("validation", split.validation);
    const char* const between = training.empty() || validation.empty() ? "" : "; ";
    if (!training.empty() || !validation.empty())
        std::fprintf(stderr, "warning: %s%s%s\n", training.c_str(), between, validation.c_str());
}

const char* signal_name(int number) { return number == SIGHUP ? "SIGHUP" : number == SIGINT ? "SIGINT" : "SIGTERM"; }

/// One experiment: folder, data split by subject, normaliser fitted on the training part, and what is reported in the end.
struct experiment {
    const options& o;
    run_folder folder; // before the data, which take long to load
    data::train_test set;
    data::hold_out split;
    normaliser normal;
    std::vector<std::size_t> channels; ///< that the networks in hand see; empty: all
    std::vector<std::string> logs;
    std::vector<std::pair<std::string, metric::confusion>> matrices;
    /// Where a signal ended the run: the network, and the epoch of its training, 0 before the first.
    struct place {
        std::string network;
        std::size_t epoch = 0;
    };
    std::optional<place> stopped;

    explicit experiment(const options& given)
        : o(given),
          folder(o.out, o.force),
          set(load_data(o.data, o.seed, o.quiet)),
          split(data::hold_out_subjects(set.train, o.validation_subjects, o.seed)),
          normal(data::fit_normaliser(split.train, chosen_normaliser(o), published(o))) {
        folder.keep("config.toml", o.config_text);
        set.test.check();
        split.train.check_trainable();
        if (!o.quiet) warn_of_missing_classes(split);
        std::string subjects;
        for (const int s : split.validation_subjects) subjects += " " + std::to_string(s);
        if (!o.quiet)
            std::fprintf(
                stderr, "data: %zu training windows, %zu of validation subjects%s, %zu of test subjects; seed %llu\n",
                split.train.size(), split.validation.size(), subjects.c_str(), set.test.size(),
                static_cast<unsigned long long>(o.seed));
    }

    std::size_t channel_count() const { return channels.empty() ? set.train.channels() : channels.size(); }

    network make(const std::string& preset, std::uint64_t stream, const std::string& head,
                 std::size_t patterns = 0) const {
        return network(architecture(o, preset, head, channel_count(), set.train.classes(), patterns),
                       generator(o.seed, stream));
    }

    train::training_options training(std::size_t epochs) const {
        auto t = training_of(o, epochs);
        t.channels = channels;
        return t;
    }

    io::model_facts facts() const {
        const data::signal_info info = set.train.info.select_channels(channels);
        io::model_facts f;
        f.normaliser = normal.select_channels(channels);
        f.window = set.train.length();
        f.hop = std::max<std::size_t>(1, f.window / 2);
        f.rate_hz = info.rate_hz;
        for (std::size_t c = 0; c < channel_count(); ++c) f.channels.push_back(info.channel_name(c));
        f.units = info.units;
        f.labels = info.labels;
        f.seed = o.seed;
        return f;
    }
    /// The bytes of its model file.
    std::string file_of(const network& net) const {
        const auto bytes = model::to_bytes(net, facts(), data::select_channels(set.train.select({0}).x, channels));
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    /// Whether a signal asks to end before `next` is trained.
    bool stopped_before(const std::string& next) {
        if (caught_signal && !stopped) stopped = {next, 0};
        return caught_signal != 0;
    }

    /// What a training of its own kind changes.
    struct hooks {
        std::function<void(network&)> finish; ///< before the network is saved
        std::function<void(train::training_options&)> adjust;
    };

    /// Trains `net`. After every epoch NAME.safetensors is the network as it then is, NAME.best.safetensors the best so
    /// far; a head under search is still undecided in both. In the end looks at the test subjects: once.
    template <class Objective>
    io::json run(const std::string& name, network& net, Objective& objective, std::size_t epochs,
                 const hooks& around = {}) {
        auto t = training(epochs);
        if (around.adjust) around.adjust(t);
        train::training session(net, objective, split.train, split.validation, normal, t);
        progress bar(name, epochs, o.quiet);
        const std::string last = name + ".safetensors", best = name + ".best.safetensors";
        bool asked = false, complete = false;
        session.stop = [&] { return asked = caught_signal != 0; };
        session.on_step = [&](const train::step_report& r) {
            bar.step(r);
            complete = r.epoch == r.epochs && r.step == r.steps;
        };
        session.on_epoch = [&](const train::epoch_report& r) {
            if (asked && folder.replaces())
                raise<interrupted>(o.out, "ended by ", signal_name(caught_signal), " in the first epoch of ", name,
                                   "; the folder keeps the earlier run");
            const std::string model = file_of(session.current());
            folder.save(r.best ? std::vector{last, best} : std::vector{last}, model);
            folder.log(name, r);
            bar.epoch(r);
        };
        if constexpr (train::callback<Objective, train::state<network>>)
            session.add(objective); // a search of the head
        std::optional<train::training_result<network>> result;
        try {
            result = session.run();
        } catch (const numeric_error&) {
            if (!folder.replaces()) {
                folder.save({name + ".last_good.safetensors"}, file_of(net));
                if (!o.quiet)
                    std::fprintf(stderr, "%s: kept the last good model as %s\n", name.c_str(),
                                 folder.file(name + ".last_good.safetensors").c_str());
            }
            throw;
        }
        logs.push_back(name);
        if (asked && !complete) stopped = {name, result->history.size()};
        if (around.finish) around.finish(net);
        if (around.finish) around.finish(result->best);
        folder.write(last, file_of(net)); // durable in any case
        folder.write(best, file_of(result->best));
        const auto end = train::evaluate(net, set.test, normal, channels);
        matrices.emplace_back(name, end.counts);
        io::json j = describe(net, end);
        j.set("validation_macro_f1", result->history.back().validation.macro_f1);
        j.set("epochs", result->history.size());
        j.set("seconds", result->seconds);
        io::json at_best = figures(train::evaluate(result->best, set.test, normal, channels));
        at_best.set("epoch", result->best_epoch);
        j.set("best_on_validation", std::move(at_best));
        return j;
    }

    /// Trains with labels alone. A head under search is decided on the validation subjects, which is said on stderr and in
    /// the result.
    io::json run_supervised(const std::string& name, network& net, std::size_t epochs) {
        train::supervised labels{published(o) ? 0 : o.label_smoothing};
        if (published(o)) return run_published(name, net, labels, epochs, ref2021::phase::teacher);
        hooks around;
        around.adjust = [start = memory_start_of(o)](auto& t) { t.memory = start; };
        if (!net.under_search()) return run(name, net, labels, epochs, around);
        search::search_options so;
        so.label_smoothing = o.label_smoothing;
        search::head_search objective(search::candidate_costs(net, shape{1, set.train.length(), channel_count()}),
                                      so);
        io::json search;
        around.finish = [&](network& trained) {
            const auto report = search::decide(trained, split.validation, normal, so, channels);
            if (&trained != &net) return; // the best epoch's network is decided in silence
            io::json::array candidates;
            for (const auto& c : report.candidates) {
                io::json one;
                one.set("head", c.name);
                one.set("weight", c.weight);
                one.set("extra_macs", c.macs);
                one.set("validation_macro_f1", c.validation.macro_f1);
                if (!o.quiet)
                    std::fprintf(stderr, "head %-9s weight %.3f  validation macro-F1 %.4f  %+.0f MACs\n",
                                 c.name.c_str(), c.weight, c.validation.macro_f1, c.macs);
                candidates.push_back(std::move(one));
            }
            search.set("candidates", std::move(candidates));
            search.set("mixture_validation_macro_f1", report.mixture.macro_f1);
            search.set("reason", report.reason(so.tolerance));
            if (!o.quiet) std::fprintf(stderr, "chosen %s\n", report.reason(so.tolerance).c_str());
        };
        io::json result = run(name, net, objective, epochs, around);
        result.set("search", std::move(search));
        return result;
    }

    /// One training of the public code.
    template <class Objective>
    io::json run_published(const std::string& name, network& net, Objective& objective, std::size_t epochs,
                           ref2021::phase which) {
        hooks around;
        around.adjust = [which](train::training_options& t) { t = ref2021::training_options(which, t); };
        return run(name, net, objective, epochs, around);
    }

    /// Each stage's sampling rate and the bands that got the weight: on stderr, and all of them in stage_bands.csv, when there
    /// are bands.
    void report_bands(const distill::distiller& objective) {
        std::string rows;
        const auto& stages = objective.statistics().stages;
        for (std::size_t i = 0; i < stages.size(); ++i) {
            const auto& bands = objective.stage(i).basis().bands;
            const auto& weights = objective.stage(i).weights();
            if (bands.empty()) continue;
            const double rate = stages[i].rate_hz;
            std::size_t top = 0;
            for (std::size_t k = 0; k < bands.size(); ++k) {
                if (weights[k] > weights[top]) top = k;
                rows += std::to_string(i) + ',' + std::to_string(rate) + ',' + std::to_string(bands[k].low * rate) +
                        ',' + std::to_string(bands[k].high * rate) + ',' + std::to_string(weights[k]) + '\n';
            }
            if (!o.quiet)
                std::fprintf(stderr, "stage %zu: %.2f Hz, most weight %.2f on %.2f to %.2f Hz\n", i, rate,
                             weights[top], bands[top].low * rate, bands[top].high * rate);
        }
        if (!rows.empty()) folder.keep("stage_bands.csv", "stage,rate_hz,low_hz,high_hz,weight\n" + rows);
    }

    /// The figures of a network on the test subjects, with its size.
    io::json describe(const network& net, const metric::evaluation& e) const {
        io::json j = figures(e);
        const graph g = model::trace(net, set.train.length());
        j.set("parameters", parameter_count(net));
        j.set("macs", g.macs());
        j.set("head", model::head_name(net.config));
        j.set("preset", net.config.preset);
        return j;
    }

    void finish(io::json result) {
        if (stopped) {
            result.set("interrupted", true);
            result.set("signal", signal_name(caught_signal));
            result.set("stopped_in", stopped->network);
            result.set("stopped_at_epoch", stopped->epoch);
            if (!o.quiet)
                std::fprintf(stderr, "stopped by %s in epoch %zu of %s; the results so far are in %s\n",
                             signal_name(caught_signal), stopped->epoch, stopped->network.c_str(), o.out.c_str());
        }
        folder.write("metrics.json", result.dump() + "\n");
        const std::string pictures = draw(o.out, logs, matrices, set.train.info.labels);
        if (!o.quiet) std::fprintf(stderr, "%s\n", pictures.c_str());
        std::printf("%-14s %9s %9s %9s %11s %10s\n", "test subjects", "accuracy", "macro-F1", "worst F1",
                    "parameters", "MACs");
        for (const auto& [name, value] : result.as_object())
            if (value.find("macro_f1"))
                std::printf("%-14s %9.4f %9.4f %9.4f %11zu %10zu\n", name.c_str(), value.as_double("accuracy"),
                            value.as_double("macro_f1"), value.as_double("worst_subject_f1"),
                            value.as_size("parameters"), value.as_size("macs"));
        for (const auto& [name, counts] : matrices)
            std::printf("\n%s\n%s%s", name.c_str(), counts.table(set.train.info.labels).c_str(),
                        left_out(counts).c_str());
        if (o.json) std::printf("%s\n", result.dump().c_str());
    }
};

/// The teacher as a program for batches of that shape: it answers faster than the network, and the same to rounding.
template <class Teacher> deploy::network compiled(const Teacher& teacher, const shape& window) {
    return deploy::network(deploy::compile(
        teacher, {.batch = window[0], .length = window[1], .channels = window[2], .outputs = {"all"}}));
}

/// Trains the student by SMLDist.
io::json distill_smldist(experiment& run, const network& teacher, network student, const shape& window,
                         std::size_t epochs) {
    const options& o = run.o;
    distill::distill_options d = losses_of(o);
    if (student.memory() && teacher.memory())
        d.merged = student.take_memory(teacher, transfer_of(o), o.student_patterns);
    const shape seen = window.with(2, run.channel_count());
    const deploy::network whole = compiled(teacher, window);
    const distill::teacher_statistics plan = distill::calibrate(
        whole, run.split.train, run.normal, d.stage, distill::common_lengths(whole, student, window, seen));
    if (!o.quiet) std::fprintf(stderr, "teacher: accuracy on its training windows %.4f\n", plan.teacher_accuracy);
    const distill::projected_teacher answers(teacher, student, plan, d.stage, window, seen);
    const deploy::network fast = compiled(answers, window);
    distill::distiller objective(fast, student, answers.statistics(), d, window, generator(o.seed, 4), seen);
    run.report_bands(objective);
    return run.run("student", student, objective, epochs);
}

/// Trains the student as the public code does: its teacher's head, each anchor but the last by itself, the logits. What
/// the code cannot do is said on stderr: it copies no head of another width, and has no projector.
void distill_published(experiment& run, const network& teacher, network student, const shape& window,
                       std::size_t epochs, io::json& result) {
    if (teacher.config.feature_width() == student.config.feature_width())
        ref2021::take_head(student, teacher);
    else if (!run.o.quiet)
        std::fprintf(stderr, "the features have widths %zu and %zu: the head is not copied\n",
                     teacher.config.feature_width(), student.config.feature_width());
    const std::size_t stages = ref2021::stage_count(student.backbone.anchors.size());
    const deploy::network fast = compiled(teacher, window);
    for (std::size_t i = 0; i < stages; ++i) {
        const std::string name = "student_stage" + std::to_string(i);
        if (run.stopped_before(name)) return;
        ref2021::stage_objective objective(fast, student, i, window, generator(run.o.seed, 4 + i));
        if (parameter_count(objective) > 0 && !run.o.quiet)
            std::fprintf(stderr, "stage %zu: other channels, a projector is trained along\n", i);
        result.set(name, run.run_published(name, student, objective, epochs, ref2021::phase::stage));
    }
    if (run.stopped_before("student")) return;
    ref2021::logits_objective objective(fast);
    result.set("student", run.run_published("student", student, objective, epochs, ref2021::phase::logits));
}

/// Trains the student by a baseline. It takes over nothing of the teacher, but for simkd, whose student runs on the
/// teacher's classifier.
io::json distill_baseline(experiment& run, const baseline_method& method, const network& teacher, network student,
                          const shape& window, std::size_t epochs) {
    if (std::holds_alternative<loss::baseline::simkd>(method.chosen))
        student.take_classifier(teacher, generator(run.o.seed, 5));
    const deploy::network fast = compiled(teacher, window);
    distill::baseline_distiller objective(fast, student, method, window, generator(run.o.seed, 4),
                                          run.o.label_smoothing, window.with(2, run.channel_count()));
    return run.run("student", student, objective, epochs);
}

void start(const options& o) { set_threads(o.threads > 0 ? o.threads : hardware_threads()); }

double total_seconds(const io::json& result) {
    double sum = 0;
    for (const auto& [name, value] : result.as_object())
        if (const io::json* seconds = value.find("seconds")) sum += seconds->as_double();
    return sum;
}

} // namespace

void train(const options& o) {
    check_training(o);
    start(o);
    experiment run(o);
    network net = run.make(o.preset, 2, chosen_head(o));
    io::json model = run.run_supervised("model", net, epochs_for(o.preset, o.epochs));
    io::json result;
    result.set("seed", o.seed);
    result.set("seconds", model.as_double("seconds"));
    result.set("model", std::move(model));
    run.finish(std::move(result));
}

void distill(const options& o) {
    std::optional<model::loaded<float>> given;
    if (!o.teacher.empty()) given = load_model(o.teacher);
    check_distillation(o, given ? &given->net.config : nullptr);
    const auto method = method_of(o);
    start(o);
    experiment run(o);
    const auto student_channels = run.set.train.info.find_channels(o.student_channels);
    io::json result;
    result.set("seed", o.seed);
    result.set("seconds", 0.0);
    result.set("method", published(o) ? "ref2021" : o.method);
    if (!student_channels.empty()) {
        io::json::array names;
        for (const std::size_t c : student_channels) names.emplace_back(run.set.train.info.channel_name(c));
        result.set("student_channels", std::move(names));
    }
    if (method) result.set("method_weight", method->weight().term);
    std::string head = chosen_head(o);

    network teacher;
    if (!given) {
        teacher = run.make(o.teacher_preset, 2, head);
        result.set("teacher", run.run_supervised("teacher", teacher, epochs_for(o.teacher_preset, o.teacher_epochs)));
    } else {
        const auto& facts = given->facts;
        if (facts.channels.size() != run.set.train.channels() || facts.labels != run.set.train.info.labels ||
            facts.window != run.set.train.length())
            raise<model_error>(o.teacher,
                               "the teacher's window, channels or labels are not the data's: ", facts.window, " × ",
                               facts.channels.size(), ", expected ", run.set.train.length(), " × ",
                               run.set.train.channels(), " and the same labels");
        teacher = std::move(given->net);
        run.normal = facts.normaliser; // the student sees what the teacher was trained on
        run.folder.keep("teacher.safetensors", run.file_of(teacher));
        result.set("teacher", run.describe(teacher, train::evaluate(teacher, run.set.test, run.normal)));
    }

    if (head == "search") head = model::head_name(teacher.config); // the student takes over what the search found
    run.channels = student_channels;
    const std::size_t epochs = epochs_for(o.preset, o.epochs);
    if (o.baseline && !run.stopped_before("student_alone")) {
        network alone = run.make(o.preset, 3, head, o.student_patterns);
        result.set("student_alone", run.run_supervised("student_alone", alone, epochs));
    }
    if (!run.stopped_before("student")) {
        network student = run.make(o.preset, 3, head, o.student_patterns);
        const shape window{2, run.set.train.length(), run.set.train.channels()};
        if (method)
            result.set("student", distill_baseline(run, *method, teacher, std::move(student), window, epochs));
        else if (published(o))
            distill_published(run, teacher, std::move(student), window, epochs, result);
        else
            result.set("student", distill_smldist(run, teacher, std::move(student), window, epochs));
    }
    result.set("seconds", total_seconds(result));
    run.finish(std::move(result));
}

} // namespace har
