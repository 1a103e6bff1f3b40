// SPDX-License-Identifier: BSD-3-Clause
/// The functions of model/heads.hpp, which includes this file; see SMLDIST_TRAIN_BODIES.
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

head_config parse_head(std::string_view word) {
    head_config head;
    bool found = false;
    const auto try_one = [&]<class Head>(Head option) {
        if (Head::name == word) head = option, found = true;
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) { (try_one(std::variant_alternative_t<I, head_config>()), ...); }
    (detail::each_head());
    if (found) return head;
    std::string names;
    for (std::size_t k = 0; k < head_names.size(); ++k)
        names += (k == 0 ? "" : k + 1 == head_names.size() ? " or " : ", ") + std::string(head_names[k]);
    raise<usage_error>("model::head", "name is \"", word, "\", expected ", names);
}

void check(const head_config& head) {
    std::visit(
        [](const auto& h) {
            if constexpr (requires { h.check(); }) h.check();
        },
        head);
}

bool is_candidate(const head_config& head) {
    return std::visit(
        [](const auto& h) {
            return !requires { h.logits_in_training; };
        },
        head);
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model
