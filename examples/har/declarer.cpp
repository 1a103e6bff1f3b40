// SPDX-License-Identifier: BSD-3-Clause
#include "declarer.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "smldist/core/error.hpp"
#include "smldist/io/json_scanner.hpp"

namespace har {

using namespace smldist;

namespace {

constexpr std::size_t name_width = 30, text_width = 70; ///< columns of --help

/// "a, b or c"
std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t k = 0; k < words.size(); ++k)
        out += (k == 0 ? "" : k + 1 == words.size() ? " or " : ", ") + words[k];
    return out;
}

template <class T> setting number(const std::string& name, T& value, const bounds& b) {
    return {name,
            value_kind::number,
            false,
            1,
            [=, &value](const auto& words) { value = static_cast<T>(read_real(name, words.at(0), b)); },
            [&value] { return std::vector{text(double(value))}; },
            {}};
}

} // namespace

std::string wrapped(const std::string& text) {
    std::string out;
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        if (column > 0 && column + 1 + end - at > text_width) {
            out += '\n';
            column = 0;
        } else if (column > 0) {
            out += ' ';
            ++column;
        }
        out += text.substr(at, end - at);
        column += end - at;
        at = end + 1;
    }
    return out;
}

void set_columns(CLI::App& app) { app.get_formatter()->column_width(name_width); }

declarer::declarer(CLI::App& app, std::vector<setting>& settings) : app_(app), settings_(settings) {
    app_.set_help_flag(); // comes last again, see end()
}

void declarer::flag(const std::string& name, bool& value, const std::string& description) {
    auto* option = app_.add_flag("--" + name, value, wrapped(description))->group(group_);
    settings_.push_back({name, value_kind::flag, false, 1,
                         [&value](const auto& words) { value = words.at(0) == "true"; },
                         [&value] { return std::vector<std::string>{value ? "true" : "false"}; },
                         [option] { return option->count() > 0; }});
}

void declarer::momentary_flag(const std::string& name, bool& value, const std::string& description) {
    app_.add_flag("--" + name, value, wrapped(description))->group(group_);
}

void declarer::whole(const std::string& name, std::uint64_t& value, std::uint64_t low, std::uint64_t high,
                     const std::string& description) {
    add("N", description, std::to_string(low) + " to " + std::to_string(high),
        {name,
         value_kind::number,
         false,
         1,
         [=, &value](const auto& words) { value = read_whole(name, words.at(0), low, high); },
         [&value] { return std::vector{std::to_string(value)}; },
         {}});
}

void declarer::real(const std::string& name, double& value, const bounds& b, const std::string& description) {
    add("X", description, text(b), number(name, value, b));
}

void declarer::real(const std::string& name, float& value, const bounds& b, const std::string& description) {
    add("X", description, text(b), number(name, value, b));
}

void declarer::reals(const std::string& name, const std::vector<double*>& values, const bounds& b,
                     const std::string& description) {
    std::string shown;
    for (std::size_t i = 0; i < values.size(); ++i) shown += i == 0 ? "X" : " X";
    auto* option = add(shown, description, text(b) + " each",
                       {name,
                        value_kind::number,
                        false,
                        values.size(),
                        [=](const auto& words) {
                            std::vector<double> read;
                            for (const auto& word : words) read.push_back(read_real(name, word, b));
                            for (std::size_t i = 0; i < values.size(); ++i) *values[i] = read.at(i);
                        },
                        [=] {
                            std::vector<std::string> words;
                            for (const double* value : values) words.push_back(text(*value));
                            return words;
                        },
                        {}});
    option->expected(static_cast<int>(values.size()));
}

void declarer::reals(const std::string& name, std::vector<double>& values, const bounds& b,
                     const std::string& description) {
    list(
        name, ',', "LIST",
        [=, &values](const std::vector<std::string>& words) {
            std::vector<double> read;
            for (const std::string& word : words) read.push_back(read_real(name, word, b));
            values = read;
        },
        [&values] {
            std::vector<std::string> words;
            for (const double value : values) words.push_back(text(value));
            return words;
        },
        description, value_kind::number);
}

void declarer::word(const std::string& name, std::string& value, const std::string& shown,
                    const std::string& description, bool empty) {
    add(shown, description, "",
        {name,
         value_kind::text,
         false,
         1,
         [=, &value](const auto& words) {
             if (words.at(0).empty() && !empty) raise<usage_error>("--" + name, "value is \"\", expected a ", shown);
             value = words.at(0);
         },
         [&value] { return std::vector{value}; },
         {}});
}

void declarer::subject(const std::string& shown, std::string& value, const std::string& description) {
    app_.add_option(shown, value, wrapped(description))->required()->option_text(" ");
}

void declarer::choice(const std::string& name, const std::vector<std::string>& names,
                      const std::function<void(const std::string&)>& assign, const std::function<std::string()>& now,
                      const std::string& description) {
    const std::string all = joined(names);
    add("NAME", description, all,
        {name,
         value_kind::text,
         false,
         1,
         [=](const auto& words) {
             if (std::find(names.begin(), names.end(), words.at(0)) == names.end())
                 raise<usage_error>("--" + name, "name is ", io::quote(words.at(0)), ", expected ", all);
             assign(words.at(0));
         },
         [now] { return std::vector{now()}; },
         {}});
}

void declarer::choice(const std::string& name, std::string& value, const std::vector<std::string>& names,
                      const std::string& description) {
    choice(
        name, names, [&value](const std::string& word) { value = word; }, [&value] { return value; }, description);
}

void declarer::words(const std::string& name, std::vector<std::string>& values, char separator,
                     const std::string& shown, const std::string& description) {
    list(
        name, separator, shown, [&values](const auto& words) { values = words; }, [&values] { return values; },
        description);
}

void declarer::list(const std::string& name, char separator, const std::string& shown,
                    const std::function<void(const std::vector<std::string>&)>& assign,
                    const std::function<std::vector<std::string>()>& now, const std::string& description,
                    value_kind kind) {
    const auto split = [=](const std::vector<std::string>& parts) {
        std::vector<std::string> words;
        for (const std::string& part : parts)
            for (const std::string& word : CLI::detail::split(part, separator))
                if (!word.empty()) words.push_back(word);
        assign(words);
    };
    auto* option = add(shown, description, "", {name, kind, true, 1, split, now, {}});
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void declarer::end(const std::string& help) {
    app_.set_help_flag("-h,--help", help)->group(group_);
    set_columns(app_);
}

CLI::Option* declarer::add(const std::string& shown, const std::string& description, const std::string& range,
                           setting s) {
    std::string standard;
    if (!s.list)
        for (const auto& word : s.now()) standard += (standard.empty() ? "" : " ") + word;
    std::string notes = range;
    if (!standard.empty()) notes += (range.empty() ? "" : "; ") + ("default " + standard);
    auto* option = app_.add_option(
        "--" + s.name,
        [assign = s.assign](const CLI::results_t& words) {
            assign(words);
            return true;
        },
        wrapped(description + (notes.empty() ? "" : " [" + notes + "]")));
    option->group(group_)->option_text(shown);
    s.given = [option] { return option->count() > 0; };
    settings_.push_back(std::move(s));
    return option;
}

} // namespace har
