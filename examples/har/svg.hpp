// SPDX-License-Identifier: BSD-3-Clause
/// Inline SVG pictures. Their colors are classes of the page's style sheet, so that they follow light and dark.
#ifndef HAR_SVG_HPP
#define HAR_SVG_HPP

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace har {

/// Colors of the style sheet: classes c0 … c7. A further one repeats them.
inline constexpr std::size_t svg_colors = 8;
/// "c3" for 3 and for 11.
std::string color_class(std::size_t number);

inline constexpr double character_width = 6.6; ///< pixels, on average

/// Maps values linearly to pixels.
struct axis {
    double low, high;   ///< values
    double first, last; ///< pixels of low and high
    double operator()(double value) const { return first + (value - low) / (high - low) * (last - first); }
};

/// Round numbers at equal distances, about `about` of them, at least two: the first is at most low, the last at least
/// high. [0, 1] takes the place of a range that is not finite; an empty one is widened by half of its value.
std::vector<double> ticks(double low, double high, std::size_t about);
/// The ticks as text, with as many digits after the point as their distance needs.
std::vector<std::string> tick_labels(const std::vector<double>& at);

/// Points of a line as a path. A point that is not finite interrupts it.
std::string path_of(const std::vector<std::pair<double, double>>& points);
/// The path of a rectangle between two corners.
std::string box(double x1, double y1, double x2, double y2);
/// The path of a mark around (x, y): circle, square, triangle, diamond, … by `number`.
std::string mark(std::size_t number, double x, double y, double radius = 4);

/// One picture. All texts are HTML.
class picture {
public:
    /// `title` and `description` are what a screen reader says.
    picture(double width, double height, const std::string& title, const std::string& description);

    /// Classes of text: "" (start), "mid", "end", and "soft", "on" (on a color), "small", "b" for the look.
    void text(double x, double y, const std::string& text, std::string_view classes = "", double rotate = 0);
    void rect(double x, double y, double width, double height, std::string_view classes);
    void line(double x1, double y1, double x2, double y2, std::string_view classes);
    void path(const std::string& d, std::string_view classes, double opacity = 1);
    /// Grid lines and numbers of the horizontal axis below `bottom`, with its name.
    void x_axis(const axis& x, const std::vector<double>& at, double top, double bottom, const std::string& name);
    /// Grid lines and numbers of the vertical axis left of `left`.
    void y_axis(const axis& y, const std::vector<double>& at, double left, double right);

    std::string text() const;

private:
    std::string text_;
};

/// A picture with a caption.
std::string figure(const picture& p, const std::string& caption);

} // namespace har

#endif
