// SPDX-License-Identifier: BSD-3-Clause
/// What methods achieved on people whom they did not see: collected over folds and seeds, as JSON, table and report.
#ifndef HAR_RESULTS_HPP
#define HAR_RESULTS_HPP

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "report.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/window.hpp"
#include "smldist/io/json.hpp"
#include "smldist/metric/bootstrap.hpp"
#include "smldist/train/state.hpp"

namespace har {

/// A network after its training: its answers for the test windows, and how it came about.
struct trained_network {
    std::string name;
    smldist::tensor<float> probabilities; ///< (test windows, classes)
    std::vector<smldist::train::epoch_report> history;
    std::size_t best_epoch = 0; ///< on the validation people; 0: unknown
    std::size_t parameters = 0, macs = 0, bytes = 0;
    double seconds = 0;
};

/// What a method achieved in one run: with one seed, on the test people of one fold.
struct run_record {
    std::size_t fold = 1;
    std::uint64_t seed = 0;
    std::map<int, smldist::metric::confusion> people;
    std::vector<smldist::metric::reliability_bin> bins; ///< empty without probabilities; the cost is then 0
    report_cost cost;

    smldist::metric::confusion counts() const; ///< of all people
    double calibration_error() const;          ///< undefined without probabilities
};

/// The answers of a network for the windows that it was tested on.
run_record record_of(std::size_t fold, std::uint64_t seed, const smldist::data::windows& test,
                     const trained_network& net);
/// The answers of a method without probabilities.
run_record record_of(std::size_t fold, std::uint64_t seed, const smldist::data::windows& test,
                     const std::vector<int>& predicted, std::size_t classes);

/// The runs of one method: one per fold and seed.
class method_results {
public:
    method_results(std::string name, std::string description, std::size_t classes)
        : name_(std::move(name)), description_(std::move(description)), classes_(classes), counts_(classes) {}

    void add(const run_record& run);
    void add(std::size_t fold, std::uint64_t seed, const smldist::data::windows& test, const trained_network& net) {
        add(record_of(fold, seed, test, net));
    }
    void add(std::size_t fold, std::uint64_t seed, const smldist::data::windows& test,
             const std::vector<int>& predicted) {
        add(record_of(fold, seed, test, predicted, classes_));
    }

    const std::string& name() const { return name_; }
    std::size_t classes() const { return classes_; }
    std::size_t runs() const { return runs_.size(); }
    const std::map<int, smldist::metric::confusion>& people() const { return people_; }
    report_method report(const std::vector<int>& people) const;
    /// Without seconds when these are 0.
    smldist::io::json json(const smldist::data::signal_info& info) const;
    /// The line of the table on the terminal, under table_head(), with the name padded to `columns`.
    std::string line(std::size_t columns = name_columns) const;
    static std::string table_head(std::size_t columns = name_columns);
    static constexpr std::size_t name_columns = 12;

private:
    report_spread spread(double report_run::*figure) const;
    /// The lowest macro-F1 of a person, and whose it is.
    std::pair<double, int> worst() const;
    double calibration_error() const;

    std::string name_, description_;
    std::size_t classes_;
    std::vector<report_run> runs_;
    smldist::metric::confusion counts_;
    std::map<int, smldist::metric::confusion> people_;
    std::vector<smldist::metric::reliability_bin> bins_; ///< confidence and accuracy are sums
    report_cost cost_;                                   ///< epochs and seconds are sums
    std::size_t networks_ = 0;
};

/// The most frequent label of the training windows, for every test window: what a method has to beat.
std::vector<int> majority(const smldist::data::windows& train, const smldist::data::windows& test);

/// `second` less `first` in macro-F1, over the people whom both were tested on; nothing for fewer than two.
std::vector<report_comparison> compare(const method_results& first, const method_results& second);
/// "student is better than labels by 1.3 points of macro-F1 (95 % interval 0.2 to 2.4, p = 0.021, 30 people)"
/// or "student equals labels in macro-F1 (…)" when they differ by less than 0.005 points.
std::string sentence(const report_comparison& c);
smldist::io::json json_of(const report_comparison& c);

report_curve curve_of(const trained_network& net, const std::string& run);

/// The windows of some test people in their order, with the labels predicted: the worst person, a median one and the best.
/// `hop_seconds`: from one window to the next.
std::vector<report_timeline> timelines(const smldist::data::windows& test,
                                       const smldist::tensor<float>& probabilities, double hop_seconds);

} // namespace har

#endif
