// SPDX-License-Identifier: BSD-3-Clause
/// evaluate: the figures of a model on the subjects of a dataset, as they are or corrupted.
#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "datasets.hpp"
#include "figures.hpp"
#include "model_file.hpp"
#include "options.hpp"
#include "signals.hpp"
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
    auto set = load_data(o, {o.split});
    data::windows& w = o.split == subjects::test ? set.test : set.train;
    data::corruption how = o.corruption;
    how.missing = w.info.find_channels(o.missing);
    if (how.any()) data::corrupt(w, how, generator(o.seed));
    if (w.channels() > m.facts.channels.size()) w = with_channels_of(m.facts, o.model, w);
    check_fits(m.facts, o.model, w);

    const auto e = train::evaluate(m.net, w, m.facts.normaliser);
    std::printf("accuracy %.4f  macro-F1 %.4f  worst subject %d with %.4f  calibration error %.4f\n%s\n%s",
                e.accuracy, e.macro_f1, e.worst_subject, e.worst_subject_f1, e.calibration_error.value_or(0),
                left_out(e.counts).c_str(), e.counts.table(w.info.labels).c_str());
    if (o.json) std::printf("%s\n", figures(m.net, m.facts.window, e).dump().c_str());
}

} // namespace har
