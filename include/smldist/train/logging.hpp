// SPDX-License-Identifier: BSD-3-Clause
/// Callbacks that write a line per epoch: for people, as CSV and as JSON. tensorboard.hpp has one for TensorBoard.
#ifndef SMLDIST_TRAIN_LOGGING_HPP
#define SMLDIST_TRAIN_LOGGING_HPP

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/train/state.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
/// Writes a line at once and flushes, so that it can be read while training goes on. Throws io_error.
inline void write_line(std::ostream& out, const std::string& line, std::size_t epoch) {
    out << line << std::flush;
    if (!out) raise<io_error>("train::logging", "writing the line of epoch ", epoch, " failed");
}
/// Appends the shortest decimal form that reads as the same number.
template <class N> void append_number(std::string& line, N value) {
    char digits[32];
    line.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}
} // namespace detail

/// Writes a line per epoch for people; the star marks the best epoch so far.
///
///     student epoch 3/40  loss 0.8123 (hard 0.6011 soft 0.2112)  lr 3.91e-03  score 0.8342 *  1.2 s
///
///     t.add(train::print_epochs(std::cerr, "student"));
///
/// Throws     io_error when the stream fails.
class print_epochs {
public:
    /// Refers to the stream.
    explicit print_epochs(std::ostream& out, std::string name = "") : out_(&out), name_(std::move(name)) {}

    void after_epoch(const run_state& s) const {
        const epoch_report& r = s.report;
        std::string line = name_.empty() ? "" : name_ + ' ';
        const auto append = [&line](const char* format, auto... values) {
            char text[96];
            std::snprintf(text, sizeof text, format, values...);
            line += text;
        };
        append("epoch %zu/%zu  loss %.4f", r.epoch, s.epochs, r.train.total);
        const char* separator = " (";
        for (const auto& term : r.train) {
            line += separator;
            line += term.name;
            append(" %.4f", term.value);
            separator = " ";
        }
        if (r.train.size() > 0) line += ')';
        append("  lr %.2e  score %.4f%s  %.1f s\n", r.lr, r.score, r.best ? " *" : "", r.seconds);
        detail::write_line(*out_, line, r.epoch);
    }

private:
    std::ostream* out_;
    std::string name_;
};

/// Writes a table in CSV with a row per epoch, its header first:
///
///     epoch,loss,hard,soft,lr,score,best,seconds
///
/// Between loss and lr are the terms of the objective in the first epoch, at full precision.
///
///     std::ofstream file("log.csv");
///     t.add(train::csv_log(file));
///
/// Throws     io_error when the stream fails.
class csv_log {
public:
    /// Refers to the stream.
    explicit csv_log(std::ostream& out) : out_(&out) {}

    void before_training(const run_state&) { terms_.clear(); }
    void after_epoch(const run_state& s) {
        const epoch_report& r = s.report;
        std::string line;
        if (r.epoch == 1) {
            for (const auto& term : r.train) terms_.emplace_back(term.name);
            line = "epoch,loss,";
            for (const auto& name : terms_) (line += name) += ',';
            line += "lr,score,best,seconds\n";
        }
        const auto append = [&line](auto value, char after = ',') {
            detail::append_number(line, value);
            line += after;
        };
        append(r.epoch);
        append(r.train.total);
        for (const auto& name : terms_) append(r.train[name]);
        append(r.lr);
        append(r.score);
        append(r.best ? 1 : 0);
        append(r.seconds, '\n');
        detail::write_line(*out_, line, r.epoch);
    }
    static void visit_state(auto& self, auto&& member) { member("terms", self.terms_); }

private:
    std::ostream* out_;
    std::vector<std::string> terms_; ///< columns
};

/// Writes one JSON object per line and epoch, at full precision. Between loss and lr are the terms of that epoch:
///
///     {"epoch":1,"loss":1.25,"hard":1,"soft":0.25,"lr":0.004,"score":0.5,"best":true,"seconds":2.5}
///
///     std::ofstream file("log.jsonl");
///     t.add(train::jsonl_log(file));
///
/// A number that is not finite is null, as JSON has none.
///
/// Throws     io_error when the stream fails.
class jsonl_log {
public:
    /// Refers to the stream.
    explicit jsonl_log(std::ostream& out) : out_(&out) {}

    void after_epoch(const run_state& s) const {
        const epoch_report& r = s.report;
        std::string line;
        const auto key = [&line](std::string_view name) {
            line += line.empty() ? "{\"" : ",\"";
            for (const char c : name) {
                if (c == '"' || c == '\\') line += '\\';
                line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
            }
            line += "\":";
        };
        const auto number = [&](std::string_view name, double value) {
            key(name);
            if (std::isfinite(value))
                detail::append_number(line, value);
            else
                line += "null";
        };
        key("epoch");
        detail::append_number(line, r.epoch);
        number("loss", r.train.total);
        for (const auto& term : r.train) number(term.name, term.value);
        number("lr", r.lr);
        number("score", r.score);
        key("best");
        line += r.best ? "true" : "false";
        number("seconds", r.seconds);
        line += "}\n";
        detail::write_line(*out_, line, r.epoch);
    }

private:
    std::ostream* out_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif
