// SPDX-License-Identifier: BSD-3-Clause
/// The datasets that --data names.
#ifndef HAR_DATASETS_HPP
#define HAR_DATASETS_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "options.hpp"
#include "smldist/data/filter.hpp"
#include "smldist/data/window.hpp"

namespace har {

/// The sets that --data NAME=DIR reads: "uci_har, hapt, …"
std::string dataset_names();

/// Throws usage_error unless `spec` is "synthetic" or NAME=DIR with a NAME that there is.
void check_dataset(const std::string& spec);

/// Loads the dataset that --data names: UCI HAR as published, any other in windows of about 2.56 s with half overlap.
/// UCI HAR and HAPT have their official split; elsewhere every third person, in ascending order, is for test. What a
/// loader mended or left out is said on stderr. Throws as check_dataset; data_error for its content.
smldist::data::train_test load_data(const std::string& spec, std::uint64_t seed, bool quiet);

/// The same, of which the filter keeps a part on each side of the split. Throws usage_error for a name that the data do not
/// have; data_error, naming the people of the side, when nothing is left of a side that is `needed`.
smldist::data::train_test load_data(const std::string& spec, const smldist::data::window_filter& filter,
                                    const std::vector<subjects>& needed, std::uint64_t seed, bool quiet);

} // namespace har

#endif
