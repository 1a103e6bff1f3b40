// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/dsads.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Short names of the publisher's activities.
inline constexpr std::array dsads_activities{
    "sitting",   "standing",       "lying on back",      "lying on right side",
    "stairs up", "stairs down",    "elevator standing",  "elevator moving",
    "walking",   "treadmill flat", "treadmill inclined", "running",
    "stepper",   "cross trainer",  "cycling horizontal", "cycling vertical",
    "rowing",    "jumping",        "basketball"};
inline constexpr std::array dsads_limbs{"torso", "right_arm", "left_arm", "right_leg", "left_leg"};
inline constexpr std::size_t dsads_columns = 45, dsads_rows = 125, dsads_segments = 60;
/// Largest median of the jumps at borders, relative to the mean jump within segments, of segments that are joined.
inline constexpr double dsads_jump = 2;

/// "a01/p1", the folder of an activity (from 0) and a person.
inline std::string dsads_pair(std::size_t activity, int subject) {
    return (activity < 9 ? "a0" : "a") + std::to_string(activity + 1) + "/p" + std::to_string(subject);
}

/// The facts of the channels that the options keep, and the columns of the files that hold them.
inline std::pair<signal_info, std::vector<std::size_t>> dsads_channels(const dsads_options& o) {
    signal_info info;
    std::vector<std::size_t> columns;
    info.labels.assign(dsads_activities.begin(), dsads_activities.end());
    info.rate_hz = 25;
    for (std::size_t limb = 0, column = 0; limb < dsads_limbs.size(); ++limb)
        for (const auto& [sensor, unit] :
             {std::pair("_acc", "m/s^2"), std::pair("_gyro", "rad/s"), std::pair("_mag", "a.u.")}) {
            const std::size_t first = columns.size(), of_file = column;
            column += 3;
            const bool kept = o.limbs.empty() || std::find(o.limbs.begin(), o.limbs.end(),
                                                           static_cast<dsads_limb>(limb)) != o.limbs.end();
            if (!kept || (!o.magnetometer && unit == std::string("a.u."))) continue;
            for (std::size_t axis = 0; axis < 3; ++axis) {
                info.channels.push_back(std::string(dsads_limbs[limb]) + sensor + "_" + "xyz"[axis]);
                info.units.push_back(unit);
                columns.push_back(of_file + axis);
            }
            info.triples.push_back({first, first + 1, first + 2});
            info.devices.push_back(limb);
        }
    return {info, columns};
}

/// The segments that there are of an activity and a person.
struct dsads_segments_read {
    std::vector<int> numbers; ///< ascending, from 1
    std::vector<float> rows;  ///< (segments * 125, 45)

    /// Whether segment k, counted from 0, has the number after the one before it.
    bool follows(std::size_t k) const { return k > 0 && numbers[k] == numbers[k - 1] + 1; }
    /// |difference| of row t and the row before, in a column.
    double step(std::size_t t, std::size_t column) const {
        const float* row = rows.data() + t * dsads_columns + column;
        return std::abs(double(row[0]) - double(row[-std::ptrdiff_t(dsads_columns)]));
    }
};

/// Whether the signals continue across the borders of consecutive segments: whether, relative to the mean step of each
/// column within segments, the median of the steps at the borders (each the mean over the columns) is at most dsads_jump.
inline bool dsads_continuous(const dsads_segments_read& s) {
    std::array<double, dsads_columns> mean{};
    const std::size_t steps = s.numbers.size() * (dsads_rows - 1);
    for (std::size_t t = 0; t < s.numbers.size() * dsads_rows; ++t)
        if (t % dsads_rows != 0)
            for (std::size_t c = 0; c < dsads_columns; ++c) mean[c] += s.step(t, c) / static_cast<double>(steps);
    std::vector<double> jumps;
    for (std::size_t k = 1; k < s.numbers.size(); ++k) {
        if (!s.follows(k)) continue;
        double sum = 0; // a column that is constant within segments counts by the last digit of the files
        for (std::size_t c = 0; c < dsads_columns; ++c) sum += s.step(k * dsads_rows, c) / std::max(mean[c], 1e-6);
        jumps.push_back(sum / dsads_columns);
    }
    if (jumps.empty()) return true;
    const auto middle = jumps.begin() + static_cast<std::ptrdiff_t>(jumps.size() / 2);
    std::nth_element(jumps.begin(), middle, jumps.end());
    return *middle <= dsads_jump;
}

/// Appends the rows of a segment.
inline void dsads_read(const dataset_folder& folder, const std::string& file, std::vector<float>& rows) {
    text_reader in = folder.open(file, ',');
    const budget::lease text(folder.room(), in.size(), "its text");
    std::size_t line = 0;
    for (; in.next_line(); ++line) {
        if (line == dsads_rows) in.fail("file has more lines, expected ", dsads_rows);
        for (std::size_t c = 0; c < dsads_columns; ++c) rows.push_back(in.number());
        in.finish_line(dsads_columns);
    }
    if (line != dsads_rows) raise<data_error>(in.name(), "number of lines is ", line, ", expected ", dsads_rows);
}

} // namespace detail

recording_set dsads(const std::filesystem::path& path, const dsads_options& o) {
    const dataset_folder folder("dsads", path, "data", "https://archive.ics.uci.edu/dataset/256");
    recording_set result;
    std::vector<std::size_t> columns;
    std::tie(result.info, columns) = detail::dsads_channels(o);
    const auto folders_of = [](int subject) {
        std::vector<std::string> folders;
        for (std::size_t a = 0; a < detail::dsads_activities.size(); ++a)
            folders.push_back(detail::dsads_pair(a, subject));
        return folders;
    };
    detail::dsads_segments_read read;
    const budget::lease rows(folder.room(), detail::dsads_segments * detail::dsads_rows * detail::dsads_columns * 4,
                             "the segments of an activity");
    read.rows.reserve(detail::dsads_segments * detail::dsads_rows * detail::dsads_columns);

    for (const int subject : folder.people(o.subjects, 1, 8, folders_of, result))
        for (std::size_t activity = 0; activity < detail::dsads_activities.size(); ++activity) {
            read.numbers.clear();
            read.rows.clear();
            for (int n = 1; n <= static_cast<int>(detail::dsads_segments); ++n) {
                const std::string file =
                    detail::dsads_pair(activity, subject) + (n < 10 ? "/s0" : "/s") + std::to_string(n) + ".txt";
                if (!folder.has(file)) {
                    result.note("segments of the published set without files");
                    continue;
                }
                detail::dsads_read(folder, file, read.rows);
                read.numbers.push_back(n);
            }
            const bool continuous = detail::dsads_continuous(read);
            for (std::size_t begin = 0, end = 0; begin < read.numbers.size(); begin = end) {
                for (end = begin + 1; end < read.numbers.size() && read.follows(end) && continuous;) ++end;
                if (end < read.numbers.size() && read.follows(end))
                    result.note("borders at which a segment does not continue the one before, split");
                recording r =
                    make_recording((end - begin) * detail::dsads_rows, columns.size(), subject, folder.room());
                float* to = r.samples.data();
                for (std::size_t t = begin * detail::dsads_rows; t < end * detail::dsads_rows; ++t)
                    for (const std::size_t c : columns) *to++ = read.rows[t * detail::dsads_columns + c];
                std::fill(r.labels.begin(), r.labels.end(), static_cast<int>(activity));
                result.recordings.push_back(std::move(r));
            }
        }
    if (result.recordings.empty())
        raise<data_error>(folder.path().string(), "number of segments is 0, expected at least one");
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
