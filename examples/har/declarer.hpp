// SPDX-License-Identifier: BSD-3-Clause
/// Declares the options of a subcommand: how each is read from the command line and from a configuration, and what --help says.
#ifndef HAR_DECLARER_HPP
#define HAR_DECLARER_HPP

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "settings.hpp"
#include "smldist/core/enum_names.hpp"
#include "smldist/core/error.hpp"

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace har {

/// Text in lines as wide as --help has room for.
std::string wrapped(const std::string& text);

/// The width of the names in --help.
void set_columns(CLI::App& app);

/// Options of one subcommand, group after group. Each is bound to the variable that it sets, whose value now is its default;
/// the variable must outlive the subcommand.
class declarer {
public:
    declarer(CLI::App& app, std::vector<setting>& settings);

    /// The heading of the options that follow.
    void group(const std::string& name) { group_ = name; }

    void flag(const std::string& name, bool& value, const std::string& description);
    /// A flag that no configuration holds.
    void momentary_flag(const std::string& name, bool& value, const std::string& description);
    void whole(const std::string& name, std::uint64_t& value, std::uint64_t low, std::uint64_t high,
               const std::string& description);
    void real(const std::string& name, double& value, const bounds& b, const std::string& description);
    void real(const std::string& name, float& value, const bounds& b, const std::string& description);
    /// Several numbers behind one name.
    void reals(const std::string& name, const std::vector<double*>& values, const bounds& b,
               const std::string& description);
    /// Any number of them, with commas between.
    void reals(const std::string& name, std::vector<double>& values, const bounds& b, const std::string& description);
    /// `shown` stands for the word in --help; `empty`: whether "" may stand for none.
    void word(const std::string& name, std::string& value, const std::string& shown, const std::string& description,
              bool empty = false);

    /// What the command is about: a word without a name, which must be given and which no configuration holds.
    void subject(const std::string& shown, std::string& value, const std::string& description);

    /// One of `names`. `assign` takes the word, `now` gives it.
    void choice(const std::string& name, const std::vector<std::string>& names,
                const std::function<void(const std::string&)>& assign, const std::function<std::string()>& now,
                const std::string& description);
    void choice(const std::string& name, std::string& value, const std::vector<std::string>& names,
                const std::string& description);
    /// An enumerator by its name.
    template <smldist::named_enum E> void choice(const std::string& name, E& value, const std::string& description) {
        const auto& names = smldist::names_of<E>();
        choice(
            name, {names.begin(), names.end()},
            [name, &value](const std::string& word) { value = smldist::parse_enum<E>(word, "--" + name); },
            [&value] { return std::string(smldist::name_of(value)); }, description);
    }
    /// A value by its name in a table. T has ==, and the value now is in the table.
    template <class T>
    void choice(const std::string& name, T& value, const std::vector<std::pair<std::string, T>>& table,
                const std::string& description) {
        std::vector<std::string> names;
        for (const auto& row : table) names.push_back(row.first);
        const auto assign = [table, &value](const std::string& word) {
            for (const auto& [known, its] : table)
                if (known == word) value = its;
        };
        const auto now = [table, &value] {
            for (const auto& [known, its] : table)
                if (value == its) return known;
            return std::string();
        };
        choice(name, names, assign, now, description);
    }

    /// Any number of words: separated by `separator`, or one per occurrence of the option. A separator of 0 splits nothing, so
    /// that a word may contain any character.
    void words(const std::string& name, std::vector<std::string>& values, char separator, const std::string& shown,
               const std::string& description);
    /// The same of values that have a text form: `parse` throws usage_error, and `show` is its inverse.
    template <class T>
    void words(const std::string& name, std::vector<T>& values, char separator, const std::string& shown,
               T (*parse)(std::string_view), std::string (*show)(const T&), const std::string& description) {
        list(
            name, separator, shown,
            [name, &values, parse](const std::vector<std::string>& words) {
                std::vector<T> read;
                try {
                    for (const std::string& word : words) read.push_back(parse(word));
                } catch (const smldist::usage_error& e) {
                    smldist::raise<smldist::usage_error>("--" + name, e.what());
                }
                values = read;
            },
            [&values, show] {
                std::vector<std::string> words;
                for (const T& value : values) words.push_back(show(value));
                return words;
            },
            description);
    }

    /// After the last option: --help.
    void end(const std::string& help = "Print this text.");

private:
    CLI::Option* add(const std::string& shown, const std::string& description, const std::string& range, setting s);
    void list(const std::string& name, char separator, const std::string& shown,
              const std::function<void(const std::vector<std::string>&)>& assign,
              const std::function<std::vector<std::string>()>& now, const std::string& description,
              value_kind kind = value_kind::text);

    CLI::App& app_;
    std::vector<setting>& settings_;
    std::string group_;
};

} // namespace har

#endif
