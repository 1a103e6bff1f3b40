// SPDX-License-Identifier: BSD-3-Clause
/// Any of the baselines, chosen by name at run time.
#ifndef SMLDIST_LOSS_BASELINE_METHOD_HPP
#define SMLDIST_LOSS_BASELINE_METHOD_HPP

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "smldist/loss/baseline/attention.hpp"
#include "smldist/loss/baseline/dist.hpp"
#include "smldist/loss/baseline/dkd.hpp"
#include "smldist/loss/baseline/fitnets.hpp"
#include "smldist/loss/baseline/hinton.hpp"
#include "smldist/loss/baseline/pkt.hpp"
#include "smldist/loss/baseline/rkd.hpp"
#include "smldist/loss/baseline/selectivity.hpp"
#include "smldist/loss/baseline/similarity.hpp"
#include "smldist/loss/baseline/simkd.hpp"

namespace smldist::loss::baseline {
SMLDIST_NAMESPACE_BEGIN

/// One of the baselines, with their common interface: a program then compiles its training once, not once per method.
///
///     method<float> m("dkd");                                // with the defaults of its options
///     std::get<dkd>(m.chosen).options.beta = 2;
template <class T> struct method {
    std::variant<hinton, fitnets<T>, attention, selectivity, similarity, rkd, pkt, dkd, dist, simkd> chosen;

    /// Throws usage_error for an unknown name.
    explicit method(std::string_view name) : chosen(make(name)) {}

    static bool known(std::string_view name) {
        bool found = false;
        for_each_kind([&](auto kind) { found = found || decltype(kind)::type::name == name; });
        return found;
    }
    /// "hinton, fitnets, …, simkd"
    static std::string names() {
        std::string text;
        for_each_kind(
            [&](auto kind) { text += (text.empty() ? "" : ", ") + std::string(decltype(kind)::type::name); });
        return text;
    }
    std::string_view name() const {
        return std::visit([](const auto& m) { return m.name; }, chosen);
    }
    weights& weight() {
        return std::visit([](auto& m) -> weights& { return m.options.weight; }, chosen);
    }
    const weights& weight() const {
        return std::visit([](const auto& m) -> const weights& { return m.options.weight; }, chosen);
    }

    void prepare(const outputs<shape>& student, const outputs<shape>& teacher, generator& g) {
        std::visit([&](auto& m) { m.prepare(student, teacher, g); }, chosen);
    }
    template <class X>
    X operator()(const outputs<X>& student, const outputs<tensor<T>>& teacher, std::span<const int> labels) const {
        return std::visit([&](const auto& m) { return m(student, teacher, labels); }, chosen);
    }
    static void visit(auto& self, auto&& member) {
        std::visit([&](auto& m) { member(m.name, m); }, self.chosen);
    }

private:
    /// The kind of that name; searches from the Ith on.
    template <std::size_t I = 0> static decltype(chosen) make(std::string_view name) {
        if constexpr (I < std::variant_size_v<decltype(chosen)>) {
            if (std::variant_alternative_t<I, decltype(chosen)>::name != name) return make<I + 1>(name);
            return decltype(chosen)(std::in_place_index<I>);
        } else {
            raise<usage_error>("loss::baseline::method", "name is \"", name, "\", expected ", names());
        }
    }
    /// Calls f(type_identity<M>) for every kind M.
    template <class F> static void for_each_kind(F&& f) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (f(std::type_identity<std::variant_alternative_t<I, decltype(chosen)>>{}), ...);
        }
        (std::make_index_sequence<std::variant_size_v<decltype(chosen)>>{});
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::loss::baseline

#endif
