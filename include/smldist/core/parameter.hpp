// SPDX-License-Identifier: BSD-3-Clause
/// Parameters, buffers, and the walk over a model's members.
///
/// A module is a plain value with one static member function that names its members, for const and mutable alike:
///
///     static void visit(auto& self, auto&& member) { member("weight", self.weight); member("bias", self.bias); }
///
/// A member is a parameter, a buffer, another module, or a std::vector or std::optional of modules. The dotted path of
/// names is the key in a model file, spelled as PyTorch's state_dict would.
#ifndef SMLDIST_CORE_PARAMETER_HPP
#define SMLDIST_CORE_PARAMETER_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/core/tensor.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// A trainable tensor. Its gradient lives on the tape; only an optimiser's step writes `value`.
/// An absent parameter (a layer without bias) has no elements.
template <class T> struct parameter {
    tensor<T> value;
    bool trainable = true;
    double decay = 1;             ///< factor on the weight decay: 1 for weights, 0 for biases, norms and β
    double rate = 1;              ///< factor on the learning rate (see set_groups)
    bool frozen = false;          ///< set by freeze()
    bool trainable_before = true; ///< what unfreeze() restores

    const smldist::shape& shape() const { return value.shape(); }
    bool empty() const { return value.empty(); }
};

/// State that is saved but not trained: running statistics, labels of memory patterns.
template <class V> struct buffer {
    tensor<V> value;

    const smldist::shape& shape() const { return value.shape(); }
    bool empty() const { return value.empty(); }
};

namespace detail {
template <class M> struct is_parameter : std::false_type {};
template <class T> struct is_parameter<parameter<T>> : std::true_type {};
template <class M> struct is_buffer : std::false_type {};
template <class V> struct is_buffer<buffer<V>> : std::true_type {};
template <class M> struct is_list : std::false_type {};
template <class M> struct is_list<std::vector<M>> : std::true_type {};
template <class M> struct is_optional : std::false_type {};
template <class M> struct is_optional<std::optional<M>> : std::true_type {};

struct ignore_member {
    void operator()(std::string_view, auto&) const {}
};
} // namespace detail

/// A type whose members can be walked.
template <class M>
concept module_like = requires(M& m, detail::ignore_member f) {
    M::visit(m, f);
};

/// A type whose state is more than parameters and buffers: a static visit_state(self, member) names the rest, for
/// train/archive.hpp.
template <class M>
concept has_state = requires(M& m, detail::ignore_member f) {
    M::visit_state(m, f);
};

namespace detail {
template <class M, class F> void walk_leaves(M& member, F& f) {
    using plain = std::remove_const_t<M>;
    if constexpr (is_parameter<plain>::value || is_buffer<plain>::value) {
        if (!member.empty()) f(member);
    } else if constexpr (is_list<plain>::value) {
        for (auto& element : member) walk_leaves(element, f);
    } else if constexpr (is_optional<plain>::value) {
        if (member) walk_leaves(*member, f);
    } else {
        static_assert(module_like<plain>, "a model's member must be a parameter, a buffer or a module with visit()");
        plain::visit(member, [&f](std::string_view, auto& child) { walk_leaves(child, f); });
    }
}
template <class M, class F> void walk_named(std::string& path, M& member, F& f) {
    using plain = std::remove_const_t<M>;
    const auto descend = [&](std::string_view name, auto& child) {
        const std::size_t length = path.size();
        if (!path.empty()) path += '.';
        path += name;
        walk_named(path, child, f);
        path.resize(length);
    };
    if constexpr (is_parameter<plain>::value || is_buffer<plain>::value) {
        if (!member.empty()) f(std::as_const(path), member);
    } else if constexpr (is_list<plain>::value) {
        std::size_t i = 0;
        for (auto& element : member) descend(std::to_string(i++), element);
    } else if constexpr (is_optional<plain>::value) {
        if (member) walk_named(path, *member, f);
    } else {
        plain::visit(member, descend);
    }
}
} // namespace detail

/// Calls f(path, leaf) for every parameter and buffer that has elements, in visiting order; `leaf` is parameter<T>& or
/// buffer<V>&, const for a const model.
template <class M, class F> void walk(M& model, F&& f) {
    std::string path;
    detail::walk_named(path, model, f);
}

/// walk() without paths: calls f(leaf). Does not allocate.
template <class M, class F> void for_each_leaf(M& model, F&& f) { detail::walk_leaves(model, f); }

/// Calls f(parameter<T>&) for every parameter that has elements, in visiting order. Does not allocate.
template <class M, class F> void for_each_parameter(M& model, F&& f) {
    auto leaf = [&f](auto& member) SMLDIST_NOINLINE { // compiled once per type, not once per member
        if constexpr (detail::is_parameter<std::remove_cvref_t<decltype(member)>>::value) f(member);
    };
    detail::walk_leaves(model, leaf);
}

/// Calls f(buffer<V>&) for every buffer that has elements, in visiting order. Does not allocate.
template <class M, class F> void for_each_buffer(M& model, F&& f) {
    auto leaf = [&f](auto& member) SMLDIST_NOINLINE { // compiled once per type, not once per member
        if constexpr (detail::is_buffer<std::remove_cvref_t<decltype(member)>>::value) f(member);
    };
    detail::walk_leaves(model, leaf);
}

/// Freezes a module, or one parameter: nothing in it learns, and it computes as in mode::eval whatever the mode of the call.
/// Batch-norm uses its running statistics and leaves them unchanged; dropout is off.
///
///     freeze(net.backbone);   // then train on: a new head learns on features that do not change
///
/// A module counts as frozen when all its parameters are. The state is copied with a model and stored in model files.
/// Setting `trainable` by hand only keeps the optimiser away: batch-norm would still use and move its statistics.
/// Source     requires_grad_(False) and eval() of torch.nn.Module in one, which a later train() does not undo.
template <class M> void freeze(M& module) {
    for_each_parameter(module, [](auto& p) {
        if (!p.frozen) p.trainable_before = p.trainable;
        p.frozen = true;
        p.trainable = false;
    });
}
/// Undoes freeze(): parameters that were trainable before are trainable again.
template <class M> void unfreeze(M& module) {
    for_each_parameter(module, [](auto& p) {
        if (p.frozen) p.trainable = p.trainable_before;
        p.frozen = false;
    });
}
/// Whether a module has parameters and all of them are frozen. Does not allocate.
template <class M> [[nodiscard]] bool is_frozen(const M& module) {
    bool any = false, all = true;
    for_each_parameter(module, [&](const auto& p) {
        any = true;
        all = all && p.frozen;
    });
    return any && all;
}
/// The mode in which a module computes when it is called with `m`.
template <class M> [[nodiscard]] mode mode_of(const M& module, mode m) {
    return m == mode::train && is_frozen(module) ? mode::eval : m;
}

/// Number of parameter elements (buffers do not count).
template <class M> [[nodiscard]] std::size_t parameter_count(const M& model) {
    std::size_t n = 0;
    for_each_parameter(model, [&n](const auto& p) { n += p.value.size(); });
    return n;
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
