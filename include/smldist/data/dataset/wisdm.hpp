// SPDX-License-Identifier: BSD-3-Clause
/// WISDM v1.1: 36 people, a phone in the trouser pocket, only the accelerometer, six activities at 20 Hz.
#ifndef SMLDIST_DATA_DATASET_WISDM_HPP
#define SMLDIST_DATA_DATASET_WISDM_HPP

#include <filesystem>

#include "smldist/data/recording.hpp"
#include "smldist/data/resample.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct wisdm_options {
    resample_options resampling{.rate_hz = 20, .max_gap = 0.5};
    /// Leave out and count records that are malformed in a way not listed below, instead of failing at the first one.
    bool drop_malformed = false;
};

/// Reads "WISDM_ar_v1.1_raw.txt" in the published folder "WISDM_ar_v1.1", or in the folder that holds it. Consecutive
/// records of one user are one recording, resampled to 20 Hz by their stamps; a gap and a step back in time split it.
///
/// Channels   acc x y z (m/s², with gravity). Labels Walking, Jogging, Upstairs, Downstairs, Sitting, Standing.
/// Repairs    each known kind of malformed input, counted under these names:
///            "empty lines, ignored" · "empty records, ignored" (;;) · "records that share a line, kept" ·
///            "commas before ';', ignored" · "records without ';', kept" · "records without x, y or z, left out" ·
///            "records of zeros, left out" · "repeated timestamps, kept" (of samples with the same stamp the last
///            counts) · "steps back in time, split" · "gaps, split" · with drop_malformed "malformed records, left
///            out". Blanks around fields are normal.
/// Cost       about 1 s for the published million records.
/// Throws     data_error, naming file, line and column: the file is missing or ends within a record; a record is
///            malformed in another way; no record remains; the median step between stamps is not within a factor of 2 of
///            50 ms; recordings that take more memory than the file allows (SECURITY.md). io_error when the system cannot
///            read the file.
/// Tested     on files made by the test, in the publisher's format.
/// Source     Kwapisz et al. 2011, https://www.cis.fordham.edu/wisdm/dataset.php (to be cited). The readme states no
///            licence.
[[nodiscard]] SMLDIST_FUNCTION recording_set wisdm(const std::filesystem::path& path, const wisdm_options& o = {});

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/dataset/wisdm.ipp"
#endif

#endif
