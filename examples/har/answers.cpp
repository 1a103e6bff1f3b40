// SPDX-License-Identifier: BSD-3-Clause
#include "answers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "smldist/core/error.hpp"
#include "smldist/core/printable.hpp"

namespace har {

using namespace smldist;

std::string csv_field(std::string_view text) {
    const std::string s = printable(text);
    if (s.find_first_of(",\"") == s.npos && !s.starts_with(' ') && !s.ends_with(' ')) return s;
    std::string quoted = "\"";
    for (const char c : s) quoted.append(c == '"' ? 2 : 1, c);
    return quoted + "\"";
}
void output::add(std::string_view text) {
    if (text_.size() + text.size() > page) flush();
    text_ += text;
}

void output::flush() {
    if (std::fwrite(text_.data(), 1, text_.size(), stdout) != text_.size() || std::fflush(stdout) != 0)
        raise<io_error>("standard output", "cannot be written");
    text_.clear();
}

answers::answers(const std::vector<std::string>& labels) : labels_(labels) {
    for (const auto& label : labels) fields_.push_back(csv_field(label));
}

std::string answers::header() const { return header("first_sample"); }

std::string answers::header(const std::string& first) const {
    std::string s = first + ",label";
    for (const auto& field : fields_) s += "," + field;
    return s + "\n";
}

std::string answers::line(std::size_t first, std::size_t label, std::span<const float> probabilities) const {
    return line(std::to_string(first), label, probabilities);
}

std::string answers::line(const std::string& first, std::size_t label, std::span<const float> probabilities) const {
    std::string s = first + "," + fields_[label];
    char digits[32];
    for (const float p : probabilities) {
        std::snprintf(digits, sizeof digits, ",%.6f", double(p));
        s += digits;
    }
    return s + "\n";
}

std::string answers::line(const segment& s, const std::string& begin, const std::string& end) const {
    char digits[32];
    std::snprintf(digits, sizeof digits, ",%.6f\n", s.probability);
    return begin + "," + end + "," + fields_[s.label] + digits;
}

io::json answers::object(const segment& s, io::json begin, io::json end) const {
    io::json j;
    j.set("begin", std::move(begin));
    j.set("end", std::move(end));
    j.set("label", labels_[s.label]);
    j.set("probability", s.probability);
    return j;
}

io::json answers::object(std::size_t first, std::size_t label, std::span<const float> probabilities) const {
    io::json::array list;
    for (const float p : probabilities) list.emplace_back(double(p));
    io::json j;
    j.set("first_sample", first);
    j.set("label", labels_[label]);
    j.set("probabilities", std::move(list));
    return j;
}

void tell_ignored(const data::csv_reader& in, bool quiet) {
    if (quiet || in.ignored().empty()) return;
    std::string names;
    for (const auto& name : in.ignored()) {
        if (names.size() > 200) {
            names += ", ...";
            break;
        }
        names += (names.empty() ? "" : ", ") +
                 (name.empty() ? "the first, without a name" : printable(name.substr(0, 40)));
    }
    std::fprintf(stderr, "%s: columns that are no channels of the model, ignored: %s\n", in.name().c_str(),
                 names.c_str());
}

namespace {

/// The largest value of a window (L, C), where it stands, and what was expected instead.
std::pair<std::size_t, std::string> largest_value(std::span<const float> window,
                                                  const std::vector<std::string>& channels) {
    const auto largest =
        std::max_element(window.begin(), window.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
    const auto at = static_cast<std::size_t>(largest - window.begin());
    char value[32];
    std::snprintf(value, sizeof value, "%g", double(*largest));
    return {at / channels.size(),
            channels[at % channels.size()] + " is " + value + ", expected a value in the model's units: the window"};
}

} // namespace

void refuse(const std::string& where, std::size_t line, std::uint64_t first, std::span<const float> window,
            const std::vector<std::string>& channels) {
    const auto [row, what] = largest_value(window, channels);
    raise<data_error>(where + ":" + std::to_string(line + row), what, " of samples ", first, " to ",
                      first + window.size() / channels.size() - 1, " has no finite answer");
}

void refuse(const std::string& where, std::span<const float> window, const std::vector<std::string>& channels) {
    raise<data_error>(where, largest_value(window, channels).second, " has no finite answer");
}

} // namespace har
