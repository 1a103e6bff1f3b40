// SPDX-License-Identifier: BSD-3-Clause
#include "grid.hpp"

#include <algorithm>
#include <array>

#include "own_recordings.hpp"
#include "signals.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

/// Options that change no result.
constexpr std::array<std::string_view, 6> about_the_process{"out",  "shard", "keep-models",
                                                            "json", "quiet", "threads"};
/// Options that say how often each setting runs.
constexpr std::array<std::string_view, 3> repetitions{"folds", "seeds", "seed"};

template <class Names> bool lists(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

struct grid_axis {
    const setting* option;
    std::size_t line;
    std::vector<std::string> values; ///< as on the command line
};

/// Sets an option to a value of the grid.
void assign(const std::string& file, const grid_axis& a, const std::string& value) {
    try {
        a.option->assign({value});
    } catch (const usage_error& error) { raise<usage_error>(file + ":" + std::to_string(a.line), error.what()); }
}

/// The axis that an entry of [grid] is, each of its values tried.
grid_axis axis_of(const std::string& file, const config_entry& entry, const std::vector<setting>& settings) {
    const std::string where = file + ":" + std::to_string(entry.line);
    const auto at =
        std::find_if(settings.begin(), settings.end(), [&](const setting& s) { return s.name == entry.name; });
    if (at == settings.end())
        raise<usage_error>(where, "axis is ", io::quote(entry.name),
                           ", expected one of the options of `har sweep --help`");
    if (lists(about_the_process, entry.name) || lists(repetitions, entry.name) || at->values > 1)
        raise<usage_error>(where, "axis is ", io::quote(entry.name),
                           ", which cannot be one, expected an option with one "
                           "value that changes the result of a run");
    if (!entry.list || entry.values.empty())
        raise<usage_error>(where, "axis ", entry.name, entry.list ? " is []" : " is no list",
                           ", expected a list of at least one value");
    grid_axis a{&*at, entry.line, {}};
    for (const config_value& v : entry.values) {
        if (v.kind != at->kind)
            raise<usage_error>(where, "value of ", entry.name, " is ", v.text, ", expected another kind: ",
                               at->kind == value_kind::flag     ? "true or false"
                               : at->kind == value_kind::number ? "a number"
                                                                : "a string");
        assign(file, a, v.text);
        a.values.push_back(v.kind == value_kind::number ? at->now().at(0) : v.text);
        if (std::count(a.values.begin(), a.values.end(), a.values.back()) > 1)
            raise<usage_error>(where, "value ", io::quote(a.values.back()), " of ", entry.name,
                               " is listed twice, expected once");
    }
    return a;
}

/// The options and the axes as a file of their own.
std::string text_of(const std::vector<setting>& settings, const std::vector<grid_axis>& axes) {
    std::vector<setting> kept;
    for (const setting& s : settings) {
        const bool is_axis =
            std::any_of(axes.begin(), axes.end(), [&](const grid_axis& a) { return a.option == &s; });
        if (!is_axis && !lists(about_the_process, s.name)) kept.push_back(s);
    }
    std::string text = to_config("sweep", kept);
    if (!axes.empty()) text += "[grid]\n";
    for (const grid_axis& a : axes) {
        config_entry entry{a.option->name, 0, true, {}};
        for (const std::string& value : a.values) entry.values.push_back({a.option->kind, value});
        text += config_line(entry);
    }
    return text;
}

} // namespace

grid read_grid(const std::string& file, options& values, const std::vector<setting>& settings) {
    config_section shared{"sweep", 0, {}}, of_axes{"grid", 0, {}};
    {
        const interruptible now; // the file may be a pipe that nobody writes to
        for (config_section& section : read_config(file, "sweep")) {
            if (section.name != "sweep" && section.name != "grid")
                raise<usage_error>(file + ":" + std::to_string(section.line), "section is ", io::quote(section.name),
                                   ", expected sweep or grid");
            (section.name == "grid" ? of_axes : shared) = std::move(section);
        }
    }
    for (const config_entry& e : of_axes.entries)
        for (const config_entry& other : shared.entries)
            if (e.name == other.name)
                raise<usage_error>(file + ":" + std::to_string(e.line), "axis ", e.name, " stands in line ",
                                   other.line, " too, expected one of the two");
    const options given = values; // of the command line
    std::vector<grid_axis> axes;
    std::size_t count = 1;
    for (const config_entry& e : of_axes.entries) {
        grid_axis a = axis_of(file, e, settings);
        if (a.option->given()) continue;
        if (count > most_settings / a.values.size())
            raise<usage_error>(file + ":" + std::to_string(e.line), "number of settings is more than ", most_settings,
                               ", expected at most so many");
        count *= a.values.size();
        axes.push_back(std::move(a));
    }
    values = given; // not what the axes tried

    grid g;
    apply(file, shared, settings, "sweep");
    const options common = values;
    g.text = text_of(settings, axes);
    for (std::size_t k = 0; k < count; ++k) {
        grid_setting one;
        const auto set = [&] {
            apply(file, shared, settings, "sweep");
            one.axes.clear();
            std::size_t left = count, place = k;
            for (const grid_axis& a : axes) {
                left /= a.values.size();
                const std::string& value = a.values[place / left];
                place %= left;
                assign(file, a, value);
                one.axes.emplace_back(a.option->name, printable(value)); // JSON holds text
            }
        };
        values = given;
        set();
        if (!own_path(values.data).empty()) { // the file beside the data comes before all of this
            apply_toml_beside(values.data, settings);
            set();
        }
        for (const auto& [name, value] : one.axes) one.name += (one.name.empty() ? "" : " ") + name + "=" + value;
        if (one.name.empty()) one.name = "all";
        one.values = values;
        g.settings.push_back(std::move(one));
    }
    values = common;
    return g;
}

} // namespace har
