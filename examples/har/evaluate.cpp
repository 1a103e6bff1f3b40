// SPDX-License-Identifier: BSD-3-Clause
/// evaluate: the figures of a model on the subjects of a dataset, as they are or corrupted.
#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "datasets.hpp"
#include "figures.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "own_recordings.hpp"
#include "signals.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/data/corruption.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/train/evaluate.hpp"

namespace har {

using namespace smldist;

namespace {

/// The windows with the model's channels, found by name. Throws model_error when one is missing.
data::windows with_channels_of(const io::model_facts& facts, const std::string& model, const data::windows& w) {
    std::vector<std::size_t> chosen;
    for (const std::string& name : facts.channels) {
        const auto& names = w.info.channels;
        const auto at = std::find(names.begin(), names.end(), name);
        if (at == names.end()) raise<model_error>(model, "the model's channel ", name, " is missing in the data");
        chosen.push_back(static_cast<std::size_t>(at - names.begin()));
    }
    return w.select_channels(chosen);
}

/// Numbers the labels of recordings of one's own as the model does, by their names. Throws model_error for a label that it
/// does not know.
void take_labels_of(const io::model_facts& facts, const std::string& model, data::windows& w) {
    std::vector<int> number;
    for (const std::string& name : w.info.labels) {
        const auto at = std::find(facts.labels.begin(), facts.labels.end(), name);
        number.push_back(at == facts.labels.end() ? -1 : static_cast<int>(at - facts.labels.begin()));
    }
    for (int& label : w.label) {
        const auto own = static_cast<std::size_t>(label);
        if (number[own] < 0)
            raise<model_error>(model, "the model knows no label ", printable(w.info.labels[own]),
                               ": --classes chooses among those of the data, --csv-label-map renames them");
        label = number[own];
    }
    w.info.labels = facts.labels;
}

/// Throws model_error unless the model is for windows of this form, with these labels.
void check_fits(const io::model_facts& facts, const std::string& model, const data::windows& w) {
    if (w.channels() == facts.channels.size() && w.length() == facts.window && w.info.labels == facts.labels) return;
    raise<model_error>(model, "the model is for windows of ", facts.window, " × ", facts.channels.size(), " and ",
                       facts.labels.size(), " labels, the data has ", w.length(), " × ", w.channels(), " and ",
                       w.info.labels.size(), w.info.labels == facts.labels ? "" : " (the labels must be the same)");
}

} // namespace

void evaluate(const options& o) {
    const interruptible nothing_to_save;
    const auto m = load_model(o.model);
    auto set = load_data(o, {o.split}, &m.facts);
    data::windows& w = o.split == subjects::train ? set.train : set.test;
    if (!own_path(o.data).empty()) take_labels_of(m.facts, o.model, w);
    data::corruption how = o.corruption;
    how.missing = w.info.find_channels(o.missing);
    if (how.any()) data::corrupt(w, how, generator(o.seed));
    if (w.channels() > m.facts.channels.size()) w = with_channels_of(m.facts, o.model, w);
    check_fits(m.facts, o.model, w);

    const auto e = train::evaluate(m.net, w, m.facts.normaliser);
    std::printf("accuracy %.4f  macro-F1 %.4f  worst subject %s with %.4f  calibration error %.4f\n%s\n%s",
                e.accuracy, e.macro_f1, printable(w.info.subject_name(e.worst_subject)).c_str(), e.worst_subject_f1,
                e.calibration_error.value_or(0), left_out(e.counts).c_str(), e.counts.table(w.info.labels).c_str());
    if (o.json) std::printf("%s\n", figures(m.net, m.facts.window, e).dump().c_str());
}

} // namespace har
