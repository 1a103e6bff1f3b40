// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/wisdm.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// Rate of the published records.
inline constexpr double wisdm_hz = 20;

struct wisdm_record {
    int user = 0, activity = 0;
    double seconds = 0;
    std::array<float, 3> acc{};
};

inline signal_info wisdm_info(double rate_hz) {
    return {{"acc_x", "acc_y", "acc_z"},
            {"Walking", "Jogging", "Upstairs", "Downstairs", "Sitting", "Standing"},
            {"m/s^2", "m/s^2", "m/s^2"},
            rate_hz,
            {{0, 1, 2}},
            {}};
}

/// Reads the record in the current part of a line; false when it must be left out.
inline bool wisdm_read(text_reader& in, wisdm_record& r, recording_set& set) {
    r.user = in.integer("user", 1, 36);
    r.activity = in.choice("activity", set.info.labels);
    r.seconds = in.real() * 1e-9;
    for (float& axis : r.acc) {
        if (in.empty_field()) {
            set.note("records without x, y or z, left out");
            return false;
        }
        axis = in.number();
    }
    if (!in.at_end() && in.blank())
        set.note("commas before ';', ignored");
    else
        in.finish_line(6);
    if (!in.marked()) set.note("records without ';', kept");
    if (r.acc != std::array<float, 3>{}) return true;
    set.note("records of zeros, left out");
    return false;
}

} // namespace detail

recording_set wisdm(const std::filesystem::path& path, const wisdm_options& o) {
    const dataset_folder folder("wisdm", path, "WISDM_ar_v1.1", "https://www.cis.fordham.edu/wisdm/dataset.php");
    const auto file = folder.file("WISDM_ar_v1.1_raw.txt");
    std::string text = read_text(file);
    if (text.ends_with(';')) text += '\n'; // a whole record at the end of the file
    text_reader in(file.string(), std::move(text), ',');
    budget& room = folder.room();
    room.take(in.size(), "its text");
    recording_set result;
    result.info = detail::wisdm_info(o.resampling.rate_hz);

    resample_options resampling = o.resampling;
    resampling.device_hz = detail::wisdm_hz;
    std::vector<stamped_signal> sessions(1);
    stamped_signal& session = sessions[0];
    session.channels = 3;
    int user = 0;
    std::vector<double> clock; ///< one session after the other, without the time between them
    const auto close_session = [&] {
        if (session.size() == 0) return;
        for (std::size_t i = 0; i < session.size() && clock.size() < 65536; ++i) {
            make_room(clock, room, "the stamps");
            clock.push_back(i == 0 ? (clock.empty() ? 0 : clock.back())
                                   : clock.back() + (session.stamps[i] - session.stamps[i - 1]));
        }
        auto parts = detail::resample_within(sessions, resampling, user, room);
        result.note("gaps, split", parts.size() - 1);
        for (recording& part : parts) {
            make_room(result.recordings, room, "the recordings");
            result.recordings.push_back(std::move(part));
        }
        room.give_back(parts.capacity() * sizeof(recording));
        session.samples.clear();
        session.stamps.clear();
        session.labels.clear();
    };
    const auto add = [&](const detail::wisdm_record& r) {
        if (r.user != user)
            close_session();
        else if (session.size() > 0 && r.seconds < session.stamps.back()) {
            close_session();
            result.note("steps back in time, split");
        } else if (session.size() > 0 && r.seconds == session.stamps.back())
            result.note("repeated timestamps, kept");
        user = r.user;
        for (const float axis : r.acc) {
            make_room(session.samples, room, "a session");
            session.samples.push_back(axis);
        }
        make_room(session.stamps, room, "a session");
        session.stamps.push_back(r.seconds);
        make_room(session.labels, room, "a session");
        session.labels.push_back(r.activity);
    };

    for (;;) {
        result.note("empty lines, ignored", in.skip_blank_lines());
        if (!in.next_line()) break;
        for (std::size_t on_line = 0; in.next_part(';');) {
            if (in.blank()) {
                if (in.marked()) result.note("empty records, ignored");
                continue;
            }
            if (++on_line > 1) result.note("records that share a line, kept");
            detail::wisdm_record r;
            try {
                if (detail::wisdm_read(in, r, result)) add(r);
            } catch (const data_error&) {
                if (!o.drop_malformed) throw;
                result.note("malformed records, left out");
            }
        }
    }
    close_session();
    if (result.recordings.empty()) in.fail("number of records is 0, expected at least one");
    check_steps(file.string(), clock, detail::wisdm_hz, 2);
    return result;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
