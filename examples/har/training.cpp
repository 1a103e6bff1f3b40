// SPDX-License-Identifier: BSD-3-Clause
/// train and distill.
#include <cstdio>
#include <numeric>
#include <optional>

#include "commands.hpp"
#include "session.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/data/split.hpp"
#include "smldist/distill/distiller.hpp"
#include "smldist/graph/summary.hpp"
#include "smldist/model/load.hpp"

namespace har {

using namespace smldist;
using network = model::network<float>;

namespace {

normaliser_kind parse_normaliser(const std::string& name) {
    for (std::size_t k = 0; k < normaliser_names.size(); ++k)
        if (normaliser_names[k] == name) return static_cast<normaliser_kind>(k);
    raise<usage_error>("--normaliser", "name is \"", name, "\", expected zscore, robust, minmax, shared or none");
}

data::augment_options parse_augment(const std::string& name) {
    if (name == "reference") return data::augment_options::reference();
    if (name == "full") return {};
    if (name == "none") return data::augment_options::none();
    raise<usage_error>("--augment", "name is \"", name, "\", expected reference, full or none");
}

model::memory_transfer parse_transfer(const std::string& name) {
    if (name == "copy_slow") return model::memory_transfer::copy_slow;
    if (name == "copy_freeze") return model::memory_transfer::copy_freeze;
    if (name == "copy") return model::memory_transfer::copy;
    if (name == "none") return model::memory_transfer::none;
    raise<usage_error>("--memory-transfer", "name is \"", name, "\", expected copy_slow, copy_freeze, copy or none");
}

/// One experiment: data split by subject, normaliser fitted on the training part, folder, and what is reported in the end.
struct experiment {
    const options& o;
    data::train_test set;
    data::hold_out split;
    normaliser normal;
    run_folder folder;
    std::vector<std::string> logs;
    std::vector<std::pair<std::string, metric::confusion>> matrices;

    explicit experiment(const options& given)
        : o(given),
          set(load_data(o.data, o.seed)),
          split(data::hold_out_subjects(set.train, o.validation_subjects, o.seed)),
          normal(data::fit_normaliser(split.train, parse_normaliser(o.normaliser))),
          folder(o.out, o) {
        set.test.check();
        split.train.check_trainable();
        std::string subjects;
        for (const int s : split.validation_subjects) subjects += " " + std::to_string(s);
        if (!o.quiet)
            std::fprintf(
                stderr, "data: %zu training windows, %zu of validation subjects%s, %zu of test subjects; seed %llu\n",
                split.train.size(), split.validation.size(), subjects.c_str(), set.test.size(),
                static_cast<unsigned long long>(o.seed));
    }

    network make(const std::string& preset, std::uint64_t stream) const {
        auto c = model::preset(preset);
        if (!o.rows.empty() && preset == o.preset) {
            c.preset.clear();
            c.backbone.rows.clear();
            for (const auto& line : o.rows) c.backbone.rows.push_back(model::parse_row(line));
        }
        c.backbone.channels = set.train.channels();
        c.classes = set.train.classes();
        c.head = model::parse_head(o.head);
        c.memory.patterns_per_class = o.patterns;
        c.dropout = o.dropout;
        return network(c, generator(o.seed, stream));
    }

    distill::training_options training(std::size_t epochs) const {
        distill::training_options t;
        t.epochs = epochs;
        t.batch = o.batch;
        t.lr = o.lr;
        t.weight_decay = o.weight_decay;
        t.patience = o.patience;
        t.ema = o.ema;
        t.optimiser = optim::parse_optimiser(o.optimiser);
        t.schedule.kind = optim::parse_schedule(o.schedule);
        t.mixup = o.mixup;
        t.swa_epochs = std::min(o.swa, epochs);
        t.seed = o.seed;
        t.augment = parse_augment(o.augment);
        return t;
    }

    io::model_facts facts() const {
        const auto& info = set.train.info;
        io::model_facts f;
        f.normaliser = normal;
        f.window = set.train.length();
        f.hop = std::max<std::size_t>(1, f.window / 2);
        f.rate_hz = info.rate_hz;
        for (std::size_t c = 0; c < set.train.channels(); ++c) f.channels.push_back(info.channel_name(c));
        f.units = info.units;
        f.labels = info.labels;
        f.seed = o.seed;
        return f;
    }
    void save(const std::string& file, const network& net) const {
        model::save(folder.file(file), net, facts(), set.train.select({0}).x);
    }

    /// Trains `net`, saves NAME.safetensors (last epoch) and NAME.best.safetensors, then looks at the test subjects: once.
    template <class Objective>
    io::json run(const std::string& name, network& net, Objective& objective, std::size_t epochs) {
        const auto t = training(epochs);
        distill::training session(net, objective, split.train, split.validation, normal, t);
        progress bar(name, epochs, o.quiet);
        session.on_step = [&](const distill::step_report& r) { bar.step(r); };
        session.on_epoch = [&](const distill::epoch_report& r) {
            bar.epoch(r);
            folder.log(name, r);
        };
        session.stop = [] { return caught_signal != 0; };
        std::optional<distill::training_result<network>> result;
        try {
            result = session.run();
        } catch (const numeric_error&) {
            save(name + ".last_good.safetensors", net);
            if (!o.quiet)
                std::fprintf(stderr, "%s: kept the last good model as %s\n", name.c_str(),
                             folder.file(name + ".last_good.safetensors").c_str());
            throw;
        }
        logs.push_back(name);
        save(name + ".safetensors", net);
        save(name + ".best.safetensors", result->best);
        const auto last = distill::evaluate(net, set.test, normal);
        matrices.emplace_back(name, last.counts);
        io::json j = describe(net, last);
        j.set("validation_macro_f1", result->history.back().validation.macro_f1);
        j.set("epochs", result->history.size());
        j.set("seconds", result->seconds);
        io::json best = figures(distill::evaluate(result->best, set.test, normal));
        best.set("epoch", result->best_epoch);
        j.set("best_on_validation", std::move(best));
        return j;
    }

    /// The figures of a network on the test subjects, with its size.
    io::json describe(const network& net, const metric::evaluation& e) const {
        io::json j = figures(e);
        const graph g = model::trace(net, set.train.length());
        j.set("parameters", parameter_count(net));
        j.set("macs", g.macs());
        j.set("head", model::text(net.config.head));
        j.set("preset", net.config.preset);
        return j;
    }

    void finish(io::json result) {
        folder.write("metrics.json", result.dump() + "\n");
        const std::string pictures = folder.draw(logs, matrices, set.train.info.labels);
        if (!o.quiet) std::fprintf(stderr, "%s\n", pictures.c_str());
        std::printf("%-14s %9s %9s %9s %11s %10s\n", "test subjects", "accuracy", "macro-F1", "worst F1",
                    "parameters", "MACs");
        for (const auto& [name, value] : result.as_object())
            if (value.find("macro_f1"))
                std::printf("%-14s %9.4f %9.4f %9.4f %11zu %10zu\n", name.c_str(), value.as_double("accuracy"),
                            value.as_double("macro_f1"), value.as_double("worst_subject_f1"),
                            value.as_size("parameters"), value.as_size("macs"));
        for (const auto& [name, counts] : matrices)
            std::printf("\n%s\n%s", name.c_str(), counts.table(set.train.info.labels).c_str());
        if (o.json) std::printf("%s\n", result.dump().c_str());
    }
};

std::size_t epochs_for(const std::string& preset, std::size_t wanted) {
    return wanted > 0 ? wanted : preset == "har_student" || preset == "har_nano" ? 80 : 30;
}

void start(const options& o) { set_threads(o.threads > 0 ? o.threads : std::thread::hardware_concurrency()); }

double total_seconds(const io::json& result) {
    double sum = 0;
    for (const auto& [name, value] : result.as_object())
        if (const io::json* seconds = value.find("seconds")) sum += seconds->as_double();
    return sum;
}

} // namespace

void train(const options& o) {
    start(o);
    experiment run(o);
    network net = run.make(o.preset, 2);
    distill::supervised objective{o.label_smoothing};
    io::json model = run.run("model", net, objective, epochs_for(o.preset, o.epochs));
    io::json result;
    result.set("seed", o.seed);
    result.set("seconds", model.as_double("seconds"));
    result.set("model", std::move(model));
    run.finish(std::move(result));
}

void distill(const options& o) {
    start(o);
    experiment run(o);
    io::json result;
    result.set("seed", o.seed);
    result.set("seconds", 0.0);
    distill::supervised supervised{o.label_smoothing};

    network teacher;
    if (o.teacher.empty()) {
        teacher = run.make(o.teacher_preset, 2);
        result.set("teacher",
                   run.run("teacher", teacher, supervised, epochs_for(o.teacher_preset, o.teacher_epochs)));
    } else {
        auto given = [&] {
            try {
                return model::load<float>(o.teacher);
            } catch (const data_error& e) { throw model_error(e.what()); }
        }();
        if (given.facts.channels.size() != run.set.train.channels() ||
            given.facts.labels != run.set.train.info.labels || given.facts.window != run.set.train.length())
            raise<model_error>(o.teacher,
                               "the teacher's window, channels or labels are not the data's: ", given.facts.window,
                               " × ", given.facts.channels.size(), ", expected ", run.set.train.length(), " × ",
                               run.set.train.channels(), " and the same labels");
        teacher = std::move(given.net);
        run.normal = given.facts.normaliser; // the student sees what the teacher was trained on
        run.save("teacher.safetensors", teacher);
        result.set("teacher", run.describe(teacher, distill::evaluate(teacher, run.set.test, run.normal)));
    }

    const std::size_t epochs = epochs_for(o.preset, o.epochs);
    if (o.baseline && !caught_signal) {
        network alone = run.make(o.preset, 3);
        result.set("student_alone", run.run("student_alone", alone, supervised, epochs));
    }
    if (!caught_signal) {
        network student = run.make(o.preset, 3);
        if (o.head == "memory" && teacher.memory) student.take_memory(teacher, parse_transfer(o.transfer));
        distill::distill_options d;
        d.logits = {.temperature = o.temperature,
                    .hard = o.hard,
                    .soft = o.soft,
                    .label_smoothing = o.label_smoothing,
                    .rule = loss::parse_repair(o.rule),
                    .margin = o.margin};
        d.stage_first = o.stage;
        d.stage_last = std::min(o.stage, o.stage_last);
        d.memory_weight = o.memory;
        distill::plan plan = distill::calibrate(teacher, run.split.train, run.normal);
        if (!o.quiet) std::fprintf(stderr, "teacher: accuracy on its training windows %.4f\n", plan.teacher_accuracy);
        distill::distiller objective(teacher, student, std::move(plan), d,
                                     shape{2, run.set.train.length(), run.set.train.channels()},
                                     generator(o.seed, 4));
        result.set("student", run.run("student", student, objective, epochs));
    }
    result.set("seconds", total_seconds(result));
    run.finish(std::move(result));
}

} // namespace har
