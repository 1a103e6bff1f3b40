// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/dataset/uci_har.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/dataset/folder.hpp"
#include "smldist/data/text_reader.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

inline constexpr std::size_t uci_har_length = 128;

inline signal_info uci_har_info() {
    return {{"body_acc_x", "body_acc_y", "body_acc_z", "body_gyro_x", "body_gyro_y", "body_gyro_z", "total_acc_x",
             "total_acc_y", "total_acc_z"},
            {"WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING"},
            {"g", "g", "g", "rad/s", "rad/s", "rad/s", "g", "g", "g"},
            50,
            {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}},
            {}};
}

/// Reads one integer per line.
inline std::vector<int> uci_har_column(const dataset_folder& set, const std::filesystem::path& file,
                                       std::string_view what, int high) {
    text_reader in = set.open(file);
    const budget::lease text(set.room(), in.size(), "its text");
    std::vector<int> values;
    set.room().take(in.lines_left() * sizeof(int), what);
    values.reserve(in.lines_left());
    while (in.next_line()) {
        values.push_back(in.integer(what, 1, high));
        in.finish_line(1);
    }
    return values;
}

/// "train" or "test".
inline windows uci_har_part(const dataset_folder& set, const std::string& part) {
    windows w;
    w.info = uci_har_info();
    const std::filesystem::path folder = part, labels = set.path() / part / ("y_" + part + ".txt");
    w.label = uci_har_column(set, folder / ("y_" + part + ".txt"), "label", static_cast<int>(w.classes()));
    for (int& n : w.label) --n;
    const std::size_t count = w.label.size();
    const auto require_rows = [&](const std::filesystem::path& file, std::size_t rows) {
        if (rows != count)
            raise<data_error>(file.string(), "number of lines is ", rows, ", expected ", count, " as in '",
                              labels.string(), "'");
    };
    const std::filesystem::path subjects = folder / ("subject_" + part + ".txt");
    w.subject = uci_har_column(set, subjects, "subject", 30);
    require_rows(set.path() / subjects, w.subject.size());
    if (count == 0) raise<data_error>(labels.string(), "number of lines is 0, expected at least one");

    const std::size_t channels = w.info.channels.size();
    std::vector<std::filesystem::path> signals;
    for (const auto& channel : w.info.channels)
        signals.push_back(set.file(folder / "Inertial Signals" / (channel + "_" + part + ".txt")));
    set.room().take(count * uci_har_length * channels * sizeof(float), "the windows");
    w.x = tensor<float>::uninitialized({count, uci_har_length, channels});
    for (std::size_t c = 0; c < channels; ++c) {
        text_reader in(signals[c]);
        const budget::lease text(set.room(), in.size(), "its text");
        std::size_t row = 0;
        for (; in.next_line(); ++row) {
            if (row == count) in.fail("file has more lines, expected ", count, " as in '", labels.string(), "'");
            float* to = w.x.data() + row * uci_har_length * channels + c;
            for (std::size_t t = 0; t < uci_har_length; ++t) {
                if (in.at_end()) in.fail("number of columns is ", t, ", expected ", uci_har_length);
                to[t * channels] = in.number();
            }
            in.finish_line(uci_har_length);
        }
        require_rows(signals[c], row);
    }
    return w;
}

} // namespace detail

train_test uci_har(const std::filesystem::path& path) {
    const dataset_folder set("uci_har", path, "UCI HAR Dataset", "https://archive.ics.uci.edu/dataset/240");
    train_test sets{detail::uci_har_part(set, "train"), detail::uci_har_part(set, "test")};
    require_disjoint_subjects(sets.train, sets.test);
    return sets;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
