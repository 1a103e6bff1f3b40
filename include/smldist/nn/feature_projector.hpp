// SPDX-License-Identifier: BSD-3-Clause
#ifndef SMLDIST_NN_FEATURE_PROJECTOR_HPP
#define SMLDIST_NN_FEATURE_PROJECTOR_HPP

#include <algorithm>

#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"
#include "smldist/op/pointwise.hpp"

namespace smldist::nn {
SMLDIST_NAMESPACE_BEGIN

/// Maps a feature into another network's feature space, with a bottleneck of half that width.
///
///     h = relu(BN(reduce f)),   h' = relu(BN(mix h)),   y = BN(expand h')
///
/// Shapes     f (…, in) · h, h' (…, max(1, out/2)) · y (…, out)
/// Init       weights Kaiming-normal, no biases.
/// Cost       in·out/2 + out²/4 + out²/2 multiply-accumulates per row.
/// Source     the projector of SimKD (Chen et al., CVPR 2022), whose maps are convolutions before pooling and whose last
///            step is a ReLU, since its features are never negative.
template <class T> struct feature_projector {
    linear<T> reduce, mix, expand;
    batch_norm<T> reduce_norm, mix_norm, expand_norm;

    feature_projector() = default;
    SMLDIST_COLD feature_projector(std::size_t in, std::size_t out, generator& g) {
        const std::size_t narrow = std::max<std::size_t>(1, out / 2);
        reduce = linear<T>(in, narrow, g, false);
        mix = linear<T>(narrow, narrow, g, false);
        expand = linear<T>(narrow, out, g, false);
        for (linear<T>* map : {&reduce, &mix, &expand}) init::kaiming_normal_(map->weight.value, g, init::fan::out);
        reduce_norm = mix_norm = batch_norm<T>(narrow);
        expand_norm = batch_norm<T>(out);
    }
    template <class X> X operator()(const X& f, mode m = mode::eval) const {
        const X h = op::relu(reduce_norm(reduce(f), m));
        return expand_norm(expand(op::relu(mix_norm(mix(h), m))), m);
    }
    static void visit(auto& self, auto&& member) {
        member("reduce", self.reduce);
        member("reduce_norm", self.reduce_norm);
        member("mix", self.mix);
        member("mix_norm", self.mix_norm);
        member("expand", self.expand);
        member("expand_norm", self.expand_norm);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::nn

#endif
