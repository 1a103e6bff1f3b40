// SPDX-License-Identifier: BSD-3-Clause
#include "curve_plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace har {

namespace {

constexpr std::size_t label_width = 7, least_width = 4; ///< of the numbers at the axis, and of a curve

/// A number in at most label_width characters.
std::string label(double value) {
    char digits[32];
    const bool plain = value == 0 || (std::abs(value) < 1000 && std::abs(value) >= 0.001);
    std::snprintf(digits, sizeof digits, plain ? "%.4f" : "%.1e", value);
    std::string text(digits);
    if (text.find('e') == text.npos) text.resize(std::min<std::size_t>(text.size(), 6));
    return std::string(label_width - std::min(label_width, text.size()), ' ') + text;
}

/// Dots, each of which is set or not.
struct raster {
    std::size_t width, height;
    std::vector<bool> dots = std::vector<bool>(width * height);
    void set(double x, double y) {
        const auto at = [](double v, std::size_t n) {
            return static_cast<std::size_t>(std::clamp(std::lround(v), 0L, static_cast<long>(n) - 1));
        };
        dots[at(y, height) * width + at(x, width)] = true;
    }
    bool operator()(std::size_t x, std::size_t y) const { return dots[y * width + x]; }
};

/// The character of 2 × 4 dots.
std::string braille(const raster& r, std::size_t column, std::size_t row) {
    static constexpr unsigned bit[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    unsigned cell = 0;
    for (std::size_t y = 0; y < 4; ++y)
        for (std::size_t x = 0; x < 2; ++x)
            if (r(2 * column + x, 4 * row + y)) cell |= bit[y][x];
    if (cell == 0) return " ";
    return {'\xe2', static_cast<char>(0xa0u + (cell >> 6)), static_cast<char>(0x80u + (cell & 0x3fu))};
}

} // namespace

std::vector<std::string> plot(const std::vector<curve_point>& points, double left, double right, std::size_t columns,
                              std::size_t rows, bool utf8) {
    std::vector<std::string> lines(rows);
    if (columns < label_width + 1 + least_width || points.empty()) return lines;
    const std::size_t width = columns - label_width - 1, across = utf8 ? 2 : 1, down = utf8 ? 4 : 1;
    double low = points[0].second, high = low;
    for (const curve_point& p : points) {
        low = std::min(low, p.second);
        high = std::max(high, p.second);
    }
    raster r{width * across, rows * down};
    const auto x_of = [&](double x) { return right > left ? (x - left) / (right - left) * double(r.width - 1) : 0; };
    const auto y_of = [&](double y) {
        return high > low ? (high - y) / (high - low) * double(r.height - 1) : double(r.height - 1) / 2;
    };
    for (std::size_t i = 0; i < points.size(); ++i) {
        const double x = x_of(points[i].first), y = y_of(points[i].second),
                     from_x = i ? x_of(points[i - 1].first) : x, from_y = i ? y_of(points[i - 1].second) : y;
        const double steps = std::max(1.0, std::ceil(std::max(std::abs(x - from_x), std::abs(y - from_y))));
        for (double k = 0; k <= steps; ++k)
            r.set(from_x + (x - from_x) * k / steps, from_y + (y - from_y) * k / steps);
    }
    for (std::size_t row = 0; row < rows; ++row) {
        std::string& line = lines[row];
        line = row == 0 ? label(high) : row + 1 == rows && high > low ? label(low) : std::string(label_width, ' ');
        line += utf8 ? "│" : "|";
        for (std::size_t column = 0; column < width; ++column)
            line += utf8 ? braille(r, column, row) : r(column, row) ? "*" : " ";
    }
    return lines;
}

std::string fitted(const std::string& text, std::size_t columns) {
    std::size_t characters = 0, end = 0;
    for (; end < text.size(); ++end)
        if ((static_cast<unsigned char>(text[end]) & 0xc0u) != 0x80u && characters++ == columns) break;
    characters = std::min(characters, columns);
    return text.substr(0, end) + std::string(columns - characters, ' ');
}

} // namespace har
