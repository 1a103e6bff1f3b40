// SPDX-License-Identifier: BSD-3-Clause
/// What a training requires of its network and objective; the compiler reports in one line what is missing.
#ifndef SMLDIST_TRAIN_DOOR_HPP
#define SMLDIST_TRAIN_DOOR_HPP

#include <concepts>
#include <type_traits>

#include "smldist/autograd/tape.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/train/epochs.hpp"
#include "smldist/train/objective.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

template <class Network, class Objective> class training;

namespace detail {

/// Why a network or objective is refused.
enum class refusal { none, constant, visit, scalar, outputs, copy, objective_visit, objective_call };

/// The scalar type of a network as far as its type shows it: its member `scalar`, or T of a class template network<T>; otherwise
/// float.
template <class Network> struct network_scalar { using type = float; };
template <template <class> class M, std::floating_point T> struct network_scalar<M<T>> { using type = T; };
template <class Network>
requires requires { typename Network::scalar; }
struct network_scalar<Network> {
    using type = typename Network::scalar;
};

template <class Network, class Objective>
concept gives_outputs = requires(const Network& net, const var<float>& x) {
    { net(x, mode::train) } -> std::same_as<outputs<var<float>>>;
}
|| requires(const Network& net, const Objective& objective, const var<float>& x) {
    { objective.forward(net, x) } -> std::same_as<outputs<var<float>>>;
};

template <class Objective>
concept gives_value = requires(Objective& o, tape<float>& t, const outputs<var<float>>& out, const data::batch& b) {
    { o(t, out, b, 0.5) } -> std::same_as<objective_value>;
};

/// The first thing that is missing. Nothing of the network is instantiated after it.
template <class Network, class Objective> consteval refusal refused() {
    if constexpr (std::is_const_v<Network>)
        return refusal::constant;
    else if constexpr (!module_like<Network>)
        return refusal::visit;
    else if constexpr (!std::is_same_v<typename network_scalar<Network>::type, float>)
        return refusal::scalar;
    else if constexpr (!gives_outputs<Network, Objective>)
        return refusal::outputs;
    else if constexpr (!std::is_copy_constructible_v<Network> || !std::is_copy_assignable_v<Network>)
        return refusal::copy;
    else if constexpr (!module_like<Objective>)
        return refusal::objective_visit;
    else if constexpr (!gives_value<Objective>)
        return refusal::objective_call;
    else
        return refusal::none;
}

} // namespace detail

/// A training that is refused: the message, and members without bodies, so that no second error hides it.
template <class Network, class Objective>
requires(detail::refused<Network, Objective>() != detail::refusal::none) class training<Network, Objective>
    : public run_functions {
    static constexpr auto why = detail::refused<Network, Objective>();
    static_assert(why != detail::refusal::constant,
                  "train::training: network is const, expected one that can be written");
    static_assert(
        why != detail::refusal::visit,
        "train::training: network has no visit, expected static void visit(auto& self, auto&& member), which names "
        "each parameter, buffer and layer");
    static_assert(why != detail::refusal::scalar,
                  "train::training: network computes in another type, expected float");
    static_assert(why != detail::refusal::outputs,
                  "train::training: net(x, mode::train) const does not return outputs<X>, expected "
                  "template <class X> outputs<X> operator()(const X& x, mode m) const");
    static_assert(why != detail::refusal::copy,
                  "train::training: network cannot be copied, expected a value that can");
    static_assert(
        why != detail::refusal::objective_visit,
        "train::training: objective has no visit, expected static void visit(auto& self, auto&& member), which names "
        "its own parameters, if any");
    static_assert(
        why != detail::refusal::objective_call,
        "train::training: objective(tape, outputs, batch, progress) does not return train::objective_value");

public:
    training(Network&, Objective&, const data::windows&, const data::windows&, const normaliser&,
             const training_options&) {}
    template <class Callback> void add(Callback&&) {}
    training_result<std::remove_const_t<Network>> run();
    const Network& current() const;
    loss_terms step(const data::batch&);
};

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#endif
