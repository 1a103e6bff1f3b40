// SPDX-License-Identifier: BSD-3-Clause
/// Statistics, options and values of stage losses.
#ifndef SMLDIST_TESTS_LOSS_STAGE_CHECK_HPP
#define SMLDIST_TESTS_LOSS_STAGE_CHECK_HPP

#include <cmath>
#include <cstddef>
#include <vector>

#include "check.hpp"
#include "smldist/loss/stage.hpp"

template <class T>
smldist::loss::feature_statistics<T> statistics(const smldist::tensor<double>& mean,
                                                const smldist::tensor<double>& std) {
    return {smldist::cast<T>(mean), smldist::cast<T>(std)};
}
/// Mean 0, standard deviation 1.
template <class T = double> smldist::loss::feature_statistics<T> unit(std::size_t C) {
    return {smldist::tensor<T>(smldist::shape{C}), smldist::tensor<T>(smldist::shape{C}, T(1 - 1e-5))};
}
/// Random statistics of C channels.
template <class T = double> smldist::loss::feature_statistics<T> random_statistics(std::size_t C) {
    smldist::tensor<double> std = normal({C}, 12);
    for (double& v : std) v = std::abs(v) + 0.1;
    return statistics<T>(normal({C}, 11), std);
}

inline smldist::loss::stage_options options(smldist::loss::time_basis basis, double alpha,
                                            smldist::loss::phase_free term, double eta) {
    auto o = smldist::loss::stage_options::frequency_aware();
    o.basis = basis;
    o.alpha = alpha;
    o.term = term;
    o.eta = eta;
    return o;
}

/// The loss of one pair, for the shapes of x and teacher; a projector begins with the same weights each time.
template <class X>
auto stage(const X& x, const smldist::tensor<double>& teacher, const smldist::loss::feature_statistics<double>& s,
           const smldist::loss::stage_options& o, const std::vector<double>& weights = {}) {
    using namespace smldist;
    using T = op::scalar_of_t<X>;
    generator g(3);
    const loss::stage_loss<T> one(x.shape(), teacher.shape(), {cast<T>(s.mean), cast<T>(s.std)}, o, weights, g);
    return one(x, cast<T>(teacher));
}

#endif
