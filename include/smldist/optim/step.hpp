// SPDX-License-Identifier: BSD-3-Clause
/// What every optimiser's step has in common.
#ifndef SMLDIST_OPTIM_STEP_HPP
#define SMLDIST_OPTIM_STEP_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/check.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/kernel/vector.hpp"

namespace smldist::optim {
SMLDIST_NAMESPACE_BEGIN

namespace detail {
/// Refers to functions of a parameter and of a buffer of type T; leaves of other types are skipped. A walk with it is
/// compiled once per model, for all callers.
template <class T> struct leaf_visitor {
    void* context;
    void (*on_parameter)(void* context, parameter<T>& p);
    void (*on_buffer)(void* context, buffer<T>& b);

    template <class Leaf> void operator()(Leaf& leaf) const {
        if constexpr (std::is_same_v<Leaf, parameter<T>>)
            on_parameter(context, leaf);
        else if constexpr (std::is_same_v<Leaf, buffer<T>>)
            on_buffer(context, leaf);
    }
};
template <class T, class M, class F, class G> void visit_leaves(M& model, F of_parameter, G of_buffer) {
    std::pair<F&, G&> both(of_parameter, of_buffer);
    leaf_visitor<T> visitor{&both, [](void* c, parameter<T>& p) { static_cast<std::pair<F&, G&>*>(c)->first(p); },
                            [](void* c, buffer<T>& b) { static_cast<std::pair<F&, G&>*>(c)->second(b); }};
    for_each_leaf(model, visitor);
}
template <class T, class M, class F> void visit_parameters(M& model, F f) {
    visit_leaves<T>(model, f, [](buffer<T>&) {});
}

/// Refers to a function of (index, parameter, gradient), so that the walk over a model is compiled once, not once per
/// optimiser.
template <class T> struct gradient_visitor {
    void* function;
    void (*call)(void* function, std::size_t index, parameter<T>& p, const tensor<T>& gradient);
};
template <class M, class T>
SMLDIST_NOINLINE void visit_gradients(M& model, tape<T>& t, const gradient_visitor<T>& f) {
    std::size_t index = 0, met = 0;
    visit_parameters<T>(model, [&](parameter<T>& p) { met += p.trainable && t.has_leaf(p); });
    if (met != t.trainable_leaves())
        raise<usage_error>("optim.step", "parameters of the tape found in the model are ", met, ", expected all ",
                           t.trainable_leaves(), "; was the model moved or copied after the forward pass?");
    const auto update = [&](parameter<T>& p) {
        if (p.trainable)
            if (const tensor<T>* g = t.gradient(p)) f.call(f.function, index, p, *g);
        ++index;
    };
    visit_leaves<T>(model, update, [&](buffer<T>& b) { t.write_notes(b); });
}
} // namespace detail

/// Calls f(index, parameter, gradient) for every trainable parameter of the model that has a gradient on the tape,
/// where the index counts all parameters of the model; then writes the running statistics noted on the tape.
///
/// Throws     usage_error if the tape holds trainable parameters that the model does not have: the model was moved or
///            copied after the forward pass, or is a different one.
template <class M, class T, class F> void for_each_gradient(M& model, tape<T>& t, F f) {
    detail::visit_gradients(model, t,
                            detail::gradient_visitor<T>{&f, [](void* function, std::size_t index, parameter<T>& p,
                                                               const tensor<T>& gradient) {
                                                            (*static_cast<F*>(function))(index, p, gradient);
                                                        }});
}

/// Scales all gradients of the model so that their global Euclidean norm is at most `max_norm`; returns the norm before.
/// A NaN or infinite norm scales nothing. Source: torch.nn.utils.clip_grad_norm_.
template <class M, class T> double clip_gradient_norm(M& model, tape<T>& t, double max_norm) {
    if (!(max_norm > 0))
        raise<usage_error>("optim::clip_gradient_norm", "max_norm is ", max_norm, ", expected above 0");
    double squares = 0;
    detail::visit_parameters<T>(model, [&](parameter<T>& p) {
        if (const tensor<T>* g = t.gradient(p)) squares += double(kernel::dot(g->size(), g->data(), g->data()));
    });
    const double norm = std::sqrt(squares);
    if (std::isfinite(norm) && norm > max_norm)
        detail::visit_parameters<T>(model, [&](parameter<T>& p) {
            if (tensor<T>* g = t.gradient(p))
                kernel::scale(g->size(), static_cast<T>(max_norm / (norm + 1e-6)), g->data());
        });
    return norm;
}

namespace detail {
/// The state tensor of one parameter in an optimiser, made at first use.
template <class T> tensor<T>& state_of(std::vector<tensor<T>>& all, std::size_t index, const shape& s) {
    if (index >= all.size()) all.resize(index + 1);
    tensor<T>& x = all[index];
    if (x.empty()) x = tensor<T>::lasting(s);
    if (!(x.shape() == s))
        raise<usage_error>("optim.step", "shape of parameter ", index, " is ", s.text(), ", expected ",
                           x.shape().text(), " as in the steps before");
    return x;
}
/// The number of this step of one parameter, from 1.
inline std::uint64_t count_step(std::vector<std::uint64_t>& steps, std::size_t index) {
    if (index >= steps.size()) steps.resize(index + 1);
    return ++steps[index];
}

/// The options that all optimisers have.
inline void check_rate_and_decay(const option_check& o, double lr, double weight_decay) {
    o.at_least_0("lr", lr);
    o.at_least_0("weight_decay", weight_decay);
}
/// The options of Adam's family.
inline void check_moments(const option_check& o, double beta1, double beta2, double eps) {
    o.need(beta1 >= 0 && beta1 < 1, "beta1", beta1, "0 ≤ beta1 < 1");
    o.need(beta2 >= 0 && beta2 < 1, "beta2", beta2, "0 ≤ beta2 < 1");
    o.at_least_0("eps", eps);
}
} // namespace detail

SMLDIST_NAMESPACE_END
} // namespace smldist::optim

#endif
