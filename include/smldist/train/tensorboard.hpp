// SPDX-License-Identifier: BSD-3-Clause
/// Event files of TensorBoard: scalars and images, written without any of its code.
///
/// A file is a sequence of records (TensorFlow's TFRecord): a length (8 bytes), the masked CRC-32C of these 8 bytes, the
/// data, and the masked CRC-32C of the data, little-endian. The data are a protocol buffer of type tensorflow.Event.
///
/// Source     tensorflow/core/lib/io/record_writer.h; event.proto and summary.proto of tensorflow/core.
#ifndef SMLDIST_TRAIN_TENSORBOARD_HPP
#define SMLDIST_TRAIN_TENSORBOARD_HPP

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/metric/confusion.hpp"
#include "smldist/train/state.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// CRC-32C (Castagnoli) of the bytes. Source: RFC 3720, appendix B.4.
SMLDIST_FUNCTION std::uint32_t crc32c(std::string_view bytes);
/// The form in which records hold a CRC: rotated right by 15 bits, plus 0xa282ead8.
SMLDIST_FUNCTION std::uint32_t masked_crc32c(std::string_view bytes);
/// A record of a file.
SMLDIST_FUNCTION std::string tf_record(std::string_view data);

using tagged_values = std::vector<std::pair<std::string, double>>;
// Each is a tensorflow.Event.
SMLDIST_FUNCTION std::string version_event(double wall_time);
SMLDIST_FUNCTION std::string start_event(double wall_time, std::size_t step);
SMLDIST_FUNCTION std::string scalars_event(double wall_time, std::size_t step, const tagged_values& values);
SMLDIST_FUNCTION std::string image_event(double wall_time, std::size_t step, std::string_view tag, std::size_t height,
                                         std::size_t width, std::string_view png);

/// A PNG file of height × width pixels from 3 bytes a pixel, row after row; not compressed. Throws usage_error when the number
/// of bytes differs or an extent is not in 1 … 16384.
SMLDIST_FUNCTION std::string to_png(std::size_t height, std::size_t width, const std::vector<std::uint8_t>& rgb);

} // namespace detail

/// Writes one event file for TensorBoard. Every call appends whole records and flushes them, so that they can be read while
/// the program goes on.
///
///     train::tensorboard_writer board("runs/first");        // tensorboard --logdir runs
///     board.scalar("loss", 3, 0.25);
///
/// The file is events.out.tfevents.SECONDS.HOST.PROCESS, a name behind those of all other event files in the folder,
/// because TensorBoard reads them in that order. Values are floats in the file.
///
/// Throws     io_error when the folder cannot be made, or the file cannot be made or written; it then ends with a whole record.
class tensorboard_writer {
public:
    /// Makes the folder where there is none, and the file.
    SMLDIST_FUNCTION explicit tensorboard_writer(const std::string& folder);

    SMLDIST_FUNCTION void scalar(std::string_view tag, std::size_t step, double value);
    /// Several scalars of one step: (tag, value).
    SMLDIST_FUNCTION void scalars(std::size_t step, const std::vector<std::pair<std::string, double>>& values);
    /// A picture of `height` × `width` pixels, each red, green, blue from 0 to 255, row after row.
    /// Throws     usage_error when the number of bytes differs from 3 · height · width, or an extent is not in 1 … 16384.
    SMLDIST_FUNCTION void image(std::string_view tag, std::size_t step, std::size_t height, std::size_t width,
                                const std::vector<std::uint8_t>& rgb);
    /// Says that a training begins with this step: TensorBoard then drops what earlier files hold of this step and later ones.
    SMLDIST_FUNCTION void restart(std::size_t step);

    const std::filesystem::path& path() const { return path_; }

private:
    SMLDIST_FUNCTION void append(const std::string& event);

    std::filesystem::path path_;
    std::ofstream out_;
    std::uintmax_t length_ = 0; ///< of the whole records
};

/// A picture of a confusion matrix for tensorboard_writer::image: rows are labels, columns predictions, the shade is the share of
/// the label's windows, from white for none to dark blue for all.
struct confusion_picture {
    std::size_t side = 0;          ///< height and width in pixels
    std::vector<std::uint8_t> rgb; ///< (side, side, 3)

    /// Throws usage_error for a matrix without classes.
    SMLDIST_FUNCTION explicit confusion_picture(const metric::confusion& counts);
};

/// Writes the figures of every epoch for TensorBoard, with the epoch as the step:
///
///     loss, loss/TERM of each term, lr, score, seconds
///     validation/accuracy, validation/macro_f1           where validation has classes
///     validation/confusion                               a picture, of each epoch that is the best so far
///
///     t.add(train::tensorboard_log("runs/first"));       // tensorboard --logdir runs
///
/// Each training writes a file of its own, made with its first epoch, from which on it replaces what earlier files of the folder
/// hold (tensorboard_writer::restart): so do a resumed training and one that begins anew.
///
/// Throws     io_error as tensorboard_writer.
class tensorboard_log {
public:
    explicit tensorboard_log(std::string folder) : folder_(std::move(folder)) {}

    void before_training(const run_state&) { writer_.reset(); }
    void after_epoch(const run_state& s) { write(s.report); }
    /// The same without a training's state. Epoch 1 begins a new file.
    SMLDIST_FUNCTION void write(const epoch_report& r);

private:
    std::string folder_;
    std::optional<tensorboard_writer> writer_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#if SMLDIST_TRAIN_BODIES
#include "smldist/train/tensorboard.ipp"
#endif

#endif
