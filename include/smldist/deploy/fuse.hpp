// SPDX-License-Identifier: BSD-3-Clause
/// The pass that decides which ops are computed together: a product with the ops after it, a gate with the product
/// after it.
#ifndef SMLDIST_DEPLOY_FUSE_HPP
#define SMLDIST_DEPLOY_FUSE_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "smldist/deploy/annotate.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// What the step of an op computes beyond the op.
struct fusion {
    bool absorbed = false;             ///< the step of an earlier op computes this one
    bool gates_next = false;           ///< for a gate: its only reader, a product, applies it to its input
    activation end = activation::none; ///< the activation at the end of the step
    std::size_t residual = 0;          ///< the value that a product adds; 0: none
    std::size_t mean = 0;              ///< the mean over time that a depthwise convolution also computes; 0: none
    std::vector<std::uint32_t> taken;  ///< the later ops that its step computes, in order
};

namespace detail {

/// Follows the values of a graph and fuses ops where possible.
class fuser {
public:
    explicit fuser(const annotated_graph& g) : g_(g), all_(g.size()), owner_(g.size()) {
        for (std::size_t id = 0; id < g.size(); ++id) owner_[id] = static_cast<std::uint32_t>(id);
    }
    SMLDIST_COLD std::vector<fusion> run() {
        for (std::size_t id = 0; id < g_.size(); ++id) {
            if (!g_.needed(id) || g_.of(id).constant || all_[id].absorbed) continue;
            switch (g_.of(id).what) {
            case role::linear:
            case role::pointwise:
            case role::convolution:
                follow_product(id);
                break;
            case role::depthwise:
                follow_product(id);
                take_mean(id);
                break;
            case role::gate:
                take_activation(id);
                all_[id].gates_next = feeds_product(id);
                break;
            case role::batch_norm:
            case role::add:
            case role::arithmetic:
                take_activation(id);
                break;
            default:
                break;
            }
        }
        return std::move(all_);
    }

private:
    std::size_t last(std::size_t id) const { return all_[id].taken.empty() ? id : all_[id].taken.back(); }
    SMLDIST_COLD void absorb(std::size_t id, std::size_t by) {
        all_[id].absorbed = true;
        owner_[id] = static_cast<std::uint32_t>(by);
    }
    SMLDIST_COLD void take(std::size_t id, std::size_t next) {
        absorb(next, id);
        all_[id].taken.push_back(static_cast<std::uint32_t>(next));
    }
    /// Fuses the activation that is the only reader of the value.
    SMLDIST_COLD bool take_activation(std::size_t id) {
        const std::size_t next = g_.sole_use(last(id));
        if (next == 0 || g_.of(next).what != role::activation) return false;
        all_[id].end = g_.of(next).f;
        take(id, next);
        return true;
    }
    /// Fuses batch-norms, one residual and an activation, in the order of the graph, while each value has one reader.
    SMLDIST_COLD void follow_product(std::size_t id) {
        while (const std::size_t next = g_.sole_use(last(id))) {
            if (take_activation(id)) return;
            if (all_[id].residual != 0) return;
            if (g_.of(next).what == role::batch_norm && is_map_of(next, last(id)))
                take(id, next);
            else if (g_.of(next).what == role::add && (all_[id].residual = residual_of(id, next)) != 0)
                take(id, next);
            else
                return;
        }
    }
    /// Whether batch-norm `id` is a constant map of value x.
    SMLDIST_COLD bool is_map_of(std::size_t id, std::size_t x) const {
        bool constants = g_.input(id, 0) == x;
        for (std::size_t k = 1; k < 5; ++k) constants = constants && g_.of(g_.input(id, k)).constant;
        return constants;
    }
    /// The other operand of an add, if the product can read it while it stores its result; otherwise 0.
    SMLDIST_COLD std::size_t residual_of(std::size_t id, std::size_t add) const {
        const std::size_t x = last(id), other = g_.input(add, g_.input(add, 0) == x ? 1 : 0);
        const bool known = other != x && owner_[other] < id && !g_.of(other).constant && !is_input(other);
        return known && g_.at(other).shape == g_.at(x).shape ? other : 0;
    }
    /// Whether the value is the program's input, perhaps under another shape.
    SMLDIST_COLD bool is_input(std::size_t id) const {
        while (g_.of(id).what == role::rename) id = g_.input(id, 0);
        return g_.at(id).what == graph::kind::input;
    }
    /// Fuses the first mean over time of the convolution's value, which is computed while the value is stored.
    SMLDIST_COLD void take_mean(std::size_t id) {
        const std::size_t x = last(id);
        for (std::size_t use = x + 1; use < g_.size() && use <= g_.of(x).last_use; ++use)
            if (g_.of(use).what == role::mean_over_time && g_.needed(use) && g_.reads(use, x)) {
                all_[id].mean = use;
                return absorb(use, id);
            }
    }
    /// Whether a pointwise convolution is the only reader of the gated value, which lies in the arena before the gate.
    SMLDIST_COLD bool feeds_product(std::size_t gate) const {
        const std::size_t x = last(gate), next = g_.sole_use(x);
        return next != 0 && g_.of(next).what == role::pointwise && g_.input(next, 0) == x &&
               !is_input(g_.input(gate, 0));
    }

    const annotated_graph& g_;
    std::vector<fusion> all_;
    std::vector<std::uint32_t> owner_; ///< the node whose step computes each
};

} // namespace detail

/// Decides what is computed together, for every node of a graph whose constants are folded.
///
///     conv1d + batch_norm + add + relu           one product, its epilogue in registers
///     conv1d (depthwise) … + mean_over_time      the squeeze of a squeeze-excite, while the convolution stores
///     gate + activation, then conv1d (pointwise) the gate is applied to the product's input
///
SMLDIST_COLD inline std::vector<fusion> fuse(const annotated_graph& g) { return detail::fuser(g).run(); }

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif
