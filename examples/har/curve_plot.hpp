// SPDX-License-Identifier: BSD-3-Clause
/// Curves drawn with characters.
#ifndef HAR_CURVE_PLOT_HPP
#define HAR_CURVE_PLOT_HPP

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace har {

/// A point of a curve: x and y.
using curve_point = std::pair<double, double>;

/// Draws a curve into `rows` lines of `columns` characters, the axis of y on the left with the highest and the lowest value.
/// x runs from `left` to `right`. With utf8 the curve is of braille dots, 2 × 4 a character, otherwise of asterisks.
///
/// Lines are empty, and so of no characters, where there is no room for the axis and a curve.
std::vector<std::string> plot(const std::vector<curve_point>& points, double left, double right, std::size_t columns,
                              std::size_t rows, bool utf8);

/// At most `columns` characters of UTF-8 text; shorter text gets blanks at its end.
std::string fitted(const std::string& text, std::size_t columns);

} // namespace har

#endif
