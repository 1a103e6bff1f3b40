// SPDX-License-Identifier: BSD-3-Clause
/// distill: a teacher, trained or given, then a student that follows it.
#include <memory>
#include <optional>

#include "commands.hpp"
#include "model_file.hpp"
#include "networks.hpp"
#include "plan.hpp"
#include "recipe.hpp"
#include "trainings.hpp"

namespace har {

using namespace smldist;

namespace {

/// Writes the method and the student's channels into the result.
void describe_method(experiment& run, const std::optional<baseline_method>& method,
                     const std::vector<std::size_t>& student_channels) {
    run.result.set("method", published(run.o) ? std::string(name_of(run.o.compat)) : run.o.method);
    if (!student_channels.empty()) {
        io::json::array names;
        for (const std::size_t c : student_channels) names.emplace_back(run.set.train.info.channel_name(c));
        run.result.set("student_channels", std::move(names));
    }
    if (method) run.result.set("method_weight", method->weight().term);
}

network train_teacher(experiment& run) {
    const options& o = run.o;
    network teacher = run.make(o.teacher_preset, 2);
    run.result.set("teacher",
                   train_with_labels(run, "teacher", teacher, epochs_for(o.teacher_preset, o.teacher_epochs)));
    return teacher;
}

/// Throws model_error for a teacher of other data.
network take_teacher(experiment& run, model::loaded<float> given) {
    const auto& facts = given.facts;
    const data::windows& train = run.set.train;
    if (facts.channels.size() != train.channels() || facts.labels != train.info.labels ||
        facts.window != train.length())
        raise<model_error>(
            run.o.teacher, "the teacher's window, channels or labels are not the data's: ", facts.window, " × ",
            facts.channels.size(), ", expected ", train.length(), " × ", train.channels(), " and the same labels");
    run.normal = facts.normaliser; // the student sees what the teacher was trained on
    run.folder.keep("teacher.safetensors", run.file_of(given.net));
    run.result.set("teacher", run.describe(given.net));
    return std::move(given.net);
}

} // namespace

void distill_network(experiment& run, std::optional<model::loaded<float>> given) {
    const options& o = run.o;
    const auto method = method_of(o);
    const auto student_channels = run.set.train.info.find_channels(o.student_channels);
    describe_method(run, method, student_channels);
    if (!run.work)
        run.work = std::make_shared<job>(
            plan_distillation(o, run.size(student_channels), given ? &given->net.config : nullptr));
    const network teacher = given ? take_teacher(run, std::move(*given)) : train_teacher(run);

    if (!o.network.candidates.empty()) // the student takes over what the search found
        choose_head(run.o.network, std::string(model::head_name(teacher.config)));
    run.channels = student_channels;
    const std::size_t epochs = epochs_for(o.preset, o.training.epochs);
    if (o.baseline && !run.stopped_before("student_alone")) {
        network alone = run.begin("student_alone", 3, o.student_patterns);
        run.result.set("student_alone", train_with_labels(run, "student_alone", alone, epochs));
    }
    if (run.stopped_before("student")) return;
    network student = run.begin("student", 3, o.student_patterns);
    if (method)
        run.result.set("student", distill_baseline(run, *method, teacher, std::move(student), epochs));
    else if (published(o))
        distill_published(run, teacher, std::move(student), epochs);
    else
        run.result.set("student", distill_smldist(run, teacher, std::move(student), epochs));
}

void train_method(experiment& run, const std::string& method, const std::string& teacher) {
    if (distils(method))
        distill_network(run, load_model(teacher));
    else
        train_network(run);
}

void distill(const options& o) {
    if (already_complete(o)) return;
    std::optional<model::loaded<float>> given;
    if (!o.teacher.empty()) given = load_model(o.teacher);
    check_distillation(o, given ? &given->net.config : nullptr);
    experiment run(o);
    distill_network(run, std::move(given));
    run.finish();
}

} // namespace har
