// SPDX-License-Identifier: BSD-3-Clause
/// Confusion matrix and the metrics computed from it: accuracy, precision, recall, F1.
#ifndef SMLDIST_METRIC_CONFUSION_HPP
#define SMLDIST_METRIC_CONFUSION_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::metric {
SMLDIST_NAMESPACE_BEGIN

/// Counts of (label, predicted) pairs over N classes. Every ratio 0/0 is 0.
class confusion {
public:
    explicit confusion(std::size_t classes = 0) : classes_(classes), counts_(classes * classes) {}

    /// Counts a pair, `times` times. Throws usage_error when a class is not in [0, N).
    void add(int label, int predicted, std::uint64_t times = 1) {
        const auto valid = [this](int n) { return n >= 0 && static_cast<std::size_t>(n) < classes_; };
        if (!valid(label) || !valid(predicted))
            raise<usage_error>("confusion.add", "label and prediction are ", label, " and ", predicted,
                               ", expected both below ", classes_, " and not negative");
        counts_[static_cast<std::size_t>(label) * classes_ + static_cast<std::size_t>(predicted)] += times;
    }
    /// Adds the counts of another matrix. Throws usage_error when the number of classes differs.
    void merge(const confusion& other) {
        if (other.classes_ != classes_)
            raise<usage_error>("confusion.merge", "number of classes is ", other.classes_, ", expected ", classes_);
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    }

    std::size_t classes() const { return classes_; }
    std::uint64_t operator()(std::size_t label, std::size_t predicted) const {
        return counts_[label * classes_ + predicted];
    }
    std::uint64_t total() const { return sum(0, counts_.size(), 1); }
    /// Windows with this label.
    std::uint64_t labelled(std::size_t n) const { return sum(n * classes_, (n + 1) * classes_, 1); }
    /// Windows predicted as this class.
    std::uint64_t predicted(std::size_t n) const { return sum(n, counts_.size(), classes_); }

    double accuracy() const { return ratio(sum(0, counts_.size(), classes_ + 1), total()); }
    double precision(std::size_t n) const { return ratio((*this)(n, n), predicted(n)); }
    double recall(std::size_t n) const { return ratio((*this)(n, n), labelled(n)); }
    /// 2 TP / (2 TP + FP + FN).
    double f1(std::size_t n) const { return ratio(2 * (*this)(n, n), labelled(n) + predicted(n)); }

    /// Whether a class is the label or the prediction of any window.
    bool occurs(std::size_t n) const { return labelled(n) + predicted(n) > 0; }
    /// Classes that do not occur.
    std::size_t absent() const {
        std::size_t count = 0;
        for (std::size_t n = 0; n < classes_; ++n) count += occurs(n) ? 0u : 1u;
        return count;
    }

    /// Mean F1 over the classes that occur as label or prediction: a class without windows does not lower the mean
    /// unless it is predicted. 0 without windows. Source: scikit-learn's f1_score(average="macro").
    double macro_f1() const {
        double s = 0;
        for (std::size_t n = 0; n < classes_; ++n) s += f1(n);
        return absent() == classes_ ? 0 : s / double(classes_ - absent());
    }

    /// Rows labels, columns predictions, then recall, precision and F1 in percent, "-" where a class does not occur.
    /// Missing names are class numbers.
    std::string table(const std::vector<std::string>& names = {}) const;

    friend bool operator==(const confusion&, const confusion&) = default;

private:
    std::uint64_t sum(std::size_t first, std::size_t last, std::size_t step) const {
        std::uint64_t s = 0;
        for (std::size_t i = first; i < last; i += step) s += counts_[i];
        return s;
    }
    static double ratio(std::uint64_t a, std::uint64_t b) { return b == 0 ? 0 : double(a) / double(b); }

    std::size_t classes_;
    std::vector<std::uint64_t> counts_;
};

inline std::string confusion::table(const std::vector<std::string>& names) const {
    std::vector<std::vector<std::string>> rows(classes_ + 1);
    const auto percent = [](double value) {
        const auto tenths = static_cast<std::uint64_t>(value * 1000 + 0.5);
        return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
    };
    rows[0].push_back("label \\ predicted");
    for (std::size_t n = 0; n < classes_; ++n) {
        const std::string name = n < names.size() ? names[n] : std::to_string(n);
        rows[0].push_back(name);
        rows[n + 1].push_back(name);
        for (std::size_t p = 0; p < classes_; ++p) rows[n + 1].push_back(std::to_string((*this)(n, p)));
        for (const double value : {recall(n), precision(n), f1(n)})
            rows[n + 1].push_back(occurs(n) ? percent(value) : "-");
    }
    for (const char* heading : {"recall", "precision", "F1"}) rows[0].push_back(heading);

    std::vector<std::size_t> width(rows[0].size());
    for (const auto& row : rows)
        for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
    std::string text;
    for (const auto& row : rows) {
        text += row[0] + std::string(width[0] - row[0].size(), ' ');
        for (std::size_t c = 1; c < row.size(); ++c) text += std::string(width[c] - row[c].size() + 2, ' ') + row[c];
        text += '\n';
    }
    return text;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::metric

#endif
