// SPDX-License-Identifier: BSD-3-Clause
/// The datasets that --data names.
#ifndef HAR_DATASETS_HPP
#define HAR_DATASETS_HPP

#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "smldist/data/csv_recordings.hpp"
#include "smldist/data/recording.hpp"
#include "smldist/data/window.hpp"
#include "smldist/io/model_facts.hpp"

namespace har {

/// The sets that --data NAME=DIR reads: "uci_har, hapt, …"
std::string dataset_names();

/// Throws usage_error unless `spec` is "synthetic", csv=PATH or NAME=DIR with a NAME that there is.
void check_dataset(const std::string& spec);

/// A dataset in continuous recordings, and how load_data cuts and splits it.
struct recorded_set {
    smldist::data::recording_set set;
    std::vector<int> test_people = {}; ///< of the official split; empty: every third person, in ascending order
    smldist::data::label_rule rule = smldist::data::label_rule::majority; ///< what gives a window its label
    /// Of recordings of one's own: how their files were understood. Its recordings are in `set`.
    std::optional<smldist::data::csv_recording_set> own = {};
};

/// Loads the dataset that --data names in recordings. UCI HAR is published in windows of 128 samples with half overlap: its
/// recordings are joined from windows of one person and label that share half their samples. Throws as load_data.
/// Recordings of one's own are brought to the channels, units and rate of the `model`, if there is one.
recorded_set load_recordings(const options& o, const smldist::io::model_facts* model = nullptr);

/// Says on stderr what the loader mended, left out or guessed.
void report_repairs(const recorded_set& recorded);

/// Loads the dataset that --data names: UCI HAR as published, any other in windows of about 2.56 s with half overlap, or as
/// the options say for recordings of one's own. UCI HAR and HAPT have their official split; elsewhere every third person, in
/// ascending order, is for test. The filter of the options keeps a part of each side. What a loader mended or left out is
/// said on stderr. When subjects::all are needed, nothing is split: all windows are in `test`.
/// Recordings of one's own have the channels, units, rate and window of the `model`, if there is one.
/// Throws     as check_dataset; usage_error for a name in the filter that the data do not have; data_error for the content
///            of the data, and, naming the people of the side, when nothing is left of a side that is `needed`.
smldist::data::train_test load_data(const options& o, const std::vector<subjects>& needed,
                                    const smldist::io::model_facts* model = nullptr);

/// Seconds from one window of the dataset to the next. The windows' rate must be known.
double hop_seconds(const options& o, const smldist::data::windows& w);

} // namespace har

#endif
