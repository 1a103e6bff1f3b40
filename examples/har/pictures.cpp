// SPDX-License-Identifier: BSD-3-Clause
#include "pictures.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

#include "smldist/io/file.hpp"

extern char** environ;

namespace har {

using namespace smldist;

namespace {

/// A string for gnuplot's single quotes, with the marks of its enhanced text shown as they are.
std::string gnuplot_text(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '_' || c == '^' || c == '{' || c == '}' || c == '@' || c == '&') out += '\\';
        out += c == '\'' ? ' ' : c;
    }
    return out + "'";
}

/// Runs `gnuplot SCRIPT` in `folder`; its exit status, or -1 when it cannot be started.
int gnuplot(const std::string& folder, const std::string& script) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0); // warns of empty ranges
    std::string name = "gnuplot", argument = script;
    char* argv[] = {name.data(), argument.data(), nullptr};
    pid_t child = 0;
    const int failed = posix_spawnp(&child, "gnuplot", &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return -1;
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

std::string draw(const std::string& path, const std::vector<std::string>& logs,
                 const std::vector<std::pair<std::string, metric::confusion>>& matrices,
                 const std::vector<std::string>& labels) {
    const auto file = [&](const std::string& name) { return path + "/" + name; };
    const auto write = [&](const std::string& name, const std::string& text) {
        io::write_file_atomically(file(name), text);
    };
    std::string script =
        "set datafile separator ','\nset terminal svg size 900,500 font 'sans,14' background 'white'\n"
        "set output 'learning_curves.svg'\nset multiplot layout 1,2\nset xlabel 'epoch'\nset grid\n"
        "set key bottom right\n";
    const auto curves = [&](std::string_view title, std::size_t column) {
        script += "set title " + gnuplot_text(title) + "\nplot ";
        for (std::size_t i = 0; i < logs.size(); ++i)
            script += (i ? ", " : "") + std::string("'") + logs[i] +
                      ".log.csv' every ::1 using 1:" + std::to_string(column) + " with lines lw 2 title " +
                      gnuplot_text(logs[i]);
        script += "\n";
    };
    curves("training loss", 2);
    curves("validation macro-F1", 10);
    script +=
        "unset multiplot\nset terminal svg size 640,560 font 'sans,14' background 'white'\nunset key\nunset grid\n"
        "set palette defined (0 'white', 1 '#2166ac')\nset xlabel 'predicted'\nset ylabel 'label'\n"
        "set xtics rotate by -35\nset cbrange [0:1]\n";
    for (const auto& [name, counts] : matrices) {
        std::string csv, ticks;
        for (std::size_t n = 0; n < counts.classes(); ++n)
            for (std::size_t k = 0; k < counts.classes(); ++k)
                csv += std::to_string(n) + ',' + std::to_string(k) + ',' + std::to_string(counts(n, k)) + ',' +
                       std::to_string(double(counts(n, k)) / double(std::max<std::uint64_t>(1, counts.labelled(n)))) +
                       '\n';
        for (std::size_t n = 0; n < labels.size(); ++n)
            ticks += (n ? ", " : "") + gnuplot_text(labels[n]) + " " + std::to_string(n);
        write("confusion." + name + ".csv", csv);
        script += "set output 'confusion." + name + ".svg'\nset title " + gnuplot_text(name + ", test subjects") +
                  "\nset xtics (" + ticks + ")\nset ytics (" + ticks +
                  ")\nset xrange [-0.5:" + std::to_string(counts.classes()) + "-0.5]\nset yrange [" +
                  std::to_string(counts.classes()) + "-0.5:-0.5]\nplot 'confusion." + name +
                  ".csv' using 2:1:4 with image, '' using 2:1:3 with labels\n";
    }
    if (std::filesystem::exists(file("stage_bands.csv")))
        script +=
            "unset xtics\nunset ytics\nset xtics\nset ytics\nset key top right\nset autoscale\n"
            "set terminal svg size 640,420 font 'sans,14' background 'white'\nset output 'stage_bands.svg'\n"
            "set title 'weight of the bands, by stage'\nset xlabel 'Hz'\nset ylabel 'weight'\nset grid\n"
            "plot for [s=0:15] 'stage_bands.csv' every ::1 using (($3+$4)/2):($1==s ? $5 : 1/0) with linespoints "
            "lw 2 title sprintf('stage %d', s)\n";
    write("plot.gp", script);
    const int status = gnuplot(path, "plot.gp");
    if (status == 0) return "pictures: " + path + "/*.svg";
    if (status == 127 || status == -1)
        return "no pictures: gnuplot is not installed (run `gnuplot plot.gp` in " + path + ")";
    return "no pictures: gnuplot failed on " + file("plot.gp");
}

} // namespace har
