// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/loader.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void copy_rows(const batch& from, std::size_t first, std::size_t last, batch& to) {
    const auto of_tensor = [&](const tensor<float>& x, tensor<float>& part) {
        if (x.empty()) {
            part = tensor<float>(shape{0});
            return;
        }
        const std::size_t row = x.size() / x.shape()[0];
        const shape s = x.shape().with(0, last - first);
        if (!(part.shape() == s)) part = tensor<float>::uninitialized(s);
        std::copy_n(x.data() + first * row, part.size(), part.data());
    };
    const auto of_list = [&](const auto& list, auto& part) {
        part.clear();
        if (!list.empty()) part.assign(list.begin() + std::ptrdiff_t(first), list.begin() + std::ptrdiff_t(last));
    };
    of_tensor(from.x, to.x);
    of_tensor(from.target, to.target);
    of_list(from.label, to.label);
    of_list(from.index, to.index);
    of_list(from.other, to.other);
    to.share = from.share;
}

loader::loader(const windows& source, const loader_options& options, const normaliser& normal,
               const generator& random)
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

void loader::start(std::size_t epoch) {
    epoch_random_ = random_.split(epoch);
    at_ = 0;
    std::iota(order_.begin(), order_.end(), std::size_t(0));
    generator g = epoch_random_.split(0);
    if (options_.balanced)
        draw_balanced(g);
    else if (options_.shuffle)
        g.shuffle(order_.begin(), order_.end());
}

bool loader::next(batch& b) {
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

std::size_t loader::batches() const {
    std::size_t n = 0;
    for (std::size_t left = order_.size(), count; (count = next_size(left)) != 0; left -= count) ++n;
    return n;
}

std::size_t loader::next_size(std::size_t left) const {
    if (left < options_.batch) return options_.drop_last ? 0 : left;
    const bool joins = left == options_.batch + 1 && options_.batch > 1 && !options_.drop_last;
    return joins ? left : options_.batch;
}

void loader::draw_balanced(generator& g) {
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

void loader::mix(batch& b) {
    b.other.clear();
    b.share = 1;
    if (options_.mixup == 0) return;
    b.other.reserve(options_.batch + 1);
    b.share = mixup_share(options_.mixup, epoch_random_.split(0).split(1 + at_));
    mix_labels(b.label, b.other);
    mix_windows(b.x, b.share, mixing_);
    mix_windows(b.target, b.share, mixing_);
}

void loader::prepare(float* x, std::size_t place, augment_scratch& scratch) const {
    const augment_options& o = options_.augment;
    const std::size_t length = source_->length(), channels = source_->channels();
    const generator g = epoch_random_.split(1 + place);
    if (o.any()) augment_physical(x, length, channels, o, source_->info, g, scratch);
    normaliser_.apply(x, length);
    if (o.any()) augment_normalised(x, length, channels, o, source_->info, g);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
