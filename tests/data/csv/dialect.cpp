// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/data/csv/dialect.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include "../../raises.hpp"
#include "../dataset/scratch.hpp"
#include "smldist/core/error.hpp"

using namespace smldist;
using data::csv_dialect;
using data::recognise_dialect;

namespace {

using strings = std::vector<std::string>;

csv_dialect of(const std::string& text) { return recognise_dialect("f.csv", text); }

const strings txyz{"time", "x", "y", "z"};

/// Checks a table of four columns with names and two rows, the first of which is 0.5, 1.25, 2, -3.
void check_table(const csv_dialect& d, char separator, char decimal) {
    CHECK(d.separator == separator);
    CHECK(d.decimal == decimal);
    CHECK(d.header);
    CHECK(d.names == txyz);
    REQUIRE(d.rows.size() == 2);
    REQUIRE(d.rows[0].size() == 4);
    double value = 0;
    CHECK(data::detail::csv_number(d.rows[0][1], d.decimal, value));
    CHECK(value == 1.25);
}

} // namespace

TEST_CASE("csv dialect: separators, decimal comma, line ends, byte-order mark, quotes") {
    for (const std::string mark : {"", "\xEF\xBB\xBF"})
        for (const std::string end : {"\n", "\r\n"}) {
            check_table(of(mark + "time,x,y,z" + end + "0.5,1.25,2,-3" + end + "1,2,3,4" + end), ',', '.');
            check_table(of(mark + "time;x;y;z" + end + "0.5;1.25;2;-3" + end + "1;2;3;4"), ';', '.');
            check_table(of(mark + "time;x;y;z" + end + "0,5;1,25;2;-3" + end + "1;2;3;4"), ';', ',');
            check_table(of(mark + "time\tx\ty\tz" + end + "0.5\t1.25\t2\t-3" + end + "1\t2\t3\t4" + end), '\t', '.');
            check_table(of(mark + "time\tx\ty\tz" + end + "0,5\t1,25\t2\t-3" + end + "1\t2\t3\t4" + end), '\t', ',');
            check_table(of(mark + "time x  y z" + end + " 0.5 1.25  2 -3" + end + "1 2 3 4  " + end), ' ', '.');
            check_table(of(mark + "time, x, y, z" + end + "0.5, 1.25, 2, -3" + end + "1, 2, 3, 4" + end), ',', '.');
            check_table(of(mark + "\"time\",\"x\",\"y\",\"z\"" + end + "0.5,\"1.25\",2,-3" + end + "1,2,3,4" + end),
                        ',', '.');
            check_table(of(mark + "\"time\"\t\"x\"\t\"y\"\t\"z\"" + end + "5,000000000E-1\t1,25E0\t2,0E0\t-3,0E0" +
                           end + "1,0E0\t2,0E0\t3,0E0\t4,0E0" + end),
                        '\t', ',');
        }
}

TEST_CASE("csv dialect: a comma within numbers does not beat the real separator") {
    CHECK(of("1,5;2,5;3,5\n1,5;2,5;3,5\n").separator == ';');
    CHECK(of("1,5\t2,5\t3,5\n1,5\t2,5\t3,5\n").separator == '\t');
    CHECK(of("2014-05-07 16:29:30.960,1,2,3\n2014-05-07 16:29:30.970,1,2,3\n").separator == ',');
    CHECK(of("1, 2, 3\n1, 2, 3\n").separator == ',');
    CHECK(of("a,b,c\n\"x; y\",1,2\n\"x; y\",1,2\n").separator == ',');
    CHECK(of("0,5;walk\n0,6;walk\n").separator == ';');
    CHECK(of("1;2,5\n1,5;2\n2;3\n").decimal == ','); // whole numbers in every column
    CHECK(of("1;2.5\n1.5;2\n2;3\n").decimal == '.');
    CHECK(of("\"1,500\",2\n\"1,600\",3\n").decimal == '.');
}

TEST_CASE("csv dialect: names, index columns, no names") {
    auto d = of("1,2,3,4\n1,2,3,4\n");
    CHECK(!d.header);
    CHECK(d.preamble == 0);
    CHECK(d.names == strings{"column 1", "column 2", "column 3", "column 4"});
    CHECK(d.rows.size() == 2);
    CHECK(of(",x,y\n0,1,2\n").names == strings{"", "x", "y"});            // pandas
    CHECK(of("\"x\" \"y\"\n\"1\" 1 2\n").names == strings{"", "x", "y"}); // R
    CHECK(of("# time x y\n0 1 2\n").names == strings{"time", "x", "y"});  // NumPy
    CHECK(of("#time,x,y\n0,1,2\n").names == strings{"#time", "x", "y"});
    CHECK(of("x,y,note\n1,2,walk\n").names == strings{"x", "y", "note"});
    CHECK(of("x,y\n1,2\n").header);
    CHECK(!of("5,y\n1,2\n5,7\n").header);
    d = of("x,5\n1,2\n5,7\n");
    CHECK(!d.header);
    CHECK(d.preamble == 0); // "x" may be a wrong field
}

TEST_CASE("csv dialect: separators at the end of lines") {
    const strings names{"time", "x", "y", "column 4"};
    CHECK(of("time;x;y;\n0;1;2;\n1;2;3;\n").names == names);
    CHECK(of("time;x;y\n0;1;2;\n1;2;3;\n").names == strings{"time", "x", "y", "column 4"});
    CHECK(of("time,x,y,\n0,1,2\n1,2,3\n").names == strings{"time", "x", "y"});
}

TEST_CASE("csv dialect: a preamble, its rate and title") {
    const std::string preamble =
        "--- Data File Created By ActiGraph GT3X+ date format M/d/yyyy at 30 Hz  Filter Normal ---\n"
        "Serial Number: X1\nStart Time 16:35:00\nStart Date 3/28/2017\n\n---------\n";
    auto d = of(preamble + "Accelerometer X,Accelerometer Y,Accelerometer Z\n1,2,3\n4,5,6\n");
    CHECK(d.preamble == 6);
    CHECK(d.header);
    CHECK(d.rate_hz == 30);
    CHECK(d.title.starts_with("--- Data File Created By ActiGraph"));
    d = of(preamble + "1,2,3\n4,5,6\n");
    CHECK(d.preamble == 6);
    CHECK(!d.header);
    CHECK(d.rows.size() == 2);
    CHECK(of("rate 50Hz\nx,y\n1,2\n").rate_hz == 50);
    CHECK(of("rate 12.5 hz\nx,y\n1,2\n").rate_hz == 12.5);
    CHECK(of("Hz\nx,y\n1,2\n").rate_hz == 0);
    CHECK(of("sep=;\nx;y\n1;2\n").preamble == 1);
}

TEST_CASE("csv dialect: a row of units below the names") {
    auto d = of("time,acc_x,acc_y\nms,m/s^2,m/s^2\n1,2,3\n");
    CHECK(d.names == strings{"time", "acc_x", "acc_y"});
    CHECK(d.units == strings{"ms", "m/s^2", "m/s^2"});
    CHECK(d.header);
    CHECK(d.preamble == 1);
    CHECK(d.rows.size() == 1);
    CHECK(of("time\tx\t\n(s)\t[g]\t\n1\t2\t\n").units == strings{"(s)", "[g]", ""});
    d = of("acc,acc,acc\nx,y,z\n1,2,3\n"); // two rows of names: the last counts
    CHECK(d.names == strings{"x", "y", "z"});
    CHECK(d.units.empty());
}

TEST_CASE("csv dialect: fields that are missing or wrong, and a line that is cut off, do not hide rows") {
    CHECK(of("time,x,y\n0,,\n1,2,3\n").rows.size() == 2);
    CHECK(of("time,x,y\n0,NaN,n/a\n1,2,3\n").rows.size() == 2);
    CHECK(of("time,x,label\n0,1,walk\n1,2,NaN\n").header);
    CHECK(of("time,x,label\n0,1,walk\n1,2,NaN\n").preamble == 0);
    CHECK(of("time,x,label\n0,1,walk\n1,2,3\n").preamble == 0);
    CHECK(of("time,x,y\n0,1,2\n1,abc,3\n2,3,4\n").preamble == 0);
    CHECK(of("time,x,y\n0,1,2\n1,2\n2,3,4\n").preamble == 0);
    CHECK(of("time,x,y\n0,1,2\n# marker\n2,3,4\n").preamble == 0);
    CHECK(of("time,x,y\n0,1,2\n1,2,3\n2,3").names == strings{"time", "x", "y"});
    CHECK(of("time,x,y\n0,1,2\n\n\n").rows.size() == 1);
    // The last lines vote on the number of columns.
    CHECK(of("time,x,y\n0,1,2\n1,2,3\n2,3,4,5\n").names == strings{"time", "x", "y"});
    CHECK(of("time,x,y\n0,1,2\n1,2,3\n2,3\n").names == strings{"time", "x", "y"});
    // A wrong first row is left to the reader; blank lines below the names are not.
    CHECK(of("time,x,y\n0,1\n1,2,3\n2,3,4\n").names == strings{"time", "x", "y"});
    CHECK(of("time,x,y\n0,1\n1,2,3\n2,3,4\n").preamble == 0);
    CHECK(of("time,x,y\n\n0,1,2\n1,2,3\n").names == strings{"time", "x", "y"});
    CHECK(of("time,x,y\n\n0,1,2\n1,2,3\n").preamble == 1);
    CHECK(of("time,x,y\n# begin\n0,1,2\n1,2,3\n").names == strings{"time", "x", "y"});
    CHECK(of("# begin\n\n# time x y\n0 1 2\n1 2 3\n").names == strings{"time", "x", "y"});
    CHECK(of("time,x,y\ns,g,g\n\n0,1,2\n1,2,3\n").units == strings{"s", "g", "g"});
}

TEST_CASE("csv dialect: at most 32 rows and 64 KiB are looked at") {
    std::string text = "time,x\n";
    while (text.size() < 65536) text += std::to_string(text.size()) + ",2.5\n";
    text.resize(65536); // within a line
    const auto d = of(text);
    CHECK(d.rows.size() == 32);
    CHECK(d.names == strings{"time", "x"});
    const scratch_folder at;
    at.write("f.csv", text + ",not a number\n");
    CHECK(recognise_dialect(at.path() / "f.csv").names == strings{"time", "x"});
}

TEST_CASE("csv dialect: fields") {
    using data::detail::csv_fields;
    CHECK(csv_fields("a,b", ',') == strings{"a", "b"});
    CHECK(csv_fields("", ',') == strings{""});
    CHECK(csv_fields("", ' ') == strings{});
    CHECK(csv_fields(" a , \"b, c\" ,d,", ',') == strings{"a", "b, c", "d", ""});
    CHECK(csv_fields("\"a \"\"b\"\"\",c", ',') == strings{"a \"b\"", "c"});
    CHECK(csv_fields("\"a", ',') == strings{"a"});
    CHECK(csv_fields("\"", ',') == strings{""});
    CHECK(csv_fields("a\t\tb", '\t') == strings{"a", "", "b"});
    CHECK(csv_fields("  a   b  ", ' ') == strings{"a", "b"});
}

TEST_CASE("csv dialect: what is no table is an error with the name") {
    CHECK_RAISES(data_error, "f.csv: file is empty, expected a table of numbers", of(""));
    CHECK_RAISES(data_error, "f.csv: file is empty", of("\n\n  \n"));
    const std::string none =
        "f.csv: first lines hold no row of numbers, expected a table: fields with ; , TAB or blanks between them";
    CHECK_RAISES(data_error, none, of("time,x,y\n"));
    CHECK_RAISES(data_error, none, of("just some words\n"));
    CHECK_RAISES(data_error, none, of("12\n13\n"));
    CHECK_RAISES(data_error, none, of(std::string(70000, 'x')));
    CHECK_RAISES(data_error, "f.csv:1:1: text is UTF-16, expected UTF-8 or ASCII",
                 of("\xFF\xFE"
                    "1\0,\0"));
    CHECK_RAISES(data_error, "f.csv:1:4: line ends with only CR", of("1,2\r3,4\r"));
    const scratch_folder at;
    CHECK_RAISES(io_error, "none.csv: cannot be opened for reading: ", recognise_dialect(at.path() / "none.csv"));
    std::filesystem::create_directory(at.path() / "x.csv");
    CHECK_RAISES(io_error, "x.csv: cannot be read: ", recognise_dialect(at.path() / "x.csv"));
}
