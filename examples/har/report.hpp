// SPDX-License-Identifier: BSD-3-Clause
/// The report of an evaluation: one HTML page that needs no other file, no network and no script.
#ifndef HAR_REPORT_HPP
#define HAR_REPORT_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "smldist/metric/calibration.hpp"
#include "smldist/metric/confusion.hpp"

namespace har {

/// A figure without a value. The report shows it as a dash.
inline constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

// Accuracies, macro-F1, probabilities and calibration errors are fractions from 0 to 1; the report shows per cent.

/// Figures of one training on its test people.
struct report_run {
    std::size_t fold = 1;
    std::uint64_t seed = 0;
    double accuracy = undefined, macro_f1 = undefined;
};

/// Mean and standard deviation over the runs of a method.
struct report_spread {
    double mean = undefined;
    double sd = undefined; ///< undefined for a single run
};

/// Figures of one person over all runs that test this person.
struct report_person {
    double accuracy = undefined, macro_f1 = undefined; ///< undefined when no run tests the person
    std::size_t windows = 0;
};

/// What a method costs. The report shows a dash for bytes, epochs and seconds of 0.
struct report_cost {
    std::size_t parameters = 0;
    std::size_t macs = 0;   ///< multiply-accumulates of one window
    std::size_t bytes = 0;  ///< of the model file
    std::size_t epochs = 0; ///< of one training
    double seconds = 0;     ///< of one training
};

/// A network trained in one way, or a baseline.
struct report_method {
    std::string name;                                   ///< for example "student"
    std::string description;                            ///< one sentence, or empty
    std::vector<report_run> runs;                       ///< per fold and seed
    report_spread accuracy, macro_f1;                   ///< over the runs
    smldist::metric::confusion counts;                  ///< test windows of all runs; no classes: no matrix
    std::vector<report_person> people;                  ///< one per name in report_data::people, or empty
    std::vector<smldist::metric::reliability_bin> bins; ///< empty without probabilities
    double calibration_error = undefined;               ///< undefined without probabilities
    report_cost cost;
};

/// Paired bootstrap of two methods on the same windows: macro-F1 of `a` less macro-F1 of `b`.
struct report_comparison {
    std::string a, b;
    double difference = undefined;            ///< mean
    double low = undefined, high = undefined; ///< 95 % interval
    double p = undefined;                     ///< two-sided
    std::size_t people = 0;                   ///< whom both were tested on
};

/// One epoch of a training.
struct report_epoch {
    double loss = undefined;
    double macro_f1 = undefined; ///< on the validation people
    double learning_rate = undefined;
};

/// A training. Trainings of one name share a panel and a color.
struct report_curve {
    std::string name; ///< for example "student"; the color of the method with this name is used
    std::string run;  ///< what distinguishes trainings of one name, for example "fold 2, seed 0"; may be empty
    std::vector<report_epoch> epochs;
    std::size_t best = 0; ///< the best on the validation people, counted from 1; 0: unknown
};

/// Labels and predictions of one recording, in order. Step i covers the time i·seconds to (i + 1)·seconds.
struct report_timeline {
    std::string recording, person;
    double seconds = 1;              ///< of one step
    std::vector<int> label;          ///< index in report_data::labels; -1: none
    std::vector<int> predicted;      ///< index in report_data::labels, one per step; -1: none
    std::vector<double> probability; ///< of the predicted label, one per step; or empty
};

/// Everything in the report. A part that is empty is left out of the page.
struct report_data {
    std::string title;
    std::vector<std::pair<std::string, std::string>>
        facts;                          ///< name and value: data set, people, windows, seed, command
    std::vector<std::string> labels;    ///< names of the classes; a missing one is its number
    std::vector<std::string> people;    ///< names of the tested people
    std::vector<report_method> methods; ///< in the order of the tables
    std::vector<report_comparison> comparisons;
    std::vector<report_curve> curves;
    std::vector<report_timeline> timelines;
};

/// The page, as UTF-8. Equal data give equal bytes. All text in `r` is escaped; bytes that are not UTF-8 and control
/// characters are shown as \xNN. Light or dark as the reader's system is set.
/// Throws     shape_error when the people of a method or the lists of a timeline differ in length, or a timeline has a
///            class outside of the labels.
std::string report_html(const report_data& r);

} // namespace har

#endif
