// SPDX-License-Identifier: BSD-3-Clause
/// What predict prints. One rule for what cannot be answered: it is a data_error, and no answer is printed for it.
#ifndef HAR_ANSWERS_HPP
#define HAR_ANSWERS_HPP

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/data/csv_reader.hpp"
#include "smldist/io/json.hpp"
#include "window_answers.hpp"

namespace har {

/// Standard output in writes of whole lines, together at most a pipe's atomic write: a program that is ended leaves no
/// broken line.
class output {
public:
    /// A line with its end, or a piece of a long one.
    void add(std::string_view text);
    /// Throws io_error.
    void flush();

private:
    static constexpr std::size_t page = 4096;
    std::string text_;
};

/// A text as a field of a CSV: control characters made visible, quoted by RFC 4180 where it must be.
std::string csv_field(std::string_view text);

/// What is said of windows, as lines of a CSV or as JSON objects.
class answers {
public:
    explicit answers(const std::vector<std::string>& labels);
    std::string header() const;
    std::string line(std::size_t first, std::size_t label, std::span<const float> probabilities) const;
    smldist::io::json object(std::size_t first, std::size_t label, std::span<const float> probabilities) const;

    /// The same with a text for the first column, and what precedes it: the name of a recording.
    std::string header(const std::string& first) const;
    std::string line(const std::string& first, std::size_t label, std::span<const float> probabilities) const;
    /// A segment from one place to another.
    std::string line(const segment& s, const std::string& begin, const std::string& end) const;
    smldist::io::json object(const segment& s, smldist::io::json begin, smldist::io::json end) const;

private:
    const std::vector<std::string>& labels_;
    std::vector<std::string> fields_;
};

/// Says which columns of the CSV the model does not read.
void tell_ignored(const smldist::data::csv_reader& in, bool quiet);

/// Throws the data_error for a window (L, C) of finite values, read from line `line` on, whose answer is not finite.
[[noreturn]] void refuse(const std::string& where, std::size_t line, std::uint64_t first,
                         std::span<const float> window, const std::vector<std::string>& channels);

/// The same for a window at a place that is known by its time.
[[noreturn]] void refuse(const std::string& where, std::span<const float> window,
                         const std::vector<std::string>& channels);

} // namespace har

#endif
