// SPDX-License-Identifier: BSD-3-Clause
#include "recipe.hpp"

#include <algorithm>

#include "networks.hpp"
#include "smldist/core/error.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

/// Anchors of a network: the stages that distillation compares.
std::size_t anchors(const model::network_config& c) {
    return static_cast<std::size_t>(
        std::count_if(c.backbone.rows.begin(), c.backbone.rows.end(), [](const model::row& r) { return r.anchor; }));
}

/// Stand in for what the data will say.
constexpr std::size_t some_channels = 9, some_classes = 6;

/// In training the blended head gives probabilities, which all losses but the public code's would take for logits.
void check_head(const options& o) {
    if (!published(o) && std::holds_alternative<model::blended_head>(o.network.head))
        raise<usage_error>("--head", "name is \"blended\", expected it to come with --compat ref2021");
}

/// Checks a network, and its training with labels only.
void check_supervised(const options& o, const std::string& preset, std::size_t epochs) {
    const auto c = architecture(o, preset, some_channels, some_classes);
    auto t = training_of(o, epochs_for(preset, epochs));
    if (!published(o)) t.memory = o.training.memory;
    if (t.memory == train::memory_initialisation::k_means && !has_memory(c))
        raise<usage_error>("--memory-init", "name is \"", name_of(t.memory),
                           "\", expected random: the network has no memory head");
    t.check();
}

/// Throws usage_error when --student-patterns asks for what a teacher's head, of so many patterns, cannot give. `memory`:
/// whether it is a memory or a search.
void check_student_patterns(const options& o, bool memory, std::size_t patterns) {
    if (o.student_patterns == 0) return;
    const bool takes_over = o.method == "smldist" && o.transfer != model::memory_transfer::none;
    if (!takes_over || !memory)
        raise<usage_error>("--student-patterns", "value is ", o.student_patterns,
                           ", expected 0 where no memory is taken over from the teacher");
    if (o.student_patterns > patterns)
        raise<usage_error>("--student-patterns", "value is ", o.student_patterns, ", expected at most ", patterns,
                           ", the teacher's");
}

} // namespace

std::vector<std::string> method_names() {
    std::vector<std::string> names{"smldist"};
    const std::string all = baseline_method::names();
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = std::min(all.find(", ", at), all.size());
        names.push_back(all.substr(at, end - at));
        at = end + 2;
    }
    return names;
}

std::optional<baseline_method> method_of(const options& o) {
    if (o.method == "smldist") {
        if (!(o.method_weight < 0))
            raise<usage_error>("--method-weight", "value is ", o.method_weight,
                               ", expected none: smldist has --soft, --stage and --memory");
        return std::nullopt;
    }
    if (published(o))
        raise<usage_error>("--compat", "name is \"", name_of(o.compat), "\", expected smldist with method ",
                           o.method);
    baseline_method m(o.method);
    if (!(o.method_weight < 0)) m.weight().term = o.method_weight;
    m.weight().check("--method-weight");
    const loss::logit_norm norm = o.losses.logits.norm;
    if (auto* kd = std::get_if<loss::baseline::hinton>(&m.chosen))
        kd->options.norm = norm;
    else if (norm != loss::logit_norm::none)
        raise<usage_error>("--logit-norm", "name is \"", name_of(norm), "\", expected none with method ", o.method);
    return m;
}

std::size_t epochs_for(const std::string& preset, std::size_t wanted) {
    if (wanted > 0) return wanted;
    const auto recommended = distill::recommended();
    const bool small = preset == "har_student" || preset == "har_nano"; // cheap epochs, and they gain from more
    return small ? recommended.student.epochs : recommended.teacher.epochs;
}

train::training_options training_of(const options& o, std::size_t epochs) {
    train::training_options t = o.training;
    t.seed = o.seed;
    t.epochs = epochs;
    t.swa_epochs = std::min(t.swa_epochs, epochs);
    t.memory = train::memory_initialisation::random;
    return t;
}

distill::distill_options losses_of(const options& o) {
    distill::distill_options d = o.losses;
    d.stage_last = std::min(d.stage_first, d.stage_last);
    return d;
}

std::vector<std::string> compared_methods() {
    std::vector<std::string> names = method_names();
    names.insert(names.begin(), "labels");
    return names;
}

bool distils(const std::string& method) { return method != "labels" && method != "teacher"; }

options options_for(const options& o, const std::string& method) {
    options one = o;
    if (distils(method)) one.method = method;
    if (method == "labels") one.teachers = 1;
    if (method == "teacher") {
        one.preset = o.teacher_preset;
        one.training.epochs = o.teacher_epochs;
        if (o.teacher_preset != o.preset) one.network.backbone.rows.clear(); // --rows are those of --preset
    }
    return one;
}

void check_method(const options& o, const std::string& method, const std::string& option) {
    const auto known = compared_methods();
    if (std::find(known.begin(), known.end(), method) == known.end()) {
        std::string names;
        for (const auto& name : known) names += (names.empty() ? "" : ", ") + name;
        raise<usage_error>(option, "name is ", io::quote(method), ", expected one of ", names);
    }
    distils(method) ? check_distillation(options_for(o, method), {}) : check_training(options_for(o, method));
}

void check_training(const options& o) {
    check_head(o);
    check_supervised(o, o.preset, o.training.epochs);
}

void check_distillation(const options& o, const std::vector<model::network_config>& teachers) {
    const auto method = method_of(o);
    check_head(o);
    if (!teachers.empty() && o.teachers > 1)
        raise<usage_error>("--teachers", "value is ", o.teachers, ", expected 1 with --teacher, which is given");
    if (const std::size_t several = std::max(o.teachers, teachers.size()); published(o) && several > 1)
        raise<usage_error>("--compat", "number of teachers is ", several, ", expected 1 with --compat ref2021");
    if (teachers.empty()) check_supervised(o, o.teacher_preset, o.teacher_epochs);
    if (o.baseline) check_supervised(o, o.preset, o.training.epochs);
    const auto student = architecture(o, o.preset, some_channels, some_classes);
    training_of(o, epochs_for(o.preset, o.training.epochs)).check();
    losses_of(o).check();
    check_student_patterns(o, has_memory(student),
                           teachers.empty() ? o.memory.patterns_per_class : o.student_patterns);
    for (const model::network_config& teacher : teachers) {
        const auto* memory = teacher.options_of<model::memory_head>();
        check_student_patterns(o, memory != nullptr, memory ? memory->patterns_per_class : 0);
    }
    if (published(o) && !o.student_channels.empty())
        raise<usage_error>("--student-channels", "number of channels is ", o.student_channels.size(),
                           ", expected all with --compat ref2021");
    if (published(o) && o.training.mixup > 0) // its last loss knows one label a window
        raise<usage_error>("--mixup", "value is ", o.training.mixup, ", expected 0 with --compat ref2021");
    if (method || published(o)) return;
    const std::size_t mine = anchors(student);
    const auto compare = [mine](const model::network_config& teacher) {
        if (const std::size_t theirs = anchors(teacher); mine != theirs)
            raise<usage_error>("--preset", "number of stages (rows with A) of the student is ", mine, ", expected ",
                               theirs, ", as many as the teacher has");
    };
    if (teachers.empty()) compare(architecture(o, o.teacher_preset, some_channels, some_classes));
    for (const model::network_config& teacher : teachers) compare(teacher);
}

} // namespace har
