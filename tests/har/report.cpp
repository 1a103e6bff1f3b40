// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/har/report.hpp"

#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../examples/har/html.hpp"
#include "../../examples/har/svg.hpp"
#include "program.hpp"
#include "raises.hpp"
#include "smldist/core/error.hpp"

namespace {

using namespace har_tests;
using har::report_data;
using har::report_html;

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != text.npos; at += part.size()) ++n;
    return n;
}

bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/// What keeps `page` from being well-formed XML, or nothing: elements that are not nested, attributes without quotes,
/// twice, or with <, entities other than &amp; &lt; &gt; &quot; &#39;, control characters.
std::string malformed(std::string_view page) {
    std::vector<std::string> open;
    std::size_t i = 0;
    const auto near = [&](const std::string& what) { return what + ": " + std::string(page.substr(i, 60)); };
    const auto is_entity = [&] {
        for (const std::string_view entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"})
            if (page.substr(i).starts_with(entity)) return true;
        return false;
    };
    const std::string_view doctype = "<!DOCTYPE html>\n";
    if (!page.starts_with(doctype)) return "no doctype";
    for (i = doctype.size(); i < page.size();) {
        const char c = page[i];
        if (c == '&' && !is_entity()) return near("entity");
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n') return near("control character");
        if (c != '<') {
            if (open.empty() && c != '\n') return near("text outside of the root");
            ++i;
            continue;
        }
        const bool closes = page[++i] == '/';
        if (closes) ++i;
        std::string name;
        while (is_name(page[i])) name += page[i++];
        if (name.empty()) return near("no name");
        if (closes) {
            if (page[i++] != '>' || open.empty() || open.back() != name) return near("end of " + name);
            open.pop_back();
            continue;
        }
        std::set<std::string> attributes;
        while (page[i] == ' ') {
            std::string attribute;
            for (++i; is_name(page[i]);) attribute += page[i++];
            if (attribute.empty() || !attributes.insert(attribute).second) return near("attribute " + attribute);
            if (page.substr(i, 2) != "=\"") return near("quote of " + attribute);
            for (i += 2; page[i] != '"'; ++i)
                if (page[i] == '<' || (page[i] == '&' && !is_entity())) return near("value of " + attribute);
            ++i;
        }
        const bool is_empty = page[i] == '/';
        if (page[is_empty ? ++i : i] != '>') return near("tag " + name);
        ++i;
        if (!is_empty) open.push_back(name);
    }
    return open.empty() ? "" : "open: " + open.back();
}

/// Whatever the data: well-formed, in one file, and each picture and link as it must be.
std::string check_page(const report_data& r) {
    const std::string page = report_html(r);
    CHECK(malformed(page) == "");
    CHECK(page == report_html(r));
    for (const std::string word :
         {"http", "<script", "url(\"", "@import", "src=", "<link", ">nan", ">inf", "nan ", "inf "})
        CHECK_MESSAGE(!has(page, word), word);
    CHECK(times(page, "<svg role=\"img\"") == times(page, "<figure>"));
    CHECK(times(page, "<title>") == times(page, "<figure>") + 1);
    CHECK(times(page, "<desc>") == times(page, "<figure>"));
    CHECK(!has(page, "<desc></desc>"));
    for (std::size_t at = 0; (at = page.find("href=\"#", at)) != page.npos; ++at) {
        const std::size_t from = at + 7;
        const std::string id = page.substr(from, page.find('"', from) - from);
        CHECK_MESSAGE(times(page, "id=\"" + id + "\"") == 1, id);
    }
    return page;
}

/// The text of the row with that heading, in the section: cells joined by " | ".
std::string row(const std::string& page, const std::string& section, const std::string& heading) {
    const std::size_t from = page.find("<section id=\"" + section + "\"");
    REQUIRE(from != page.npos);
    const std::size_t at = page.find("<th scope=\"row\">" + heading + "</th>", from);
    REQUIRE_MESSAGE(at < page.find("</section>", from), heading);
    std::string cells, text = page.substr(at, page.find("</tr>", at) - at);
    for (std::size_t i = text.find("<td>"); i != text.npos; i = text.find("<td>", i)) {
        i += 4;
        cells += (cells.empty() ? "" : " | ") + text.substr(i, text.find("</td>", i) - i);
    }
    return cells;
}

/// A majority baseline and a student, on two people.
report_data two_methods() {
    report_data r;
    r.title = "Phones";
    r.facts = {{"Data set", "csv=phones"}, {"Seed", "7"}};
    r.labels = {"walking", "sitting"};
    r.people = {"Ann", "Bob"};
    har::report_method majority;
    majority.name = "majority";
    majority.description = "Predicts the most frequent activity.";
    majority.runs = {{1, 7, 0.5, 0.3333}, {2, 7, 0.6, 0.4}};
    majority.accuracy = {0.55, 0.05};
    majority.macro_f1 = {0.36665, 0.033};
    majority.counts = smldist::metric::confusion(2);
    for (int i = 0; i < 1300; ++i) majority.counts.add(i < 700 ? 0 : 1, 0);
    majority.people = {{0.5, 0.3333, 600}, {0.6, 0.4, 700}};
    har::report_method student = majority;
    student.name = "student";
    student.description.clear();
    student.runs = {{1, 7, 0.912, 0.871}, {2, 7, 0.934, 0.902}};
    student.accuracy = {0.923, 0.011};
    student.macro_f1 = {0.8866, 0.0155};
    student.counts = smldist::metric::confusion(2);
    for (int i = 0; i < 1300; ++i) student.counts.add(i < 700 ? 0 : 1, i < 650 || i >= 1250 ? 0 : 1);
    student.people = {{0.934, 0.902, 600}, {0.912, 0.871, 700}};
    student.bins = {{0, 0, 0}, {300, 0.456, 0.5}, {1000, 0.9, 0.85}};
    student.calibration_error = 0.0421;
    student.cost = {12345, 678901, 54321, 30, 125};
    r.methods = {majority, student};
    r.comparisons = {{"student", "majority", 0.52, 0.48, 0.561, 0.0002},
                     {"majority", "student", -0.013, -0.024, 0.002, 0.071}};
    har::report_curve curve;
    curve.name = "student";
    curve.run = "fold 1, seed 7";
    curve.epochs = {{2.125, 0.31, 0.002}, {1.0625, 0.777, 0.001}, {1.03125, 0.75, 0.0005}};
    curve.best = 2;
    r.curves = {curve};
    har::report_timeline line;
    line.recording = "ann.csv";
    line.person = "Ann";
    line.seconds = 2;
    line.label = {0, 0, 0, -1, 1, 1};
    line.predicted = {0, 0, 1, 0, 1, 1};
    line.probability = {0.9, 0.8, 0.6, 0.7, 0.95, 0.85};
    r.timelines = {line};
    return r;
}

/// Data of any size. The names are long.
report_data large(std::size_t classes, std::size_t people, std::size_t methods, std::size_t folds) {
    report_data r;
    r.title = "Large";
    for (std::size_t n = 0; n < classes; ++n) r.labels.push_back("an activity of number " + std::to_string(n));
    for (std::size_t n = 0; n < people; ++n) r.people.push_back("subject " + std::to_string(n));
    for (std::size_t k = 0; k < methods; ++k) {
        har::report_method m;
        m.name = "method " + std::to_string(k);
        m.counts = smldist::metric::confusion(classes);
        for (std::size_t n = 0; n < 200 * classes; ++n) {
            const std::size_t wrong = n % (7 + k) == 0 ? n / classes % 5 : 0;
            m.counts.add(static_cast<int>(n % classes), static_cast<int>((n % classes + wrong) % classes));
        }
        for (std::size_t f = 1; f <= folds; ++f)
            for (std::uint64_t seed = 0; seed < 3; ++seed)
                m.runs.push_back({f, seed, 0.9, 0.5 + 0.1 * double(f % 4)});
        m.accuracy = {0.9, 0.01};
        m.macro_f1 = {0.6 + 0.01 * double(k), 0.1};
        for (std::size_t n = 0; n < people; ++n)
            m.people.push_back({0.9, 0.4 + 0.5 * double(n * 7 % people) / double(people), 100});
        for (std::size_t b = 0; b < 15; ++b) m.bins.push_back({b * b, (double(b) + 0.5) / 15, double(b) / 15});
        m.calibration_error = 0.03;
        for (std::size_t f = 1; f <= folds; ++f) {
            har::report_curve c;
            c.name = m.name;
            c.run = "fold " + std::to_string(f);
            for (std::size_t e = 0; e < 100; ++e) c.epochs.push_back({2.0 / double(e + 1), 0.9, 0.001});
            c.best = 50;
            r.curves.push_back(c);
        }
        r.methods.push_back(m);
    }
    for (std::size_t k = 0; k < 3; ++k) {
        har::report_timeline t;
        t.recording = "recording " + std::to_string(k);
        for (std::size_t i = 0; i < 20000; ++i) {
            t.label.push_back(static_cast<int>(i / 300 % classes));
            t.predicted.push_back(static_cast<int>((i % 11 == 0 ? i : i / 300) % classes));
            t.probability.push_back(double(i % 100) / 100);
        }
        r.timelines.push_back(t);
    }
    return r;
}

} // namespace

TEST_CASE("report: every number is in a table, with the words for it") {
    const std::string page = check_page(two_methods());
    for (const std::string part :
         {"<h1>Phones</h1>", "<dt>Data set</dt><dd>csv=phones</dd>", "<dt>Seed</dt><dd>7</dd>"})
        CHECK_MESSAGE(has(page, part), part);
    CHECK(times(page, "<section id=") == 8);
    CHECK(has(page,
              "<b>student</b> has the highest macro-F1: 88.7 %, with a standard deviation of 1.6 points over 2 runs. "
              "It is weakest on person Bob, with 87.1 %."));
    CHECK(row(page, "summary", "majority") == "55.0 ± 5.0 | 36.7 ± 3.3 | 33.3 (Ann) | – | 0 | 0");
    CHECK(row(page, "summary", "student") == "<strong>92.3 ± 1.1</strong> | <strong>88.7 ± 1.6</strong> | "
                                             "<strong>87.1 (Bob)</strong> | 4.2 | 12,345 | 678,901");
    CHECK(has(page, "<th scope=\"row\">student</th><td>2</td><td>7</td><td>93.4</td><td>90.2</td>"));
    CHECK(has(page, "<b>student</b> beats <b>majority</b> by 52.0 points of macro-F1, 95 % interval 48.0 to 56.1 "
                    "(p\u00a0&lt;\u00a00.001)."));
    CHECK(has(page,
              "<b>student</b> is 1.3 points of macro-F1 above <b>majority</b>, which may be chance, 95 % interval "
              "−0.2 to 2.4 (p\u00a0=\u00a00.071)."));
    CHECK(row(page, "comparisons", "majority − student") == "−1.3 | −2.4 to 0.2 | 0.071");
    CHECK(row(page, "activities", "walking") == "70.0 | 92.9"); // F1: 2 · 700 / (700 + 1300), 2 · 650 / (700 + 700)
    CHECK(has(page, "<td>650</td><td>50</td><td>700</td><td>92.9</td><td>92.9</td><td>92.9</td>"));
    CHECK(has(page, "Most frequent mistake: 8.3 % of sitting is taken for walking."));
    CHECK(row(page, "people", "Ann") == "600 | 33.3 | 50.0 | 90.2 | 93.4");
    CHECK(page.find("<th scope=\"row\">Bob</th>") < page.find("<th scope=\"row\">Ann</th>")); // worst first
    CHECK(row(page, "calibration", "33.3 to 66.7") == "300 | 45.6 | 50.0");
    CHECK(row(page, "calibration", "0.0 to 33.3") == "0 | – | –");
    CHECK(has(page, "<b>student</b>: calibration error 4.2 %. On average 2.8 points too sure."));
    CHECK(row(page, "training", "student") == "fold 1, seed 7 | 3 | 2 | 2.125 | 1.031 | 77.7 | 75.0");
    CHECK(row(page, "training", "2 (best)") == "1.062 | 77.7 | 0.001");
    CHECK(row(page, "training", "3") == "1.031 | 75.0 | 0.0005");
    CHECK(has(page, "12.0 s in 6 steps. 80.0 % of 5 labelled steps are right."));
    CHECK(row(page, "timelines", "walking") == "6.0 s | 6.0 s | 66.7 | 80.0");
    CHECK(row(page, "timelines", "sitting") == "4.0 s | 6.0 s | 100.0 | 80.0");
    CHECK(row(page, "cost", "majority") == "0 | 0 | – | – | –");
    CHECK(row(page, "cost", "student") == "12,345 | 678,901 | 54,321 | 30 | 2 min 05 s");
}

TEST_CASE("report: parts without data are left out") {
    CHECK(times(check_page({}), "<section") == 0);
    report_data r = two_methods();
    r.comparisons.clear();
    r.curves.clear();
    r.timelines.clear();
    r.methods.resize(1);
    std::string page = check_page(r);
    CHECK(times(page, "<section") == 4);
    CHECK(has(page, "<b>majority</b> reaches a macro-F1 of 36.7 %"));
    CHECK_FALSE(has(page, "<strong>")); // one method is not the best of several
    r.methods[0].runs.resize(1);
    r.methods[0].accuracy.sd = r.methods[0].macro_f1.sd = har::undefined;
    r.methods[0].people.clear();
    r.methods[0].counts = smldist::metric::confusion();
    page = check_page(r);
    CHECK(row(page, "summary", "majority") == "55.0 | 36.7 | – | – | 0 | 0");
    CHECK(times(page, "<section") == 2);
    r = two_methods();
    r.curves[0].epochs.resize(1); // best is beyond the end
    r.curves.push_back({});
    r.timelines[0].probability.clear();
    r.timelines[0].label.assign(6, -1);
    r.timelines.push_back({});
    page = check_page(r);
    CHECK(row(page, "training", "student") == "fold 1, seed 7 | 1 | – | 2.125 | 2.125 | – | 31.0");
    CHECK(has(page, "No step has a label."));
    CHECK(row(page, "timelines", "sitting") == "0.0 s | 6.0 s | – | –");
}

TEST_CASE("report: figures that are undefined are dashes") {
    report_data r = two_methods();
    const double undefined = har::undefined, infinite = std::numeric_limits<double>::infinity();
    for (har::report_method& m : r.methods) {
        m.accuracy = m.macro_f1 = {undefined, infinite};
        for (har::report_run& run : m.runs) run.accuracy = run.macro_f1 = undefined;
        for (har::report_person& p : m.people) p.accuracy = p.macro_f1 = undefined;
        m.counts = smldist::metric::confusion(2); // no windows
    }
    r.methods[1].calibration_error = undefined;
    r.methods[1].bins = {{0, 0, 0}};
    r.methods[1].cost.seconds = infinite;
    r.comparisons[0] = {"student", "majority", undefined, undefined, undefined, undefined};
    r.comparisons[1].low = undefined;
    r.comparisons[1].p = undefined;
    for (har::report_epoch& e : r.curves[0].epochs) e = {infinite, undefined, undefined};
    r.timelines[0].probability.assign(6, undefined);
    const std::string page = check_page(r);
    CHECK(row(page, "summary", "student") == "– | – | – | – | 12,345 | 678,901");
    CHECK(has(page, "student and majority have no figures to compare."));
    CHECK(has(page, "<b>student</b> is 1.3 points of macro-F1 above <b>majority</b>, which may be chance."));
    CHECK(row(page, "people", "Ann") == "600 | – | – | – | –");
    CHECK(row(page, "training", "1") == "– | – | –");
    CHECK(row(page, "activities", "walking") == "– | –");
    CHECK(row(page, "cost", "student") == "12,345 | 678,901 | 54,321 | 30 | –");
    // One person without a figure comes last.
    r = two_methods();
    r.methods[1].people[0] = {};
    const std::string other = check_page(r);
    CHECK(other.find("<th scope=\"row\">Bob</th>") < other.find("<th scope=\"row\">Ann</th>"));
}

TEST_CASE("report: text from files is escaped everywhere") {
    const std::string nasty = "<b a='1' b=\"2\">&amp;\x01\n\xff tür 走路</b>\u202e";
    const std::string safe = "&lt;b a=&#39;1&#39; b=&quot;2&quot;&gt;&amp;amp;\\x01\\x0A\\xFF tür 走路&lt;/b&gt;";
    report_data r = two_methods();
    r.title = nasty;
    r.facts = {{nasty, nasty}};
    r.labels = {nasty, nasty};
    r.people = {nasty, nasty};
    for (har::report_method& m : r.methods) m.name = m.description = nasty;
    for (har::report_comparison& c : r.comparisons) c.a = c.b = nasty;
    r.curves[0].name = r.curves[0].run = nasty;
    r.timelines[0].recording = r.timelines[0].person = nasty;
    const std::string page = check_page(r);
    CHECK(times(page, safe) > 40);
    CHECK_FALSE(has(page, "<b a="));
    CHECK_FALSE(has(page, "\xff"));
    // A name is cut between characters, and a class without a name is its number.
    r = two_methods();
    r.labels = {std::string("走路走路走路走路走路走路"), ""};
    const std::string cut = check_page(r);
    CHECK(has(cut, ">走路走路走路走路…</text>"));
    CHECK(row(cut, "activities", "走路走路走路走路走路走路") == "70.0 | 92.9");
    CHECK(row(cut, "activities", "1") == "0.0 | 91.7");
}

TEST_CASE("report: many classes and people and methods are drawn, and the page is small") {
    const std::string usual = check_page(large(12, 30, 4, 5));
    CHECK(usual.size() < 300'000);
    CHECK(times(usual, ">50 (best)</th>") == 20); // although 30 rows hold 100 epochs of each training
    const std::string page = check_page(large(33, 60, 9, 10));
    CHECK(page.size() < 2'000'000);
    for (const std::string part :
         {"an activity of number 32", "subject 59", "method 8", "class=\"k3\"", "not every epoch"})
        CHECK_MESSAGE(has(page, part), part);
    check_page(large(1, 1, 1, 1));
    // A recording of 20,000 steps is drawn with 800 columns.
    const std::string timelines = page.substr(page.find("<section id=\"timelines\""));
    CHECK(has(timelines, "5 h 33 min in 20,000 steps. 91.2 % of 20,000 labelled steps are right."));
    CHECK(timelines.size() < 120'000);
}

TEST_CASE("report: the picture of a timeline has one rectangle per stretch of a class") {
    report_data r = two_methods();
    r.methods.clear();
    r.curves.clear();
    r.comparisons.clear();
    const std::string page = check_page(r);
    // 800 pixels from 84 on for 6 steps; walking, none and sitting, above what is predicted.
    CHECK(has(page, "<path class=\"f c0\" d=\"M84 16H484V42H84z\"/>"));
    CHECK(has(page, "<path class=\"f c1\" d=\"M617.3 16H884V42H617.3z\"/>"));
    CHECK(has(page, "<path class=\"f c0\" d=\"M84 46H350.7V72H84zM484 46H617.3V72H484z\"/>"));
    CHECK(has(page, "<path class=\"bad\" d=\"M350.7 76H484V88H350.7z\"/>")); // the step without a label is no mistake
    CHECK(has(page, "class=\"mid on\">walking</text>"));
}

TEST_CASE("report: lists that do not fit each other are refused") {
    report_data r = two_methods();
    r.methods[1].people.pop_back();
    CHECK_RAISES(smldist::shape_error, "number of people of method \"student\" is 1, expected 2", report_html(r));
    r = two_methods();
    r.timelines[0].predicted.pop_back();
    CHECK_RAISES(smldist::shape_error, "are 5 and 6, expected one per label: 6", report_html(r));
    r = two_methods();
    r.timelines[0].probability.pop_back();
    CHECK_RAISES(smldist::shape_error, "are 6 and 5, expected one per label: 6", report_html(r));
    for (const int n : {-2, 2}) {
        r = two_methods();
        r.timelines[0].label[3] = n;
        CHECK_RAISES(smldist::shape_error, "class in recording \"ann.csv\" is " + std::to_string(n), report_html(r));
    }
}

TEST_CASE("report: numbers are written for readers") {
    CHECK(har::fixed(-1.25, 1) == "−1.2");
    CHECK(har::fixed(-0.04, 1) == "0.0");
    CHECK(har::fixed(har::undefined, 1) == "–");
    CHECK(har::significant(0.00003, 3) == "3e−05");
    CHECK(har::grouped(0) == "0");
    CHECK(har::grouped(999) == "999");
    CHECK(har::grouped(1000) == "1,000");
    CHECK(har::grouped(1234567) == "1,234,567");
    CHECK(har::duration(0) == "0.0 s");
    CHECK(har::duration(59.94) == "59.9 s");
    CHECK(har::duration(59.96) == "1 min 00 s");
    CHECK(har::duration(3599.4) == "59 min 59 s");
    CHECK(har::duration(3661) == "1 h 01 min");
    CHECK(har::counted(1, "run", "runs") == "1 run");
    CHECK(har::escaped_within("walking", 7) == "walking");
    CHECK(har::escaped_within("walking", 6) == "walki…");
    CHECK(har::escaped_within("走路走", 5) == "走路…");
    CHECK(har::shown_length("走a\x01") == 7); // \x01 is shown with four characters
}

TEST_CASE("report: an axis has round numbers around any values") {
    using values = std::vector<double>;
    CHECK(har::ticks(0, 100, 6) == values{0, 20, 40, 60, 80, 100});
    CHECK(har::ticks(3, 97, 5) == values{0, 50, 100});
    CHECK(har::tick_labels(har::ticks(0.0012, 0.0021, 5)) ==
          std::vector<std::string>{"0.0010", "0.0015", "0.0020", "0.0025"});
    CHECK(har::tick_labels(har::ticks(-1, 1, 5)) == std::vector<std::string>{"−1.0", "−0.5", "0.0", "0.5", "1.0"});
    const double huge = std::numeric_limits<double>::max();
    for (const auto& range : {std::pair(0.001, 0.001), std::pair(0.0, 0.0), std::pair(1.0, 1.0 + 1e-14),
                              std::pair(har::undefined, 1.0), std::pair(-huge, huge), std::pair(1e299, 1e299)}) {
        const double low = range.first, high = range.second;
        const values at = har::ticks(low, high, 5);
        CAPTURE(low);
        REQUIRE(at.size() >= 2);
        CHECK(at.size() < 8);
        CHECK(at.front() < at.back());
        if (high < 1e300 && low == low)
            CHECK((at.front() < low && at.back() > high));
        else
            CHECK((at.front() == 0 && at.back() == 1));
    }
}

TEST_CASE("report: a line is interrupted where it has no value") {
    const double none = har::undefined;
    CHECK(har::path_of({{0, 1}, {1.25, 2}, {2, none}, {3, 4}, {4, none}, {5, -6}, {6, 7}}) ==
          "M0 1L1.2 2M3 4h.1M5 -6L6 7");
    CHECK(har::path_of({{0, none}}).empty());
}
