// SPDX-License-Identifier: BSD-3-Clause
/// Parameters selected by their paths: groups with a learning rate or a weight decay of their own, and freezing by pattern.
#ifndef SMLDIST_CORE_PARAMETER_GROUPS_HPP
#define SMLDIST_CORE_PARAMETER_GROUPS_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/check.hpp"
#include "smldist/core/parameter.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Whether a pattern selects a path. `*` stands for any characters, dots among them, `?` for any one; all else is literal. A
/// pattern that fits the path of a module selects all that is in it.
///
///     selects("backbone", "backbone.stem.conv.weight")       true
///     selects("*.norm", "backbone.stem.norm.bias")           true
///     selects("back*.bias", "backbone.stem.conv.weight")     false
[[nodiscard]] SMLDIST_COLD inline bool selects(std::string_view pattern, std::string_view path) {
    constexpr std::size_t none = std::string_view::npos;
    std::size_t p = 0, star = none,
                resume = 0; // after the last star, the characters that it stands for end at resume
    for (std::size_t i = 0; i < path.size();) {
        if (p == pattern.size() && path[i] == '.') return true; // a module
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = i;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == path[i])) {
            ++p;
            ++i;
        } else if (star != none) {
            p = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

namespace detail {
/// Calls f(parameter<T>&) for every parameter that the pattern selects.
/// Throws     usage_error if there is none.
template <class M, class F> void for_each_selected(std::string_view where, M& model, std::string_view pattern, F f) {
    bool any = false;
    std::string first;
    walk(model, [&](const std::string& path, auto& leaf) {
        if constexpr (is_parameter<std::remove_cvref_t<decltype(leaf)>>::value) {
            if (first.empty()) first = path;
            if (!selects(pattern, path)) return;
            any = true;
            f(leaf);
        }
    });
    if (!any)
        raise<usage_error>(where, "pattern is \"", pattern,
                           "\", which selects no parameter, expected the path of one, such as \"", first,
                           "\", or of a module");
}
} // namespace detail

/// freeze() of every parameter that the pattern selects (see selects). A batch-norm of which all parameters are selected uses its
/// running statistics and leaves them unchanged.
///
///     freeze(net, "backbone");          // as freeze(net.backbone)
///     freeze(net, "*.norm");            // all batch-norms
/// Throws     usage_error if the pattern selects no parameter.
template <class M> void freeze(M& model, std::string_view pattern) {
    detail::for_each_selected("freeze", model, pattern, [](auto& p) { freeze(p); });
}
/// unfreeze() of every parameter that the pattern selects.
/// Throws     usage_error if the pattern selects no parameter.
template <class M> void unfreeze(M& model, std::string_view pattern) {
    detail::for_each_selected("unfreeze", model, pattern, [](auto& p) { unfreeze(p); });
}

/// What is set for the parameters that a pattern selects; what has no value stays as it is.
struct parameter_group {
    std::string pattern;
    std::optional<double> rate = {};  ///< parameter::rate, a factor on the learning rate
    std::optional<double> decay = {}; ///< parameter::decay, a factor on the weight decay
    std::optional<bool> frozen = {};  ///< true: freeze(), false: unfreeze()
};

/// Sets rates, weight decay and freezing of groups of parameters, group by group: where two select a parameter, the later wins.
/// Rates are factors, so that a schedule applies to every group. They are part of the model, and copied with it; model files do
/// not hold them.
///
///     set_groups(net, {{.pattern = "backbone", .rate = 0.1},             // a pretrained backbone learns slowly
///                      {.pattern = "backbone.stem", .frozen = true},
///                      {.pattern = "head.*.bias", .decay = 1}});         // biases are spared otherwise
///
/// Throws     usage_error for a pattern that selects no parameter, or a factor that is negative or not finite; nothing is set
///            then.
/// Source     the parameter groups of torch.optim.
template <class M> void set_groups(M& model, const std::vector<parameter_group>& groups) {
    const option_check check{"set_groups"};
    for (const parameter_group& g : groups) {
        check.at_least_0("rate", g.rate.value_or(1));
        check.at_least_0("decay", g.decay.value_or(1));
        detail::for_each_selected("set_groups", model, g.pattern, [](auto&) {});
    }
    for (const parameter_group& g : groups)
        detail::for_each_selected("set_groups", model, g.pattern, [&g](auto& p) {
            if (g.rate) p.rate = *g.rate;
            if (g.decay) p.decay = *g.decay;
            if (g.frozen) *g.frozen ? freeze(p) : unfreeze(p);
        });
}

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
