// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/har/pictures.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "program.hpp"

namespace {

using namespace har_tests;
using smldist::metric::confusion;
using matrices = std::vector<std::pair<std::string, confusion>>;

bool gnuplot_is_installed() {
    if (std::system("command -v gnuplot >/dev/null") == 0) return true;
    MESSAGE("gnuplot is not installed: nothing is drawn here");
    return false;
}

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++n;
    return n;
}

/// The picture with those words, each as often as said. A picture that lacks one is no picture.
std::string check_picture(const std::filesystem::path& file,
                          const std::vector<std::pair<std::string, std::size_t>>& words) {
    CAPTURE(file.string());
    const std::string svg = contents(file);
    CHECK(has(svg, "<svg"));
    CHECK(has(svg, "</svg>"));
    for (const auto& expected : words)
        CHECK_MESSAGE(times(svg, "<text>" + expected.first + "</text>") == expected.second, expected.first);
    return svg;
}

/// A training whose loss falls and whose macro-F1 rises.
std::vector<har::report_curve> curve(const std::string& name, std::size_t epochs) {
    har::report_curve c;
    c.name = name;
    for (std::size_t e = 1; e <= epochs; ++e) c.epochs.push_back({3.0 / double(e), 1 - 0.5 / double(e), 0.1});
    return {c};
}

/// 90 windows of each class are right, 10 are taken for the next.
confusion nearly_right(std::size_t classes) {
    confusion c(classes);
    for (std::size_t n = 0; n < classes; ++n)
        for (int k = 0; k < 100; ++k) c.add(static_cast<int>(n), static_cast<int>(k < 90 ? n : (n + 1) % classes));
    return c;
}

/// Puts a program named gnuplot before all others for the time of its life.
struct other_gnuplot {
    std::string path = std::getenv("PATH");
    other_gnuplot(const folder& at, const std::string& script) {
        write(at.path / "bin/gnuplot", "#!/bin/sh\n" + script + "\n");
        std::filesystem::permissions(at.path / "bin/gnuplot", std::filesystem::perms::owner_all);
        setenv("PATH", ((at.path / "bin").string() + ":" + path).c_str(), 1);
    }
    ~other_gnuplot() { setenv("PATH", path.c_str(), 1); }
};

} // namespace

TEST_CASE("pictures: distill with the default stage loss draws each picture and says so") {
    if (!gnuplot_is_installed()) return;
    const folder at;
    const auto run = har_tests::run(at, "distill --baseline --preset har_nano --teacher-preset har_nano --epochs 2 "
                                        "--teacher-epochs 1 --out run");
    REQUIRE_MESSAGE(run.code == 0, run.err);
    CHECK_MESSAGE(has(run.err, "\npictures: run/*.svg\n"), run.err);
    check_picture(at.path / "run/learning_curves.svg", {{"teacher: training loss", 1},
                                                        {"student_alone: training loss", 1},
                                                        {"student: training loss", 1},
                                                        {"validation macro-F1", 1},
                                                        {"epoch", 4},
                                                        {"student_alone", 1}});
    for (const std::string name : {"teacher", "student_alone", "student"})
        check_picture(at.path / "run" / ("confusion." + name + ".svg"),
                      {{name + ": windows of the test subjects", 1}, {"walking", 2}, {"stairs down", 2}});
    // The plain stage loss has no bands.
    CHECK_FALSE(std::filesystem::exists(at.path / "run/stage_bands.csv"));
    CHECK_FALSE(std::filesystem::exists(at.path / "run/stage_bands.svg"));
}

TEST_CASE("pictures: the bands of a frequency-aware stage loss are drawn") {
    if (!gnuplot_is_installed()) return;
    const folder at;
    const auto run = har_tests::run(at, "distill --preset har_nano --teacher-preset har_nano --epochs 1 "
                                        "--teacher-epochs 1 --alpha 1 --out run");
    REQUIRE_MESSAGE(run.code == 0, run.err);
    CHECK_MESSAGE(has(run.err, "\npictures: run/*.svg\n"), run.err);
    const std::string svg =
        check_picture(at.path / "run/stage_bands.svg", {{"Hz", 1}, {"weight", 1}, {"stage 0", 1}});
    CHECK_FALSE(has(svg, "stage 15"));
}

TEST_CASE("pictures: cells are crisp and counts are white on dark cells and names are unchanged") {
    if (!gnuplot_is_installed()) return;
    const folder at;
    std::vector<std::string> labels;
    for (int n = 0; n < 16; ++n) labels.push_back("stairs_" + std::to_string(n));
    labels.insert(labels.end(), {"100% {up} & <down>^2", "it's Tür", "walking around in a building with stairs"});
    CHECK(har::draw(at.path.string(), curve("model", 30), {{"model", nearly_right(19)}}, labels) ==
          "pictures: " + at.path.string() + "/*.svg");
    const std::string svg = check_picture(at.path / "confusion.model.svg", {{"90", 19},
                                                                            {"10", 19},
                                                                            {"0", 19 * 17},
                                                                            {"stairs_15", 2},
                                                                            {"100% {up} &amp; &lt;down>^2", 2},
                                                                            {"it's Tür", 2},
                                                                            {"walking around in a bui…", 2}});
    CHECK_FALSE(has(svg, "<image")); // viewers smooth it
    CHECK(times(svg, "<polygon") == 19 * 19);
    // gnuplot states a text's color before the text.
    for (std::size_t at_count = svg.find("<text>90<"); at_count != svg.npos;
         at_count = svg.find("<text>90<", at_count + 1)) {
        const std::size_t fill = svg.rfind("<g transform", at_count);
        CHECK(has(svg.substr(fill, at_count - fill), "fill=\"rgb(255,255,255)\""));
    }
}

TEST_CASE("pictures: one class and one epoch are drawn") {
    if (!gnuplot_is_installed()) return;
    const folder at;
    CHECK(has(har::draw(at.path.string(), curve("model", 1), {{"model", nearly_right(1)}}, {"only"}), "pictures: "));
    check_picture(at.path / "confusion.model.svg", {{"only", 2}, {"100", 1}});
    check_picture(at.path / "learning_curves.svg", {{"model: training loss", 1}, {"epoch", 2}});
}

TEST_CASE("pictures: a table of bands without rows gives no picture and no error") {
    if (!gnuplot_is_installed()) return;
    const folder at;
    write(at.path / "stage_bands.csv", "stage,rate_hz,low_hz,high_hz,weight\n");
    CHECK(har::draw(at.path.string(), curve("model", 2), {}, {}) == "pictures: " + at.path.string() + "/*.svg");
    CHECK_FALSE(std::filesystem::exists(at.path / "stage_bands.svg"));
}

TEST_CASE("pictures: a gnuplot that fails or draws nothing is reported and older pictures are removed") {
    const folder at;
    const auto drawn = [&](const std::string& script) {
        write(at.path / "learning_curves.svg", "<svg>older</svg>");
        const other_gnuplot instead(at, script);
        const std::string line = har::draw(at.path.string(), curve("model", 2), {}, {});
        CHECK_FALSE(std::filesystem::exists(at.path / "learning_curves.svg"));
        return line;
    };
    CHECK(drawn("echo 'plot.gp line 3: unknown terminal' >&2; exit 1") ==
          "pictures are missing: gnuplot failed on " + at.path.string() +
              "/plot.gp: plot.gp line 3: unknown terminal");
    CHECK(drawn("exit 0") ==
          "pictures are missing: gnuplot did not draw " + at.path.string() + "/learning_curves.svg");
    CHECK(has(drawn("exit 127"), "no pictures: gnuplot is not installed"));
}
