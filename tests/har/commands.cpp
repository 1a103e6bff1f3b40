// SPDX-License-Identifier: BSD-3-Clause
// The program har as its users meet it: results, files, messages and exit codes.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <vector>

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct run_result {
    int code = -1;
    std::string out, err;
    /// The last line of stdout as JSON.
    json last() const {
        const std::string text = out.substr(0, out.find_last_not_of('\n') + 1);
        return json::parse(text.substr(text.rfind('\n') + 1));
    }
};

std::string slurp(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void spit(const fs::path& file, const std::string& text) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
}

/// A folder of its own, removed at the end.
struct scratch_folder {
    fs::path path;
    scratch_folder() {
        std::string name = (fs::temp_directory_path() / "smldist-har-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~scratch_folder() { fs::remove_all(path); }
    std::string operator/(const std::string& name) const { return (path / name).string(); }
};

run_result har(const scratch_folder& at, const std::string& arguments, const std::string& program = SMLDIST_HAR) {
    const std::string command =
        "cd '" + at.path.string() + "' && '" + program + "' " + arguments + " >out.txt 2>err.txt";
    const int status = std::system(command.c_str());
    run_result r;
    r.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
    r.out = slurp(at.path / "out.txt");
    r.err = slurp(at.path / "err.txt");
    return r;
}

/// A small dataset in the layout and number format of UCI HAR: `windows` of every class for each subject.
void make_uci_har(const fs::path& root, std::size_t windows = 2) {
    const char* signals[] = {"body_acc_x",  "body_acc_y",  "body_acc_z",  "body_gyro_x", "body_gyro_y",
                             "body_gyro_z", "total_acc_x", "total_acc_y", "total_acc_z"};
    for (const std::string part : {"train", "test"}) {
        const std::vector<int> subjects =
            part == "train" ? std::vector<int>{1, 3, 5, 6, 7, 8} : std::vector<int>{2, 4};
        std::string labels, people;
        for (const int s : subjects)
            for (int n = 1; n <= 6; ++n)
                for (std::size_t k = 0; k < windows; ++k) {
                    labels += std::to_string(n) + "\n";
                    people += std::to_string(s) + "\n";
                }
        spit(root / part / ("y_" + part + ".txt"), labels);
        spit(root / part / ("subject_" + part + ".txt"), people);
        const std::size_t rows = subjects.size() * 6 * windows;
        for (std::size_t c = 0; c < 9; ++c) {
            std::string text;
            for (std::size_t r = 0; r < rows; ++r) {
                for (std::size_t t = 0; t < 128; ++t) {
                    char field[32];
                    std::snprintf(field, sizeof field, " %.7e",
                                  double((r * 31 + t * (7 + r / windows % 6) + c * 13) % 97) / 97 - 0.5);
                    text += field;
                }
                text += "\r\n";
            }
            spit(root / part / "Inertial Signals" / (std::string(signals[c]) + "_" + part + ".txt"), text);
        }
    }
}

/// Replaces the first `from` in a file.
void edit(const fs::path& file, const std::string& from, const std::string& to) {
    std::string text = slurp(file);
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    spit(file, text.replace(at, from.size(), to));
}

/// Rows of a CSV with the same words, and numbers that differ by rounding alone.
void check_same_rows(const std::string& a, const std::string& b) {
    std::istringstream left(a), right(b);
    for (std::string x, y; std::getline(left, x, ',') && std::getline(right, y, ',');) {
        char *end_x = nullptr, *end_y = nullptr;
        const double u = std::strtod(x.c_str(), &end_x), v = std::strtod(y.c_str(), &end_y);
        if (end_x == x.c_str())
            CHECK(x == y);
        else
            CHECK(std::abs(u - v) < 1e-5);
        CHECK(std::string(end_x) == end_y); // a row ends and the next begins between commas
    }
    CHECK(left.eof());
    CHECK(std::count(a.begin(), a.end(), ',') == std::count(b.begin(), b.end(), ','));
}

const std::string quick = " --preset har_nano --teacher-preset har_nano --epochs 1 --teacher-epochs 1 ";

} // namespace

TEST_CASE("--data takes every dataset by name, and says where a missing one is to be had") {
    const scratch_folder at;
    for (const std::string name : {"uci_har", "hapt", "sp_sw_har", "sp_sw_har_watch", "sp_sw_har_both", "wisdm",
                                   "mhealth", "pamap2", "motion_sense"}) {
        CAPTURE(name);
        const auto r = har(at, "train --preset har_nano --data " + name + "=nowhere");
        CHECK(r.code == 3);
        CHECK(r.err.find("folder is missing: 'nowhere'") != std::string::npos);
        CHECK(r.err.find("https://") != std::string::npos);
    }
    const auto unknown = har(at, "train --preset har_nano --data imagenet=nowhere");
    CHECK(unknown.code == 2);
    CHECK(unknown.err.find("sp_sw_har_both, wisdm") != std::string::npos);
}

TEST_CASE("--data of a set without an official split: every third person is for test, repairs are said") {
    const scratch_folder at;
    std::string text = "\n";
    long stamp = 1;
    for (int user = 1; user <= 6; ++user)
        for (const std::string activity : {"Walking", "Sitting"})
            for (int t = 0; t < 120; ++t, stamp += 50000000)
                text += std::to_string(user) + "," + activity + "," + std::to_string(stamp) + "," +
                        std::to_string(activity == "Walking" ? (t * 7) % 20 : 9) + ",1," +
                        std::to_string(0.01 * (t % 5)) + ";\n";
    spit(at.path / "set/WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt", text);
    const auto r = har(at, "train --preset har_nano --epochs 1 --validation-subjects 2 --data wisdm=set --out o");
    CHECK(r.code == 0);
    CHECK(r.err.find("data: 1 empty lines, ignored") != std::string::npos);
    // 240 samples a person: 9 windows of 48 with hop 24; persons 3 and 6 are for test.
    CHECK(r.err.find("data: 18 training windows, 18 of validation subjects") != std::string::npos);
    CHECK(r.err.find("18 of test subjects") != std::string::npos);
    CHECK(har(at, "evaluate --model o/model.safetensors --data wisdm=set").code == 0);
}

TEST_CASE("--version, --help and unknown words") {
    const scratch_folder at;
    const auto version = har(at, "--version");
    CHECK(version.code == 0);
    CHECK(version.out.find("smldist 0.") == 0);
    CHECK(version.out.find("bits)") != std::string::npos);
    CHECK(har(at, "--help").code == 0);
    CHECK(har(at, "distill --help").code == 0);
    CHECK(har(at, "").code == 2);
    CHECK(har(at, "train --preset har_nano --no-such-flag").code == 2);
    CHECK(har(at, "juggle").code == 2);
    const auto preset = har(at, "train --preset har_giant");
    CHECK(preset.code == 2);
    CHECK(preset.err.find("har_giant") != std::string::npos);
    CHECK(har(at, "train --preset har_nano --data imagenet=here").code == 2);
    CHECK(har(at, "train --preset har_nano --epochs many").code == 2);
    CHECK(har(at, "train --preset har_nano --lr -1").code == 2);
    CHECK(har(at, "distill --rule guess" + quick).code == 2);
    CHECK(har(at, "train --preset har_nano --optimiser adamx").code == 2);
    CHECK(har(at, "train --preset har_nano --schedule zigzag").code == 2);
    CHECK(har(at, "train --preset har_nano --mixup -1").code == 2);
    CHECK(har(at, "train --preset har_nano --swa -1").code == 2);
    CHECK(har(at, "distill --temperature 0" + quick).code == 2);
    const auto method = har(at, "distill --method crd" + quick);
    CHECK(method.code == 2);
    CHECK_MESSAGE(method.err.find("\"crd\", expected smldist, hinton, fitnets") != std::string::npos, method.err);
    CHECK(har(at, "distill --method sp --method-weight nan" + quick).code == 2);
    CHECK(har(at, "distill --method-weight 2" + quick).code == 2);
    CHECK(har(at, "distill --method sp --logit-norm zscore" + quick).code == 2);
    CHECK(har(at, "distill --logit-norm softmax" + quick).code == 2);
    CHECK(har(at, "summary --rows 3,64").code == 2);
    CHECK(har(at, "summary --config missing.toml").code == 6);
}

TEST_CASE("summary prints the table, the drawing and the contract's JSON object") {
    const scratch_folder at;
    struct row {
        const char* preset;
        std::size_t parameters, macs;
    };
    for (const row& r :
         {row{"har_teacher", 1165454, 6428672}, row{"har_student", 25510, 212800}, row{"har_nano", 8302, 100512},
          row{"mobilenet_v3_small", 883814, 2598720}, row{"mobilenet_v3_large", 2906966, 9410752}}) {
        const auto s =
            har(at, std::string("summary --channels 9 --length 128 --classes 6 --json --preset ") + r.preset);
        REQUIRE(s.code == 0);
        const json j = s.last();
        CHECK(j["preset"] == r.preset);
        CHECK(j["parameters"] == r.parameters);
        CHECK(j["macs"] == r.macs);
        std::size_t parameters = 0, macs = 0;
        for (const auto& layer : j["layers"]) {
            parameters += layer["parameters"].get<std::size_t>();
            macs += layer["macs"].get<std::size_t>();
        }
        CHECK(parameters == r.parameters);
        CHECK(macs == r.macs);
    }
    CHECK(har(at, "summary --dot").out.find("digraph network {") == 0);
    const auto rows = har(at, "summary --json --rows '3,16,16,SE,RE,2,A;5,48,24,-,HS,2,A'");
    REQUIRE(rows.code == 0);
    CHECK(rows.last()["parameters"].get<std::size_t>() > 1000);
}

TEST_CASE("distill on synthetic data: files, figures, and evaluate gives the same") {
    const scratch_folder at;
    const auto run = har(at, "distill --baseline --json --out run" + quick);
    REQUIRE(run.code == 0);
    const json j = run.last();
    CHECK(j["seed"] == 0);
    CHECK(j["seconds"].get<double>() > 0);
    for (const char* name : {"teacher", "student_alone", "student"})
        for (const char* key : {"accuracy", "macro_f1", "worst_subject_f1", "parameters", "macs", "head"})
            CHECK(j[name].contains(key));
    CHECK(j["student"]["head"] == "memory");
    for (const char* file : {"config.toml", "metrics.json", "teacher.safetensors", "student.safetensors",
                             "student_alone.safetensors", "student.best.safetensors", "student.log.csv",
                             "student.log.jsonl", "teacher.log.csv", "confusion.student.csv", "plot.gp"})
        CHECK_MESSAGE(fs::file_size(at.path / "run" / file) > 0, file);
    CHECK(json::parse(slurp(at.path / "run" / "metrics.json")) == j);

    const auto again = har(at, "evaluate --json --model run/student.safetensors");
    REQUIRE(again.code == 0);
    for (const char* key : {"accuracy", "macro_f1", "worst_subject_f1", "parameters", "macs", "head"})
        CHECK(again.last()[key] == j["student"][key]);

    SUBCASE("the same seed gives the same files for another number of threads, and with the config file") {
        REQUIRE(har(at, "distill --threads 1 --json --out one" + quick).code == 0);
        CHECK(slurp(at.path / "one/student.safetensors") == slurp(at.path / "run/student.safetensors"));
        REQUIRE(har(at, "--config run/config.toml distill --out two --quiet").code == 0);
        CHECK(slurp(at.path / "two/student.safetensors") == slurp(at.path / "run/student.safetensors"));
    }
    SUBCASE("evaluate on corrupted sensors") {
        const std::string evaluate = "evaluate --json --model run/student.safetensors ";
        CHECK(har(at, evaluate + "--rate 50").last() == again.last()); // the data's own rate
        const auto noisy = har(at, evaluate + "--noise 5 --rotation 40 --rate 10 --missing body_gyro,total_acc_x");
        REQUIRE(noisy.code == 0);
        CHECK(noisy.last()["accuracy"] != again.last()["accuracy"]);
        CHECK(har(at, evaluate + "--missing heart").code == 2);
        CHECK(har(at, evaluate + "--rate 51").code == 2);
    }
    SUBCASE("a given teacher is used and not changed") {
        const std::string before = slurp(at.path / "run/teacher.safetensors");
        REQUIRE(har(at, "distill --teacher run/teacher.safetensors --out given --json" + quick).code == 0);
        CHECK(slurp(at.path / "run/teacher.safetensors") == before);
        CHECK(slurp(at.path / "given/student.safetensors") == slurp(at.path / "run/student.safetensors"));
    }
    SUBCASE("predict") {
        std::string csv =
            "body_acc_x,body_acc_y,body_acc_z,body_gyro_x,body_gyro_y,body_gyro_z,total_acc_x,total_acc_y,"
            "total_acc_z\n";
        for (int t = 0; t < 192; ++t) csv += "0.01,0.02,0,0.1,-0.1,0,1.0,0.02,0.01\n";
        spit(at.path / "in.csv", csv);
        const auto p = har(at, "predict --model run/student.safetensors --input in.csv --json");
        REQUIRE(p.code == 0);
        const json windows = p.last()["windows"];
        REQUIRE(windows.size() == 2);
        double sum = 0;
        for (const auto& v : windows[1]["probabilities"]) sum += v.get<double>();
        CHECK(sum == doctest::Approx(1));
        CHECK(windows[1]["first_sample"] == 64);
        const auto table = har(at, "predict --model run/student.safetensors --input in.csv");
        CHECK(table.out.find("first_sample,label,walking") == 0);

        const auto stream = har(at, "predict --model run/student.safetensors --stream --hop 32 <in.csv");
        CHECK(stream.code == 0);
        const auto whole = har(at, "predict --model run/student.safetensors --input in.csv --hop 32");
        CHECK(std::count(whole.out.begin(), whole.out.end(), '\n') == 4);
        check_same_rows(stream.out, whole.out); // a program and a network
        const auto smooth =
            har(at, "predict --model run/student.safetensors --stream --smoothing 0.5 --json <in.csv");
        CHECK(std::count(smooth.out.begin(), smooth.out.end(), '\n') == 2);
        CHECK(smooth.last()["first_sample"] == 64);
        CHECK(har(at, "predict --model run/student.safetensors --stream --input in.csv").code == 2);
        CHECK(har(at, "predict --model run/student.safetensors --stream --smoothing 1 <in.csv").code == 2);
        CHECK(har(at, "predict --model run/student.safetensors").code == 2);
        spit(at.path / "cut.csv", csv + "0.01,0.02\n");
        const auto cut = har(at, "predict --model run/student.safetensors --stream <cut.csv");
        CHECK(cut.code == 3);
        CHECK(std::count(cut.out.begin(), cut.out.end(), '\n') == 3); // decisions before the fault stand
        CHECK_MESSAGE(cut.err.find("standard input:194:10: line ends") != std::string::npos, cut.err);

        const auto refuse = [&](const std::string& text, const std::string& what) {
            spit(at.path / "bad.csv", text);
            const auto bad = har(at, "predict --model run/student.safetensors --input bad.csv");
            CHECK(bad.code == 3);
            CHECK_MESSAGE(bad.err.find(what) != std::string::npos, bad.err);
        };
        refuse("", "empty");
        refuse("0.01,0.02,0,0.1,-0.1,0,1.0,0.02,0.01\n", "one window of 128");
        refuse("1,2,3\n", "bad.csv:1:");
        refuse(csv.substr(0, csv.find('\n') + 1) + "0,0,x,0,0,0,0,0,0\n", "bad.csv:2:5");
        refuse("0,0,nan,0,0,0,0,0,0\n", "bad.csv:1:");
        refuse("a,b,c\n1,2,3\n", "names of the columns");
        CHECK(har(at, "predict --model run/student.safetensors --input missing.csv").code == 6);
    }
    SUBCASE("model files that are no models") {
        const std::string model = slurp(at.path / "run/student.safetensors");
        const auto refuse = [&](const std::string& bytes) {
            spit(at.path / "bad.safetensors", bytes);
            const auto bad = har(at, "evaluate --model bad.safetensors");
            CHECK(bad.code == 4);
            CHECK_MESSAGE(bad.err.find("bad.safetensors") != std::string::npos, bad.err);
        };
        refuse("");
        refuse("PK\x03\x04 this is no model");
        refuse(model.substr(0, model.size() / 2));
        std::string flipped = model;
        flipped[flipped.size() - 100] = static_cast<char>(flipped[flipped.size() - 100] ^ 1);
        refuse(flipped);
        CHECK(har(at, "evaluate --model missing.safetensors").code == 6);
    }
}

TEST_CASE("distill by a baseline: the method is named, its model is evaluated as it runs") {
    const scratch_folder at;
    REQUIRE(har(at, "distill --json --out smldist" + quick).code == 0);
    CHECK(json::parse(slurp(at.path / "smldist/metrics.json"))["method"] == "smldist");
    const auto distilled = [&](const std::string& name, const std::string& options) {
        const auto run = har(at, "distill --json --teacher smldist/teacher.safetensors --method " + name + options +
                                     " --out " + name + quick);
        REQUIRE_MESSAGE(run.code == 0, run.err);
        CHECK(run.last()["method"] == name);
        const auto again = har(at, "evaluate --json --model " + name + "/student.safetensors");
        REQUIRE_MESSAGE(again.code == 0, again.err);
        for (const char* key : {"accuracy", "macro_f1", "parameters", "macs", "head"})
            CHECK(again.last()[key] == run.last()["student"][key]);
        return run.last();
    };
    const json hinton = distilled("hinton", " --logit-norm zscore --method-weight 9");
    CHECK(hinton["method_weight"] == 9);
    const json simkd = distilled("simkd", "");
    CHECK(simkd["method_weight"] == 1);
    // Projector and borrowed classifier count.
    CHECK(simkd["student"]["parameters"] > hinton["student"]["parameters"]);
    CHECK(simkd["student"]["macs"] > hinton["student"]["macs"]);
}

TEST_CASE("distill --student-channels: the teacher sees all channels, the students some") {
    const scratch_folder at;
    const std::string run = "distill --json --student-channels total_acc,body_gyro_x" + quick;
    const auto first = har(at, run + "--baseline --out run");
    REQUIRE_MESSAGE(first.code == 0, first.err);
    const json j = first.last(), seen{"body_gyro_x", "total_acc_x", "total_acc_y", "total_acc_z"};
    CHECK(j["student_channels"] == seen);
    // The same preset, but a smaller first convolution.
    CHECK(j["student"]["parameters"].get<int>() < j["teacher"]["parameters"].get<int>());
    CHECK(j["student"]["macs"].get<int>() < j["teacher"]["macs"].get<int>());
    const auto evaluates_to = [&](const std::string& model, const json& figures) {
        CAPTURE(model);
        const auto again = har(at, "evaluate --json --model " + model);
        REQUIRE_MESSAGE(again.code == 0, again.err);
        for (const char* key : {"accuracy", "macro_f1", "worst_subject_f1", "parameters", "macs", "head"})
            CHECK(again.last()[key] == figures[key]);
    };
    for (const std::string name : {"teacher", "student_alone", "student"})
        evaluates_to("run/" + name + ".safetensors", j[name]);

    // The same from the run's config file, and with the names in another order.
    const std::string given = " --teacher run/teacher.safetensors";
    const std::string student = slurp(at.path / "run/student.safetensors");
    REQUIRE(har(at, "--config run/config.toml distill --out two --quiet" + given).code == 0);
    CHECK(slurp(at.path / "two/student.safetensors") == student);
    const std::string reordered = "distill --student-channels body_gyro_x --student-channels total_acc_z,total_acc";
    REQUIRE(har(at, reordered + " --out three" + given + quick).code == 0);
    CHECK(slurp(at.path / "three/student.safetensors") == student);

    for (const std::string& more :
         {"--method fitnets" + given, "--method simkd" + given, std::string("--head search --baseline")}) {
        CAPTURE(more);
        const auto other = har(at, run + more + " --out other --force");
        REQUIRE_MESSAGE(other.code == 0, other.err);
        CHECK(other.last()["student_channels"] == seen);
        evaluates_to("other/student.safetensors", other.last()["student"]);
    }

    std::string csv = "body_gyro_x,total_acc_x,total_acc_y,total_acc_z\n";
    for (int t = 0; t < 128; ++t) csv += "0.1,1.0,0.02,0.01\n";
    spit(at.path / "in.csv", csv);
    const auto p = har(at, "predict --model run/student.safetensors --input in.csv --json");
    REQUIRE_MESSAGE(p.code == 0, p.err);
    CHECK(p.last()["windows"].size() == 1);
    CHECK(har(at, "predict --model run/teacher.safetensors --input in.csv").code == 3);

    // A student is no teacher for more channels, and no model for data that lack its own.
    CHECK(har(at, "distill --teacher run/student.safetensors" + quick).code == 4);
    edit(at.path / "run/student.safetensors", "body_gyro_x", "body_gyro_w"); // the digest is of the tensors alone
    const auto missing = har(at, "evaluate --model run/student.safetensors");
    CHECK(missing.code == 4);
    CHECK_MESSAGE(missing.err.find("body_gyro_w is missing") != std::string::npos, missing.err);
}

TEST_CASE("--student-channels that the data lack are found before anything is trained") {
    const scratch_folder at;
    const auto r = har(at, "distill --student-channels total_acc,phone --out o" + quick);
    CHECK(r.code == 2);
    CHECK_MESSAGE(r.err.find("name is \"phone\"") != std::string::npos, r.err);
    CHECK_MESSAGE(r.err.find("total_acc_y") != std::string::npos, r.err);
    CHECK_FALSE(fs::exists(at.path / "o/teacher.log.csv"));
}

TEST_CASE("distill in the form of the public code: every training is reported, the model says what it is") {
    const scratch_folder at;
    const auto r = har(at, "distill --compat ref2021 --augment none --json --out run" + quick);
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const json result = r.last();
    for (const char* name : {"teacher", "student_stage0", "student_stage1", "student"}) {
        CAPTURE(name);
        REQUIRE(result.contains(name));
        CHECK(result[name]["head"] == "blended");
        CHECK(result[name]["epochs"] == 1);
    }
    CHECK(result["method"] == "ref2021");
    CHECK_FALSE(result.contains("student_stage2")); // the last of three anchors
    CHECK(r.err.find("projector") == std::string::npos);
    CHECK(slurp(at / "run/student.safetensors").find("\\\"gate_before_activation\\\":true") != std::string::npos);
    const auto again = har(at, "evaluate --model run/student.safetensors --json");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.last()["macro_f1"] == result["student"]["macro_f1"]);

    const auto unlike = har(at, "distill --compat ref2021 --out other --preset har_nano --teacher-preset har_student "
                                "--epochs 1 --teacher-epochs 1");
    REQUIRE_MESSAGE(unlike.code == 0, unlike.err);
    CHECK(unlike.err.find("the features have widths 96 and 48: the head is not copied") != std::string::npos);
    CHECK(unlike.err.find("stage 1: other channels, a projector is trained along") != std::string::npos);
    for (const std::string wrong :
         {"--compat 2021", "--compat ref2021 --method hinton", "--head blended",
          "--compat ref2021 --student-channels total_acc", "--compat ref2021 --mixup 0.2"}) {
        const auto refused = har(at, "distill " + wrong + quick);
        CHECK(refused.code == 2);
        CHECK(refused.err.find("compat") != std::string::npos);
    }
}

TEST_CASE("the public code's form has no dropout, clips min-max and rounds the widths of rows given") {
    const scratch_folder at;
    make_uci_har(at.path / "set");
    const std::string command =
        "train --preset har_nano --compat ref2021 --augment none --epochs 2 --validation-subjects 2 --quiet "
        "--data uci_har=set --rows 3,20,12,SE,HS,2,A --normaliser minmax";
    for (const std::string dropout : {"0", "0.9"}) {
        const auto r = har(at, command + " --out d" + dropout + " --dropout " + dropout);
        REQUIRE_MESSAGE(r.code == 0, r.err);
    }
    const std::string file = slurp(at.path / "d0/model.safetensors");
    CHECK(file == slurp(at.path / "d0.9/model.safetensors")); // whatever --dropout says
    REQUIRE(file.size() > 8);
    std::size_t length = 0;
    for (std::size_t i = 8; i-- > 0;) length = 256 * length + static_cast<unsigned char>(file[i]);
    const json header = json::parse(file.substr(8, length));
    CHECK(header["backbone.blocks.0.expand.conv.weight"]["shape"] == json({24, 16, 1})); // 20 and 9 channels
    CHECK(header["backbone.blocks.0.project.conv.weight"]["shape"] == json({16, 24, 1}));
    const std::string facts = header["__metadata__"].dump();
    CHECK(facts.find("minmax") != std::string::npos);
    CHECK(facts.find("\\\"low\\\":[-") != std::string::npos);
}

TEST_CASE("macro-F1 leaves out the classes that no test window has, and says how many") {
    const scratch_folder at;
    make_uci_har(at.path / "set");
    const auto first_two = [](const std::string& text) {
        return text.substr(0, text.find('\n', text.find('\n') + 1) + 1);
    };
    for (const auto& entry : fs::recursive_directory_iterator(at.path / "set/test"))
        if (entry.is_regular_file()) spit(entry.path(), first_two(slurp(entry.path()))); // two windows of class 1
    const auto r =
        har(at, "train --preset har_nano --epochs 1 --validation-subjects 2 --json --out run --data uci_har=set");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const json figures = r.last()["model"];
    const int absent = figures["absent_classes"];
    CHECK(absent >= 3); // of six: two windows have a label and at most two predictions
    const double right = 2 * double(figures["accuracy"]); // F1 of class 1 is 2 TP / (2 TP + FN), all others are 0
    CHECK(double(figures["macro_f1"]) == doctest::Approx(2 * right / (2 + right) / (6 - absent)));
    const auto again = har(at, "evaluate --model run/model.safetensors --json --data uci_har=set");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.last()["macro_f1"] == figures["macro_f1"]);
    for (const std::string& out : {r.out, again.out})
        CHECK_MESSAGE(
            out.find("macro-F1 leaves out " + std::to_string(absent) + " of 6 classes") != std::string::npos, out);
}

TEST_CASE("every kind of wrong data gives exit code 3 and names the place") {
    const scratch_folder at;
    const fs::path set = at.path / "set", part = set / "train",
                   signal = part / "Inertial Signals/body_acc_x_train.txt";
    make_uci_har(set);
    const std::string command =
        "train --preset har_nano --epochs 1 --quiet --validation-subjects 2 --out o --force --data uci_har=set";
    REQUIRE(har(at, command).code == 0);
    const auto refuse = [&](const std::string& what, const std::string& options = "") {
        const auto bad = har(at, command + options);
        CHECK_MESSAGE(bad.code == 3, bad.err);
        CHECK_MESSAGE(bad.err.find(what) != std::string::npos, bad.err);
        make_uci_har(set);
    };
    SUBCASE("missing folder") {
        fs::remove_all(set);
        refuse("set");
    }
    SUBCASE("missing file") {
        fs::remove(signal);
        refuse("body_acc_x_train.txt");
    }
    SUBCASE("truncated signal file") {
        spit(signal, slurp(signal).substr(0, 5000));
        refuse("body_acc_x_train.txt:");
    }
    SUBCASE("wrong column count") {
        edit(signal, "\r\n", " 1.0\r\n");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("text in a number") {
        edit(signal, "e-0", "x-0");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("NaN") {
        edit(signal, " -5.0000000e-01", " NaN");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("infinity") {
        edit(signal, " -5.0000000e-01", " 1e999");
        refuse("body_acc_x_train.txt:1:");
    }
    SUBCASE("label out of range") {
        edit(part / "y_train.txt", "6\n", "7\n");
        refuse("y_train.txt:11:");
    }
    SUBCASE("subject missing") {
        const std::string people = slurp(part / "subject_train.txt");
        spit(part / "subject_train.txt", people.substr(people.find('\n') + 1));
        refuse("subject_train.txt");
    }
    SUBCASE("empty data") {
        spit(part / "y_train.txt", "");
        refuse("y_train.txt");
    }
    SUBCASE("one class only") {
        std::string labels;
        for (int i = 0; i < 72; ++i) labels += "3\n";
        spit(part / "y_train.txt", labels);
        refuse("two classes");
    }
}

TEST_CASE("a class without a window of one side of the split: one warning that names it, unless --quiet") {
    const scratch_folder at;
    make_uci_har(at.path / "set");
    const auto without = [&](const std::string& name) {
        const fs::path file = at.path / "set/train" / name;
        std::string labels = slurp(file);
        std::replace(labels.begin(), labels.end(), '6', '5');
        std::replace(labels.begin(), labels.end(), '3', '1');
        spit(file, labels);
    };
    const std::string train = "train --preset har_nano --epochs 1 --validation-subjects 2 --data uci_har=set --out ";
    auto r = har(at, train + "o");
    CHECK(r.code == 0);
    CHECK(r.err.find("warning") == std::string::npos);
    without("y_train.txt");
    r = har(at, train + "p");
    CHECK(r.code == 0);
    CHECK(r.err.find("warning: no training window of WALKING_DOWNSTAIRS, LAYING; no validation window of "
                     "WALKING_DOWNSTAIRS, LAYING\n") != std::string::npos);
    CHECK(r.err.find("warning") == r.err.rfind("warning"));
    r = har(at, train + "q --quiet");
    CHECK(r.code == 0);
    CHECK(r.err == "");
}

TEST_CASE("a learning rate that diverges ends with exit code 5, names the step and keeps the last good model") {
    const scratch_folder at;
    const auto run = har(at, "train --preset har_nano --head linear --epochs 3 --lr 1e7 --out o");
    CHECK(run.code == 5);
    CHECK_MESSAGE(run.err.find("step") != std::string::npos, run.err);
    CHECK(har(at, "evaluate --model o/model.last_good.safetensors").code == 0);
}

TEST_CASE("a model for other channels or labels does not fit the data: exit code 4") {
    const scratch_folder at;
    make_uci_har(at.path / "set");
    REQUIRE(har(at, "train --preset har_nano --epochs 1 --quiet --out o").code == 0);
    const auto other = har(at, "evaluate --model o/model.safetensors --data uci_har=set");
    CHECK(other.code == 4);
    CHECK_MESSAGE(other.err.find("labels") != std::string::npos, other.err);
    CHECK(har(at, "distill --teacher o/model.safetensors --data uci_har=set" + quick).code == 4);
}

TEST_CASE("what the system refuses: exit code 6") {
    const scratch_folder at;
    spit(at.path / "file", "x");
    CHECK(har(at, "train --preset har_nano --epochs 1 --quiet --out file/below").code == 6);
    const std::string command = std::string("'") + SMLDIST_HAR + "' summary > /dev/full 2>/dev/null";
    CHECK(WEXITSTATUS(std::system(command.c_str())) == 6);
}

TEST_CASE("a memory placed by k-means, with heads and dropout, is compressed for the student, who is read again") {
    const scratch_folder at;
    make_uci_har(at.path / "set");
    const std::string small = "distill --data uci_har=set --preset har_nano --teacher-preset har_nano --epochs 2 "
                              "--teacher-epochs 2 --json ";
    const auto run = har(at, small + "--patterns 4 --memory-heads 2 --memory-dropout 0.1 --memory-init kmeans "
                                     "--student-patterns 2 --out run");
    REQUIRE_MESSAGE(run.code == 0, run.err);
    const json j = run.last();
    CHECK(j["teacher"]["parameters"].get<int>() - j["student"]["parameters"].get<int>() == 6 * 2 * 32);
    const auto again = har(at, "evaluate --json --data uci_har=set --model run/student.safetensors");
    REQUIRE_MESSAGE(again.code == 0, again.err);
    CHECK(again.last()["macro_f1"] == j["student"]["macro_f1"]);

    std::string csv;
    for (int t = 0; t < 128; ++t) csv += "0.01,0.02,0,0.1,-0.1,0,1.0,0.02,0.01\n";
    spit(at.path / "in.csv", csv);
    const auto p = har(at, "predict --model run/student.safetensors --input in.csv --json");
    REQUIRE(p.code == 0);
    CHECK(p.last()["windows"][0]["energy"].get<double>() > 0);

    const auto refused = [&](const std::string& options, const std::string& what) {
        const auto bad = har(at, small + options + " --out bad");
        CHECK(bad.code == 2);
        CHECK_MESSAGE(bad.err.find(what) != std::string::npos, bad.err);
        CHECK_FALSE(fs::exists(at.path / "bad/student_alone.safetensors")); // before any student was trained
        CHECK_FALSE(fs::exists(at.path / "bad/student.safetensors"));
    };
    refused("--patterns 4 --student-patterns 5", "expected at most 4, the teacher's");
    refused("--teacher run/teacher.safetensors --baseline --student-patterns 5", "expected at most 4, the teacher's");
    refused("--student-patterns 2 --memory-transfer none", "where no memory is taken over");
    refused("--student-patterns 2 --method hinton", "where no memory is taken over");
    refused("--student-patterns 2 --head linear", "where no memory is taken over");
    refused("--patterns 500 --memory-init kmeans", "expected at least 500, one per pattern");
    refused("--head linear --memory-init kmeans", "network has no memory head");
    refused("--memory-init centres", "expected random or kmeans");
    refused("--memory-heads 3", "heads is 3, expected a divisor of the width 32");
}

TEST_CASE("train with another optimiser and schedule, mixup and averaged weights") {
    const scratch_folder at;
    make_uci_har(at.path / "set");
    const std::string common = "train --preset har_nano --data uci_har=set --json --quiet --epochs 2 ";
    const auto usual = har(at, common + "--out a");
    const auto other = har(at, common + "--out b --optimiser ranger --schedule constant --mixup 0.2 --swa 2");
    REQUIRE(usual.code == 0);
    REQUIRE(other.code == 0);
    CHECK(other.last()["model"]["epochs"] == 2);
    CHECK(slurp(at / "a/model.safetensors") != slurp(at / "b/model.safetensors"));
    const std::string config = slurp(at / "b/config.toml");
    for (const char* word : {"optimiser=\"ranger\"", "schedule=\"constant\"", "mixup=0.2", "swa=2"})
        CHECK_MESSAGE(config.find(word) != std::string::npos, word);
}
