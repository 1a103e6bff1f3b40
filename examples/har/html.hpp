// SPDX-License-Identifier: BSD-3-Clause
/// Text, numbers and tables for an HTML page that is well-formed XML too.
#ifndef HAR_HTML_HPP
#define HAR_HTML_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace har {

/// `text` for element content and attribute values: & < > " ' as entities, control characters and bytes that are not
/// UTF-8 as \xNN.
std::string escaped(std::string_view text);
/// The same of as many characters as fit `room` columns (at least 1), the last of them … when the text is longer. A
/// character takes one column, from U+3000 on two.
std::string escaped_within(std::string_view text, std::size_t room);
/// Columns of `escaped` text.
std::size_t shown_length(std::string_view text);

/// `value` with `digits` digits after the point; "–" when it is not finite. The sign of a negative number is U+2212, as in
/// all functions below.
std::string fixed(double value, int digits);
/// `value` with at most `digits` significant digits, as 0.001 or 3e−05; "–" when it is not finite.
std::string significant(double value, int digits);
/// 100 `fraction` with one digit after the point, without a per cent sign; "–" when it is not finite.
std::string percent(double fraction);
/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t value);
/// Seconds as 12.3 s, 4 min 05 s or 1 h 23 min; "–" when they are not finite.
std::string duration(double seconds);
/// "1 window", "1,234 windows".
std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural);

/// A table whose first column holds the headings of the rows. Cells and headings are HTML.
class html_table {
public:
    html_table(const std::string& caption, const std::vector<std::string>& headings);
    void row(const std::string& heading, const std::vector<std::string>& cells);
    std::string text() const;

private:
    std::string text_;
};

/// `body`, which the reader opens by a click on `summary`. Both are HTML.
std::string folded(const std::string& summary, const std::string& body);

} // namespace har

#endif
