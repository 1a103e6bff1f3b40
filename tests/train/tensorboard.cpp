// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/train/tensorboard.hpp"

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <vector>

#include "train/run.hpp"

using namespace smldist;
namespace fs = std::filesystem;

namespace {

/// A folder that is removed at the end.
struct folder {
    fs::path path;
    folder() {
        std::string name = (fs::temp_directory_path() / "smldist-tensorboard-XXXXXX").string();
        path = mkdtemp(name.data());
    }
    ~folder() { fs::remove_all(path); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
};

std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<fs::path> files_in(const fs::path& at) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(at)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

std::uint64_t little(std::string_view bytes, std::size_t n) {
    std::uint64_t value = 0;
    for (std::size_t k = n; k-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes.at(k));
    return value;
}

std::uint32_t big(std::string_view bytes) {
    std::uint32_t value = 0;
    for (std::size_t k = 0; k < 4; ++k) value = value << 8 | static_cast<unsigned char>(bytes.at(k));
    return value;
}

/// The fields of a protocol buffer: a number's 8 bytes, or the bytes of a string or message.
std::multimap<unsigned, std::string> fields_of(std::string_view message) {
    std::multimap<unsigned, std::string> fields;
    const auto varint = [&message] {
        std::uint64_t value = 0;
        for (int shift = 0;; shift += 7) {
            const auto byte = static_cast<unsigned char>(message.at(0));
            message.remove_prefix(1);
            value |= std::uint64_t(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
    };
    while (!message.empty()) {
        const std::uint64_t key = varint();
        const unsigned type = key & 7;
        std::string value;
        if (type == 0) {
            const std::uint64_t number = varint();
            for (int k = 0; k < 8; ++k) value += static_cast<char>(number >> (8 * k) & 0xff);
        } else {
            REQUIRE((type == 1 || type == 2 || type == 5));
            const std::size_t n = type == 1 ? 8 : type == 5 ? 4 : varint();
            value = message.substr(0, n);
            REQUIRE(value.size() == n);
            message.remove_prefix(n);
        }
        fields.emplace(static_cast<unsigned>(key >> 3), value);
    }
    return fields;
}

/// One field that must be there.
std::string field(std::string_view message, unsigned number) {
    const auto fields = fields_of(message);
    REQUIRE(fields.count(number) == 1);
    return fields.find(number)->second;
}

/// What a file says, in words.
struct spoken {
    std::size_t step = 0;
    std::string what; ///< "version TEXT", "start", "TAG" of a scalar or "image TAG HEIGHTxWIDTH"
    double value = 0; ///< of a scalar
    std::string png;  ///< of an image
};

/// The records of a file, with both sums of each checked.
std::vector<spoken> read_events(const fs::path& file) {
    const std::string text = bytes_of(file);
    std::vector<spoken> events;
    for (std::string_view rest = text; !rest.empty();) {
        const auto n = static_cast<std::size_t>(little(rest, 8));
        REQUIRE(rest.size() >= n + 16);
        CHECK(little(rest.substr(8), 4) == train::detail::masked_crc32c(rest.substr(0, 8)));
        const std::string_view data = rest.substr(12, n);
        CHECK(little(rest.substr(12 + n), 4) == train::detail::masked_crc32c(data));
        rest.remove_prefix(n + 16);

        const auto fields = fields_of(data);
        CHECK(std::bit_cast<double>(little(field(data, 1), 8)) > 1.7e9); // now
        const std::size_t step = fields.count(2) ? little(field(data, 2), 8) : 0;
        if (fields.count(3)) events.push_back({step, "version " + field(data, 3), 0, ""});
        if (fields.count(7)) {
            CHECK(little(field(field(data, 7), 1), 8) == 1);
            events.push_back({step, "start", 0, ""});
        }
        if (!fields.count(5)) continue;
        const std::string summary = field(data, 5);
        const auto values = fields_of(summary);
        for (auto v = values.lower_bound(1); v != values.upper_bound(1); ++v) {
            const std::string tag = field(v->second, 1);
            if (fields_of(v->second).count(4)) {
                const std::string image = field(v->second, 4);
                CHECK(little(field(image, 3), 8) == 3);
                events.push_back({step,
                                  "image " + tag + " " + std::to_string(little(field(image, 1), 8)) + "x" +
                                      std::to_string(little(field(image, 2), 8)),
                                  0, field(image, 4)});
            } else {
                events.push_back(
                    {step, tag,
                     double(std::bit_cast<float>(static_cast<std::uint32_t>(little(field(v->second, 2), 4)))), ""});
            }
        }
    }
    return events;
}

std::vector<std::string> words_of(const std::vector<spoken>& events) {
    std::vector<std::string> words;
    for (const spoken& e : events) words.push_back(std::to_string(e.step) + " " + e.what);
    return words;
}

/// CRC-32 of PNG, bit by bit.
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t c = 0xffffffffu;
    for (const char b : bytes) {
        c ^= static_cast<unsigned char>(b);
        for (int k = 0; k < 8; ++k) c = (c & 1u) ? (c >> 1) ^ 0xedb88320u : c >> 1;
    }
    return ~c;
}

/// The pixels of a PNG as this library writes it. Every length and sum is checked.
std::vector<std::uint8_t> pixels_of(std::string_view png, std::size_t height, std::size_t width) {
    REQUIRE(png.substr(0, 8) == std::string_view("\x89PNG\r\n\x1a\n"));
    png.remove_prefix(8);
    std::map<std::string, std::string> chunks;
    std::vector<std::string> order;
    while (!png.empty()) {
        const std::size_t n = big(png);
        REQUIRE(png.size() >= n + 12);
        CHECK(big(png.substr(8 + n)) == crc32(png.substr(4, n + 4)));
        order.emplace_back(png.substr(4, 4));
        chunks[order.back()] = png.substr(8, n);
        png.remove_prefix(n + 12);
    }
    CHECK(order == std::vector<std::string>{"IHDR", "IDAT", "IEND"});
    const std::string& head = chunks["IHDR"];
    CHECK(big(head) == width);
    CHECK(big(head.substr(4)) == height);
    CHECK(head.substr(8) == std::string("\x08\x02\0\0\0", 5));

    std::string_view zlib = chunks["IDAT"];
    CHECK(zlib.substr(0, 2) == "\x78\x01");
    CHECK((0x7801 % 31) == 0);
    zlib.remove_prefix(2);
    std::string lines;
    for (bool last = false; !last;) {
        last = zlib.at(0) == 1;
        CHECK(static_cast<unsigned char>(zlib.at(0)) <= 1);
        const std::size_t n = little(zlib.substr(1), 2);
        CHECK((n ^ little(zlib.substr(3), 2)) == 0xffff);
        lines += zlib.substr(5, n);
        zlib.remove_prefix(5 + n);
    }
    std::uint32_t a = 1, b = 0;
    for (const char c : lines) {
        a = (a + static_cast<unsigned char>(c)) % 65521;
        b = (b + a) % 65521;
    }
    REQUIRE(zlib.size() == 4);
    CHECK(big(zlib) == (b << 16 | a));
    REQUIRE(lines.size() == height * (3 * width + 1));
    std::vector<std::uint8_t> rgb;
    for (std::size_t y = 0; y < height; ++y) {
        CHECK(lines[y * (3 * width + 1)] == 0);
        for (std::size_t x = 0; x < 3 * width; ++x)
            rgb.push_back(static_cast<std::uint8_t>(lines[y * (3 * width + 1) + 1 + x]));
    }
    return rgb;
}

train::epoch_report report(std::size_t epoch) {
    train::epoch_report r;
    r.epoch = epoch;
    r.train.total = 1.25;
    r.train.add("hard", 1);
    r.train.add("soft", 0.25);
    r.lr = 0.5;
    r.score = 0.75;
    r.seconds = 2;
    r.best = epoch % 2 == 1;
    return r;
}

} // namespace

TEST_CASE("tensorboard: CRC-32C gives the values of RFC 3720 and its masked form those of TensorFlow") {
    using train::detail::crc32c;
    CHECK(crc32c("123456789") == 0xe3069283u);
    CHECK(crc32c("") == 0);
    CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aau);
    CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
    std::string up, down;
    for (int k = 0; k < 32; ++k) (up += static_cast<char>(k)), (down += static_cast<char>(31 - k));
    CHECK(crc32c(up) == 0x46dd794eu);
    CHECK(crc32c(down) == 0x113fdb5cu);
    // Length 24 of a version record, as every event file begins.
    CHECK(train::detail::masked_crc32c(std::string_view("\x18\0\0\0\0\0\0\0", 8)) == 0x224b7fa3u);
}

TEST_CASE("tensorboard: events have the bytes that their definition gives") {
    using namespace train::detail;
    using std::string_literals::operator""s;
    // wall_time 1.5 is 0x3ff8000000000000.
    const std::string time = "\x09\0\0\0\0\0\0\xf8\x3f"s;
    CHECK(version_event(1.5) == time + "\x1a\x0d"
                                       "brain.Event:2");
    CHECK(start_event(1.5, 300) == time + "\x10\xac\x02\x3a\x02\x08\x01");
    CHECK(scalars_event(1.5, 3, {{"ab", 0.25}}) == time + "\x10\x03\x2a\x0b\x0a\x09\x0a\x02"
                                                          "ab\x15\0\0\x80\x3e"s);
    CHECK(image_event(1.5, 3, "i", 2, 200, "PNG") ==
          time + "\x10\x03\x2a\x13\x0a\x11\x0a\x01i\x22\x0c\x08\x02\x10\xc8\x01\x18\x03\x22\x03PNG"s);
    CHECK(tf_record("abc") == "\x03\0\0\0\0\0\0\0"s + "\xb0\x99\x49\x0e" + "abc" + "\x6e\x57\xf1\x21");
}

TEST_CASE("tensorboard: a picture is a PNG file with the pixels that were given") {
    std::vector<std::uint8_t> small{1, 2, 3, 250, 251, 252};
    CHECK(pixels_of(train::detail::to_png(1, 2, small), 1, 2) == small);
    CHECK(pixels_of(train::detail::to_png(2, 1, small), 2, 1) == small);
    std::vector<std::uint8_t> large(3 * 200 * 150); // of two blocks
    for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * i % 251);
    CHECK(pixels_of(train::detail::to_png(150, 200, large), 150, 200) == large);
    CHECK_THROWS_AS((void)train::detail::to_png(2, 2, small), usage_error);
    CHECK_THROWS_AS((void)train::detail::to_png(0, 2, {}), usage_error);
    CHECK_THROWS_AS((void)train::detail::to_png(1, 16385, std::vector<std::uint8_t>(3 * 16385)), usage_error);
}

TEST_CASE("confusion_picture: rows are labels and the shade is their share") {
    metric::confusion counts(3);
    for (int k = 0; k < 4; ++k) counts.add(0, k < 1 ? 2 : 0);
    counts.add(1, 1);
    const train::confusion_picture p(counts);
    REQUIRE(p.side == 48);
    REQUIRE(p.rgb.size() == 3 * 48 * 48);
    const auto at = [&](std::size_t label, std::size_t predicted) {
        const std::size_t i = 3 * ((16 * label + 15) * p.side + 16 * predicted);
        return std::vector<int>{p.rgb[i], p.rgb[i + 1], p.rgb[i + 2]};
    };
    const std::vector<int> none{247, 251, 255}, all{8, 48, 107};
    CHECK(at(0, 0) == std::vector<int>{68, 99, 144}); // three quarters of the way
    CHECK(at(0, 1) == none);
    CHECK(at(0, 2) == std::vector<int>{187, 200, 218});
    CHECK(at(1, 1) == all);
    CHECK(at(2, 2) == none); // no window
    CHECK(train::confusion_picture(metric::confusion(1000)).side == 1000);
    CHECK_THROWS_AS((void)train::confusion_picture(metric::confusion(0)), usage_error);
}

TEST_CASE("tensorboard_writer: a file holds what was written, at once, and names sort in the order of their making") {
    const folder at;
    train::tensorboard_writer first((at.path / "a/b").string());
    CHECK(words_of(read_events(first.path())) == std::vector<std::string>{"0 version brain.Event:2"});
    first.scalar("loss", 3, 0.25);
    first.scalars(4, {{"x", 1}, {"y", -2.5}});
    first.image("picture", 5, 1, 2, {1, 2, 3, 4, 5, 6});
    first.restart(2);
    const auto events = read_events(first.path());
    CHECK(words_of(events) == std::vector<std::string>{"0 version brain.Event:2", "3 loss", "4 x", "4 y",
                                                       "5 image picture 1x2", "2 start"});
    CHECK(events.at(1).value == 0.25);
    CHECK(events.at(3).value == -2.5);
    CHECK(pixels_of(events.at(4).png, 1, 2) == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6});
    CHECK_THROWS_AS(first.image("picture", 5, 1, 2, {1, 2, 3}), usage_error);

    const train::tensorboard_writer second((at.path / "a/b").string()), third((at.path / "a/b").string());
    CHECK(first.path().filename() < second.path().filename());
    CHECK(second.path().filename() < third.path().filename());
    CHECK(first.path().filename().string().starts_with("events.out.tfevents.1"));
    CHECK(files_in(at.path / "a/b") == std::vector<fs::path>{first.path(), second.path(), third.path()});
}

TEST_CASE("tensorboard_writer: a folder that cannot be made or a full disk is an io_error") {
    const folder at;
    std::ofstream(at.path / "file") << "x";
    CHECK_THROWS_AS(train::tensorboard_writer((at.path / "file/below").string()), io_error);

    train::tensorboard_writer board(at.path.string());
    board.scalar("whole", 1, 0.5);
    const auto length = fs::file_size(board.path());
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{length + 20, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    std::string message;
    try {
        board.scalar("half of this fits", 2, 0.5);
    } catch (const io_error& e) { message = e.what(); }
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    CHECK(message == "tensorboard: cannot write " + board.path().string());
    CHECK(fs::file_size(board.path()) == length);
    CHECK(words_of(read_events(board.path())).back() == "1 whole");
}

TEST_CASE("tensorboard_log: writes the figures of each epoch and a picture of the best ones") {
    const folder at;
    train::tensorboard_log log(at.path.string());
    log.write(report(1));
    train::epoch_report classes = report(2);
    classes.validation.counts = metric::confusion(2);
    classes.validation.accuracy = 0.5;
    classes.validation.macro_f1 = 0.25;
    log.write(classes);
    classes.epoch = 3;
    classes.best = true;
    log.write(classes);
    const auto files = files_in(at.path);
    REQUIRE(files.size() == 1);
    const auto events = read_events(files[0]);
    CHECK(words_of(events) == std::vector<std::string>{"0 version brain.Event:2",
                                                       "1 start",
                                                       "1 loss",
                                                       "1 loss/hard",
                                                       "1 loss/soft",
                                                       "1 lr",
                                                       "1 score",
                                                       "1 seconds",
                                                       "2 loss",
                                                       "2 loss/hard",
                                                       "2 loss/soft",
                                                       "2 lr",
                                                       "2 score",
                                                       "2 seconds",
                                                       "2 validation/accuracy",
                                                       "2 validation/macro_f1",
                                                       "3 loss",
                                                       "3 loss/hard",
                                                       "3 loss/soft",
                                                       "3 lr",
                                                       "3 score",
                                                       "3 seconds",
                                                       "3 validation/accuracy",
                                                       "3 validation/macro_f1",
                                                       "3 image validation/confusion 32x32"});
    const std::vector<double> values{1.25, 1, 0.25, 0.5, 0.75, 2, 1.25, 1, 0.25, 0.5, 0.75, 2, 0.5, 0.25};
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(events.at(i + 2).value == values[i]);
}

TEST_CASE("tensorboard_log: a training that begins anew or is resumed has a new file that says where it begins") {
    const folder at;
    train::tensorboard_log log(at.path.string());
    log.write(report(1));
    log.write(report(2));
    train::tensorboard_log resumed(at.path.string());
    resumed.write(report(2));
    resumed.write(report(3));
    log.write(report(1));
    const auto files = files_in(at.path);
    REQUIRE(files.size() == 3);
    CHECK(words_of(read_events(files[0])).at(1) == "1 start");
    CHECK(words_of(read_events(files[0])).at(2) == "1 loss");
    CHECK(words_of(read_events(files[0])).back() == "2 seconds");
    CHECK(words_of(read_events(files[1])).at(1) == "2 start");
    CHECK(words_of(read_events(files[1])).at(2) == "2 loss");
    CHECK(words_of(read_events(files[1])).back() == "3 seconds");
    CHECK(words_of(read_events(files[2])).at(1) == "1 start");
    CHECK(words_of(read_events(files[2])).at(2) == "1 loss");
}

TEST_CASE("tensorboard_log: a training writes each of its epochs") {
    const folder at;
    network net = make(student_config(), 0);
    train::supervised objective;
    train::training t(net, objective, few().train, few().validation, few().normal, brief());
    t.add(train::tensorboard_log(at.path.string()));
    const auto result = t.run();
    const auto files = files_in(at.path);
    REQUIRE(files.size() == 1);
    std::size_t pictures = 0;
    std::vector<double> losses, scores;
    for (const spoken& e : read_events(files[0])) {
        if (e.what == "loss") losses.push_back(e.value);
        if (e.what == "validation/macro_f1") scores.push_back(e.value);
        if (e.what.starts_with("image")) ++pictures;
    }
    REQUIRE(losses.size() == 3);
    std::size_t best = 0;
    for (std::size_t e = 0; e < 3; ++e) {
        CHECK(losses[e] == double(float(result.history[e].train.total)));
        CHECK(scores.at(e) == double(float(result.history[e].validation.macro_f1)));
        best += result.history[e].best ? 1u : 0u;
    }
    CHECK(pictures == best);
}
