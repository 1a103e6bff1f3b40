// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/csv/dialect.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/csv/timestamps.hpp"
#include "smldist/data/csv/units.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

std::vector<std::string> csv_fields(std::string_view line, char separator) {
    const auto blank = [&](char c) { return c == ' ' || (c == '\t' && separator != '\t'); };
    std::vector<std::string> fields;
    for (std::size_t at = 0;; ++at) {
        while (at < line.size() && blank(line[at])) ++at;
        if (separator == ' ' && at == line.size()) return fields;
        std::string field;
        if (at < line.size() && line[at] == '"') {
            for (++at; at < line.size(); ++at) {
                if (line[at] == '"' && (at + 1 == line.size() || line[at + 1] != '"')) break;
                at += line[at] == '"';
                field += line[at];
            }
            at = std::min(line.size(), at + 1);
            while (at < line.size() && line[at] != separator && !(separator == ' ' && blank(line[at]))) ++at;
        } else {
            while (at < line.size() && line[at] != separator && !(separator == ' ' && blank(line[at])))
                field += line[at++];
            while (!field.empty() && blank(field.back())) field.pop_back();
        }
        fields.push_back(std::move(field));
        if (at == line.size()) return fields;
    }
}

/// Lines of the beginning of a file.
inline std::vector<std::string> first_lines(const std::string& name, std::string_view text) {
    const std::size_t end = text.rfind('\n');
    const bool cut = end != text.npos && end + 1 < text.size() && text.size() >= 65536;
    std::string_view rest = cut ? text.substr(0, end + 1) : text;
    line_reader in(name, [&](char* to, std::size_t n) {
        const std::size_t size = std::min(n, rest.size());
        std::memcpy(to, rest.data(), size);
        rest.remove_prefix(size);
        return size;
    });
    std::vector<std::string> lines;
    while (in.next()) lines.emplace_back(in.line());
    while (!lines.empty() && lines.back().find_first_not_of(" \t") == std::string::npos) lines.pop_back();
    return lines;
}

/// Whether a field is a number or a time in words.
inline bool is_number_field(const std::string& text, char decimal) {
    double value = 0;
    return csv_number(text, decimal, value) ? !std::isnan(value) : read_time_text(text).has_value();
}

/// Whether a field holds no value: empty, nan, na, n/a, null or none.
inline bool is_missing_word(std::string word) {
    for (char& c : word)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return word.empty() || word == "nan" || word == "na" || word == "n/a" || word == "null" || word == "none";
}

/// Whether the fields below names are units: most of them are known.
inline bool is_unit_row(const std::vector<std::string>& fields) {
    std::size_t known = 0, others = 0;
    for (const std::string& field : fields)
        if (!field.empty()) ++(is_known_unit(spelled_unit(field)) ? known : others);
    return known > others;
}

/// The names of a header for so many columns: an index at the front may lack its name, and so may columns that hold no
/// numbers, such as what a separator at the end of each line makes. Empty: the fields are no names.
inline std::vector<std::string> header_names(std::vector<std::string> names, const std::vector<bool>& numeric) {
    const std::size_t columns = numeric.size();
    if (names.size() == columns + 1 && (names[0] == "#" || names[0] == "%")) names.erase(names.begin());
    if (names.size() == columns + 1 && names.back().empty()) names.pop_back();
    if (names.size() + 1 == columns) names.insert(numeric.back() ? names.begin() : names.end(), "");
    if (names.size() != columns) return {};
    for (std::size_t k = 0; k < columns; ++k) {
        if (k > 0 && names[k].empty() && numeric[k]) return {};
        if (is_number_field(names[k], '.')) return {};
        if (k > 0 && names[k].empty()) names[k] = "column " + std::to_string(k + 1);
    }
    return names;
}

/// Lines cut at one separator.
struct cut_lines {
    std::vector<std::vector<std::string>> fields;
    std::vector<bool> numeric; ///< which columns of the last line hold numbers
    std::size_t first = 0;     ///< first row; fields.size(): there is none
    char decimal = '.';
};

/// The rows that a separator makes of the lines. The last lines tell the number of columns and which hold numbers; the first
/// row is the first line with as many fields of which at least half of those in columns of numbers are some, so that a
/// wrong field makes no row part of the preamble.
inline cut_lines cut_at(const std::vector<std::string>& lines, char separator) {
    cut_lines c;
    for (const auto& line : lines) c.fields.push_back(csv_fields(line, separator));
    const std::size_t n = lines.size();
    // As many columns as most of the last lines have fields, of those with a number: one wrong line decides nothing.
    std::map<std::size_t, std::size_t> votes;
    std::size_t columns = 0;
    for (std::size_t i = n, seen = 0; i-- > 0 && seen < 32; ++seen) {
        const auto& fields = c.fields[i];
        const bool row = std::any_of(fields.begin(), fields.end(), [](const std::string& field) {
            return is_number_field(field, '.') || is_number_field(field, ',');
        });
        if (fields.size() > 1 && row && ++votes[fields.size()] > votes[columns]) columns = fields.size();
    }
    c.first = n;
    if (columns == 0) return c;
    std::size_t last = n - 1;
    while (c.fields[last].size() != columns) --last;
    const auto count_numbers = [&](char decimal) {
        std::size_t numbers = 0;
        c.decimal = decimal;
        c.numeric.assign(columns, false);
        for (std::size_t i = n, seen = 0; i-- > 0 && seen < 32; ++seen)
            for (std::size_t k = 0; k < columns && c.fields[i].size() == columns; ++k)
                if (is_number_field(c.fields[i][k], decimal)) {
                    c.numeric[k] = true;
                    ++numbers;
                }
        return numbers;
    };
    const std::size_t with_point = count_numbers('.');
    if (separator != ',' && count_numbers(',') <= with_point) count_numbers('.');
    if (std::find(c.numeric.begin(), c.numeric.end(), true) == c.numeric.end()) return c;
    const auto is_row = [&](const std::vector<std::string>& fields) {
        std::size_t numbers = 0, others = 0;
        for (std::size_t k = 0; k < columns && fields.size() == columns; ++k)
            if (c.numeric[k] && !is_missing_word(fields[k]))
                ++(is_number_field(fields[k], c.decimal) ? numbers : others);
        return numbers > 0 && numbers >= others;
    };
    for (c.first = 0; c.first < last && !is_row(c.fields[c.first]);) ++c.first;
    return c;
}

/// The rate in a text such as "date format M/d/yyyy at 30 Hz Filter Normal"; 0: none.
inline double stated_rate(const std::string& text) {
    std::string lower = text;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (std::size_t at = lower.find("hz"); at != lower.npos; at = lower.find("hz", at + 2)) {
        std::size_t end = at;
        while (end > 0 && lower[end - 1] == ' ') --end;
        std::size_t begin = end;
        while (begin > 0 && std::strchr("0123456789.", lower[begin - 1]) != nullptr) --begin;
        double rate = 0;
        if (parse_real(std::string_view(lower).substr(begin, end - begin), rate) && rate > 0 && rate < 1e5)
            return rate;
    }
    return 0;
}

} // namespace detail

csv_dialect recognise_dialect(const std::string& name, std::string_view text) {
    const std::vector<std::string> lines = detail::first_lines(name, text);
    if (lines.empty()) raise<data_error>(name, "file is empty, expected a table of numbers");
    csv_dialect d;
    detail::cut_lines c;
    std::ptrdiff_t most = 0;
    for (const char separator : {';', ',', '\t', ' '}) {
        detail::cut_lines cut = detail::cut_at(lines, separator);
        const auto numbers = std::count(cut.numeric.begin(), cut.numeric.end(), true);
        if (cut.first == lines.size() || numbers <= most) continue;
        most = numbers;
        c = std::move(cut);
        d.separator = separator;
    }
    if (most == 0)
        raise<data_error>(name, "first lines hold no row of numbers, expected a table: fields with ; , TAB or blanks "
                                "between them");
    d.decimal = c.decimal;
    const std::size_t columns = c.numeric.size();
    // Above the rows: perhaps rows with wrong fields, blank lines and comments, units, the names.
    std::size_t above = c.first;
    const auto wrong = [&](const std::vector<std::string>& fields) {
        return d.separator != ' ' && fields.size() > 1 && detail::is_number_field(fields[0], d.decimal);
    };
    while (above > 0 && wrong(c.fields[above - 1])) --above;
    const std::size_t begin = above; // what the reader begins with
    const auto says_nothing = [](const std::string& line) {
        const std::size_t at = line.find_first_not_of(" \t");
        return at == line.npos || line[at] == '#';
    };
    std::size_t filled = above;
    while (filled > 0 && says_nothing(lines[filled - 1])) --filled;
    if (filled > 0 && !detail::header_names(c.fields[filled - 1], c.numeric).empty()) above = filled;
    if (above > 1 && c.fields[above - 1].size() == columns && detail::is_unit_row(c.fields[above - 1])) {
        d.names = detail::header_names(c.fields[above - 2], c.numeric);
        if (!d.names.empty()) d.units = c.fields[above - 1];
    }
    if (above > 0 && d.names.empty()) d.names = detail::header_names(c.fields[above - 1], c.numeric);
    d.header = !d.names.empty();
    d.preamble = begin - (d.header ? 1 : 0);
    if (d.preamble > 0) d.title = lines[0].substr(0, 200);
    for (std::size_t i = 0; i < d.preamble && d.rate_hz == 0; ++i) d.rate_hz = detail::stated_rate(lines[i]);
    for (std::size_t k = d.names.size(); k < columns; ++k) d.names.push_back("column " + std::to_string(k + 1));
    for (std::size_t i = c.first; i < lines.size() && d.rows.size() < 32 && c.fields[i].size() == columns; ++i)
        d.rows.push_back(std::move(c.fields[i]));
    return d;
}

csv_dialect recognise_dialect(const std::filesystem::path& path) {
    std::string text(65536, '\0');
    const byte_source from = read_from(path);
    std::size_t size = 0;
    for (std::size_t n = 1; n > 0 && size < text.size(); size += n) n = from(text.data() + size, text.size() - size);
    text.resize(size);
    return recognise_dialect(path.string(), text);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
