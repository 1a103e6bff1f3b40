// SPDX-License-Identifier: BSD-3-Clause
#include "../../examples/har/config_file.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "program.hpp"
#include "smldist/core/error.hpp"

namespace {

using namespace har_tests;
using har::value_kind;

const std::vector<std::string> nasty{"",
                                     "run#1",
                                     "a \"quoted\" word",
                                     "it's",
                                     "back\\slash",
                                     "\\",
                                     "\"",
                                     "'",
                                     "[a]",
                                     "[a, b]",
                                     "a,b;c",
                                     "key=value",
                                     "  blanks  ",
                                     "\ttab\t",
                                     "line\nbreak\r\n",
                                     "Tür/日本",
                                     "\x01\x7f\b",
                                     "true",
                                     "nan",
                                     "0x10",
                                     "010",
                                     "1e5",
                                     "-1",
                                     "#",
                                     "]",
                                     "\xff\xfe",
                                     "\\u0041",
                                     "a = \"b\" # c",
                                     "[[x]]",
                                     std::string(3000, 'x')};

std::string refusal(const std::string& text) {
    try {
        har::parse_config("f.toml", text);
    } catch (const smldist::usage_error& e) { return e.what(); }
    return "accepted";
}

} // namespace

TEST_CASE("config file: options above the first section belong to one only where there is one for them") {
    const std::string text = "# of all\nlr=1\n\n[grid]\nlr=[2]\n";
    CHECK(has(refusal(text), "f.toml:2: option \"lr\" stands in no section"));
    const auto sections = har::parse_config("f.toml", text, "sweep");
    REQUIRE(sections.size() == 2);
    CHECK(sections[0].name == "sweep");
    REQUIRE(sections[0].entries.size() == 1);
    CHECK(sections[0].entries[0].line == 2);
    CHECK(sections[1].name == "grid");
    CHECK(har::parse_config("f.toml", "[grid]\n", "sweep").size() == 1);
    try {
        har::parse_config("f.toml", text + "[sweep]\n", "sweep");
        FAIL("a second section of that name");
    } catch (const smldist::usage_error& e) { CHECK(has(e.what(), "f.toml:6: name \"sweep\" stands in line 2")); }
}

TEST_CASE("config file: each value that is written is read back") {
    std::string text = "[distill]\n";
    for (std::size_t i = 0; i < nasty.size(); ++i)
        text += har::config_line({"v" + std::to_string(i), 0, false, {{value_kind::text, nasty[i]}}});
    har::config_entry all{"all", 0, true, {}};
    for (const auto& value : nasty) all.values.push_back({value_kind::text, value});
    text += har::config_line(all) + har::config_line({"none", 0, true, {}}) +
            har::config_line({"one", 0, true, {{value_kind::text, ""}}}) +
            har::config_line({"n", 0, false, {{value_kind::number, "-1.5e-07"}}}) +
            har::config_line({"flag", 0, false, {{value_kind::flag, "true"}}});
    const auto sections = har::parse_config("f.toml", text);
    REQUIRE(sections.size() == 1);
    CHECK(sections[0].name == "distill");
    const auto& entries = sections[0].entries;
    REQUIRE(entries.size() == nasty.size() + 5);
    for (std::size_t i = 0; i < nasty.size(); ++i) {
        REQUIRE(entries[i].values.size() == 1);
        CHECK(entries[i].values[0].kind == value_kind::text);
        CHECK(entries[i].values[0].text == nasty[i]);
        CHECK(entries[nasty.size()].values[i].text == nasty[i]);
    }
    CHECK(entries[nasty.size() + 1].list);
    CHECK(entries[nasty.size() + 1].values.empty());
    CHECK(entries[nasty.size() + 2].values.size() == 1);
    CHECK(entries[nasty.size() + 3].values[0].kind == value_kind::number);
    CHECK(entries[nasty.size() + 3].values[0].text == "-1.5e-07");
    CHECK(entries[nasty.size() + 4].values[0].kind == value_kind::flag);
}

TEST_CASE("config file: comments and blanks and CRLF and a byte order mark are read") {
    const auto sections = har::parse_config(
        "f.toml", "\xEF\xBB\xBF# first\r\n\r\n [ train ] # of\r\n\tepochs = 3# three\r\n"
                  "out='C:\\new#1' # literal\r\nrows = [ \"a\" , 'b', ]\r\n[distill]\r\nquiet=false");
    REQUIRE(sections.size() == 2);
    CHECK(sections[0].name == "train");
    CHECK(sections[0].line == 3);
    CHECK(sections[0].entries[0].values[0].text == "3");
    CHECK(sections[0].entries[0].line == 4);
    CHECK(sections[0].entries[1].values[0].text == "C:\\new#1");
    CHECK(sections[0].entries[2].values[1].text == "b");
    CHECK(sections[1].entries[0].values[0].text == "false");
    CHECK(har::parse_config("f.toml", "[a]\nx=\"\\u00FC\\U0001F600\\t\"").at(0).entries[0].values[0].text == "ü😀\t");
    CHECK(har::parse_config("f.toml", "").empty());
}

TEST_CASE("config file: other text is refused with line and column") {
    for (const auto& wrong : std::vector<std::pair<std::string, std::string>>{
             {"epochs=3", "f.toml:1: option \"epochs\" stands in no section"},
             {"[a]\nx=adamw",
              "f.toml:2:3: the line goes on with \"adamw\", expected a number, true, false, a string"},
             {"[a]\nx=0x10", "f.toml:2:3: the line goes on with \"0x10\""},
             {"[a]\nx=inf", "f.toml:2:3:"},
             {"[a]\nx=1 2", "f.toml:2:5: the line goes on with \"2\", expected the end of the line"},
             {"[a]\nx=", "f.toml:2:3:"},
             {"[a]\nx", "f.toml:2:2: the line goes on with \"\", expected ="},
             {"[a]\n=3", "f.toml:2:1:"},
             {"[a]\nx=\"open", "expected a closing \""},
             {"[a]\nx='open", "expected a closing '"},
             {"[a]\nx=\"\\q\"", "escapes"},
             {"[a]\nx=\"\\u0000\"", "other than NUL"},
             {"[a]\nx=\"\\ud800\"", "other than NUL"},
             {"[a]\nx=\"\\u12\"", "hexadecimal"},
             {"[a]\nx=\"\\UFFFFFFFF\"", "hexadecimal"},
             {"[a]\nx=\"a\x01\"", "control characters"},
             {"[a]\nx=[1", "expected , or ]"},
             {"[a]\nx=[,]", "f.toml:2:4:"},
             {"[a]\nx=[[1]]", "f.toml:2:4:"},
             {"[a]\nx=[1\n,2]", "expected , or ]"},
             {"[a.b]\n",
              "f.toml:1:3: the line goes on with \".b]\", expected ] after the name of a subcommand: sections "
              "have one level"},
             {"[[a]]", "f.toml:1:2:"},
             {"[]", "f.toml:1:2:"},
             {"[a", "expected ]"},
             {"[a]\nx=1\nx=2", "f.toml:3: name \"x\" stands in line 2 too, expected once"},
             {"[a]\n[b]\n[a]", "f.toml:3: name \"a\" stands in line 1 too"},
             {"[a]\n" + std::string("x\0=3", 4), "f.toml:2:2:"},
             {std::string(65537, '\n'), "f.toml: file has more than 65536 bytes"}})
        CHECK_MESSAGE(has(refusal(wrong.first), wrong.second), refusal(wrong.first));
    CHECK(har::parse_config("f.toml", std::string(65536, '\n')).empty());
}

TEST_CASE("config file: deep nesting and many names and endless files take little time and memory") {
    const folder at;
    std::string nested = "[a";
    for (int i = 1; i < 8000; ++i) nested += ".a";
    write(at.path / "nested.toml", nested + "]\nx=1\n");
    std::string names = "[summary]\n";
    while (names.size() < 65000) names += "n" + std::to_string(names.size()) + "=1\n";
    write(at.path / "names.toml", names);
    write(at.path / "lists.toml", "[summary]\nrows=[" + std::string(60000, '[') + "\n");
    const auto refused = [&](const std::string& file, const std::string& what) {
        // The program in 256 MiB of address space and two seconds of the processor.
        const auto a = run(at, "summary --config " + file, limits(262144, 2));
        CHECK_MESSAGE(a.code == 2, file << ": " << a.code << " " << a.err);
        CHECK_MESSAGE(has(a.err, what), a.err);
        CHECK(a.err.size() < 400);
    };
    refused("nested.toml", "nested.toml:1:3:");
    refused("names.toml", "names.toml:2:");
    refused("lists.toml", "lists.toml:2:7:");
    refused("/dev/zero", "more than 65536 bytes");
    rusage children{};
    getrusage(RUSAGE_CHILDREN, &children);
    MESSAGE("peak of all programs so far: " << children.ru_maxrss / 1024 << " MiB");
}
