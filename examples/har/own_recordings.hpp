// SPDX-License-Identifier: BSD-3-Clause
/// --data csv=PATH: recordings of one's own, how they are read, and the file recordings.toml beside them.
#ifndef HAR_OWN_RECORDINGS_HPP
#define HAR_OWN_RECORDINGS_HPP

#include <string>
#include <string_view>
#include <vector>

#include "declarer.hpp"
#include "options.hpp"
#include "smldist/data/csv_recordings.hpp"
#include "smldist/io/json.hpp"
#include "smldist/io/model_facts.hpp"

namespace har {

/// The path of csv=PATH; empty for another dataset.
std::string own_path(const std::string& data);

/// The group of options on files of one's own, whose names begin with csv-. `labelled`: whether labels and windows matter.
void own_recordings_options(declarer& d, options& o, bool labelled = true);

/// The file beside the data that says how they are read: PATH/recordings.toml for a folder, walk.toml for walk.csv.
std::string toml_beside(const std::string& path);

/// Sets the options csv-… that the command line did not give from the section [csv] of that file, if there is one. In it names
/// stand without csv-; {label} and {subject} in a pattern of the command line win over its label and subject; what the subcommand does not need is left out. Throws usage_error, with file and line, as read_config and apply; io_error.
void apply_toml_beside(const std::string& data, const std::vector<setting>& settings);

/// The text of such a file with these options.
std::string toml_of(const smldist::data::csv_options& csv, const smldist::data::cut_options& windows);

/// What was understood of the files, as text for the terminal and as JSON.
std::string understood_text(const smldist::data::recording_set& set, const smldist::data::csv_recording_set& own);
smldist::io::json understood_json(const smldist::data::csv_recording_set& set);

/// Recordings for a model: its channels by their names, in its units and at its rate, whatever the options say of these.
/// Throws usage_error when the options list channels and lack one of the model's; as csv_recordings.
smldist::data::csv_recording_set recordings_for(const smldist::io::model_facts& model, const std::string& path,
                                                smldist::data::csv_options csv);

/// Says on stderr, after `where`, when the samples come at another rate than the model's.
void report_rate(const std::string& where, const smldist::data::csv_recording_set& set, double model_hz);

} // namespace har

#endif
