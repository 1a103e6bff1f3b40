// SPDX-License-Identifier: BSD-3-Clause
/// The functions of data/images.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"

namespace smldist::data {
SMLDIST_NAMESPACE_BEGIN

windows images(tensor<float> x, std::vector<int> label, std::vector<std::string> classes, std::vector<int> group) {
    const shape s = x.shape();
    if (s.rank() != 4 || s.size() == 0)
        raise<shape_error>("data::images", "shape of x is ", s.text(), ", expected (N, H, W, C)");
    if (group.empty()) {
        group.resize(s[0]);
        std::iota(group.begin(), group.end(), 0);
    }
    windows w{std::move(x).reshaped({s[0], s.sample_rows(), s[3]}), std::move(label), std::move(group), {}};
    w.info.labels = std::move(classes);
    for (std::size_t c = 0; c < s[3]; ++c) w.info.channels.push_back("channel " + std::to_string(c));
    w.check();
    return w;
}

SMLDIST_NAMESPACE_END
} // namespace smldist::data
