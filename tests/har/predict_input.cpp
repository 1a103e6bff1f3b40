// SPDX-License-Identifier: BSD-3-Clause
// har predict: the CSVs that it reads and refuses, one rule for all three outputs.
#include <algorithm>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "predicting.hpp"
#include "program.hpp"

namespace {

using namespace har_tests;
using nlohmann::json;

} // namespace

TEST_CASE("predict reads each usual form of the same samples alike from a file and as a stream") {
    const std::string data = table(192), header = joined(channels) + "\n";
    check_reads(header + data);
    check_reads("\xEF\xBB\xBF" + header + data);
    check_reads("\xEF\xBB\xBF" + data);
    check_reads("\"" + joined(channels, "\",\"") + "\"\n" + data);
    check_reads(joined(channels, ";") + "\n" + table(192, {}, ";"));
    check_reads(joined(channels, "\t") + "\n" + table(192, {}, "\t"));
    check_reads(joined(channels, " ") + "\n" + table(192, {}, "   "));
    check_reads(data.substr(0, data.size() - 1));
    check_reads(header + data + "\n\n");
    std::string crlf = header + data;
    for (std::size_t at = 0; (at = crlf.find('\n', at)) != crlf.npos; at += 2) crlf.insert(at, "\r");
    check_reads(crlf);
    check_reads(table(192, [](std::size_t, auto& fields) {
        for (auto& f : fields)
            if (f[0] != '-') f.insert(0, "+");
    }));
    auto reversed = channels;
    std::reverse(reversed.begin(), reversed.end());
    check_reads(joined(reversed) + "\n" +
                table(192, [](std::size_t, auto& fields) { std::reverse(fields.begin(), fields.end()); }));
    const std::string ignored = "columns that are no channels of the model, ignored: ";
    check_reads("time," + joined(channels) + ",label\n" +
                    table(192,
                          [](std::size_t t, auto& fields) {
                              fields.insert(fields.begin(), std::to_string(t));
                              fields.push_back("WALKING");
                          }),
                ignored + "time, label");
    check_reads("," + header +
                    table(192, [](std::size_t t, auto& fields) { fields.insert(fields.begin(), std::to_string(t)); }),
                ignored + "the first, without a name");
}

TEST_CASE("predict reports ignored columns and too few samples unless --quiet is given") {
    const std::string text =
        joined(channels) + ",label\n" + table(128, [](std::size_t, auto& fields) { fields.push_back("1"); });
    const three got = ask(text, "--quiet");
    for (const answer* a : {&got.file, &got.json, &got.stream}) {
        CHECK(a->code == 0);
        CHECK(a->err == "");
    }
    const three few = ask(table(5));
    CHECK(few.file.code == 3);
    CHECK(few.file.err == "har: in.csv: number of samples is 5, expected at least one window of 128\n");
    CHECK(few.stream.code == 0);
    CHECK(few.stream.err == "standard input: number of samples is 5, a window has 128: nothing was decided\n");
}

TEST_CASE("predict refuses lines that could shift or split channels and names the place") {
    const auto at = [](std::size_t line, std::size_t c, const std::string& value) {
        return [=](std::size_t t, std::vector<std::string>& fields) {
            if (t + 1 == line) fields[c] = value;
        };
    };
    const std::string header = joined(channels) + "\n";
    // the comma that ended a field and the next one were blanks alike
    check_refuses(table(130, at(3, 4, "")), "3:30: field is empty, expected a number");
    check_refuses(header + table(130, at(3, 4, "")), "4:30: field is empty, expected a number");
    check_refuses(table(130,
                        [](std::size_t t, auto& fields) {
                            fields[3] = "";
                            fields.insert(fields.begin(), std::to_string(t));
                        }),
                  "1:27: field is empty, and number of fields is 10, expected 9");
    check_refuses(table(130, [](std::size_t, auto& fields) { fields.push_back(""); }),
                  "1:70: field is empty, and number of fields is 10, expected 9");
    check_refuses(joined(channels) + ",\n" + table(130, [](std::size_t, auto& fields) { fields.push_back(""); }),
                  "1:106: name of column 10 is empty, expected a name");
    check_refuses(table(130, [](std::size_t t, auto& fields) { fields.insert(fields.begin(), std::to_string(t)); }),
                  "1:64: number of fields is 10, expected 9");
    check_refuses(table(130, at(2, 0, "0,5"), ";"),
                  "2:1: field is '0,5', expected a number with a decimal point, not a comma");
    check_refuses("1,2\t3 4,,5,   6\n", "1:9: field is empty, and number of fields is 5, expected 9");
    check_refuses(table(130, at(1, 2, "NaN")),
                  "1:17: field is 'NaN', expected a finite number in the range of float");
    check_refuses(table(130, at(1, 0, "nan")), "1:1: field is 'nan', expected a finite number in the range of float");
    check_refuses(table(130, at(1, 0, "-inf")),
                  "1:1: field is '-inf', expected a finite number in the range of float");
    check_refuses(table(130, at(7, 0, "1e400")),
                  "7:1: field is '1e400', expected a finite number in the range of float");
    check_refuses("X,Y,Z,GX,GY,GZ,TX,TY,TZ\n" + table(130),
                  "1:1: names of the columns lack 'body_acc_x', expected 9: '" + joined(channels, "', '") + "'");
    std::string mac = header + table(130);
    std::replace(mac.begin(), mac.end(), '\n', '\r');
    check_refuses(mac, "1:" + std::to_string(header.size()) +
                           ": line ends with only CR, as on a classic Mac, expected LF or CRLF");
    std::string utf16 = "\xFF\xFE";
    for (const char c : header + table(130)) utf16 += {c, '\0'};
    check_refuses(utf16, "1:1: text is UTF-16, expected UTF-8 or ASCII");
    check_refuses("\x1B[2J\x07,1,2,3,4,5,6,7,8\n", "1:1: field is '?[2J?', expected a number");
    const three tiny = ask(table(128, at(1, 0, "1e-400"))), zero = ask(table(128, at(1, 0, "0")));
    CHECK(tiny.file.code == 0);
    CHECK(tiny.file.out == zero.file.out);
    CHECK(tiny.stream.out == zero.stream.out);
}

TEST_CASE("predict: a window without a finite answer is an error of the data in all three forms") {
    const auto spike = [](const std::string& value) {
        return table(256, [&](std::size_t t, auto& fields) {
            if (t == 199) fields[2] = value;
        });
    };
    for (const std::string value : {"1e38", "-3e38"}) {
        const std::string shown = value == "1e38" ? "1e+38" : "-3e+38";
        const std::string message = ":200: body_acc_z is " + shown +
                                    ", expected a value in the model's units: the window of "
                                    "samples 128 to 255 has no finite answer\n";
        const three got = ask(spike(value), "--hop 128");
        for (const answer* a : {&got.file, &got.json, &got.stream}) {
            CHECK(a->code == 3);
            CHECK(!has(a->out, "nan"));
        }
        CHECK(got.file.err == "har: in.csv" + message);
        CHECK(got.json.err == "har: in.csv" + message);
        CHECK(got.stream.err == "har: standard input" + message);
        CHECK(got.file.out == ""); // a file is answered as a whole
        CHECK(got.json.out == "");
        CHECK(std::count(got.stream.out.begin(), got.stream.out.end(), '\n') == 2); // what was decided before stands
    }
    const three fine = ask(spike("1e5"), "--hop 128");
    CHECK(fine.file.code == 0);
    CHECK(fine.stream.code == 0);
}

TEST_CASE("predict --stream: an input that cannot be read is an io_error") {
    const answer folder_in = run(place(), with_model + "--stream <run");
    CHECK(folder_in.code == 6);
    CHECK(folder_in.err == "har: standard input: cannot be read: Is a directory\n");
    CHECK(folder_in.out == "");
    const answer closed = run(place(), with_model + "--stream <&-");
    CHECK(closed.code == 6);
    CHECK(closed.err == "har: standard input: cannot be read: Bad file descriptor\n");
    const answer empty = run(place(), with_model + "--stream </dev/null");
    CHECK(empty.code == 0);
    const answer folder_file = run(place(), with_model + "--input run");
    CHECK(folder_file.code == 3); // a folder is searched for recordings
    CHECK(has(folder_file.err, "har: run: number of files with motion sensors is 0 of "));
    const answer missing = run(place(), with_model + "--input missing.csv");
    CHECK(missing.code == 6);
    CHECK(missing.err == "har: missing.csv: cannot be opened for reading: No such file or directory\n");
}
