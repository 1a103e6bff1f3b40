// SPDX-License-Identifier: BSD-3-Clause
/// The trained map from a student's channels to the channels of the comparison with the teacher.
#ifndef SMLDIST_LOSS_STAGE_PROJECTOR_HPP
#define SMLDIST_LOSS_STAGE_PROJECTOR_HPP

#include <cstddef>

#include "smldist/nn/init.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"

namespace smldist::loss::stage {
SMLDIST_NAMESPACE_BEGIN

/// Training-only map from the student's channels to the teacher's: pointwise convolution without bias, then batch-norm.
///
/// Shapes     x (…, C_S) · y (…, C_T)
template <class T> struct projector {
    nn::linear<T> map;
    nn::batch_norm<T> norm;

    projector() = default;
    projector(std::size_t from, std::size_t to, generator& g) : map(from, to, g, false), norm(to) {
        nn::init::kaiming_normal_(map.weight.value, g, nn::init::fan::out);
    }
    template <class X> X operator()(const X& x, mode m) const { return norm(map(x), m); }
    static void visit(auto& self, auto&& member) {
        member("map", self.map);
        member("norm", self.norm);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::stage

#endif
