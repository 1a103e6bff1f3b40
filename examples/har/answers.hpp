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

/// What is said of windows, as lines of a CSV or as JSON objects.
class answers {
public:
    explicit answers(const std::vector<std::string>& labels);
    std::string header() const;
    std::string line(std::size_t first, std::size_t label, std::span<const float> probabilities) const;
    smldist::io::json object(std::size_t first, std::size_t label, std::span<const float> probabilities) const;

private:
    const std::vector<std::string>& labels_;
    std::vector<std::string> fields_;
};

/// Says which columns of the CSV the model does not read.
void tell_ignored(const smldist::data::csv_reader& in, bool quiet);

/// Throws the data_error for a window (L, C) of finite values, read from line `line` on, whose answer is not finite.
[[noreturn]] void refuse(const std::string& where, std::size_t line, std::uint64_t first,
                         std::span<const float> window, const std::vector<std::string>& channels);

} // namespace har

#endif
