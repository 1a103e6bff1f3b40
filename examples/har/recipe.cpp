// SPDX-License-Identifier: BSD-3-Clause
#include "recipe.hpp"

#include <algorithm>

#include "smldist/core/error.hpp"
#include "smldist/ref2021/presets.hpp"

namespace har {

using namespace smldist;

namespace {

loss::stage_options stage_of(const options& o) {
    loss::stage_options s;
    s.basis = parse_enum<loss::time_basis>(o.basis, "--basis");
    s.weights.kind = parse_enum<loss::weighting>(o.band_weights, "--band-weights");
    s.weights.gamma = o.gamma;
    s.weights.split = o.split_at;
    s.weights.low_hz = o.band.at(0);
    s.weights.high_hz = o.band.at(1);
    s.alpha = o.alpha;
    s.eta = o.eta;
    s.term = parse_enum<loss::phase_free>(o.phase_free, "--phase-free");
    s.pen = parse_enum<loss::penalty>(o.penalty, "--penalty");
    s.scale = parse_enum<loss::standardise>(o.standardise, "--standardise");
    s.channels = parse_enum<loss::channel_match>(o.channel_match, "--channel-match");
    s.explained = o.explained;
    return s;
}

data::augment_options augment_of(const std::string& name) {
    if (name == "reference") return data::augment_options::reference();
    if (name == "full") return {};
    if (name == "none") return data::augment_options::none();
    raise<usage_error>("--augment", "name is \"", name, "\", expected reference, full or none");
}

/// Anchors of a network: the stages that distillation compares.
std::size_t anchors(const model::network_config& c) {
    return static_cast<std::size_t>(
        std::count_if(c.backbone.rows.begin(), c.backbone.rows.end(), [](const model::row& r) { return r.anchor; }));
}

/// Stand in for what the data will say.
constexpr std::size_t some_channels = 9, some_classes = 6;

/// Checks a network, and its training with labels only.
void check_supervised(const options& o, const std::string& preset, const std::string& head, std::size_t epochs) {
    const auto c = architecture(o, preset, head, some_channels, some_classes);
    auto t = training_of(o, epochs_for(preset, epochs));
    if (!published(o)) t.memory = memory_start_of(o);
    if (t.memory == train::memory_initialisation::k_means && !has_memory(c))
        raise<usage_error>("--memory-init", "name is \"", o.memory_init,
                           "\", expected random: the network has no memory head");
    t.check();
}

} // namespace

bool published(const options& o) {
    if (o.compat != "smldist" && o.compat != "ref2021")
        raise<usage_error>("--compat", "name is \"", o.compat, "\", expected smldist or ref2021");
    return o.compat == "ref2021";
}

std::vector<std::string_view> preset_names() {
    std::vector<std::string_view> names(model::preset_names.begin(), model::preset_names.end());
    names.insert(names.end(), ref2021::preset_names.begin(), ref2021::preset_names.end());
    return names;
}

model::network_config preset(const std::string& name, double width) {
    return name.starts_with("ref2021_") ? ref2021::preset(name, width) : model::preset(name, width);
}

std::string chosen_head(const options& o) {
    if (published(o)) return std::string(model::blended_head::name);
    // In training it gives probabilities, which the other losses would take for logits.
    if (o.head == model::blended_head::name)
        raise<usage_error>("--head", "name is \"blended\", expected it to come with --compat ref2021");
    if (o.head != "search") static_cast<void>(model::parse_head(o.head));
    return o.head;
}

void set_head(model::network_config& c, const options& o, const std::string& head, std::size_t patterns) {
    c.head = head == "search" ? model::head_config() : model::parse_head(head);
    c.candidates = head == "search" ? model::standard_candidates() : std::vector<model::head_config>();
    if (patterns == 0) patterns = o.patterns;
    if (auto* memory = c.options_of<model::memory_head>()) {
        memory->patterns_per_class = patterns;
        memory->heads = o.memory_heads;
        memory->dropout = o.memory_dropout;
    }
    if (auto* lookup = c.options_of<model::lookup_head>()) lookup->patterns_per_class = patterns;
    if (const std::size_t width = model::memory_head().width; width % o.memory_heads != 0)
        raise<usage_error>("--memory-heads", "number of heads is ", o.memory_heads,
                           ", expected a divisor of the width ", width);
}

bool has_memory(const model::network_config& c) { return c.options_of<model::memory_head>() != nullptr; }

normaliser_kind chosen_normaliser(const options& o) {
    return parse_enum<normaliser_kind>(o.normaliser, "--normaliser");
}

model::network_config architecture(const options& o, const std::string& preset, const std::string& head,
                                   std::size_t channels, std::size_t classes, std::size_t patterns) {
    auto c = har::preset(preset, o.width);
    if (!o.rows.empty() && preset == o.preset) {
        c.preset.clear();
        c.backbone.rows.clear();
        for (const auto& line : o.rows) c.backbone.rows.push_back(model::parse_row(line));
    }
    c.backbone.channels = channels;
    c.classes = classes;
    set_head(c, o, head, patterns);
    if (published(o)) c.backbone.form = ref2021::form;
    c.dropout = published(o) ? 0 : o.dropout; // the public code has none
    return c;
}

std::size_t epochs_for(const std::string& preset, std::size_t wanted) {
    return wanted > 0 ? wanted : preset == "har_student" || preset == "har_nano" ? 80 : 30;
}

train::training_options training_of(const options& o, std::size_t epochs) {
    train::training_options t;
    t.epochs = epochs;
    t.batch = o.batch;
    t.lr = o.lr;
    t.weight_decay = o.weight_decay;
    t.patience = o.patience;
    t.ema = o.ema;
    t.optimiser = parse_enum<optim::optimiser_kind>(o.optimiser);
    t.schedule.kind = parse_enum<optim::schedule_kind>(o.schedule);
    t.mixup = o.mixup;
    t.swa_epochs = std::min(o.swa, epochs);
    t.seed = o.seed;
    t.augment = augment_of(o.augment);
    return t;
}

train::memory_initialisation memory_start_of(const options& o) {
    return parse_enum<train::memory_initialisation>(o.memory_init, "--memory-init");
}

distill::distill_options losses_of(const options& o) {
    distill::distill_options d;
    d.logits = {.temperature = o.temperature,
                .hard = o.hard,
                .soft = o.soft,
                .label_smoothing = o.label_smoothing,
                .rule = parse_enum<loss::repair>(o.rule),
                .margin = o.margin,
                .norm = parse_enum<loss::logit_norm>(o.logit_norm)};
    d.stage_first = o.stage;
    d.stage_last = std::min(o.stage, o.stage_last);
    d.memory_weight = o.memory;
    d.stage = stage_of(o);
    d.schedule = parse_enum<distill::distill_schedule>(o.order, "--order");
    d.stage_share = o.stage_share;
    return d;
}

model::memory_transfer transfer_of(const options& o) {
    const std::string& name = o.transfer;
    if (name == "copy_slow") return model::memory_transfer::copy_slow;
    if (name == "copy_freeze") return model::memory_transfer::copy_freeze;
    if (name == "copy") return model::memory_transfer::copy;
    if (name == "none") return model::memory_transfer::none;
    raise<usage_error>("--memory-transfer", "name is \"", name, "\", expected copy_slow, copy_freeze, copy or none");
}

std::optional<baseline_method> method_of(const options& o) {
    const loss::logit_norm norm = parse_enum<loss::logit_norm>(o.logit_norm);
    if (o.method == "smldist") {
        if (!(o.method_weight < 0))
            raise<usage_error>("--method-weight", "value is ", o.method_weight,
                               ", expected none: smldist has --soft, --stage and --memory");
        return std::nullopt;
    }
    if (published(o))
        raise<usage_error>("--compat", "name is \"", o.compat, "\", expected smldist with method ", o.method);
    if (!baseline_method::known(o.method))
        raise<usage_error>("--method", "name is \"", o.method, "\", expected smldist, ", baseline_method::names());
    baseline_method m(o.method);
    if (!(o.method_weight < 0)) m.weight().term = o.method_weight;
    m.weight().check("--method-weight");
    if (auto* kd = std::get_if<loss::baseline::hinton>(&m.chosen))
        kd->options.norm = norm;
    else if (norm != loss::logit_norm::none)
        raise<usage_error>("--logit-norm", "name is \"", o.logit_norm, "\", expected none with method ", o.method);
    return m;
}

void check_student_patterns(const options& o, bool memory, std::size_t patterns) {
    if (o.student_patterns == 0) return;
    const bool takes_over = o.method == "smldist" && transfer_of(o) != model::memory_transfer::none;
    if (!takes_over || !memory)
        raise<usage_error>("--student-patterns", "value is ", o.student_patterns,
                           ", expected 0 where no memory is taken over from the teacher");
    if (o.student_patterns > patterns)
        raise<usage_error>("--student-patterns", "value is ", o.student_patterns, ", expected at most ", patterns,
                           ", the teacher's");
}

void check_training(const options& o) {
    chosen_normaliser(o);
    check_supervised(o, o.preset, chosen_head(o), o.epochs);
}

void check_distillation(const options& o, const model::network_config* teacher) {
    chosen_normaliser(o);
    const auto method = method_of(o);
    const std::string head = chosen_head(o);
    if (!teacher) check_supervised(o, o.teacher_preset, head, o.teacher_epochs);
    if (o.baseline) check_supervised(o, o.preset, head, o.epochs);
    const auto student = architecture(o, o.preset, head, some_channels, some_classes);
    training_of(o, epochs_for(o.preset, o.epochs)).check();
    losses_of(o).check();
    check_student_patterns(o, has_memory(student), teacher ? o.student_patterns : o.patterns);
    if (teacher) {
        const auto* memory = teacher->options_of<model::memory_head>();
        check_student_patterns(o, memory != nullptr, memory ? memory->patterns_per_class : 0);
    }
    if (published(o) && !o.student_channels.empty())
        raise<usage_error>("--student-channels", "number of channels is ", o.student_channels.size(),
                           ", expected all with --compat ref2021");
    if (published(o) && o.mixup > 0) // its last loss knows one label a window
        raise<usage_error>("--mixup", "value is ", o.mixup, ", expected 0 with --compat ref2021");
    const std::size_t mine = anchors(student),
                      theirs = anchors(
                          teacher ? *teacher : architecture(o, o.teacher_preset, head, some_channels, some_classes));
    if (!method && !published(o) && mine != theirs)
        raise<usage_error>("--preset", "number of stages (rows with A) of the student is ", mine, ", expected ",
                           theirs, ", as many as the teacher has");
}

} // namespace har
