// SPDX-License-Identifier: BSD-3-Clause
#include "svg.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "html.hpp"

namespace har {

namespace {

constexpr double smallest = 0.65; // a picture shrinks to this share of its width, then it scrolls

/// A coordinate: at most one digit after the point, and a plain minus sign.
std::string coordinate(double value) {
    std::string out = fixed(value, 1);
    if (out.ends_with(".0")) out.resize(out.size() - 2);
    if (out.starts_with("−")) out.replace(0, std::string_view("−").size(), "-");
    return out;
}

std::string attribute(std::string_view name, double value) {
    std::string out(1, ' ');
    return out.append(name).append("=\"").append(coordinate(value)).append("\"");
}

/// A command of a path with its numbers: "M1 2.5", "a4 4 0 1 0 8 0".
std::string command(char letter, std::initializer_list<double> numbers) {
    std::string out(1, letter);
    for (const double number : numbers) out.append(out.size() > 1 ? " " : "").append(coordinate(number));
    return out;
}

std::string class_attribute(std::string_view classes) {
    return classes.empty() ? "" : " class=\"" + std::string(classes) + "\"";
}

std::string fill_opacity(double opacity) { return opacity < 1 ? " fill-opacity=\"" + fixed(opacity, 2) + "\"" : ""; }

} // namespace

std::string color_class(std::size_t number) { return std::string("c").append(std::to_string(number % svg_colors)); }

std::vector<double> ticks(double low, double high, std::size_t about) {
    const double largest = std::max(std::abs(low), std::abs(high));
    if (!(largest < 1e300) || !(low <= high)) {
        low = 0;
        high = 1;
    } else if (high - low <= 1e-12 * largest) {
        const double half = largest > 0 ? largest / 2 : 0.5;
        low -= half;
        high += half;
    }
    const double rough = (high - low) / double(std::max<std::size_t>(about, 2) - 1);
    const double power = std::pow(10, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double factor : {5.0, 2.0, 1.0})
        if (factor * power >= rough * (1 - 1e-9)) step = factor * power;
    const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
    std::vector<double> at;
    for (double k = first; k <= last; ++k) at.push_back(k * step);
    return at;
}

std::vector<std::string> tick_labels(const std::vector<double>& at) {
    const double step = at.size() < 2 ? 1 : at[1] - at[0];
    const double largest = at.empty() ? 0 : std::max(std::abs(at.front()), std::abs(at.back()));
    const int digits = static_cast<int>(std::clamp(std::ceil(-std::log10(step) - 1e-9), 0.0, 9.0));
    std::vector<std::string> labels;
    for (const double value : at)
        labels.push_back(largest >= 1e6 || digits > 4 ? significant(std::abs(value) < step / 2 ? 0 : value, 3)
                                                      : fixed(value, digits));
    return labels;
}

std::string path_of(const std::vector<std::pair<double, double>>& points) {
    std::string d;
    bool drawing = false;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto& [x, y] = points[i];
        if (!std::isfinite(x) || !std::isfinite(y)) {
            drawing = false;
            continue;
        }
        d += command(drawing ? 'L' : 'M', {x, y});
        if (!drawing && (i + 1 == points.size() || !std::isfinite(points[i + 1].second))) d += "h.1"; // a dot
        drawing = true;
    }
    return d;
}

std::string box(double x1, double y1, double x2, double y2) {
    return command('M', {x1, y1}) + command('H', {x2}) + command('V', {y2}) + command('H', {x1}) + "z";
}

std::string mark(std::size_t number, double x, double y, double r) {
    const auto polygon = [&](std::initializer_list<std::pair<double, double>> corners) {
        std::vector<std::pair<double, double>> points;
        for (const auto& [dx, dy] : corners) points.emplace_back(x + dx * r, y + dy * r);
        return path_of(points) + "z";
    };
    switch (number % 6) {
    case 0:
        return command('M', {x - r, y}) + command('a', {r, r, 0, 1, 0, 2 * r, 0}) +
               command('a', {r, r, 0, 1, 0, -2 * r, 0}) + "z";
    case 1:
        return polygon({{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}});
    case 2:
        return polygon({{0, -1.1}, {1.1, 0.9}, {-1.1, 0.9}});
    case 3:
        return polygon({{0, -1.3}, {1.1, 0}, {0, 1.3}, {-1.1, 0}});
    case 4:
        return polygon({{0, 1.1}, {1.1, -0.9}, {-1.1, -0.9}});
    default:
        return polygon({{-.35, -1.1},
                        {.35, -1.1},
                        {.35, -.35},
                        {1.1, -.35},
                        {1.1, .35},
                        {.35, .35},
                        {.35, 1.1},
                        {-.35, 1.1},
                        {-.35, .35},
                        {-1.1, .35},
                        {-1.1, -.35},
                        {-.35, -.35}});
    }
}

picture::picture(double width, double height, const std::string& title, const std::string& description)
    : text_("<svg role=\"img\" viewBox=\"0 0 " + coordinate(width) + " " + coordinate(height) + "\"" +
            attribute("width", width) + attribute("height", height) + " style=\"min-width:" +
            coordinate(smallest * width) + "px\">\n<title>" + title + "</title><desc>" + description + "</desc>\n") {}

void picture::text(double x, double y, const std::string& text, std::string_view classes, double rotate) {
    text_ += "<text" + attribute("x", x) + attribute("y", y) + class_attribute(classes);
    if (rotate != 0)
        text_ += " transform=\"rotate(" + coordinate(rotate) + " " + coordinate(x) + " " + coordinate(y) + ")\"";
    text_ += ">" + text + "</text>\n";
}

void picture::rect(double x, double y, double width, double height, std::string_view classes) {
    text_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", std::max(width, 0.0)) +
             attribute("height", std::max(height, 0.0)) + class_attribute(classes) + "/>\n";
}

void picture::line(double x1, double y1, double x2, double y2, std::string_view classes) {
    path(command('M', {x1, y1}) + command('L', {x2, y2}), classes);
}

void picture::path(const std::string& d, std::string_view classes, double opacity) {
    if (d.empty()) return;
    text_ += "<path" + class_attribute(classes) + fill_opacity(opacity) + " d=\"" + d + "\"/>\n";
}

void picture::x_axis(const axis& x, const std::vector<double>& at, double top, double bottom,
                     const std::string& name) {
    const std::vector<std::string> labels = tick_labels(at);
    for (std::size_t i = 0; i < at.size(); ++i) {
        line(x(at[i]), top, x(at[i]), bottom, "grid");
        text(x(at[i]), bottom + 15, labels[i], "mid soft");
    }
    text((x.first + x.last) / 2, bottom + 32, name, "mid soft");
}

void picture::y_axis(const axis& y, const std::vector<double>& at, double left, double right) {
    const std::vector<std::string> labels = tick_labels(at);
    for (std::size_t i = 0; i < at.size(); ++i) {
        line(left, y(at[i]), right, y(at[i]), "grid");
        text(left - 6, y(at[i]) + 4, labels[i], "end soft");
    }
}

std::string picture::text() const { return text_ + "</svg>\n"; }

std::string figure(const picture& p, const std::string& caption) {
    return "<figure><div class=\"scroll\">" + p.text() + "</div><figcaption>" + caption + "</figcaption></figure>\n";
}

} // namespace har
