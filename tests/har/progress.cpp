// SPDX-License-Identifier: BSD-3-Clause
// The job of a command, its bar, and what a run prints on a terminal and elsewhere.
#include "../../examples/har/progress.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <string>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "../../examples/har/terminal.hpp"
#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;

/// A terminal of the given width as stderr of a program, and what the program writes to it.
class terminal {
public:
    explicit terminal(unsigned short columns) : main_(posix_openpt(O_RDWR | O_NOCTTY)) {
        REQUIRE(main_ >= 0);
        REQUIRE(grantpt(main_) == 0);
        REQUIRE(unlockpt(main_) == 0);
        other_ = open(ptsname(main_), O_RDWR | O_NOCTTY);
        REQUIRE(other_ >= 0);
        winsize size{};
        size.ws_col = columns;
        size.ws_row = 20;
        REQUIRE(ioctl(other_, TIOCSWINSZ, &size) == 0);
        reader_ = std::thread([this] {
            char bytes[4096];
            for (ssize_t n = 0; (n = read(main_, bytes, sizeof bytes)) > 0;)
                text_.append(bytes, static_cast<std::size_t>(n));
        });
    }
    ~terminal() { end(); }
    terminal(const terminal&) = delete;
    terminal& operator=(const terminal&) = delete;

    int descriptor() const { return other_; }
    /// All that was written, when the program has ended.
    std::string end() {
        if (other_ >= 0) {
            close(other_);
            reader_.join();
            close(main_);
            other_ = -1;
        }
        return text_;
    }

private:
    int main_, other_ = -1;
    std::thread reader_;
    std::string text_;
};

/// What is shown between two carriage returns or line ends, without colors.
std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines{""};
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' || text[i] == '\n') {
            lines.emplace_back();
        } else if (text[i] == '\x1b') {
            while (i + 1 < text.size() && text[i] != 'm' && text[i] != 'K') ++i;
        } else {
            lines.back() += text[i];
        }
    }
    return lines;
}

} // namespace

TEST_CASE("duration_text: gives two units and rounds up") {
    using har::duration_text;
    CHECK(duration_text(-1) == "0 s");
    CHECK(duration_text(0.2) == "1 s");
    CHECK(duration_text(59.5) == "1 min");
    CHECK(duration_text(130) == "2 min 10 s");
    CHECK(duration_text(3599.5) == "1 h");
    CHECK(duration_text(3 * 3600 + 5 * 60 + 59) == "3 h 5 min");
    CHECK(duration_text(2 * 86400 + 4 * 3600) == "2 d 4 h");
    CHECK(duration_text(1e300) == "11574074 d 1 h");
}

TEST_CASE("job: estimates kinds without a time by their work and the others by theirs") {
    // The teacher's epochs have three times the work of the student's.
    har::job j({{"teacher", 10, 300}, {"student", 40, 100}});
    CHECK_FALSE(j.seconds_left());
    CHECK(j.share() == 0);
    j.begin("teacher", 10);
    CHECK_FALSE(j.seconds_left());
    j.advance(0.5, 3); // 6 s an epoch, so 2 s an epoch of the student
    CHECK(*j.seconds_left() == doctest::Approx(9.5 * 6 + 40 * 2));
    CHECK(j.share() == doctest::Approx(3 / (3 + 57 + 80.0)));
    j.advance(10, 60);
    CHECK(*j.seconds_left() == doctest::Approx(80));
    j.end();
    CHECK(*j.seconds_left() == doctest::Approx(80));
    j.begin("student", 40);
    CHECK(*j.seconds_left() == doctest::Approx(80));
    j.advance(2, 10); // it is slower than its work said
    CHECK(*j.seconds_left() == doctest::Approx(38 * 5));
    CHECK(j.share() == doctest::Approx(70.0 / 260));
    j.advance(40, 200);
    j.end();
    CHECK(*j.seconds_left() == 0);
    CHECK(j.share() == 1);
}

TEST_CASE("job: takes the mean time of the earlier trainings of a kind") {
    har::job j({{"labels", 4, 1}, {"labels", 4, 1}, {"labels", 4, 1}});
    j.begin("labels", 4);
    j.advance(4, 8);
    j.begin("labels", 4); // which ends the first
    j.advance(1, 7);
    CHECK(*j.seconds_left() == doctest::Approx((3 + 4) * 15.0 / 5));
}

TEST_CASE("job: counts neither the epochs that a training leaves out nor those of an earlier process") {
    har::job j({{"teacher", 10, 1}, {"student", 10, 1}});
    j.begin("teacher", 10);
    j.advance(2, 4);
    j.end(); // patience
    CHECK(*j.seconds_left() == doctest::Approx(20));
    j.begin("student", 10, 6); // resumed
    j.advance(7, 5);
    CHECK(*j.seconds_left() == doctest::Approx(15));

    har::job resumed({{"teacher", 10, 1}, {"student", 10, 2}});
    resumed.begin("student", 10); // the teacher is there already
    resumed.advance(1, 3);
    CHECK(*resumed.seconds_left() == doctest::Approx(27));
    resumed.begin("other", 5); // was never planned
    resumed.advance(1, 1);
    CHECK(*resumed.seconds_left() == doctest::Approx(4));
}

TEST_CASE("bar_line: fits into any number of columns") {
    const har::bar_state s{"student", 3, 40, 0.81234, 0.345, 130};
    CHECK(har::bar_line(s, 200, false) ==
          "student 3/40 [##########....................]  34 %  loss 0.8123  ETA 2 min 10 s");
    CHECK(har::bar_line(s, 58, false) == "student 3/40 [##......]  34 %  loss 0.8123  ETA 2 min 10 s");
    CHECK(har::bar_line(s, 57, false) == "student 3/40  34 %  loss 0.8123  ETA 2 min 10 s");
    CHECK(har::bar_line(s, 40, false) == "student 3/40  34 %  ETA 2 min 10 s");
    CHECK(har::bar_line(s, 20, false) == "student 3/40  34 %");
    CHECK(har::bar_line(s, 9, false) == "student 3");
    for (std::size_t columns = 1; columns < 100; ++columns) CHECK(har::bar_line(s, columns, false).size() <= columns);
    CHECK(har::bar_line(s, 58, true) == "student 3/40 [\x1b[32m##......\x1b[0m]  34 %  loss 0.8123  ETA 2 min 10 s");
    CHECK(har::bar_line({"model", 1, 2, 1, 0, {}}, 100, false) ==
          "model 1/2 [..............................]   0 %  loss 1.0000");
    CHECK(har::bar_line({"model", 2, 2, 1, 1, 0}, 50, false) == "model 2/2 [##########] 100 %  loss 1.0000  ETA 0 s");
}

TEST_CASE("on a terminal one bar shows the whole job and never wraps") {
    const small_set at;
    for (const unsigned short columns : std::vector<unsigned short>{100, 44}) {
        terminal t(columns);
        child c(at, distill + "--epochs 400 --teacher-epochs 200 --out run --force", [&] {
            unsetenv("NO_COLOR");
            setenv("TERM", "xterm", 1);
            dup2(t.descriptor(), STDERR_FILENO);
        });
        REQUIRE(c.wait() == 0);
        const std::string text = t.end();
        CHECK(has(text, "\x1b[K"));
        CHECK(has(text, "\x1b[32m") == (columns == 100)); // the narrow one has no room for a bar
        std::size_t bars = 0;
        double share = 0;
        for (const std::string& line : lines_of(text)) {
            const std::size_t percent = line.find(" %  ");
            if (has(line, "epoch") || percent == line.npos || !has(line, "/")) continue;
            ++bars;
            CHECK_MESSAGE(line.size() < columns, line);
            share = std::strtod(line.c_str() + percent - 3, nullptr);
            CHECK_MESSAGE((line.starts_with("teacher ") || line.starts_with("student ")), line);
            CHECK_MESSAGE((share < 100 || line.starts_with("student")), line);
        }
        CHECK(bars >= 2);
        CHECK(share > 30); // the last bar is of the student
        CHECK(has(text, "student epoch 400/400"));
    }
}

TEST_CASE("without a terminal there is no bar and there are no control characters") {
    const small_set at;
    const auto r = run_in(at, train + "--epochs 5 --out run");
    REQUIRE(r.code == 0);
    CHECK(std::none_of(r.err.begin(), r.err.end(), [](char c) { return c < ' ' && c != '\n' && c >= 0; }));
    CHECK(has(r.err, "model epoch 5/5"));
    CHECK(has(r.err, "ETA 0 s\n"));

    for (const std::string how : {"dumb", "NO_COLOR", "quiet"}) {
        terminal t(100);
        child c(at, train + "--epochs 40 --out run --force" + (how == "quiet" ? " --quiet" : ""), [&] {
            unsetenv("NO_COLOR");
            setenv("TERM", how == "dumb" ? "dumb" : "xterm", 1);
            if (how == "NO_COLOR") setenv("NO_COLOR", "1", 1);
            dup2(t.descriptor(), STDERR_FILENO);
        });
        REQUIRE(c.wait() == 0);
        const std::string text = t.end();
        CAPTURE(text);
        CHECK(has(text, "\x1b[K") == (how == "NO_COLOR"));
        CHECK_FALSE(has(text, "\x1b[32m"));
        CHECK(text.empty() == (how == "quiet"));
    }
}
