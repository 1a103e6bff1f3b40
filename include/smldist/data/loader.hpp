// SPDX-License-Identifier: BSD-3-Clause
/// Batches for training and evaluation: order, augmentation and normalisation in one place.
#ifndef SMLDIST_DATA_LOADER_HPP
#define SMLDIST_DATA_LOADER_HPP

#include <cstddef>
#include <vector>

#include "smldist/core/parallel.hpp"
#include "smldist/core/random.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/data/augment.hpp"
#include "smldist/data/mixup.hpp"
#include "smldist/data/normaliser.hpp"
#include "smldist/data/window.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

struct loader_options {
    std::size_t batch = 64;
    bool shuffle = true;    ///< a new permutation each epoch; false: the order of the windows
    bool balanced = false;  ///< draws the class uniformly among those that occur, then takes its windows in turn
    bool drop_last = false; ///< leaves out the last batch when it is incomplete
    augment_options augment = augment_options::none();
    double mixup = 0; ///< α of mixup; 0: off
};

/// Normalised windows ready for a network.
struct batch {
    tensor<float> x;                ///< (B, L, C)
    std::vector<int> label;         ///< B; in a mixed batch the dominant ones; empty for windows without classes
    std::vector<std::size_t> index; ///< B, positions in the source of the windows of `label`
    std::vector<int> other;         ///< B, the second labels of a mixed batch; else empty
    double share = 1;               ///< weight of `label` against `other`, in [1/2, 1]
    tensor<float> target = {};      ///< (B, K), mixed as x is; tensor() for windows without a target

    std::size_t size() const { return x.shape().rank() == 3 ? x.shape()[0] : 0; }
};

/// The rows [first, last) of a batch; the buffers of `to` are reused.
SMLDIST_FUNCTION void copy_rows(const batch& from, std::size_t first, std::size_t last, batch& to);

/// Returns the windows of `source` batch by batch. Refers to `source`, which must outlive it.
///
///     for (loader.start(epoch); loader.next(batch);) train_on(batch);
///
/// Order and augmentation depend only on (generator, epoch, place in the epoch), not on the batch size, the number of
/// threads or how far earlier epochs were read. Mixup also depends on the batch size, since windows are mixed within a
/// batch. A last batch of one window is merged with the batch before it, since batch-norm needs more than one.
/// The batch's buffers are reused: no heap allocation after the first epoch.
class loader {
public:
    /// Throws     data_error as windows::check does; shape_error when the normaliser has a different number of
    ///            channels; usage_error for batch 0, balanced without shuffle or without labels, drop_last that leaves no
    ///            batch, or options of augmentation and mixup out of range.
    SMLDIST_FUNCTION loader(const windows& source, const loader_options& options, const normaliser& normal,
                            const generator& random);
    loader(const windows&&, const loader_options&, const normaliser&,
           const generator&) = delete; // source must outlive it

    /// Starts epoch `epoch`.
    SMLDIST_FUNCTION void start(std::size_t epoch);

    /// The next batch of the epoch; false, and `b` untouched, at its end.
    SMLDIST_FUNCTION bool next(batch& b);

    /// Number of batches in one epoch.
    SMLDIST_FUNCTION std::size_t batches() const;
    const windows& source() const { return *source_; }
    const loader_options& options() const { return options_; }

private:
    static constexpr std::size_t grain = 4; // windows per chunk, about 10 to 100 µs of work

    struct class_queue {
        std::vector<std::size_t> members;
        std::size_t at;
    };

    static void resize(tensor<float>& x, const shape& wanted) {
        if (!(x.shape() == wanted)) x = tensor<float>::uninitialized(wanted);
    }

    /// Size of the next batch when `left` windows are left; 0 at the end.
    SMLDIST_FUNCTION std::size_t next_size(std::size_t left) const;

    /// As many draws as windows: the class uniformly, then the next of its members, reshuffled after each pass.
    SMLDIST_FUNCTION void draw_balanced(generator& g);

    /// Mixup, with a separate stream for each place at which a batch begins.
    SMLDIST_FUNCTION void mix(batch& b);

    SMLDIST_FUNCTION void prepare(float* x, std::size_t place, augment_scratch& scratch) const;

    const windows* source_;
    loader_options options_;
    normaliser normaliser_;
    generator random_, epoch_random_{};
    std::vector<std::size_t> order_;
    std::vector<class_queue> classes_;
    std::vector<augment_scratch> scratch_;
    std::vector<float> mixing_; ///< one window, or one row of the target
    std::size_t at_ = 0;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::data

#if SMLDIST_TRAIN_BODIES
#include "smldist/data/loader.ipp"
#endif

#endif
