// SPDX-License-Identifier: BSD-3-Clause
#include "report.hpp"

#include <cmath>

#include "html.hpp"
#include "report_sections.hpp"
#include "smldist/core/error.hpp"

namespace har {

using namespace smldist;

namespace {

constexpr std::size_t wide_fact = 44; // characters; a longer value has a row of its own

void check(const report_data& r) {
    for (const report_method& m : r.methods)
        if (!m.people.empty() && m.people.size() != r.people.size())
            raise<shape_error>("report_html", "number of people of method \"", m.name, "\" is ", m.people.size(),
                               ", expected ", r.people.size());
    for (const report_timeline& t : r.timelines) {
        const std::size_t steps = t.label.size();
        if (t.predicted.size() != steps || (!t.probability.empty() && t.probability.size() != steps))
            raise<shape_error>("report_html", "numbers of predictions and probabilities of recording \"", t.recording,
                               "\" are ", t.predicted.size(), " and ", t.probability.size(),
                               ", expected one per label: ", steps);
        for (const std::vector<int>* list : {&t.label, &t.predicted})
            for (const int n : *list)
                if (n < -1 || n >= static_cast<int>(r.labels.size()))
                    raise<shape_error>("report_html", "class in recording \"", t.recording, "\" is ", n,
                                       ", expected -1 to ", r.labels.size(), " - 1");
    }
}

std::string facts(const report_data& r) {
    if (r.facts.empty()) return "";
    std::string out = "<dl>\n";
    for (const auto& [name, value] : r.facts)
        out += std::string(shown_length(value) > wide_fact ? "<div class=\"wide\">" : "<div>") + "<dt>" +
               escaped(name) + "</dt><dd>" + escaped(value) + "</dd></div>\n";
    return out + "</dl>\n";
}

} // namespace

std::size_t best_method(const report_data& r) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < r.methods.size(); ++i) {
        const double value = r.methods[i].macro_f1.mean, before = r.methods[best].macro_f1.mean;
        if (value > before || (std::isnan(before) && !std::isnan(value))) best = i;
    }
    return best;
}

std::string label_name(const report_data& r, std::size_t n) {
    return n < r.labels.size() && !r.labels[n].empty() ? escaped(r.labels[n]) : std::to_string(n);
}

std::string person_name(const report_data& r, std::size_t n) {
    return n < r.people.size() && !r.people[n].empty() ? escaped(r.people[n]) : std::to_string(n);
}

std::string section(const std::string& id, const std::string& heading, const std::string& body) {
    if (body.empty()) return "";
    return "<section id=\"" + id + "\">\n<h2>" + heading + "</h2>\n" + body + "</section>\n";
}

std::string report_html(const report_data& r) {
    check(r);
    const std::pair<std::string, std::string> sections[] = {
        {"summary", summary_section(r)},         {"comparisons", comparison_section(r)},
        {"activities", activity_section(r)},     {"people", people_section(r)},
        {"calibration", calibration_section(r)}, {"training", training_section(r)},
        {"timelines", timeline_section(r)},      {"cost", cost_section(r)},
    };
    std::string links, body;
    for (const auto& [id, text] : sections) {
        if (text.empty()) continue;
        std::string name = id;
        name[0] = static_cast<char>(name[0] - 'a' + 'A');
        links += "<a href=\"#" + id + "\">" + name + "</a>\n";
        body += text;
    }
    const std::string title = escaped(r.title.empty() ? "Evaluation" : r.title);
    std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                       "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>" +
                       title + "</title>\n<style>\n";
    page += report_style();
    page += "</style>\n</head>\n<body>\n" + report_hatches() + "<header>\n<h1>" + title + "</h1>\n" + facts(r);
    if (!links.empty()) page += "<nav aria-label=\"Sections\">\n" + links + "</nav>\n";
    return page + "</header>\n<main>\n" + body + "</main>\n</body>\n</html>\n";
}

} // namespace har
