// SPDX-License-Identifier: BSD-3-Clause
// har predict: the CSVs that it reads and refuses, one rule for all three outputs, what it prints, memory, signals.
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "program.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

const std::vector<std::string> channels{"body_acc_x",  "body_acc_y",  "body_acc_z",  "body_gyro_x", "body_gyro_y",
                                        "body_gyro_z", "total_acc_x", "total_acc_y", "total_acc_z"};

std::string joined(const std::vector<std::string>& words, const std::string& separator = ",") {
    std::string line;
    for (const auto& word : words) line += (&word == &words.front() ? "" : separator) + word;
    return line;
}

/// Field c of sample t.
std::string sample(std::size_t t, std::size_t c) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4f", double((t * 31 + c * 17) % 97) / 97 - 0.5);
    return digits;
}

/// n samples; edit(t, fields) may change the fields of one.
std::string table(std::size_t n, const std::function<void(std::size_t, std::vector<std::string>&)>& edit = {},
                  const std::string& separator = ",") {
    std::string text;
    for (std::size_t t = 0; t < n; ++t) {
        std::vector<std::string> fields;
        for (std::size_t c = 0; c < channels.size(); ++c) fields.push_back(sample(t, c));
        if (edit) edit(t, fields);
        text += joined(fields, separator) + "\n";
    }
    return text;
}

/// A folder with a model, trained once for all tests: nine channels, windows of 128, hop 64.
const folder& place() {
    static const folder at;
    static const answer trained = run(at, "train --preset har_nano --epochs 1 --quiet --out run");
    REQUIRE_MESSAGE(trained.code == 0, trained.err);
    return at;
}
const std::string with_model = "predict --model run/model.safetensors ";

/// What the three ways of asking say of a CSV.
struct three {
    answer file, json, stream;
};
three ask(const std::string& text, const std::string& options = "") {
    write(place().path / "in.csv", text);
    return {run(place(), with_model + options + " --input in.csv"),
            run(place(), with_model + options + " --json --input in.csv"),
            run(place(), with_model + options + " --stream <in.csv")};
}

/// The same answer, whatever the form of the file.
void check_reads(const std::string& text, const std::string& note = "") {
    CAPTURE(text.substr(0, 200));
    static const three plain = ask(table(192));
    const three got = ask(text);
    CHECK(got.file.code == 0);
    CHECK(got.json.code == 0);
    CHECK(got.stream.code == 0);
    CHECK(got.file.out == plain.file.out);
    CHECK(got.json.out == plain.json.out);
    CHECK(got.stream.out == plain.stream.out);
    CHECK(got.file.err == (note.empty() ? "" : "in.csv: " + note + "\n"));
    CHECK(got.json.err == got.file.err);
    CHECK(got.stream.err == (note.empty() ? "" : "standard input: " + note + "\n"));
}

/// No answer, exit code 3 and the same message.
void check_refuses(const std::string& text, const std::string& message) {
    CAPTURE(text.substr(0, 200));
    const three got = ask(text);
    for (const answer* a : {&got.file, &got.json, &got.stream}) CHECK(a->code == 3);
    CHECK(got.file.err == "har: in.csv:" + message + "\n");
    CHECK(got.json.err == got.file.err);
    CHECK(got.stream.err == "har: standard input:" + message + "\n");
    CHECK(got.file.out == "");
    CHECK(got.json.out == "");
    CHECK(!has(got.stream.out, "nan"));
}

/// har as a child that the test may send signals to; its input and output are `in` and `out`.
class child {
public:
    child(const folder& at, const std::vector<std::string>& arguments, int in, int out, int ignored = 0)
        : begin_(now()) {
        std::vector<std::string> words = arguments;
        words.insert(words.begin(), "har");
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ != 0) return;
        for (const int s : {SIGHUP, SIGINT, SIGTERM}) std::signal(s, s == ignored ? SIG_IGN : SIG_DFL);
        if (::chdir(at.path.c_str()) != 0) ::_exit(120);
        const int err = ::open("err.txt", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        ::dup2(in >= 0 ? in : ::open("/dev/null", O_RDONLY), 0);
        ::dup2(out >= 0 ? out : ::open("/dev/null", O_WRONLY), 1);
        ::dup2(err, 2);
        for (int fd = 3; fd < 64; ++fd) ::close(fd);
        ::execv(SMLDIST_HAR, argv.data());
        ::_exit(121);
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            finish();
        }
    }

    void send(int signal) {
        begin_ = now();
        ::kill(pid_, signal);
    }
    /// The wait status; that of SIGKILL when it did not end in 30 s.
    int finish() {
        int status = 0;
        for (int i = 0; ::wait4(pid_, &status, WNOHANG, &usage_) == 0; ++i) {
            if (i == 6000) ::kill(pid_, SIGKILL);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        pid_ = -1;
        seconds_ = std::chrono::duration<double>(now() - begin_).count();
        return status;
    }
    /// From the signal, or the start, to the end.
    double seconds() const { return seconds_; }
    double peak_bytes() const { return double(usage_.ru_maxrss) * 1024; }
    /// Memory in use now; 0 after the end.
    double bytes() const {
        std::ifstream in("/proc/" + std::to_string(pid_) + "/statm");
        double all = 0, resident = 0;
        in >> all >> resident;
        return resident * double(::sysconf(_SC_PAGESIZE));
    }

private:
    static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }

    pid_t pid_ = -1;
    rusage usage_{};
    std::chrono::steady_clock::time_point begin_;
    double seconds_ = 0;
};

struct pipe_ends {
    int read = -1, write = -1;
    pipe_ends() {
        int ends[2] = {-1, -1};
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        read = ends[0];
        write = ends[1];
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    ~pipe_ends() {
        ::close(read);
        ::close(write);
    }
};

void send_text(int fd, const std::string& text) {
    REQUIRE(::write(fd, text.data(), text.size()) == ssize_t(text.size()));
}

std::string receive(int fd, std::size_t most = std::size_t(-1)) {
    std::string text;
    std::array<char, 4096> part;
    while (text.size() < most) {
        const ssize_t n = ::read(fd, part.data(), std::min(part.size(), most - text.size()));
        if (n <= 0) break;
        text.append(part.data(), std::size_t(n));
    }
    return text;
}

/// Replaces text in a copy of the model by text of the same length: the digest is of the tensors alone.
void edit_model(const std::string& name, std::vector<std::pair<std::string, std::string>> edits) {
    std::string bytes = contents(place().path / "run/model.safetensors");
    for (const auto& [from, to] : edits) {
        REQUIRE(from.size() == to.size());
        const std::size_t at = bytes.find(from);
        REQUIRE(at != bytes.npos);
        bytes.replace(at, from.size(), to);
    }
    write(place().path / name, bytes);
}

bool is_printable(const std::string& text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if ((c < 0x20 && c != '\n') || c == 0x7F) return false;
        if (c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;
    }
    return true;
}

} // namespace

TEST_CASE("predict reads every usual form of the same samples alike, from a file and as a stream") {
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

TEST_CASE("predict --quiet keeps the ignored columns to itself; a stream that is too short says so") {
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

TEST_CASE("predict refuses what could shift or split channels, at the place, from a file and as a stream") {
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
    CHECK(folder_file.code == 6);
    CHECK(has(folder_file.err, "har: run: cannot be read"));
    const answer missing = run(place(), with_model + "--input missing.csv");
    CHECK(missing.code == 6);
    CHECK(missing.err == "har: missing.csv: cannot be opened for reading: No such file or directory\n");
}

TEST_CASE("predict: labels of a model file are fields of the CSV, whatever they hold, and no terminal obeys them") {
    edit_model("odd.safetensors", {{R"(stairs down)", R"(\\u001b[m,x)"}, // in JSON within JSON
                                   {R"(sitting)", R"(a\\\"bc)"},
                                   {R"(standing)", R"(\\u009bJ)"}});
    write(place().path / "in.csv", table(128));
    const answer csv = run(place(), "predict --model odd.safetensors --input in.csv");
    REQUIRE_MESSAGE(csv.code == 0, csv.err);
    CHECK(csv.out.substr(0, csv.out.find('\n')) ==
          R"(first_sample,label,walking,stairs up,"\x1B[m,x","a""bc",\xC2\x9BJ,lying)");
    const answer json = run(place(), "predict --model odd.safetensors --json --input in.csv");
    REQUIRE(json.code == 0);
    const answer stream = run(place(), "predict --model odd.safetensors --stream <in.csv");
    REQUIRE(stream.code == 0);
    CHECK(stream.out.substr(0, stream.out.find('\n')) == csv.out.substr(0, csv.out.find('\n')));
    // whichever label the window gets
    edit_model("odd.safetensors", {{R"(\"walking\")", R"(\"a,\\\"c\")"},
                                   {R"(\"stairs up\")", R"(\"\\u007f,z\")"},
                                   {R"(\"stairs down\")", R"(\"\\u009b,zzz\")"},
                                   {R"(\"sitting\")", R"(\"\\n,zzz\")"},
                                   {R"(\"standing\")", R"(\"\\t,zzzz\")"},
                                   {R"(\"lying\")", R"(\"\\r,z\")"}});
    for (const std::string use : {"--input in.csv", "--stream <in.csv"}) {
        const answer rows = run(place(), "predict --model odd.safetensors " + use);
        REQUIRE_MESSAGE(rows.code == 0, rows.err);
        CHECK(is_printable(rows.out));
        CHECK(std::count(rows.out.begin(), rows.out.end(), '\n') == 2);
        CHECK(has(rows.out, "\n0,\"")); // quoted, since there is a comma
        CHECK(std::count(rows.out.begin(), rows.out.end(), ',') == 13 + 8);
        const answer object = run(place(), "predict --model odd.safetensors --json " + use);
        REQUIRE_MESSAGE(object.code == 0, object.err);
        CHECK(is_printable(object.out));
        const auto j = nlohmann::json::parse(object.out);
        const std::string label = j.contains("windows") ? j["windows"][0]["label"] : j["label"];
        CHECK(has(label, ",")); // the label itself
    }
}

TEST_CASE("har shows nothing of a model file that a terminal would obey") {
    write(place().path / "in.csv", "a,b\n1,2\n");
    const auto refuse = [](const std::string& from, const std::string& to, const std::string& command, int code) {
        edit_model("odd.safetensors", {{from, to}});
        const answer a = run(place(), command);
        CHECK(a.code == code);
        CHECK_MESSAGE(is_printable(a.err), a.err);
        CHECK(a.err.size() < 600);
        CHECK(a.err.find("[2J") != std::string::npos);
    };
    refuse("body_gyro_x", R"(\\u001b[2Jx)", "predict --model odd.safetensors --input in.csv", 3);
    for (const std::string use : {"evaluate --model odd.safetensors", "summary --model odd.safetensors",
                                  "predict --input in.csv --model odd.safetensors"}) {
        refuse("5,16,16,-,RE", R"(\\u001b[2J-H)", use, 4);
    }
}

TEST_CASE("predict --hop 1: memory for the samples and one batch") {
    const folder at;
    fs::copy_file(place().path / "run/model.safetensors", at.path / "model");
    {
        std::ofstream csv(at.path / "in.csv");
        for (std::size_t t = 0; t < 40'000; t += 100) csv << table(100);
    }
    for (const char* json : {"--quiet", "--json"}) {
        child har(at, {"predict", "--model", "model", "--input", "in.csv", "--hop", "1", json}, -1, -1);
        CHECK(har.finish() == 0);
        MESSAGE("peak " << har.peak_bytes() / 1e6 << " MB");
        if (!sanitized) CHECK(har.peak_bytes() < 48e6); // all windows at once: 184 MB
    }
}

TEST_CASE("a signal ends predict at once; what was printed are whole lines") {
    const folder& at = place();
    const fs::path fifo = at.path / "fifo.csv";
    for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
        CAPTURE(signal);
        ::mkfifo(fifo.c_str(), 0600);
        {
            child har(at, {"predict", "--model", "run/model.safetensors", "--input", "fifo.csv"}, -1, -1);
            int in = -1;
            for (int i = 0; i < 6000 && in < 0; ++i) { // until har reads
                in = ::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
                if (in < 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
            REQUIRE(in >= 0);
            send_text(in, table(10));
            har.send(signal);
            const int status = har.finish();
            CHECK(WIFSIGNALED(status)); // 128 + signal in a shell
            CHECK(WTERMSIG(status) == signal);
            CHECK(har.seconds() < 5);
            ::close(in);
        }
        fs::remove(fifo);
        {
            pipe_ends in, out;
            child har(at, {"predict", "--model", "run/model.safetensors", "--stream"}, in.read, out.write);
            send_text(in.write, table(150));
            const std::string header = receive(out.read, 14);
            CHECK(header == "first_sample,l");
            std::string rest; // until the decision is there
            while (std::count(rest.begin(), rest.end(), '\n') < 2) rest += receive(out.read, 1);
            har.send(signal);
            const int status = har.finish();
            CHECK(WIFSIGNALED(status));
            CHECK(WTERMSIG(status) == signal);
        }
    }
    write(at.path / "in.csv", table(2500));
    const answer whole = run(at, with_model + "--input in.csv --hop 1");
    REQUIRE(whole.out.size() > 140'000); // more than a pipe takes
    pipe_ends out;
    child har(at, {"predict", "--model", "run/model.safetensors", "--input", "in.csv", "--hop", "1"}, -1, out.write);
    std::string text = receive(out.read, 1);
    har.send(SIGTERM);
    const int status = har.finish();
    CHECK(WIFSIGNALED(status));
    ::close(std::exchange(out.write, -1));
    text += receive(out.read);
    CHECK(text.size() < whole.out.size());
    CHECK(text.ends_with('\n'));
    CHECK(whole.out.starts_with(text));
}

TEST_CASE("a signal that the caller ignores, as nohup does, does not end predict") {
    pipe_ends in, out;
    child har(place(), {"predict", "--model", "run/model.safetensors", "--stream"}, in.read, out.write, SIGHUP);
    send_text(in.write, table(100));
    std::string text = receive(out.read, 14); // it reads
    har.send(SIGHUP);
    send_text(in.write, table(28));
    ::close(std::exchange(in.write, -1));
    CHECK(har.finish() == 0);
    ::close(std::exchange(out.write, -1));
    text += receive(out.read);
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("a signal ends evaluate, and train, while the data load; there is no run then") {
    const folder& at = place();
    {
        fs::create_directories(at.path / "set/WISDM_ar_v1.1");
        std::ofstream out(at.path / "set/WISDM_ar_v1.1/WISDM_ar_v1.1_raw.txt");
        std::string text;
        long stamp = 1;
        for (int i = 0; i < 700'000; ++i, stamp += 50'000'000)
            text += std::to_string(1 + i / 20'000) + ",Walking," + std::to_string(stamp) + "," +
                    std::to_string(i % 20) + ",1.5,0.25;\n";
        out << text;
    }
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"evaluate", "--model", "run/model.safetensors", "--data", "wisdm=set"},
          std::vector<std::string>{"train", "--preset", "har_nano", "--out", "new", "--data", "wisdm=set"}}) {
        child har(at, command, -1, -1);
        for (int i = 0; i < 20'000 && har.bytes() < 25e6; ++i) // until it has read the file
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        REQUIRE(har.bytes() >= 25e6);
        har.send(SIGINT);
        const int status = har.finish();
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGINT);
        CHECK(har.seconds() < 2);
        CHECK_FALSE(fs::exists(at.path / "new/config.toml"));
        CHECK_FALSE(fs::exists(at.path / "new/model.safetensors"));
    }
}
