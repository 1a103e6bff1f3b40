// SPDX-License-Identifier: BSD-3-Clause
/// Parameters, buffers, and the walk over a model's members.
///
/// A module is a plain value with one static member function that names its members, for const and mutable alike:
///
///     static void visit(auto& self, auto&& member) { member("weight", self.weight); member("bias", self.bias); }
///
/// A member is a parameter (of float or double), a buffer (of float, double or int32_t), another module, or a std::vector or
/// std::optional of modules. The dotted path of names is the key in a model file, spelled as PyTorch's state_dict would.
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

namespace smldist::inline SMLDIST_ABI {

/// Learning-rate group of a parameter; the optimiser holds a factor for each.
enum class rate_group : std::uint8_t { base, slow, count };

/// A trainable tensor. Its gradient lives on the tape; only an optimiser's step writes `value`.
/// An absent parameter (a layer without bias) has no elements.
template <class T> struct parameter {
    tensor<T> value;
    bool trainable = true;
    bool decay = true; ///< weight decay applies: true for weights, false for biases, norms and β
    rate_group group = rate_group::base;

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

namespace detail {
/// What meets the leaves of a model on a walk. One class for all walks, so that the way through a model is compiled once,
/// not once a function.
class leaf_visitor {
public:
    std::string* path = nullptr; ///< dotted name of the leaf at hand; null when nobody wants it

    virtual void meet(parameter<float>&) = 0;
    virtual void meet(parameter<double>&) = 0;
    virtual void meet(buffer<float>&) = 0;
    virtual void meet(buffer<double>&) = 0;
    virtual void meet(buffer<std::int32_t>&) = 0;

protected:
    ~leaf_visitor() = default;
};

template <class M> void walk_leaves(M& member, leaf_visitor& v);

template <class M> void walk_child(std::string_view name, M& child, leaf_visitor& v) {
    if (!v.path) return walk_leaves(child, v);
    const std::size_t length = v.path->size();
    if (length) *v.path += '.';
    *v.path += name;
    walk_leaves(child, v);
    v.path->resize(length);
}
template <class M> void walk_leaves(M& member, leaf_visitor& v) {
    if constexpr (is_parameter<M>::value || is_buffer<M>::value) {
        if (!member.empty()) v.meet(member);
    } else if constexpr (is_list<M>::value) {
        for (std::size_t i = 0; i < member.size(); ++i)
            walk_child(v.path ? std::to_string(i) : std::string(), member[i], v);
    } else if constexpr (is_optional<M>::value) {
        if (member) walk_leaves(*member, v);
    } else {
        static_assert(module_like<M>, "a model's member must be a parameter, a buffer or a module with visit()");
        M::visit(member, [&v](std::string_view name, auto& child) { walk_child(name, child, v); });
    }
}

enum class leaf_kind : std::uint8_t { any, parameter, buffer };

/// The visitor that calls f(leaf), or f(path, leaf), with the leaves that it takes; const ones for a const model.
template <class F, bool Const, leaf_kind Kind> class leaf_function final : public leaf_visitor {
public:
    explicit leaf_function(F& f) : f_(f) {}
    void meet(parameter<float>& leaf) override { call(leaf); }
    void meet(parameter<double>& leaf) override { call(leaf); }
    void meet(buffer<float>& leaf) override { call(leaf); }
    void meet(buffer<double>& leaf) override { call(leaf); }
    void meet(buffer<std::int32_t>& leaf) override { call(leaf); }

private:
    template <class L> void call(L& leaf) {
        using seen = std::conditional_t<Const, const L, L>;
        if constexpr (Kind == leaf_kind::any || is_parameter<L>::value == (Kind == leaf_kind::parameter)) {
            if constexpr (std::is_invocable_v<F&, seen&>)
                f_(static_cast<seen&>(leaf));
            else if constexpr (std::is_invocable_v<F&, const std::string&, seen&>)
                f_(std::as_const(*path), static_cast<seen&>(leaf));
        }
    }
    F& f_;
};
template <leaf_kind Kind, class M, class F> void walk_with(M& model, std::string* path, F& f) {
    leaf_function<F, std::is_const_v<M>, Kind> visitor(f);
    visitor.path = path;
    walk_leaves(const_cast<std::remove_const_t<M>&>(model), visitor); // a const model's leaves reach f as const
}
} // namespace detail

/// Calls f(path, leaf) for every parameter and buffer that has elements and whose type f takes, in visiting order; `leaf` is
/// parameter<T>& or buffer<V>&, const for a const model.
template <class M, class F> void walk(M& model, F&& f) {
    std::string path;
    detail::walk_with<detail::leaf_kind::any>(model, &path, f);
}

/// The same without the path, as f(leaf). Does not allocate.
template <class M, class F> void for_each_leaf(M& model, F&& f) {
    detail::walk_with<detail::leaf_kind::any>(model, nullptr, f);
}
/// The parameters alone.
template <class M, class F> void for_each_parameter(M& model, F&& f) {
    detail::walk_with<detail::leaf_kind::parameter>(model, nullptr, f);
}
/// The buffers alone.
template <class M, class F> void for_each_buffer(M& model, F&& f) {
    detail::walk_with<detail::leaf_kind::buffer>(model, nullptr, f);
}

/// Number of parameter elements (buffers do not count).
template <class M> std::size_t parameter_count(const M& model) {
    std::size_t n = 0;
    for_each_parameter(model, [&n](const auto& p) { n += p.value.size(); });
    return n;
}

} // namespace smldist::inline SMLDIST_ABI

#endif
