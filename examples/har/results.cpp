// SPDX-License-Identifier: BSD-3-Clause
#include "results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "smldist/metric/calibration.hpp"
#include "text.hpp"

namespace har {

using namespace smldist;

namespace {

/// Mean and sample standard deviation; the latter undefined for one value.
report_spread spread_of(const std::vector<double>& values) {
    report_spread s;
    if (values.empty()) return s;
    s.mean = 0;
    for (const double v : values) s.mean += v / double(values.size());
    if (values.size() < 2) return s;
    double squares = 0;
    for (const double v : values) squares += (v - s.mean) * (v - s.mean);
    s.sd = std::sqrt(squares / double(values.size() - 1));
    return s;
}

std::vector<int> most_probable(const tensor<float>& probabilities) {
    std::vector<int> predicted(probabilities.shape()[0]);
    for (std::size_t i = 0; i < predicted.size(); ++i) predicted[i] = metric::most_probable(probabilities, i);
    return predicted;
}

std::string percent(const report_spread& s) {
    char text[64];
    std::snprintf(text, sizeof text, std::isnan(s.sd) ? "%.2f" : "%.2f ± %.2f", 100 * s.mean, 100 * s.sd);
    return text;
}

io::json json_of(const report_spread& s) {
    io::json j;
    j.set("mean", s.mean);
    if (!std::isnan(s.sd)) j.set("sd", s.sd);
    return j;
}

} // namespace

metric::confusion run_record::counts() const {
    metric::confusion all(people.empty() ? 0 : people.begin()->second.classes());
    for (const auto& [person, counts] : people) all.merge(counts);
    return all;
}

double run_record::calibration_error() const {
    double error = 0, windows = 0;
    for (const auto& bin : bins) {
        error += double(bin.count) * std::abs(bin.accuracy - bin.confidence);
        windows += double(bin.count);
    }
    return bins.empty() ? undefined : error / windows;
}

run_record record_of(std::size_t fold, std::uint64_t seed, const data::windows& test,
                     const std::vector<int>& predicted, std::size_t classes) {
    run_record run{fold, seed, {}, {}, {}};
    for (std::size_t i = 0; i < test.size(); ++i)
        run.people.try_emplace(test.subject[i], classes).first->second.add(test.label[i], predicted[i]);
    return run;
}

run_record record_of(std::size_t fold, std::uint64_t seed, const data::windows& test, const trained_network& net) {
    run_record run = record_of(fold, seed, test, most_probable(net.probabilities), net.probabilities.shape()[1]);
    run.bins = metric::reliability(net.probabilities, test.label);
    run.cost = {net.parameters, net.macs, net.bytes, net.history.size(), net.seconds};
    return run;
}

void method_results::add(const run_record& run) {
    const metric::confusion counts = run.counts();
    runs_.push_back({run.fold, run.seed, counts.accuracy(), counts.macro_f1()});
    counts_.merge(counts);
    for (const auto& [person, its] : run.people) people_.try_emplace(person, classes_).first->second.merge(its);
    if (run.bins.empty()) return;
    bins_.resize(run.bins.size());
    for (std::size_t b = 0; b < bins_.size(); ++b) {
        bins_[b].count += run.bins[b].count;
        bins_[b].confidence += double(run.bins[b].count) * run.bins[b].confidence;
        bins_[b].accuracy += double(run.bins[b].count) * run.bins[b].accuracy;
    }
    const std::size_t epochs = cost_.epochs + run.cost.epochs;
    const double seconds = cost_.seconds + run.cost.seconds;
    cost_ = run.cost;
    cost_.epochs = epochs;
    cost_.seconds = seconds;
    ++networks_;
}

report_spread method_results::spread(double report_run::*figure) const {
    std::vector<double> values;
    for (const report_run& run : runs_) values.push_back(run.*figure);
    return spread_of(values);
}

std::pair<double, int> method_results::worst() const {
    std::pair<double, int> lowest{undefined, 0};
    for (const auto& [person, counts] : people_)
        if (!(counts.macro_f1() >= lowest.first)) lowest = {counts.macro_f1(), person};
    return lowest;
}

double method_results::calibration_error() const {
    if (networks_ == 0) return undefined;
    double error = 0, windows = 0;
    for (const auto& bin : bins_) {
        error += std::abs(bin.accuracy - bin.confidence);
        windows += double(bin.count);
    }
    return error / windows;
}

report_method method_results::report(const std::vector<int>& people) const {
    report_method m;
    m.name = name_;
    m.description = description_;
    m.runs = runs_;
    m.accuracy = spread(&report_run::accuracy);
    m.macro_f1 = spread(&report_run::macro_f1);
    m.counts = counts_;
    for (const int person : people) {
        const auto at = people_.find(person);
        if (at == people_.end())
            m.people.push_back({});
        else
            m.people.push_back(
                {at->second.accuracy(), at->second.macro_f1(), static_cast<std::size_t>(at->second.total())});
    }
    m.bins = bins_;
    for (auto& bin : m.bins)
        if (bin.count > 0) {
            bin.confidence /= double(bin.count);
            bin.accuracy /= double(bin.count);
        }
    m.calibration_error = calibration_error();
    m.cost = cost_;
    if (networks_ > 0) {
        m.cost.epochs /= networks_;
        m.cost.seconds /= double(networks_);
    }
    return m;
}

io::json method_results::json(const data::signal_info& info) const {
    io::json j;
    j.set("name", name_);
    j.set("accuracy", json_of(spread(&report_run::accuracy)));
    j.set("macro_f1", json_of(spread(&report_run::macro_f1)));
    j.set("pooled_accuracy", counts_.accuracy());
    j.set("pooled_macro_f1", counts_.macro_f1());
    j.set("worst_person", info.subject_name(worst().second));
    j.set("worst_person_macro_f1", worst().first);
    if (networks_ > 0) {
        j.set("calibration_error", calibration_error());
        j.set("parameters", cost_.parameters);
        j.set("macs", cost_.macs);
        j.set("model_bytes", cost_.bytes);
        if (cost_.seconds > 0) j.set("seconds", cost_.seconds);
    }
    io::json::array runs, people, classes, rows;
    for (const report_run& run : runs_) {
        io::json one;
        one.set("fold", run.fold);
        one.set("seed", run.seed);
        one.set("accuracy", run.accuracy);
        one.set("macro_f1", run.macro_f1);
        runs.push_back(std::move(one));
    }
    for (const auto& [person, counts] : people_) {
        io::json one;
        one.set("person", info.subject_name(person));
        one.set("windows", counts.total());
        one.set("accuracy", counts.accuracy());
        one.set("macro_f1", counts.macro_f1());
        people.push_back(std::move(one));
    }
    for (std::size_t n = 0; n < classes_; ++n) {
        io::json one;
        one.set("class", n < info.labels.size() ? info.labels[n] : std::to_string(n));
        one.set("windows", counts_.labelled(n));
        one.set("recall", counts_.recall(n));
        one.set("precision", counts_.precision(n));
        one.set("f1", counts_.f1(n));
        classes.push_back(std::move(one));
        io::json::array row;
        for (std::size_t p = 0; p < classes_; ++p) row.emplace_back(counts_(n, p));
        rows.emplace_back(std::move(row));
    }
    j.set("runs", std::move(runs));
    j.set("people", std::move(people));
    j.set("classes", std::move(classes));
    j.set("confusion", std::move(rows));
    return j;
}

std::string method_results::table_head(std::size_t columns) {
    return "method" + std::string(columns - 6, ' ') +
           "        accuracy        macro-F1  worst person  calibration  parameters       MACs\n";
}

std::string method_results::line(std::size_t columns) const {
    char figures[128];
    std::string text = name_.substr(0, columns) + std::string(columns - std::min(columns, name_.size()), ' ') +
                       right_aligned(percent(spread(&report_run::accuracy)), 16) +
                       right_aligned(percent(spread(&report_run::macro_f1)), 16);
    std::snprintf(figures, sizeof figures, "%14.2f", 100 * worst().first);
    text += figures;
    if (networks_ > 0) {
        std::snprintf(figures, sizeof figures, "%13.4f%12zu%11zu", calibration_error(), cost_.parameters, cost_.macs);
        text += figures;
    }
    return text + "\n";
}

std::vector<int> majority(const data::windows& train, const data::windows& test) {
    const auto counts = train.class_counts();
    const auto most = std::max_element(counts.begin(), counts.end()) - counts.begin();
    return std::vector<int>(test.size(), static_cast<int>(most));
}

std::vector<report_comparison> compare(const method_results& first, const method_results& second) {
    std::vector<metric::paired_counts> people;
    for (const auto& [person, counts] : first.people())
        if (const auto at = second.people().find(person); at != second.people().end())
            people.push_back({counts, at->second});
    if (people.size() < 2) return {};
    const auto r = metric::paired_bootstrap(people, generator(0));
    return {{second.name(), first.name(), r.difference, r.low, r.high, r.p, people.size()}};
}

std::string sentence(const report_comparison& c) {
    char by[64], known[128];
    std::snprintf(by, sizeof by, "by %.2f points of macro-F1", 100 * std::abs(c.difference));
    std::snprintf(known, sizeof known, " (95 %% interval %+.2f to %+.2f, p = %.4f, %zu people)", 100 * c.low,
                  100 * c.high, c.p, c.people);
    if (std::abs(c.difference) < 0.00005) return c.a + " equals " + c.b + " in macro-F1" + known;
    return c.a + (c.difference < 0 ? " is worse than " : " is better than ") + c.b + " " + by + known +
           (c.low <= 0 && c.high >= 0 ? ": the difference may be chance" : "");
}

io::json json_of(const report_comparison& c) {
    io::json j;
    j.set("method", c.a);
    j.set("against", c.b);
    j.set("macro_f1_difference", c.difference);
    j.set("low", c.low);
    j.set("high", c.high);
    j.set("p", c.p);
    j.set("people", c.people);
    return j;
}

report_curve curve_of(const trained_network& net, const std::string& run) {
    report_curve curve{net.name, run, {}, net.best_epoch};
    for (const auto& epoch : net.history)
        curve.epochs.push_back({epoch.train.total, epoch.validation.macro_f1, epoch.lr});
    return curve;
}

std::vector<report_timeline> timelines(const data::windows& test, const tensor<float>& probabilities,
                                       double hop_seconds) {
    const auto predicted = most_probable(probabilities);
    const auto e = metric::evaluate(probabilities.shape()[1], test.label, test.subject, predicted);
    auto order = e.subject_f1;
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    std::vector<int> shown;
    for (const std::size_t place : {std::size_t(0), order.size() / 2, order.size() - 1})
        if (std::find(shown.begin(), shown.end(), order[place].first) == shown.end())
            shown.push_back(order[place].first);
    std::vector<report_timeline> lines;
    for (std::size_t k = 0; k < shown.size(); ++k) {
        const char* const which = shown.size() < 3 ? ""
                                  : k == 0         ? "the worst person"
                                  : k == 1         ? "a median person"
                                                   : "the best person";
        report_timeline line{which, test.info.subject_name(shown[k]), hop_seconds, {}, {}, {}};
        for (std::size_t i = 0; i < test.size(); ++i) {
            if (test.subject[i] != shown[k]) continue;
            line.label.push_back(test.label[i]);
            line.predicted.push_back(predicted[i]);
            line.probability.push_back(double(probabilities(i, static_cast<std::size_t>(predicted[i]))));
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace har
