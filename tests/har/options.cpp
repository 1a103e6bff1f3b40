// SPDX-License-Identifier: BSD-3-Clause
// What the command line and the configuration file may say.
#include "../../examples/har/settings.hpp"

#include <cctype>
#include <doctest/doctest.h>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "program.hpp"
#include "smldist/core/error.hpp"

namespace {

using namespace har_tests;

const std::vector<std::string> subcommands{"inspect", "features", "train",   "distill", "validate", "sweep",
                                           "collect", "evaluate", "predict", "import",  "summary",  "demo"};

/// One option as --help shows it.
struct shown_option {
    std::string name, value, text; ///< value: N, X, NAME …; empty for a flag
};

std::vector<shown_option> options_of(const folder& at, const std::string& subcommand) {
    const auto help = run(at, subcommand + " --help");
    REQUIRE(help.code == 0);
    std::vector<shown_option> list;
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) {
        CHECK_MESSAGE(line.size() <= 100, line);
        if (line.rfind("  --", 0) == 0) {
            std::istringstream words(line.substr(4));
            shown_option o;
            words >> o.name;
            for (std::string word; line[4 + o.name.size()] == ' ' && words >> word;)
                if (o.text.empty() && word.size() < 6 && word.find_first_not_of("NXAMEDIRFLSTOW/") == word.npos)
                    o.value += (o.value.empty() ? "" : " ") + word;
                else
                    o.text += (o.text.empty() ? "" : " ") + word;
            list.push_back(o);
        } else if (!list.empty() && line.rfind("      ", 0) == 0) {
            list.back().text += " " + line.substr(line.find_first_not_of(' '));
        }
    }
    return list;
}

std::string refusal_of_whole(const std::string& word, std::uint64_t low = 0, std::uint64_t high = 100) {
    try {
        return std::to_string(har::read_whole("n", word, low, high));
    } catch (const smldist::usage_error& e) { return e.what(); }
}

std::string refusal_of_real(const std::string& word, const har::bounds& b = {0, 1}) {
    try {
        return har::text(har::read_real("x", word, b));
    } catch (const smldist::usage_error& e) { return e.what(); }
}

std::string without_line(const std::string& text, const std::string& beginning) {
    std::istringstream lines(text);
    std::string out;
    for (std::string line; std::getline(lines, line);)
        if (line.rfind(beginning, 0) != 0) out += line + "\n";
    return out;
}

const std::string no_data = " --data uci_har=nowhere"; // exit code 3 as soon as it is opened

} // namespace

TEST_CASE("options: whole numbers are decimal digits within bounds") {
    CHECK(refusal_of_whole("0") == "0");
    CHECK(refusal_of_whole("010") == "10");
    CHECK(refusal_of_whole("100") == "100");
    CHECK(har::read_whole("n", "18446744073709551615", 0, UINT64_MAX) == UINT64_MAX);
    for (const std::string word : {"-1", "-0", "+1", "101", "18446744073709551617", "1.0", "1e1", "0x10", "0b1", "1 ",
                                   " 1", "1,0", "1_0", "", "ten", "nan", "1\n"})
        CHECK_MESSAGE(has(refusal_of_whole(word), ", expected a whole number, 0 to 100"), word);
    CHECK(refusal_of_whole("-1") == "--n: value is \"-1\", expected a whole number, 0 to 100");
    CHECK(has(refusal_of_whole("0", 1, 2), "1 to 2"));
    CHECK(refusal_of_whole(std::string(5000, '9') + "\x1b[31m").size() < 200);
}

TEST_CASE("options: reals are decimal and finite and within bounds that are open or closed") {
    CHECK(refusal_of_real("0") == "0");
    CHECK(refusal_of_real("+0.5") == "0.5");
    CHECK(refusal_of_real(".5") == "0.5");
    CHECK(refusal_of_real("5e-1") == "0.5");
    CHECK(refusal_of_real("0000.25") == "0.25");
    for (const std::string word :
         {"nan", "inf", "-inf",  "infinity", "1e999", "1e-999", "0x1p-3", "0.5f", "0,5",   "0.5 ", " 0.5",  "",
          "+",   "-",   "+-0.5", "--0.5",    "1e",    "half",   "-0.1",   "1.1",  "++0.5", "0+1",  "1e++1", "1e+"})
        CHECK_MESSAGE(has(refusal_of_real(word), ", expected a number, 0 to 1"), word);
    const har::bounds open{0, 1, true, true}, half{0, 1, false, true}, upper{-1, 1000000, true};
    CHECK(refusal_of_real("0", open) == "--x: value is \"0\", expected a number, above 0, below 1");
    CHECK(refusal_of_real("1", open) == "--x: value is \"1\", expected a number, above 0, below 1");
    CHECK(refusal_of_real("1", half) == "--x: value is \"1\", expected a number, 0 to below 1");
    CHECK(refusal_of_real("0", half) == "0");
    CHECK(refusal_of_real("-1", upper) == "--x: value is \"-1\", expected a number, above -1, at most 1000000");
    CHECK(refusal_of_real("1e6", upper) == "1e+06");
    CHECK(refusal_of_real("1e+06", upper) == "1e+06"); // a config.toml is read as it was written
}

TEST_CASE("options: --help states the purpose and the bounds or names and the default of each") {
    const folder at;
    for (const std::string& subcommand : subcommands)
        for (const auto& o : options_of(at, subcommand)) {
            CAPTURE(subcommand + " --" + o.name);
            REQUIRE(o.text.size() > 15);
            CHECK(std::isupper(static_cast<unsigned char>(o.text[0])));
            CHECK(has(o.text, "."));
            CHECK_FALSE(has(o.text, " its weight"));
            if (o.value.empty()) continue;
            if (o.value == "N" || o.value[0] == 'X') CHECK(o.text.back() == ']');
            if (o.value == "N") CHECK(has(o.text, " to "));
            if (o.value[0] == 'X') CHECK((has(o.text, " to ") || has(o.text, "above ")));
            if (o.value == "NAME") CHECK(has(o.text, " or "));
        }
    const std::string help = run(at, "distill --help").out;
    std::size_t from = 0;
    for (const std::string group :
         {"Data:", "Network:", "Training:", "Distillation:", "Stage loss (", "Memory (", "Output:"}) {
        const std::size_t found = help.find("\n" + group, from);
        CHECK_MESSAGE(found != help.npos, group);
        from = found == help.npos ? from : found;
    }
    CHECK_FALSE(has(help, "\nOptions:"));
}

TEST_CASE("options: each number refuses words and values beyond its bounds") {
    const folder at;
    write(at.path / "c.toml", "");
    std::size_t numbers = 0;
    for (const std::string& subcommand : subcommands)
        for (const auto& o : options_of(at, subcommand)) {
            if (o.value != "N" && o.value != "X" && o.value != "X X") continue;
            ++numbers;
            CAPTURE(subcommand + " --" + o.name);
            const std::string more = o.value == "X X" ? " 1" : "";
            for (const std::string word : {"-2000000000", "9999999999999999999999"}) {
                const auto a = run(at, subcommand + (subcommand == "sweep" ? " c.toml" : "") + " --" + o.name + " " +
                                           word + more);
                CHECK(a.code == 2);
                CHECK_MESSAGE(has(a.err, "har: --" + o.name + ": value is \"" + word + "\", expected a"), a.err);
            }
            const std::string values = o.value == "X X" ? "[-2000000000, 1]" : "-2000000000";
            write(at.path / "c.toml", "[" + subcommand + "]\n\n" + o.name + "=" + values + "\n");
            const auto a = run(at, subcommand == "sweep"     ? "sweep c.toml"
                                   : subcommand == "collect" ? "--config c.toml collect ."
                                                             : "--config c.toml " + subcommand);
            CHECK(a.code == 2);
            CHECK_MESSAGE(has(a.err, "har: c.toml:3: --" + o.name + ": value is \"-2000000000\""), a.err);
        }
    CHECK(numbers > 50);
    for (const std::string given : {"--epochs -1", "--batch 4611686018427387904", "--batch 1", "--lr nan", "--lr 0",
                                    "--threads 1025", "--seed 9223372036854775808", "--dropout 1", "--mixup inf"})
        CHECK(run(at, "train --preset har_nano " + given + no_data).code == 2);
    CHECK(run(at, "predict --model none --hop -1 --input none").code == 2);
    CHECK(run(at, "summary --channels 010").out == run(at, "summary --channels 10").out);
    CHECK(run(at, "summary --channels 8").out != run(at, "summary --channels 10").out);
}

TEST_CASE("options: an unknown subcommand is refused with the list of subcommands") {
    const folder at;
    for (const std::string word : {"distil", "help", ""}) {
        const auto a = run(at, word);
        CHECK(a.code == 2);
        CHECK(has(
            a.err,
            "subcommand is \"" + word +
                "\", expected one of inspect, features, train, distill, validate, sweep, collect, evaluate, predict, "
                "import, summary, demo"));
    }
}

TEST_CASE("options: an unknown name is refused before data are read with the list of names") {
    const folder at;
    for (const std::string subcommand :
         {"train --preset har_nano", "distill", "validate", "sweep c.toml", "evaluate --model none", "summary"})
        for (const auto& o : options_of(at, subcommand.substr(0, subcommand.find(' ')))) {
            if (o.value != "NAME") continue;
            const bool preset_twice = o.name == "preset" && has(subcommand, "--preset");
            const auto a = run(at, (preset_twice ? "train" : subcommand) + " --" + o.name + " wrong" +
                                       (subcommand == "summary" ? "" : no_data));
            CHECK(a.code == 2);
            CHECK_MESSAGE(has(a.err, "har: --" + o.name + ": name is \"wrong\", expected "), a.err);
        }
}

TEST_CASE("options: values that do not fit together are refused before data are read") {
    const folder at;
    const auto refused = [&](const std::string& given, const std::string& what) {
        const auto a = run(at, given + no_data);
        CHECK_MESSAGE(a.code == 2, given << ": " << a.err);
        CHECK_MESSAGE(has(a.err, what), a.err);
        CHECK_FALSE(std::filesystem::exists(at.path / "har-run"));
    };
    for (const std::string subcommand : {"train --preset har_nano ", "distill "}) {
        refused(subcommand + "--rows wrong", "row is \"wrong\"");
        refused(subcommand + "--rows '3,16,16,SE,RE,9,A'", "stride 1 to 4");
        refused(subcommand + "--memory-heads 3",
                "--memory-heads: number of heads is 3, expected a divisor of the width 32");
        refused(subcommand + "--head blended", "--compat ref2021");
        refused(subcommand + "--head linear --memory-init kmeans", "network has no memory head");
        refused(subcommand + "--ema 0.9 --swa 2", "swa_epochs");
        refused(subcommand + "--mixup 1e-9", "alpha is 1e-09");
    }
    refused("train --preset har_nano --memory-init kmeans --epochs 1", "at least 2 with k_means");
    refused("distill --memory-init kmeans --teacher-epochs 1", "at least 2 with k_means");
    refused("distill --baseline --memory-init kmeans --teacher-epochs 2 --epochs 1", "at least 2 with k_means");
    refused("distill --band 4 2", "band is 4 to 2 Hz");
    refused("distill --rows '3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A'",
            "--preset: number of stages (rows with A) of the student is "
            "2, expected 3");
    refused("distill --method hinton --compat ref2021", "--compat");
    refused("distill --method sp --logit-norm zscore", "--logit-norm");
    refused("distill --method-weight 2", "--method-weight");
    refused("distill --student-patterns 9", "expected at most 8, the teacher's");
    refused("distill --student-patterns 2 --head linear", "no memory is taken over");
    refused("distill --compat ref2021 --student-channels total_acc", "--student-channels");
    refused("evaluate", "--model: value is missing");
    for (const std::string data : {"imagenet=here", "uci", "synthetic=here", "uci_har, hapt=here", "=here", "''"}) {
        const auto a = run(at, "distill --data " + (has(data, " ") ? shell_word(data) : data));
        CHECK(a.code == 2);
        CHECK_MESSAGE(has(a.err, "har: --data: value is "), a.err);
    }
    // Messages are short and printable whatever is given.
    write(at.path / "c.toml", "[distill]\ndata=\"\\u001B[31m" + std::string(5000, 'x') + "\"\n");
    for (const std::string& given :
         {"distill --rows " + std::string(5000, 'x'), std::string("distill --config c.toml"),
          "distill --data " + std::string(5000, 'x'), "distill --lr " + std::string(5000, '9')}) {
        const auto a = run(at, given);
        CHECK(a.code == 2);
        CHECK(a.err.size() < 400);
        CHECK_FALSE(has(a.err, "\x1b"));
    }
    CHECK(run(at, "distill --teacher missing.safetensors" + no_data).code == 6);
    CHECK(run(at, "distill" + no_data).code == 3); // what fits comes as far as the data
    CHECK(run(at, "distill --compat ref2021" + no_data).code == 3);
    CHECK(run(at, "distill --head search --method simkd --memory-init kmeans" + no_data).code == 3);
}

TEST_CASE("options: the largest seed is reported unchanged") {
    const folder at;
    const auto a = run(at, "train --preset har_nano --epochs 1 --quiet --json --seed 9223372036854775807 --out o");
    REQUIRE_MESSAGE(a.code == 0, a.err);
    CHECK(has(a.out, "\"seed\":9223372036854775807"));
    CHECK(has(contents(at.path / "o/metrics.json"), "\"seed\":9223372036854775807"));
}

TEST_CASE("options: config.toml of a run gives the same options again") {
    const folder at;
    const std::string out = "run#1 \"a\" 'b' [c], d=\\e; T\xC3\xBCr \x01\n";
    const std::string given = "train --preset har_nano --epochs 1 --quiet --lr 1.7e-3 --head linear --augment none ";
    const auto first = run(at, given + "--out " + shell_word(out));
    REQUIRE_MESSAGE(first.code == 0, first.err);
    const std::string config = contents(at.path / out / "config.toml");
    CHECK(has(config, "[train]\n"));
    CHECK(has(config, "\nlr=0.0017\n"));
    CHECK(has(config, "\nhead=\"linear\"\n"));
    CHECK(has(config, "\nrows=[]\n"));
    const auto again = run(at, "--config " + shell_word(out + "/config.toml") + " train --out again");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.err.empty()); // quiet, as the file says
    CHECK(without_line(contents(at.path / "again/config.toml"), "out=") == without_line(config, "out="));
    CHECK(contents(at.path / "again/model.safetensors") == contents(at.path / out / "model.safetensors"));

    // The file by itself says where.
    write(at.path / "c.toml", config);
    std::filesystem::remove_all(at.path / out);
    REQUIRE(run(at, "train --config c.toml").code == 0);
    CHECK(contents(at.path / out / "config.toml") == config);
}

TEST_CASE("options: the command line overrides the file and lists stay lists") {
    const folder at;
    write(at.path / "c.toml", "[train]\npreset=\"har_giant\"\n[summary]\npreset=\"har_nano\"\nchannels=3\n"
                              "rows=['3,16,16,SE,RE,2,A', \"5,48,24,-,HS,2,A\"]\njson=true\n");
    const auto rows = run(at, "summary --config c.toml");
    REQUIRE_MESSAGE(rows.code == 0, rows.err);
    CHECK(rows.out ==
          run(at, "summary --json --preset har_nano --channels 3 --rows '3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A'").out);
    CHECK(rows.out ==
          run(at, "summary --json --preset har_nano --channels 3 --rows 3,16,16,SE,RE,2,A --rows 5,48,24,-,HS,2,A")
              .out);
    CHECK(run(at, "summary --config c.toml --channels 4").out ==
          run(at, "summary --json --preset har_nano --channels 4 --rows '3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A'").out);
}

TEST_CASE("options: a configuration that does not fit is refused") {
    const folder at;
    const auto refused = [&](const std::string& text, const std::string& what, int code = 2) {
        write(at.path / "c.toml", text);
        const auto a = run(at, "summary --config c.toml");
        CHECK(a.code == code);
        CHECK_MESSAGE(has(a.err, what), a.err);
    };
    refused("[summary]\nepochs=3\n", "har: c.toml:2: option is \"epochs\", expected one of `har summary --help`");
    refused("[summary]\nhelp=true\n", "c.toml:2: option is \"help\"");
    refused("[summary]\nconfig=\"c.toml\"\n", "c.toml:2: option is \"config\"");
    refused("[train]\nepochs=3\n", "c.toml: sections are [train], expected one for summary: [summary]");
    refused("", "c.toml: sections are none, expected one for summary");
    refused("[juggle]\n[summary]\n", "c.toml:1: section is \"juggle\", expected the name of a subcommand");
    refused("[train]\nx=3\n[summary]\n", "c.toml:2: option is \"x\", expected one of `har train --help`");
    refused("[summary]\njson=1\n", "c.toml:2: value of json is of another kind, expected true or false");
    refused("[summary]\nchannels=\"9\"\n", "c.toml:2: value of channels is of another kind, expected a number");
    refused("[summary]\nchannels=true\n", "expected a number");
    refused("[summary]\nchannels=[1, 2]\n", "expected a number");
    refused("[summary]\nchannels=[]\n", "expected a number");
    refused("[summary]\npreset=7\n", "expected a string");
    refused("[summary]\nrows=[1]\n", "expected a list of strings");
    refused("[summary]\npreset=\"wrong\"\n",
            "c.toml:2: --preset: name is \"wrong\", expected har_teacher, har_student");
    CHECK(run(at, "summary --config missing.toml").code == 6);
    CHECK(run(at, "summary --config .").code == 6);
}
