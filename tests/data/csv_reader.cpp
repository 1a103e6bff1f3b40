// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv_reader.hpp"

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "smldist/data/csv/dialect.hpp"

using namespace smldist;
using data::byte_source;
using data::csv_reader;
using data::line_reader;

namespace {

using rows = std::vector<std::vector<float>>;

/// A text that comes in pieces of `piece` bytes.
byte_source pieces(std::string text, std::size_t piece = std::size_t(1) << 16) {
    return [text = std::make_shared<std::string>(std::move(text)), at = std::size_t(0),
            piece](char* to, std::size_t n) mutable {
        n = std::min({n, piece, text->size() - at});
        std::copy_n(text->data() + at, n, to);
        at += n;
        return n;
    };
}

struct result {
    rows values;
    std::vector<std::string> ignored;
    std::string error; ///< "" when none
};

result read(const std::string& text, const std::vector<std::string>& columns = {"x", "y", "z"},
            std::size_t piece = std::size_t(1) << 16) {
    result r;
    csv_reader in("f", pieces(text, piece), columns);
    try {
        while (in.next_row()) {
            r.values.emplace_back();
            for (std::size_t c = 0; c < columns.size(); ++c) r.values.back().push_back(in.number(c));
        }
    } catch (const data_error& e) { r.error = e.what(); }
    r.ignored = in.ignored();
    return r;
}

/// What reading complains about, in whatever pieces the text comes.
std::string complaint(const std::string& text, const std::vector<std::string>& columns = {"x", "y", "z"}) {
    const std::string whole = read(text, columns).error;
    for (const std::size_t piece : {1u, 2u, 3u, 7u}) {
        CAPTURE(piece);
        CHECK(read(text, columns, piece).error == whole);
    }
    return whole;
}

/// The rows of a text that is right.
rows values(const std::string& text, const std::vector<std::string>& columns = {"x", "y", "z"}) {
    const result whole = read(text, columns);
    CHECK(whole.error == "");
    for (const std::size_t piece : {1u, 2u, 3u, 7u}) {
        CAPTURE(piece);
        CHECK(read(text, columns, piece).values == whole.values);
    }
    return whole.values;
}

std::string utf16(const std::string& text, bool little, bool mark) {
    std::string s = !mark ? "" : little ? "\xFF\xFE" : "\xFE\xFF";
    for (const char c : text) s += little ? std::string{c, '\0'} : std::string{'\0', c};
    return s;
}

const rows two{{1, 2, 3}, {4, -5, 0.5f}};

/// A file, removed at the end.
class scratch {
public:
    ~scratch() { std::filesystem::remove(path_); }
    std::filesystem::path write(const std::string& text) const {
        std::ofstream(path_, std::ios::binary) << text;
        return path_;
    }

private:
    std::filesystem::path path_ =
        std::filesystem::temp_directory_path() / ("smldist_csv_reader_" + std::to_string(::getpid()) + ".csv");
};

} // namespace

TEST_CASE("csv_reader: each separator, with and without header, LF and CRLF, with and without the last line end") {
    for (const std::string separator : {",", ";", "\t", " ", "   ", ", ", " ;\t", "\t "})
        for (const std::string end : {"\n", "\r\n"})
            for (const std::string header :
                 {"", "x|y|z\n", "\"x\"|\"y\"|\"z\"\n", "\xEF\xBB\xBFx|y|z\n", "\xEF\xBB\xBF"})
                for (const bool last : {true, false}) {
                    CAPTURE(separator);
                    CAPTURE(end);
                    CAPTURE(header);
                    CAPTURE(last);
                    std::string text = header + "1|2|3\n4|-5|.5" + (last ? "\n" : "");
                    for (std::size_t at = 0; (at = text.find('|', at)) != text.npos; at += separator.size())
                        text.replace(at, 1, separator);
                    for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += end.size())
                        text.replace(at, 1, end);
                    CAPTURE(text);
                    CHECK(values(text) == two);
                }
    CHECK(values("  1  2 3  \n4\x20-5 0.5\n") == two); // fixed width
    CHECK(values("1,2,3\n4,-5,0.5\n\n \t\r\n\n") == two);
    CHECK(values("\"1\",\"2\", \"3\" \n 4 ,-5,\"0.5\"\n") == two);
    CHECK(values("").empty());
    CHECK(values("\n\n").empty());
    CHECK(values("x,y,z\n").empty());
    CHECK(values("7\n8\n", {"x"}) == rows{{7}, {8}});
}

TEST_CASE("csv_reader: numbers") {
    CHECK(values("+1,+2.5e0,+.5\n") == rows{{1, 2.5f, 0.5f}});
    CHECK(values("1e-400,-1e-400,1e-46\n") == rows{{0, 0, 0}});
    CHECK(values("3.4028235e38,-3.4028235e38,1E+5\n") == rows{{3.4028235e38f, -3.4028235e38f, 1e5f}});
    for (const std::string bad : {"1e400", "-1e400", "1e39", "nan", "NaN", "-nan", "inf", "-Infinity"}) {
        CAPTURE(bad);
        const std::string wanted = "field is '" + bad + "', expected a finite number in the range of float";
        CHECK(complaint("1," + bad + ",3\n") == "f:1:3: " + wanted);
        CHECK(complaint("x,y,z\n1,2,3\n1,2," + bad + "\n") == "f:3:5: " + wanted);
    }
    for (const std::string bad :
         {"+-1", "++1", "+", "-", "1.2.3", "0x10", "1e", "1f", "x", "NA", "null", "1_0", "1'0"}) {
        CAPTURE(bad);
        CHECK(complaint("1," + bad + ",3\n") == "f:1:3: field is '" + bad + "', expected a number");
    }
}

TEST_CASE("csv_reader: an empty field is an error at the hole") {
    CHECK(complaint("1,,3\n") == "f:1:3: field is empty, expected a number");
    CHECK(complaint("1,2,3\n1, ,3\n") == "f:2:4: field is empty, expected a number");
    CHECK(complaint("1,2,3\n,2,3\n") == "f:2:1: field is empty, expected a number");
    CHECK(complaint("1;2;\n") == "f:1:5: field is empty, expected a number");
    CHECK(complaint("1\t\t3\n") == "f:1:3: field is empty, expected a number");
    CHECK(complaint("1,\"\",3\n") == "f:1:4: field is empty, expected a number");
    CHECK(complaint("x,y,z\n1,2,3\n1,,3\n") == "f:3:3: field is empty, expected a number");
    // a row index and a hole; a comma at the end; both have a field too many
    CHECK(complaint("0,1.5,,3\n") == "f:1:7: field is empty, and number of fields is 4, expected 3");
    CHECK(complaint("1,2,3,\n") == "f:1:7: field is empty, and number of fields is 4, expected 3");
    CHECK(complaint("0,1.0,2.0,3.0,,5.0,6.0\n", {"a", "b", "c", "d", "e", "f"}) ==
          "f:1:15: field is empty, and number of fields is 7, expected 6");
}

TEST_CASE("csv_reader: the number of fields") {
    CHECK(complaint("1,2\n") == "f:1:4: line ends, number of fields is 2, expected 3");
    CHECK(complaint("1,2,3\n1 2 3\n") == "f:2:6: line ends, number of fields is 1, expected 3");
    CHECK(complaint("0,1,2,3\n") == "f:1:7: number of fields is 4, expected 3"); // a row index without a header
    CHECK(complaint("x,y,z\n1,2,3\n1,2,3,4\n") == "f:3:7: number of fields is 4, expected 3");
    CHECK(complaint("t,x,y,z\n1,2,3\n") == "f:2:6: line ends, number of fields is 3, expected 4");
    CHECK(complaint("1 2 3 4\n") == "f:1:7: number of fields is 4, expected 3");
}

TEST_CASE("csv_reader: never two separators, never two numbers of one with a decimal comma") {
    CHECK(complaint("1,2\t3,4\n") ==
          "f:1:3: field is '2?3', expected a number: what separates fields is ',', as in the first line");
    CHECK(complaint("1,2,3\n1,2 2,3\n") ==
          "f:2:3: field is '2 2', expected a number: what separates fields is ',', as in the first line");
    CHECK(complaint("1\t2\t3\n1\t2 2\t3\n") ==
          "f:2:3: field is '2 2', expected a number: what separates fields is a TAB, as in the first line");
    CHECK(complaint("1 2 3\n1 2\t2 3\n") ==
          "f:2:3: field is '2?2', expected a number: what separates fields is a blank, as in the first line");
    CHECK(complaint("1,2,3\n1,2;2,3\n") ==
          "f:2:3: field is '2;2', expected a number: what separates fields is ',', as in the first line");
    CHECK(complaint("1,2\t3 4,,5,   6\n") == "f:1:9: field is empty, and number of fields is 5, expected 3");
    const std::string decimal = "', expected a number with a decimal point, not a comma";
    CHECK(complaint("0,5;1,5;2,5\n") == "f:1:1: field is '0,5" + decimal);
    CHECK(complaint("x;y;z\n1;2;3\n1;-1,5;2\n") == "f:3:3: field is '-1,5" + decimal);
    CHECK(complaint("1 2 3\n1 1,5 3\n") == "f:2:3: field is '1,5" + decimal);
    CHECK(complaint("x\ty\tz\n1\t1,5\t2\n") == "f:2:3: field is '1,5" + decimal);
    CHECK(complaint("\"0,5\",\"1,5\",\"2,5\"\n") == "f:1:2: field is '0,5" + decimal);
    CHECK(complaint("1,5,6;2;3\n") ==
          "f:1:1: field is '1,5,6', expected a number: what separates fields is ';', as in the first line");
    CHECK(complaint("0,5 1,5 2,5\n") != "");
    CHECK(complaint("0,5\t1,5\t2,5\n") != "");
    CHECK(complaint("0,5,1,5,2,5\n") == "f:1:7: number of fields is 6, expected 3");
    CHECK(complaint("1.234,5\n", {"x"}) == "f:1:7: number of fields is 2, expected 1");
}

TEST_CASE("csv_reader: recognises a header") {
    CHECK(values("X,Y,Z\n1,2,3\n", {"X", "Y", "Z"}) == rows{{1, 2, 3}});
    CHECK(values("E,e,1e5x\n1,2,3\n", {"E", "e", "1e5x"}) == rows{{1, 2, 3}});
    CHECK(values("0,1,2\n5,6,7\n", {"0", "1", "2"}) == rows{{5, 6, 7}}); // all by name
    CHECK(values(" x , y,z \n1,2,3\n") == rows{{1, 2, 3}});
    CHECK(values("\"a, b\",\"say \"\"c\"\"\",\"d;e\"\n1,2,3\n", {"a, b", "say \"c\"", "d;e"}) == rows{{1, 2, 3}});
    CHECK(values("gr\xC3\xB6\xC3\x9F"
                 "e\n1\n",
                 {"gr\xC3\xB6\xC3\x9F"
                  "e"}) == rows{{1}});
    // values in the first line are data, not names
    CHECK(complaint("NaN,NaN,NaN\n1,2,3\n").starts_with("f:1:1: field is 'NaN', expected a finite number"));
    CHECK(complaint("NA,NA,NA\n1,2,3\n") == "f:1:1: field is 'NA', expected a number");
    CHECK(complaint("0,0,x\n1,2,3\n") == "f:1:5: field is 'x', expected a number");
    const std::string lack = "', expected 3: 'x', 'y', 'z'";
    CHECK(complaint("a,b,c\n1,2,3\n") == "f:1:1: names of the columns lack 'x" + lack);
    CHECK(complaint("X,Y,Z\n1,2,3\n") == "f:1:1: names of the columns lack 'x" + lack);
    CHECK(complaint("x,y\n1,2\n") == "f:1:1: names of the columns lack 'z" + lack);
    CHECK(complaint("# x y\n1 2 3\n") == "f:1:1: names of the columns lack 'z" + lack);
    CHECK(complaint("x,y,x\n1,2,3\n", {"x", "y"}) == "f:1:5: column 'x' occurs twice, expected it once");
    // Names that are not unique choose no columns; without a header their order does.
    CHECK(complaint("a\n1\n", {"a", "a"}) ==
          "f:1:1: names of the columns are a header, but 'a' is requested twice, expected "
          "numbers in the order of the columns");
    CHECK(complaint("1,2\n", {"a", "a"}) == "");
    CHECK(complaint("x,y,z,\n1,2,3,\n") == "f:1:7: name of column 4 is empty, expected a name");
    CHECK(complaint("x,,y,z\n1,2,3,4\n") == "f:1:3: name of column 2 is empty, expected a name");
    CHECK(complaint("x;y;z;\n") == "f:1:7: name of column 4 is empty, expected a name");
}

TEST_CASE("csv_reader: columns by name, others ignored by name") {
    const result reordered = read("z,x,y\n3,1,2\n0.5,4,-5\n");
    CHECK(reordered.error == "");
    CHECK(reordered.values == two);
    CHECK(reordered.ignored.empty());
    const result more = read("time,z,x,label,y\n12:00,3,1,WALKING,2\n,0.5,4,\"a, \"\"b\"\"\",-5\n");
    CHECK(more.error == "");
    CHECK(more.values == two);
    CHECK(more.ignored == std::vector<std::string>{"time", "label"});
    const result index = read(",x,y,z\n0,1,2,3\n1,4,-5,0.5\n"); // as pandas writes
    CHECK(index.error == "");
    CHECK(index.values == two);
    CHECK(index.ignored == std::vector<std::string>{""});
}

TEST_CASE("csv_reader: text, and complaints of one's own") {
    csv_reader in("f", pieces("x,label\n1,\"up, \"\"fast\"\"\"\n2,\n"), {"label", "x"});
    REQUIRE(in.next_row());
    CHECK(in.line() == 2);
    CHECK(in.text(0) == "up, \"fast\"");
    CHECK(in.number(1) == 1);
    CHECK_THROWS_WITH_AS(in.fail(0, "label is new"), "f:2:4: label is new", data_error);
    CHECK_THROWS_WITH_AS(in.number(0), "f:2:4: field is 'up, \"\"fast\"\"', expected a number", data_error);
    csv_reader moved = std::move(in);
    REQUIRE(moved.next_row());
    CHECK(moved.text(0) == "");
    CHECK(moved.number(1) == 2);
    CHECK_FALSE(moved.next_row());
    CHECK_FALSE(moved.next_row());
    CHECK(moved.name() == "f");
    CHECK_THROWS_AS(csv_reader("f", pieces(""), {}), usage_error);
}

TEST_CASE("csv_reader: quotes") {
    CHECK(complaint("1,\"2,3\n") == "f:1:3: quote is not closed, expected '\"' in the same line");
    CHECK(complaint("1,\"2\"\",3\n") == "f:1:3: quote is not closed, expected '\"' in the same line");
    CHECK(complaint("1,\"2\"5,3\n") == "f:1:6: field continues after its closing quote, expected ','");
    CHECK(complaint("\"1\"2 3\n") == "f:1:4: field continues after its closing quote, expected a blank");
    CHECK(complaint("1\t2\t\"3\"x\n") == "f:1:8: field continues after its closing quote, expected a TAB");
}

TEST_CASE("csv_reader: UTF-16 and classic Mac OS files are named as such, blank lines are not data") {
    for (const bool little : {true, false}) {
        CAPTURE(little);
        const std::string text = "x,y,z\r\n1,2,3\r\n";
        CHECK(complaint(utf16(text, little, true)) == "f:1:1: text is UTF-16, expected UTF-8 or ASCII");
        CHECK(complaint(utf16(text, little, false)).ends_with("expected text in UTF-8 or ASCII: is this UTF-16?"));
    }
    const std::string mac = ": line ends with only CR, as on a classic Mac, expected LF or CRLF";
    CHECK(complaint("x,y,z\r1,2,3\r4,5,6\r") == "f:1:6" + mac);
    CHECK(complaint("x,y,z\n1,2,3\r4,5,6\n") == "f:2:6" + mac);
    CHECK(complaint("1,2,3\r\r\n") == "f:1:6" + mac);
    CHECK(complaint("1,2,3\n\n4,5,6\n") == "f:2:1: line is blank, expected data");
    CHECK(complaint("1,2,3\n \t\n\n4,5,6\n") == "f:2:1: line is blank, expected data");
    CHECK(complaint("\n1,2,3\n") == "f:1:1: line is blank, expected data");
}

TEST_CASE("csv_reader: messages are short and printable whatever the bytes") {
    std::string bytes;
    for (int i = 1; i < 256; ++i)
        if (i != '\n' && i != '\r') bytes += static_cast<char>(i);
    for (const std::string& text :
         {"1,2," + bytes + "\n", bytes + "\n", "x" + bytes + ",y\n1,2\n", bytes + bytes + "\r1",
          "1,2," + std::string(500'000, 'y') + "\n", std::string(900'000, ',') + "\n",
          "x,y,z\n" + std::string("1,\0\x1B[2J,3\n", 10)}) {
        CAPTURE(text.size());
        const std::string message = read(text).error;
        CAPTURE(message);
        CHECK(message != "");
        CHECK(message.size() < 200);
        CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    }
    const std::vector<std::string> many(300, std::string(100, 'n') + "\x1B");
    const std::string message = read("a,b\n1,2\n", many).error;
    CHECK(message.size() < 500);
    CHECK(message.ends_with(", ..."));
}

TEST_CASE("line_reader: a line is bounded, whatever follows") {
    const std::string longest(line_reader::longest_line, '1');
    line_reader fits("f", pieces(longest + "\r\n" + "2"));
    CHECK_THROWS_WITH_AS(fits.next(), "f:1:1048577: line is too long, expected at most 1048576 bytes", data_error);
    line_reader exact("f", pieces(longest + "\n2"));
    REQUIRE(exact.next());
    CHECK(exact.line().size() == longest.size());
    REQUIRE(exact.next());
    CHECK(exact.line() == "2");
    CHECK_FALSE(exact.next());
    std::size_t given = 0;
    line_reader endless("f", [&](char* to, std::size_t n) {
        std::memset(to, '1', n);
        given += n;
        return n;
    });
    CHECK_THROWS_AS(endless.next(), data_error);
    CHECK(given < 2 * line_reader::longest_line);
}

TEST_CASE("csv_reader: linear time, also when bytes come one by one") {
    const auto seconds = [](std::size_t lines, std::size_t piece) {
        std::string text;
        for (std::size_t i = 0; i < lines; ++i) text += "0.123456,-1.5,2.25\n";
        csv_reader in("f", pieces(std::move(text), piece), {"x", "y", "z"});
        const auto begin = std::chrono::steady_clock::now();
        std::size_t n = 0;
        for (; in.next_row(); ++n) in.number(2);
        CHECK(n == lines);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    CHECK(seconds(200'000, std::size_t(1) << 16) < 5);
    CHECK(seconds(20'000, 1) < 5);
}

TEST_CASE("csv_reader: a locale with decimal commas changes nothing") {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    if (!std::setlocale(LC_ALL, "de_DE.UTF-8")) MESSAGE("de_DE.UTF-8 is not installed: checked in the C locale");
    CHECK(values("4,-5,0.5\n") == rows{{4, -5, 0.5f}});
    CHECK(complaint("4;-5;0,5\n") != "");
    std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("csv_reader: a file by its path; what cannot be read is an io_error") {
    namespace fs = std::filesystem;
    const fs::path file = fs::temp_directory_path() / "smldist-csv-reader.csv";
    std::ofstream(file) << "x,y,z\n1,2,3\n";
    csv_reader in(file, {"z", "y", "x"});
    REQUIRE(in.next_row());
    CHECK(in.number(0) == 3);
    CHECK_FALSE(in.next_row());
    CHECK(in.name() == file.string());
    fs::remove(file);
    CHECK_THROWS_WITH_AS(csv_reader(file, {"x"}),
                         (file.string() + ": cannot be opened for reading: No such file or directory").c_str(),
                         io_error);
    csv_reader folder(fs::temp_directory_path(), {"x"});
    CHECK_THROWS_AS(folder.next_row(), io_error);
}

TEST_CASE("csv_reader: a table of known form: columns by place, decimal comma, preamble, doubles, missing fields") {
    const scratch at;
    const auto path =
        at.write("exported at 30 Hz\nsecond line\ntime;x;note\n1714990000,123456;1,5;a \"\"b\n2;;NaN\n3;1;\"n;a\"\n");
    const data::csv_dialect d = data::recognise_dialect(path);
    CHECK(d.preamble == 2);
    csv_reader in(path, d, {2, 0, 1, 0});
    REQUIRE(in.next_row());
    CHECK(in.line() == 4);
    CHECK(in.text(0) == "a \"\"b");
    CHECK(in.real(1) == 1714990000.123456);
    CHECK(in.number(2) == 1.5f);
    CHECK(in.real(3) == in.real(1));
    CHECK(!in.missing(2));
    REQUIRE(in.next_row());
    CHECK(in.missing(2));
    CHECK(in.missing(0));
    CHECK_THROWS_AS(static_cast<void>(in.number(2)), data_error);
    REQUIRE(in.next_row());
    CHECK(in.text(0) == "n;a");
    CHECK(!in.missing(0));
    CHECK(!in.next_row());
    CHECK(!in.cut_off());
    CHECK_THROWS_AS(csv_reader(path, d, {3}), usage_error);
    CHECK_THROWS_AS(csv_reader(path, d, std::vector<std::size_t>{}), usage_error);
}

TEST_CASE("csv_reader: in a table of known form a last line that ends within its row is left out") {
    const scratch at;
    for (const std::string end : {"2,3", "2,", "2", "2,3,\"wal", "2,3,\""}) {
        CAPTURE(end);
        const auto path = at.write("time,x,note,y\n0,1,a,2\n1,2,a,3\n" + end);
        csv_reader in(path, data::recognise_dialect(path), {0, 1});
        CHECK(in.next_row());
        CHECK(in.next_row());
        CHECK(!in.next_row());
        CHECK(in.cut_off());
    }
    const auto path = at.write("time,x,note,y\n0,1,a,2\n1,2,a,3\n2,3\n"); // ended by its program
    csv_reader in(path, data::recognise_dialect(path), {0, 1});
    CHECK(in.next_row());
    CHECK(in.next_row());
    CHECK_THROWS_AS(in.next_row(), data_error);
    CHECK(!in.cut_off());
}
