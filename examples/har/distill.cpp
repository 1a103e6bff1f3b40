// SPDX-License-Identifier: BSD-3-Clause
/// distill: teachers, trained or given, then a student that follows them.
#include <memory>
#include <optional>
#include <vector>

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

teachers train_teachers(experiment& run) {
    const options& o = run.o;
    return train_members(
        run, "teacher", epochs_for(o.teacher_preset, o.teacher_epochs),
        [&](const std::string&, std::uint64_t stream) { return run.make(o.teacher_preset, stream); });
}

/// Throws model_error for a teacher that was trained on other data, or with a normaliser that differs from the first one's.
teachers take_teachers(experiment& run, std::vector<model::loaded<float>> given) {
    const data::windows& train = run.set.train;
    std::vector<network> nets;
    for (std::size_t k = 0; k < given.size(); ++k) {
        const auto& facts = given[k].facts;
        const std::string where = k < run.o.teacher_files.size() ? run.o.teacher_files[k] : "teacher";
        if (facts.channels.size() != train.channels() || facts.labels != train.info.labels ||
            facts.window != train.length())
            raise<model_error>(where, "the teacher's window, channels or labels are not the data's: ", facts.window,
                               " × ", facts.channels.size(), ", expected ", train.length(), " × ", train.channels(),
                               " and the same labels");
        if (!(facts.normaliser == given[0].facts.normaliser))
            raise<model_error>(where, "the teacher's normaliser differs from the first teacher's, expected teachers "
                                      "that were trained on the same people");
        run.normal = facts.normaliser; // the student sees what the teacher was trained on
        const std::string name = member_name("teacher", k);
        run.folder.keep(name + ".safetensors", run.file_of(given[k].net));
        run.result.set(name, run.describe(given[k].net));
        nets.push_back(std::move(given[k].net));
    }
    return teachers(std::move(nets));
}

std::vector<model::network_config> configs_of(const std::vector<model::loaded<float>>& models) {
    std::vector<model::network_config> configs;
    for (const auto& m : models) configs.push_back(m.net.config);
    return configs;
}

} // namespace

void distill_network(experiment& run, std::vector<model::loaded<float>> given) {
    const options& o = run.o;
    const auto method = method_of(o);
    const auto student_channels = run.set.train.info.find_channels(o.student_channels);
    describe_method(run, method, student_channels);
    if (!run.work)
        run.work = std::make_shared<job>(plan_distillation(o, run.size(student_channels), configs_of(given)));
    teachers from = given.empty() ? train_teachers(run) : take_teachers(run, std::move(given));
    join(run, "teacher", from);

    if (!o.network.candidates.empty()) // the student takes over what the search found
        choose_head(run.o.network, std::string(model::head_name(from.leader().config)));
    run.channels = student_channels;
    const std::size_t epochs = epochs_for(o.preset, o.training.epochs);
    if (o.baseline && !run.stopped_before("student_alone")) {
        network alone = run.begin("student_alone", 3, o.student_patterns);
        run.result.set("student_alone", train_with_labels(run, "student_alone", alone, epochs));
    }
    if (run.stopped_before("student")) return;
    network student = run.begin("student", 3, o.student_patterns);
    if (method)
        run.result.set("student", distill_baseline(run, *method, from, std::move(student), epochs));
    else if (published(o))
        distill_published(run, from, std::move(student), epochs);
    else
        run.result.set("student", distill_smldist(run, from, std::move(student), epochs));
}

void train_method(experiment& run, const std::string& method, const std::string& teacher) {
    if (!distils(method)) return train_network(run);
    std::vector<model::loaded<float>> models;
    for (std::size_t k = 0; k < run.o.teachers; ++k)
        models.push_back(load_model(teacher + "/" + member_name("model", k) + ".safetensors"));
    distill_network(run, std::move(models));
}

void distill(const options& o) {
    if (already_complete(o)) return;
    std::vector<model::loaded<float>> given;
    for (const std::string& file : o.teacher_files) given.push_back(load_model(file));
    check_distillation(o, configs_of(given));
    experiment run(o);
    distill_network(run, std::move(given));
    run.finish();
}

} // namespace har
