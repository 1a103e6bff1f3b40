// SPDX-License-Identifier: BSD-3-Clause
/// Batches for training and evaluation: order, augmentation and normalisation in one place.
#ifndef SMLDIST_DATA_LOADER_HPP
#define SMLDIST_DATA_LOADER_HPP

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
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
    loader(const windows& source, const loader_options& options, const normaliser& normal, const generator& random)
        : source_(&source), options_(options), normaliser_(normal), random_(random), order_(source.size()) {
        source.check();
        normaliser_.require_channels(source.channels());
        options_.augment.check();
        check_mixup(options_.mixup);
        if (options_.batch == 0) raise<usage_error>("loader", "batch size is 0, expected at least 1");
        if (options_.drop_last && options_.batch > source.size())
            raise<usage_error>("loader", "batch size is ", options_.batch, ", expected at most ", source.size(),
                               " windows with drop_last");
        if (options_.balanced && !options_.shuffle)
            raise<usage_error>("loader", "balanced is set without shuffle, expected both");
        if (options_.balanced && source.label.empty())
            raise<usage_error>("loader", "balanced is set for windows without classes, expected labels");
        if (options_.balanced)
            for (std::size_t n = 0; n < source.classes(); ++n) {
                std::vector<std::size_t> members;
                for (std::size_t i = 0; i < source.size(); ++i)
                    if (source.label[i] == static_cast<int>(n)) members.push_back(i);
                if (!members.empty()) classes_.push_back({std::move(members), 0});
            }
        const std::size_t largest = std::min(options_.batch + 1, source.size());
        scratch_.resize((largest + grain - 1) / grain);
        for (augment_scratch& s : scratch_) s.reserve(source.length(), source.channels());
        start(0);
    }
    loader(const windows&&, const loader_options&, const normaliser&,
           const generator&) = delete; // source must outlive it

    /// Starts epoch `epoch`.
    void start(std::size_t epoch) {
        epoch_random_ = random_.split(epoch);
        at_ = 0;
        std::iota(order_.begin(), order_.end(), std::size_t(0));
        generator g = epoch_random_.split(0);
        if (options_.balanced)
            draw_balanced(g);
        else if (options_.shuffle)
            g.shuffle(order_.begin(), order_.end());
    }

    /// The next batch of the epoch; false, and `b` untouched, at its end.
    bool next(batch& b) {
        const std::size_t count = next_size(order_.size() - at_);
        if (count == 0) return false;
        const std::size_t length = source_->length(), channels = source_->channels(), stride = length * channels;
        const std::size_t targets = source_->targets();
        const bool labelled = !source_->label.empty();
        resize(b.x, {count, length, channels});
        resize(b.target, targets > 0 ? shape{count, targets} : shape{0});
        b.label.reserve(options_.batch + 1);
        b.index.reserve(options_.batch + 1);
        b.label.resize(labelled ? count : 0);
        b.index.resize(count);
        parallel_for(count, grain, [&](std::size_t first, std::size_t last) {
            for (std::size_t k = first; k < last; ++k) {
                const std::size_t i = order_[at_ + k];
                b.index[k] = i;
                if (labelled) b.label[k] = source_->label[i];
                std::copy_n(source_->target.data() + i * targets, targets, b.target.data() + k * targets);
                float* x = b.x.data() + k * stride;
                std::copy_n(source_->window(i), stride, x);
                prepare(x, at_ + k, scratch_[first / grain]);
            }
        });
        mix(b);
        at_ += count;
        return true;
    }

    /// Number of batches in one epoch.
    std::size_t batches() const {
        std::size_t n = 0;
        for (std::size_t left = order_.size(), count; (count = next_size(left)) != 0; left -= count) ++n;
        return n;
    }
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
    std::size_t next_size(std::size_t left) const {
        if (left < options_.batch) return options_.drop_last ? 0 : left;
        const bool joins = left == options_.batch + 1 && options_.batch > 1 && !options_.drop_last;
        return joins ? left : options_.batch;
    }

    /// As many draws as windows: the class uniformly, then the next of its members, reshuffled after each pass.
    void draw_balanced(generator& g) {
        for (class_queue& q : classes_) {
            std::sort(q.members.begin(), q.members.end());
            q.at = q.members.size();
        }
        for (std::size_t& place : order_) {
            class_queue& q = classes_[g.below(classes_.size())];
            if (q.at == q.members.size()) {
                g.shuffle(q.members.begin(), q.members.end());
                q.at = 0;
            }
            place = q.members[q.at++];
        }
    }

    /// Mixup, with a separate stream for each place at which a batch begins.
    void mix(batch& b) {
        b.other.clear();
        b.share = 1;
        if (options_.mixup == 0) return;
        b.other.reserve(options_.batch + 1);
        b.share = mixup_share(options_.mixup, epoch_random_.split(0).split(1 + at_));
        mix_labels(b.label, b.other);
        mix_windows(b.x, b.share, mixing_);
        mix_windows(b.target, b.share, mixing_);
    }

    void prepare(float* x, std::size_t place, augment_scratch& scratch) const {
        const augment_options& o = options_.augment;
        const std::size_t length = source_->length(), channels = source_->channels();
        const generator g = epoch_random_.split(1 + place);
        if (o.any()) augment_physical(x, length, channels, o, source_->info, g, scratch);
        normaliser_.apply(x, length);
        if (o.any()) augment_normalised(x, length, channels, o, source_->info, g);
    }

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

#endif
