// SPDX-License-Identifier: BSD-3-Clause
/// What a sweep keeps in its folder: the plan of its runs, and a row for each that has ended.
///
///     config.toml         the grid with the effective options
///     sweep.json          the plan
///     rows/ID.jsonl       one line for each run
///     runs/ID/            the run in hand, and the teacher that its group shares; all of them with --keep-models
///
/// A run's ID depends on everything that its result depends on: options, fold and seed. Each file is written completely or not
/// at all, and a row by one process, so processes need no locks between them.
#ifndef HAR_SWEEP_FILES_HPP
#define HAR_SWEEP_FILES_HPP

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "results.hpp"
#include "smldist/io/json.hpp"

namespace har {

using named_values = std::vector<std::pair<std::string, std::string>>;

/// All runs of a sweep. Equal for all of its processes.
struct sweep_plan {
    struct setting {
        std::string name, description;
        named_values axes;
        std::size_t folds = 0;
        std::vector<std::string>
            runs; ///< IDs: of the first seed fold by fold, then of the next. Settings may share some.
    };
    std::string data;       ///< what --data says; empty when it is an axis
    std::uint64_t seed = 0; ///< the first
    std::size_t seeds = 0;
    std::vector<setting> settings;

    std::string text() const;
};

/// The plan in a folder. Throws usage_error when there is none, io_error when it cannot be read, data_error when it is damaged.
sweep_plan read_plan(const std::string& folder);

/// The row of a run: enough for tables and the report without data and models.
struct sweep_row {
    std::string id, version, setting;
    named_values axes;
    std::string options;             ///< TOML
    std::size_t fold = 0, folds = 0; ///< the former from 1
    std::uint64_t seed = 0;
    std::string failure;               ///< why there are no results; nothing of the following is there then
    std::vector<std::string> labels;   ///< of the classes
    std::map<int, std::string> people; ///< names of those tested
    int majority = 0;                  ///< the most frequent class of the training people
    run_record record;
    std::vector<report_epoch> history;
    std::size_t best_epoch = 0;
    smldist::io::json teacher; ///< figures of the teacher; null for labels

    std::string text() const;
};

std::string row_file(const std::string& folder, const std::string& id);
/// Throws io_error when the file cannot be read, data_error, naming it, when it is no row.
sweep_row read_row(const std::string& file);

} // namespace har

#endif
