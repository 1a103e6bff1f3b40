// SPDX-License-Identifier: BSD-3-Clause
/// The matrix products of the three benchmark models, for windows of 128 samples of 9 channels.
#ifndef SMLDIST_BENCH_KERNEL_SHAPES_HPP
#define SMLDIST_BENCH_KERNEL_SHAPES_HPP

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include "smldist/model/network.hpp"

namespace bench {

/// y (rows·B, N) = x (rows·B, K) · W
struct product {
    std::size_t rows; ///< per window
    std::size_t N, K;
    friend bool operator==(const product&, const product&) = default;
};

struct depthwise {
    std::size_t L, C, K, stride;
    friend bool operator==(const depthwise&, const depthwise&) = default;
};

struct model_shapes {
    std::vector<product> pointwise; ///< expansions, projections and the tail
    std::vector<product> single;    ///< one row per window: squeeze-excite and the classifier
    std::vector<depthwise> depthwise_layers;
};

/// Each shape once.
inline model_shapes shapes_of_models() {
    model_shapes all;
    const auto add = [](auto& list, const auto& shape) {
        if (std::find(list.begin(), list.end(), shape) == list.end()) list.push_back(shape);
    };
    for (const std::string_view name : {"har_student", "har_teacher", "mobilenet_v3_small"}) {
        const auto config = smldist::model::preset(name);
        const auto& net = config.backbone;
        std::size_t L = 64, width = net.stem_width();
        for (const auto& r : net.rows) {
            if (r.expanded != width) add(all.pointwise, product{L, r.expanded, width});
            add(all.depthwise_layers, depthwise{L, r.expanded, r.kernel_size, r.stride});
            L = (L + r.stride - 1) / r.stride;
            if (const std::size_t squeezed = net.squeezed_width(r)) {
                add(all.single, product{1, squeezed, r.expanded});
                add(all.single, product{1, r.expanded, squeezed});
            }
            add(all.pointwise, product{L, net.out_width(r), r.expanded});
            width = net.out_width(r);
        }
        add(all.pointwise, product{L, net.tail, width});
        add(all.single, product{1, config.classes, net.tail});
    }
    return all;
}

} // namespace bench

#endif
