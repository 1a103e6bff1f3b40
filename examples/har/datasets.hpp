// SPDX-License-Identifier: BSD-3-Clause
/// The datasets that --data names.
#ifndef HAR_DATASETS_HPP
#define HAR_DATASETS_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "smldist/data/recording.hpp"
#include "smldist/data/window.hpp"

namespace har {

/// The sets that --data NAME=DIR reads: "uci_har, hapt, …"
std::string dataset_names();

/// Throws usage_error unless `spec` is "synthetic" or NAME=DIR with a NAME that there is.
void check_dataset(const std::string& spec);

/// A dataset in continuous recordings, and how load_data cuts and splits it.
struct recorded_set {
    smldist::data::recording_set set;
    std::vector<int> test_people = {}; ///< of the official split; empty: every third person, in ascending order
    smldist::data::label_rule rule = smldist::data::label_rule::majority; ///< what gives a window its label
};

/// Loads the dataset that --data names in recordings. UCI HAR is published in windows of 128 samples with half overlap: its
/// recordings are joined from windows of one person and label that share half their samples. Throws as load_data.
recorded_set load_recordings(const std::string& spec, std::uint64_t seed);

/// Says on stderr what the loader mended or left out.
void report_repairs(const smldist::data::recording_set& set);

/// Loads the dataset that --data names: UCI HAR as published, any other in windows of about 2.56 s with half overlap.
/// UCI HAR and HAPT have their official split; elsewhere every third person, in ascending order, is for test. What a
/// loader mended or left out is said on stderr. Throws as check_dataset; data_error for its content.
smldist::data::train_test load_data(const std::string& spec, std::uint64_t seed, bool quiet);

} // namespace har

#endif
