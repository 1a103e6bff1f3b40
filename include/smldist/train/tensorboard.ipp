// SPDX-License-Identifier: BSD-3-Clause
/// The functions of train/tensorboard.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstring>
#include <system_error>
#include <unistd.h>

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The table of a CRC whose polynomial is given with its bits reversed.
constexpr std::array<std::uint32_t, 256> crc_table(std::uint32_t polynomial) {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t c = n;
        for (int k = 0; k < 8; ++k) c = (c & 1u) != 0 ? (c >> 1) ^ polynomial : c >> 1;
        table[n] = c;
    }
    return table;
}
inline std::uint32_t crc(const std::array<std::uint32_t, 256>& table, std::string_view bytes) {
    std::uint32_t c = 0xffffffffu;
    for (const char b : bytes) c = table[(c ^ static_cast<unsigned char>(b)) & 0xffu] ^ (c >> 8);
    return ~c;
}
inline constexpr std::array<std::uint32_t, 256> castagnoli = crc_table(0x82f63b78u); ///< of records
inline constexpr std::array<std::uint32_t, 256> ieee = crc_table(0xedb88320u);       ///< of PNG

std::uint32_t crc32c(std::string_view bytes) { return crc(castagnoli, bytes); }
std::uint32_t masked_crc32c(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8u; }

inline void append_little(std::string& out, std::uint64_t value, int bytes) {
    for (int k = 0; k < bytes; ++k) out += static_cast<char>((value >> (8 * k)) & 0xffu);
}
inline void append_big(std::string& out, std::uint32_t value) {
    for (int k = 3; k >= 0; --k) out += static_cast<char>((value >> (8 * k)) & 0xffu);
}

std::string tf_record(std::string_view data) {
    std::string record;
    append_little(record, data.size(), 8);
    append_little(record, masked_crc32c(record), 4);
    record += data;
    append_little(record, masked_crc32c(data), 4);
    return record;
}

// Fields of a protocol buffer: a key, which is the field's number and its wire type, then the value.
inline void append_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80u; value >>= 7) out += static_cast<char>((value & 0x7fu) | 0x80u);
    out += static_cast<char>(value);
}
inline void append_varint(std::string& out, unsigned field, std::uint64_t value) {
    append_varint(out, field << 3);
    append_varint(out, value);
}
inline void append_double(std::string& out, unsigned field, double value) {
    append_varint(out, field << 3 | 1u);
    append_little(out, std::bit_cast<std::uint64_t>(value), 8);
}
inline void append_bytes(std::string& out, unsigned field, std::string_view bytes) {
    append_varint(out, field << 3 | 2u);
    append_varint(out, bytes.size());
    out += bytes;
}
inline void append_float(std::string& out, unsigned field, float value) {
    append_varint(out, field << 3 | 5u);
    append_little(out, std::bit_cast<std::uint32_t>(value), 4);
}

/// Event: wall_time = 1, step = 2, then `field`: file_version = 3, summary = 5 or session_log = 7.
inline std::string event(double wall_time, std::size_t step, unsigned field, std::string_view what) {
    std::string e;
    append_double(e, 1, wall_time);
    if (step > 0) append_varint(e, 2, step); // 0 is the default, which a protocol buffer leaves out
    append_bytes(e, field, what);
    return e;
}

std::string version_event(double wall_time) { return event(wall_time, 0, 3, "brain.Event:2"); }

std::string start_event(double wall_time, std::size_t step) {
    std::string session; // SessionLog: status = 1, where START is 1
    append_varint(session, 1, 1);
    return event(wall_time, step, 7, session);
}

std::string scalars_event(double wall_time, std::size_t step, const tagged_values& values) {
    std::string summary; // Summary: value = 1; Value: tag = 1, simple_value = 2
    for (const auto& [tag, number] : values) {
        std::string value;
        append_bytes(value, 1, tag);
        append_float(value, 2, static_cast<float>(number));
        append_bytes(summary, 1, value);
    }
    return event(wall_time, step, 5, summary);
}

std::string image_event(double wall_time, std::size_t step, std::string_view tag, std::size_t height,
                        std::size_t width, std::string_view png) {
    std::string image; // Image: height = 1, width = 2, colorspace = 3, where RGB is 3, encoded_image_string = 4
    append_varint(image, 1, height);
    append_varint(image, 2, width);
    append_varint(image, 3, 3);
    append_bytes(image, 4, png);
    std::string value, summary; // Value: tag = 1, image = 4
    append_bytes(value, 1, tag);
    append_bytes(value, 4, image);
    append_bytes(summary, 1, value);
    return event(wall_time, step, 5, summary);
}

/// A chunk of a PNG file: length, type, data, CRC of type and data.
inline void append_chunk(std::string& png, std::string_view type, std::string_view data) {
    append_big(png, static_cast<std::uint32_t>(data.size()));
    const std::size_t begin = png.size();
    (png += type) += data;
    append_big(png, crc(ieee, std::string_view(png).substr(begin)));
}

/// A zlib stream of stored blocks: RFC 1950 and 1951.
inline std::string stored(std::string_view data) {
    std::string out("\x78\x01", 2);
    for (std::size_t at = 0; at < data.size();) {
        const std::size_t n = std::min<std::size_t>(data.size() - at, 0xffff);
        out += at + n == data.size() ? '\1' : '\0';
        append_little(out, n, 2);
        append_little(out, ~n & 0xffffu, 2);
        out += data.substr(at, n);
        at += n;
    }
    std::uint32_t a = 1, b = 0; // Adler-32
    for (const char c : data) {
        a = (a + static_cast<unsigned char>(c)) % 65521;
        b = (b + a) % 65521;
    }
    append_big(out, b << 16 | a);
    return out;
}

std::string to_png(std::size_t height, std::size_t width, const std::vector<std::uint8_t>& rgb) {
    constexpr std::size_t most = 16384;
    if (height == 0 || width == 0 || height > most || width > most)
        raise<usage_error>("tensorboard image", "height and width are ", height, " and ", width,
                           ", expected both from 1 to ", most);
    if (rgb.size() != 3 * height * width)
        raise<usage_error>("tensorboard image", "number of bytes is ", rgb.size(), ", expected ", 3 * height * width,
                           ", three for each of ", height, " times ", width, " pixels");
    std::string lines;
    lines.reserve(height * (3 * width + 1));
    for (std::size_t y = 0; y < height; ++y) {
        lines += '\0'; // no filter
        for (std::size_t x = 0; x < 3 * width; ++x) lines += static_cast<char>(rgb[y * 3 * width + x]);
    }
    std::string png("\x89PNG\r\n\x1a\n", 8), head;
    append_big(head, static_cast<std::uint32_t>(width));
    append_big(head, static_cast<std::uint32_t>(height));
    head += std::string_view("\x08\x02\x00\x00\x00", 5); // 8 bits, RGB, deflate, the standard filters, not interlaced
    append_chunk(png, "IHDR", head);
    append_chunk(png, "IDAT", stored(lines));
    append_chunk(png, "IEND", "");
    return png;
}

inline constexpr std::string_view event_file = "events.out.tfevents.";

/// Seconds since 1970 for the name of a new file: now, or one more than those of the newest file in the folder.
inline std::uint64_t seconds_for_name(const std::filesystem::path& folder, std::uint64_t now) {
    std::uint64_t seconds = now;
    std::error_code code;
    for (std::filesystem::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
        const std::string name = entry->path().filename().string();
        std::uint64_t its = 0;
        if (!name.starts_with(event_file)) continue;
        std::from_chars(name.data() + event_file.size(), name.data() + name.size(), its);
        if (its >= seconds && its < 9'000'000'000u) seconds = its + 1; // ten digits
    }
    return seconds;
}

inline double wall_time() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace detail

tensorboard_writer::tensorboard_writer(const std::string& folder) {
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    if (code) raise<io_error>("tensorboard", "cannot make folder ", folder, ": ", code.message());
    const double now = detail::wall_time();
    char host[256] = "_";
    long process = 0;
#if !defined(__wasi__) && !defined(__NEWLIB__) // which have neither
    if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') std::strcpy(host, "_");
    process = ::getpid();
#endif
    std::string seconds = std::to_string(detail::seconds_for_name(folder, static_cast<std::uint64_t>(now)));
    seconds.insert(0, 10 - std::min<std::size_t>(10, seconds.size()), '0');
    path_ = std::filesystem::path(folder) /
            (std::string(detail::event_file) + seconds + '.' + host + '.' + std::to_string(process));
    out_.open(path_, std::ios::binary | std::ios::trunc);
    append(detail::version_event(now));
}

void tensorboard_writer::scalar(std::string_view tag, std::size_t step, double value) {
    scalars(step, {{std::string(tag), value}});
}

void tensorboard_writer::scalars(std::size_t step, const std::vector<std::pair<std::string, double>>& values) {
    append(detail::scalars_event(detail::wall_time(), step, values));
}

void tensorboard_writer::image(std::string_view tag, std::size_t step, std::size_t height, std::size_t width,
                               const std::vector<std::uint8_t>& rgb) {
    append(detail::image_event(detail::wall_time(), step, tag, height, width, detail::to_png(height, width, rgb)));
}

void tensorboard_writer::restart(std::size_t step) { append(detail::start_event(detail::wall_time(), step)); }

void tensorboard_writer::append(const std::string& event) {
    const std::string record = detail::tf_record(event);
    out_.write(record.data(), static_cast<std::streamsize>(record.size())).flush();
    if (!out_) {
        out_.close(); // which would otherwise write its rest in the end
        std::error_code none;
        std::filesystem::resize_file(path_, length_, none);
        raise<io_error>("tensorboard", "cannot write ", path_.string());
    }
    length_ += record.size();
}

confusion_picture::confusion_picture(const metric::confusion& counts) {
    const std::size_t N = counts.classes();
    if (N == 0) raise<usage_error>("confusion_picture", "number of classes is 0, expected at least one");
    const std::size_t cell = std::clamp<std::size_t>(256 / N, 1, 16); // pixels
    side = N * cell;
    rgb.resize(3 * side * side);
    constexpr std::array<double, 3> none{247, 251, 255}, all{8, 48, 107};
    for (std::size_t y = 0; y < side; ++y)
        for (std::size_t x = 0; x < side; ++x) {
            const std::size_t n = y / cell;
            const double share = double(counts(n, x / cell)) / double(std::max<std::uint64_t>(1, counts.labelled(n)));
            for (std::size_t c = 0; c < 3; ++c)
                rgb[3 * (y * side + x) + c] = static_cast<std::uint8_t>(none[c] + share * (all[c] - none[c]) + 0.5);
        }
}

void tensorboard_log::write(const epoch_report& r) {
    if (!writer_ || r.epoch == 1) {
        writer_.emplace(folder_);
        writer_->restart(r.epoch);
    }
    std::vector<std::pair<std::string, double>> values{{"loss", r.train.total}};
    for (const auto& term : r.train) values.emplace_back("loss/" + std::string(term.name), term.value);
    values.insert(values.end(), {{"lr", r.lr}, {"score", r.score}, {"seconds", r.seconds}});
    const bool classes = r.validation.counts.classes() > 0;
    if (classes)
        values.insert(values.end(), {{"validation/accuracy", r.validation.accuracy},
                                     {"validation/macro_f1", r.validation.macro_f1}});
    writer_->scalars(r.epoch, values);
    if (!classes || !r.best) return;
    const confusion_picture picture(r.validation.counts);
    writer_->image("validation/confusion", r.epoch, picture.side, picture.side, picture.rgb);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train
