// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/mixup.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <vector>

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

void mix_windows(tensor<float>& x, double share, std::vector<float>& first) {
    if (x.empty()) return;
    const std::size_t stride = x.size() / x.shape()[0];
    const auto a = static_cast<float>(share), b = 1 - a;
    first.assign(x.data(), x.data() + stride);
    float* const end = x.data() + x.size();
    for (float* at = x.data(); at != end; at += stride) {
        const float* next = at + stride == end ? first.data() : at + stride;
        for (std::size_t i = 0; i < stride; ++i) at[i] = a * at[i] + b * next[i];
    }
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
