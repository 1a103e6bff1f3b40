// SPDX-License-Identifier: BSD-3-Clause
#include "pictures.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "gnuplot.hpp"
#include "smldist/io/file.hpp"
#include "text.hpp"

namespace har {

using namespace smldist;

namespace {

/// A string between gnuplot's single quotes.
std::string literal(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return out + "'";
}

/// The label of a tick, where % begins a format.
std::string tick(const std::string& text) {
    std::string out;
    for (const char c : shortened(text, 24)) out += c == '%' ? "%%" : std::string(1, c);
    return literal(out);
}

/// The numbers of one column of a CSV file with a header, from 0.
std::vector<double> column(const std::string& file, std::size_t number) {
    std::ifstream in(file);
    std::vector<double> values;
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::size_t at = 0;
        for (std::size_t c = 0; c < number && at != line.npos; ++c) at = line.find(',', at) + 1;
        values.push_back(std::strtod(line.c_str() + at, nullptr));
    }
    return values;
}

/// A picture of that size in pixels follows. Marks like _ and ^ are shown as they are.
std::string canvas(const std::string& file, std::size_t width, std::size_t height) {
    return "reset\nset encoding utf8\nset datafile separator ','\nset terminal svg size " + std::to_string(width) +
           "," + std::to_string(height) + " noenhanced font 'sans,14' background 'white'\nset output " +
           literal(file) + "\n";
}

/// Ticks of the epochs at whole numbers, and room for a log of one epoch.
std::string epoch_axis(std::size_t epochs) {
    const std::size_t room = std::max<std::size_t>(1, epochs / 6);
    std::size_t step = 1;
    for (const std::size_t s : {1u, 2u, 5u, 10u, 20u, 25u, 50u, 100u, 200u, 250u, 500u, 1000u})
        if (s <= room) step = s;
    if (room > 1000) step = room;
    return epochs > 1 ? "set xrange [1:" + std::to_string(epochs) + "]\nset xtics " + std::to_string(step) + "," +
                            std::to_string(step) + "\n"
                      : "set xrange [0:2]\nset xtics 0,1\n";
}

/// The numbers of a curve as gnuplot reads them under the name `block`: epoch, loss, macro-F1.
std::string numbers_of(const report_curve& curve, const std::string& block) {
    std::string text = block + " << END\n";
    const auto append = [&text](auto value, char after) {
        char digits[32];
        text.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr) += after;
    };
    for (std::size_t e = 0; e < curve.epochs.size(); ++e) {
        append(e + 1, ',');
        append(curve.epochs[e].loss, ',');
        append(curve.epochs[e].macro_f1, '\n');
    }
    return text + "END\n";
}

std::string learning_curves(const std::vector<report_curve>& curves) {
    const std::size_t panels = curves.size() + 1, columns = panels == 2 || panels == 4 ? 2 : 3,
                      rows = (panels + columns - 1) / columns;
    std::string script;
    for (std::size_t i = 0; i < curves.size(); ++i) script += numbers_of(curves[i], "$curve" + std::to_string(i));
    script += canvas("learning_curves.svg", 480 * columns, 320 * rows);
    script += "set multiplot layout " + std::to_string(rows) + "," + std::to_string(columns) +
              "\nset grid lc rgb '#d0d0d0' lt 1\nset border 3\nset tics nomirror\nset xlabel 'epoch'\n"
              "set lmargin 9\nset rmargin 3\nset yrange [0:*]\n";
    std::size_t longest = 0;
    double lowest = 1;
    std::string together;
    for (std::size_t i = 0; i < curves.size(); ++i) {
        const auto& [name, run, epochs, best] = curves[i];
        const std::string block = "$curve" + std::to_string(i),
                          color = " lw 2 pt 7 ps 0.5 lc " + std::to_string(i + 1);
        for (const report_epoch& e : epochs) lowest = std::min(lowest, e.macro_f1);
        longest = std::max(longest, epochs.size());
        script += epoch_axis(epochs.size()) + "unset key\nset title " + literal(name + ": training loss") +
                  "\nplot " + block + " using 1:2 with linespoints" + color + "\n";
        together += (i ? ", " : "") + block + " using 1:3 with linespoints" + color + " title " + literal(name);
    }
    // The axis begins at the tenth below the lowest score.
    return script + epoch_axis(longest) + "set title 'validation macro-F1'\nset yrange [" +
           std::to_string(std::clamp((std::ceil(10 * lowest) - 1) / 10, 0.0, 0.9)) +
           ":1]\nunset rmargin\nset key inside right bottom Left reverse samplen 1 opaque\nplot " + together +
           "\nunset multiplot\n";
}

/// Cells of a fixed size in pixels, and margins as the names need them.
std::string confusion_matrix(const std::string& name, const metric::confusion& counts,
                             const std::vector<std::string>& labels) {
    const std::size_t N = counts.classes(), cell = N <= 8 ? 56 : 40;
    std::size_t longest = 1;
    std::string ticks;
    for (std::size_t n = 0; n < N; ++n) {
        const std::string label = n < labels.size() ? labels[n] : std::to_string(n);
        longest = std::max(longest, std::min<std::size_t>(24, characters(label)));
        ticks += (n ? ", " : "") + tick(label) + " " + std::to_string(n);
    }
    const std::size_t names = 9 * longest, left = names + 50, right = 40, top = 66, bottom = names * 3 / 4 + 44;
    // The title needs room too, where there are few classes.
    const std::size_t side = N * cell, width = std::max<std::size_t>(left + side + right, 380),
                      height = top + side + bottom;
    const auto share = [](std::size_t part, std::size_t whole) {
        return " screen " + std::to_string(double(part) / double(whole));
    };
    std::string script = canvas("confusion." + name + ".svg", width, height);
    int labelled = 0;
    const auto label = [&](const std::string& text, std::size_t x, std::size_t y, const char* how) {
        script += "set label " + std::to_string(++labelled) + " " + literal(text) + " at" + share(x, width) + "," +
                  share(y, height) + " center " + how + "\n";
    };
    label(name + ": windows of the test subjects", width / 2, height - 20, "");
    label("shade: share of the windows with this label", width / 2, height - 42, "font 'sans,12' tc rgb '#606060'");
    label("label", 16, bottom + side / 2, "rotate");
    label("predicted", left + side / 2, 16, "");
    for (const auto& [margin, at] : {std::pair("lmargin", share(left, width)),
                                     {"rmargin", share(left + side, width)},
                                     {"bmargin", share(bottom, height)},
                                     {"tmargin", share(bottom + side, height)}})
        script += "set " + std::string(margin) + " at" + at + "\n";
    const std::string end = std::to_string(double(N) - 0.5), file = literal("confusion." + name + ".csv");
    script += "unset key\nunset colorbox\nset palette defined (0 '#f7fbff', 0.5 '#6baed6', 1 '#08306b')\n"
              "set cbrange [0:1]\nset border 0\nset tics scale 0\nset xtics rotate by 45 right (" +
              ticks + ")\nset ytics (" + ticks + ")\nset xrange [-0.5:" + end + "]\nset yrange [" + end +
              ":-0.5]\nset style fill solid 1 border lc rgb 'white'\n";
    return script + "plot " + file +
           " every ::1 using 2:1:($2-0.5):($2+0.5):($1-0.5):($1+0.5):4 with boxxyerror lc palette, " + file +
           " every ::1 using 2:1:3:($4 > 0.45 ? 0xffffff : $3 > 0 ? 0x202020 : 0xb0b0b0) with labels font 'sans," +
           (N <= 8 ? "14" : "11") + "' tc rgb variable\n";
}

std::string stage_bands(const std::vector<double>& stages) {
    std::string plots;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        if (i > 0 && stages[i] == stages[i - 1]) continue;
        const std::string s = std::to_string(static_cast<int>(stages[i]));
        plots +=
            (plots.empty() ? "" : ", ") + ("'stage_bands.csv' every ::1 using (($3+$4)/2):($1==" + s +
                                           " ? $5 : NaN) with linespoints lw 2 pt 7 ps 0.5 title 'stage " + s + "'");
    }
    return canvas("stage_bands.svg", 640, 420) +
           "set title 'weight of the frequency bands in the stage loss'\nset xlabel 'Hz'\nset ylabel 'weight'\n"
           "set grid lc rgb '#d0d0d0' lt 1\nset border 3\nset tics nomirror\nset yrange [0:*]\nset key "
           "outside\nplot " +
           plots + "\n";
}

} // namespace

std::string draw(const std::string& path, const std::vector<report_curve>& curves,
                 const std::vector<std::pair<std::string, metric::confusion>>& matrices,
                 const std::vector<std::string>& labels) {
    std::string script = "# gnuplot plot.gp\n";
    std::vector<std::string> pictures;
    if (!curves.empty()) {
        script += learning_curves(curves);
        pictures.push_back("learning_curves.svg");
    }
    for (const auto& [name, counts] : matrices) {
        std::string csv = "label,predicted,windows,share\n";
        for (std::size_t n = 0; n < counts.classes(); ++n)
            for (std::size_t k = 0; k < counts.classes(); ++k)
                csv += std::to_string(n) + ',' + std::to_string(k) + ',' + std::to_string(counts(n, k)) + ',' +
                       std::to_string(double(counts(n, k)) / double(std::max<std::uint64_t>(1, counts.labelled(n)))) +
                       '\n';
        io::write_file_atomically(path + "/confusion." + name + ".csv", csv);
        script += confusion_matrix(name, counts, labels);
        pictures.push_back("confusion." + name + ".svg");
    }
    if (const auto stages = column(path + "/stage_bands.csv", 0); !stages.empty()) {
        script += stage_bands(stages);
        pictures.push_back("stage_bands.svg");
    }
    io::write_file_atomically(path + "/plot.gp", script);
    std::error_code none;
    for (const auto& picture : pictures) std::filesystem::remove(path + "/" + picture, none);
    const outcome drawn = gnuplot(path, "plot.gp");
    if (drawn.status == 127 || drawn.status == -1)
        return "no pictures: gnuplot is not installed (run `gnuplot plot.gp` in " + path + ")";
    if (drawn.status != 0) return "pictures are missing: gnuplot failed on " + path + "/plot.gp: " + drawn.message;
    for (const auto& picture : pictures)
        if (std::filesystem::file_size(path + "/" + picture, none) == 0 || none)
            return "pictures are missing: gnuplot did not draw " + path + "/" + picture;
    return "pictures: " + path + "/*.svg";
}

} // namespace har
