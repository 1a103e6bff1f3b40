// SPDX-License-Identifier: BSD-3-Clause
/// The options of an op as attributes of its node, and back. Both directions use the `visit` of its description.
#ifndef SMLDIST_GRAPH_ATTRIBUTES_HPP
#define SMLDIST_GRAPH_ATTRIBUTES_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "smldist/core/enum_names.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/graph/graph.hpp"

namespace smldist {
SMLDIST_NAMESPACE_BEGIN

/// Writes options into a node: numbers, and text for shapes and enumerators. An option without a value is left out.
class attribute_writer {
public:
    explicit attribute_writer(graph::node& to) : to_(&to) {}

    template <class V> SMLDIST_NOINLINE void operator()(std::string_view name, const V& value) const {
        if constexpr (std::is_integral_v<V>)
            add(name, static_cast<std::int64_t>(value));
        else if constexpr (std::is_floating_point_v<V>)
            add(name, static_cast<double>(value));
        else if constexpr (named_enum<V>)
            add(name, std::string(name_of(value)));
        else
            add(name, std::string(value));
    }
    void operator()(std::string_view name, const shape& value) const { add(name, value.text()); }
    template <class V> void operator()(std::string_view name, const std::optional<V>& value) const {
        if (value) (*this)(name, *value);
    }

private:
    void add(std::string_view name, graph::attribute_value value) const {
        to_->attributes.push_back({std::string(name), std::move(value)});
    }

    graph::node* to_;
};

/// Reads options from a node. A whole number in a file may be stored as either kind of number; it is at most `largest`,
/// so that no arithmetic on extents overflows.
/// Throws     data_error for an option that is missing, of another kind or out of range; from finish() for an attribute
///            that is not an option of the op.
class attribute_reader {
public:
    static constexpr double largest = 1 << 24;

    attribute_reader(const graph::node& from, std::size_t id) : from_(&from), id_(id) {}

    SMLDIST_COLD void operator()(std::string_view name, bool& to) { to = whole(name, 0, 1) != 0; }
    SMLDIST_COLD void operator()(std::string_view name, std::size_t& to) {
        to = static_cast<std::size_t>(whole(name, 0, largest));
    }
    SMLDIST_COLD void operator()(std::string_view name, std::ptrdiff_t& to) {
        to = static_cast<std::ptrdiff_t>(whole(name, -largest, largest));
    }
    SMLDIST_COLD void operator()(std::string_view name, double& to) { to = number(name); }
    template <class V> void operator()(std::string_view name, std::optional<V>& to) {
        if (find(name)) (*this)(name, to.emplace());
    }
    template <named_enum E> SMLDIST_COLD void operator()(std::string_view name, E& to) {
        const auto* const v = find(name);
        const auto e = v && v->is_text ? find_enum<E>(v->text) : std::nullopt;
        if (!e) fail(name, "is missing, expected a name of " + std::string(enum_names(to).enumeration));
        ++read_;
        to = *e;
    }
    /// "(64, 9)", as shape::text() writes it.
    SMLDIST_COLD void operator()(std::string_view name, shape& to) {
        const auto* const v = find(name);
        if (!v || !v->is_text) fail(name, "is missing, expected a shape");
        ++read_;
        to = shape();
        std::size_t elements = 1;
        for (std::size_t at = 1; at < v->text.size() && v->text[at] != ')';) {
            std::size_t extent = 0, digits = 0;
            for (; at < v->text.size() && v->text[at] >= '0' && v->text[at] <= '9' && digits < 9; ++at, ++digits)
                extent = 10 * extent + static_cast<std::size_t>(v->text[at] - '0');
            if (digits == 0 || to.rank() == shape::max_rank || double(extent) > largest / double(elements))
                fail(name, "is not a shape");
            elements *= extent == 0 ? 1 : extent;
            to.push_back(extent);
            while (at < v->text.size() && (v->text[at] == ',' || v->text[at] == ' ')) ++at;
        }
        if (to.text() != v->text) fail(name, "is not a shape");
    }
    /// Call it after all options were read.
    SMLDIST_COLD void finish() const {
        if (read_ != from_->attributes.size())
            raise<data_error>("model file: graph", "node ", id_, " (", from_->name, "): number of attributes is ",
                              from_->attributes.size(), ", expected ", read_);
    }

private:
    SMLDIST_COLD const graph::attribute_value* find(std::string_view name) const {
        for (const auto& a : from_->attributes)
            if (a.name == name) return &a.value;
        return nullptr;
    }
    SMLDIST_COLD double number(std::string_view name) {
        const auto* const v = find(name);
        if (!v || v->is_text) fail(name, "is missing, expected a number");
        ++read_;
        return v->number;
    }
    SMLDIST_COLD double whole(std::string_view name, double low, double high) {
        const double v = number(name);
        if (!(v >= low && v <= high && v == std::floor(v))) fail(name, "is out of range");
        return v;
    }
    [[noreturn]] SMLDIST_COLD void fail(std::string_view name, std::string_view what) const {
        raise<data_error>("model file: graph", "node ", id_, " (", from_->name, "): attribute ", name, " ", what);
    }

    const graph::node* from_;
    std::size_t id_;
    std::size_t read_ = 0; ///< attributes
};

SMLDIST_NAMESPACE_END
} // namespace smldist

#endif
