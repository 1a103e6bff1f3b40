// SPDX-License-Identifier: BSD-3-Clause
/// The options of a distillation.
#include "networks.hpp"
#include "option_groups.hpp"
#include "recipe.hpp"

namespace har {

using namespace smldist;

namespace {

/// What one run distils, and from whom.
void which_distillation(declarer& d, options& o) {
    d.words("teacher", o.teacher_files, '\0', "FILE",
            "Model file of a trained teacher, which is used instead of training one. Several, with the option before "
            "each, "
            "teach together as --teachers says.");
    d.flag("baseline", o.baseline, "Also train the student with labels only, for comparison.");
    d.choice(
        "method", o.method, method_names(),
        "Method of distillation: smldist, or a published baseline with its published settings. With a baseline, the "
        "other options about losses have no effect, except --method-weight and, for hinton, --logit-norm.");
}

} // namespace

void distillation_options(declarer& d, options& o, bool one_run) {
    loss::logits_options& l = o.losses.logits;
    d.group("Distillation");
    if (one_run) which_distillation(d, o);
    d.real("temperature", l.temperature, {0, 1000, true},
           "Temperature that softens the outputs of teacher and student before they are compared.");
    d.real("hard", l.hard, weight, "Weight of the labels in the student's loss.");
    d.real("soft", l.soft, weight, "Weight of the teacher's softened outputs in the student's loss.");
    d.words("student-channels", o.student_channels, ',', "NAMES",
            "Channels that the student sees, while the teacher sees all: names of channels, or words of names, with "
            "commas "
            "between: total_acc takes its three axes, phone all channels of the phone.");
    d.choice(
        "rule", l.rule,
        "What happens to the teacher's output for a training window that it gets wrong: mix moves it towards the "
        "label until the label leads, hardness sharpens the label's probability, swap exchanges the label with the "
        "wrong winner, onehot takes the label, drop leaves the window out, off keeps the output as it is.");
    d.real("margin", l.margin, unit_interval, "Lead of the label's probability after --rule mix.");
    d.choice(
        "order", o.losses.schedule,
        "Order of the losses in training: joint minimises all at once; progressive begins with the stages, one more "
        "at a time, and ends with all; sequential takes each stage by itself, then outputs and memory.");
    d.real("stage-share", o.losses.stage_share, inside,
           "Share of the training steps that --order progressive and sequential spend on the stages.");
    d.choice("logit-norm", l.norm,
             "Normalisation of both networks' outputs before they are compared, in the methods smldist and hinton.");
    d.real("method-weight", o.method_weight, {-1, 1e6},
           "Weight of a baseline's loss beside the labels; below 0 the method's published weight.");
}

void stage_options(declarer& d, options& o) {
    loss::stage_options& s = o.losses.stage;
    d.group("Stage loss (the student's intermediate features learn from the teacher's)");
    d.real("stage", o.losses.stage_first, weight, "Weight of the stage loss at the beginning of the training.");
    d.real("stage-last", o.losses.stage_last, weight,
           "Weight of the stage loss at the end of the training; --stage where that is smaller.");
    d.choice(
        "standardise", s.scale,
        "Scaling of the features before they are compared: channel by the teacher's mean and standard deviation of "
        "each channel, sample by each window's own strength, none as they are.");
    d.choice("penalty", s.pen, "How a difference of two features counts.");
    d.choice(
        "channel-match", s.channels,
        "What the student's features predict where the teacher has more channels: the principal components of the "
        "teacher's channels, or all channels.");
    d.real("explained", s.explained, {0, 1, true},
           "Share of the variance of the teacher's channels that its principal components keep.");
    d.real("alpha", s.alpha, unit_interval,
           "How much the frequency bands of --band-weights count: 0 compares features evenly, 1 by the bands only.");
    d.choice(
        "band-weights", s.weights.kind,
        "Weights of the frequency bands, when --alpha is above 0: uniform; fisher, by how well a band separates the "
        "classes; energy or power, by the teacher's strength or the frequency to the power --gamma; low or high, on "
        "one "
        "side of --split-at; hertz, inside --band; uncertainty, learned.");
    d.choice(
        "basis", s.basis,
        "Transform along time that gives the frequency bands: real Fourier (rdft), cosine (dct), Haar wavelets, or "
        "none.");
    d.real("gamma", s.weights.gamma, {-100, 100}, "Exponent of --band-weights energy and power.");
    d.real("split-at", s.weights.split, inside,
           "Where --band-weights low ends and high begins, as a share of the highest frequency.");
    d.reals("band", {&s.weights.low_hz, &s.weights.high_hz}, {0, 1e6},
            "Lowest and highest frequency, in Hz, of --band-weights hertz.");
    d.real("eta", s.eta, weight,
           "Weight of the part of the stage loss that ignores shifts in time; 0 leaves it out.");
    d.choice(
        "phase-free", s.term,
        "What the part of the stage loss that ignores shifts in time compares, when --eta is above 0: magnitudes of "
        "the spectra, their divergence (kl), or the spectra summed over channels (attention).");
}

void memory_options(declarer& d, options& o) {
    d.group("Memory (for heads that store patterns)");
    d.real("memory", o.losses.memory_weight, weight,
           "Weight of the memory loss: the student's feature is to recall the same patterns as the teacher's.");
    d.choice("memory-transfer", o.transfer,
             "How the student gets the teacher's patterns: copied and trained slowly, copied and kept, copied and "
             "trained at "
             "full rate, or not at all.");
    memory_head_options(d, o);
    d.whole("student-patterns", o.student_patterns, 0, 1024,
            "Number of patterns for each class to which the teacher's memory is compressed for the student; 0 keeps "
            "all.");
    memory_training_options(d, o);
}

} // namespace har
