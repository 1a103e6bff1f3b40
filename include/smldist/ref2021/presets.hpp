// SPDX-License-Identifier: BSD-3-Clause
/// The networks of the authors' public code of February 2021, to compare with; docs/ref2021.md explains them.
#ifndef SMLDIST_REF2021_PRESETS_HPP
#define SMLDIST_REF2021_PRESETS_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/model/network.hpp"

namespace smldist::ref2021 {
SMLDIST_NAMESPACE_BEGIN

/// The form of the public code's networks.
inline constexpr model::backbone_form form = model::public_code_form;

/// Names of the presets: the public code's example for 63 channels and 8 classes.
inline constexpr std::array<std::string_view, 2> preset_names{"ref2021_teacher", "ref2021_student"};

/// The configuration of a preset, with the form and the head of the public code and anchors at total stride 16, 32 and 64;
/// every width times `width`, rounded up to a multiple of 8.
/// Throws     usage_error for an unknown name or a width outside 0 < width ≤ 16.
inline model::network_config preset(std::string_view name, double width = 1) {
    if (!(width > 0 && width <= 16))
        raise<usage_error>("ref2021::preset", "width is ", width, ", expected above 0, at most 16");
    std::vector<std::string_view> rows;
    if (name == preset_names[0])
        rows = {"3,64,64,SE,SELU,2",   "3,288,128,-,SELU,2",    "3,352,128,-,SELU,1",    "5,384,256,SE,HS,2",
                "7,480,256,SE,SELU,1", "5,480,256,SE,SELU,1,A", "3,960,512,-,HS,2",      "3,800,512,-,HS,1",
                "3,736,512,-,HS,1",    "3,736,512,-,HS,1",      "3,1920,1024,SE,HS,1,A", "3,2688,1024,SE,HS,1",
                "5,2688,2048,SE,HS,2", "7,3840,2048,SE,HS,1,A", "5,3840,2048,SE,HS,1"};
    else if (name == preset_names[1])
        rows = {"3,64,64,SE,SELU,2",     "5,352,128,-,SELU,2", "5,384,256,SE,HS,2",     "9,480,256,SE,SELU,1,A",
                "3,960,512,-,HS,1",      "5,800,512,-,HS,2",   "5,1920,1024,SE,HS,1,A", "3,2688,1024,SE,HS,1",
                "5,2688,2048,SE,HS,2,A", "9,3840,2048,SE,HS,1"};
    else
        raise<usage_error>("ref2021::preset", "name is \"", name, "\", expected one of ", preset_names[0], ", ",
                           preset_names[1]);
    const auto scaled = [width](std::size_t n) {
        return model::ceil8(static_cast<std::size_t>(std::ceil(double(n) * width)));
    };
    model::network_config c;
    c.preset = std::string(name);
    c.backbone.form = form;
    c.backbone.channels = 63;
    c.backbone.stem = scaled(16);
    for (const auto line : rows) {
        model::row r = model::parse_row(line);
        r.expanded = scaled(r.expanded);
        r.out = scaled(r.out);
        c.backbone.rows.push_back(r);
    }
    c.backbone.tail = scaled(512);
    c.classes = 8;
    c.head = model::blended_head{};
    c.dropout = 0;
    return c;
}

/// Takes over the teacher's head and trains it on: the public code's memory distillation.
/// Throws     usage_error unless both heads are blended ones of the same classes and feature width.
template <class T> void take_head(model::network<T>& student, const model::network<T>& teacher) {
    const auto &mine = student.config, &theirs = teacher.config;
    auto* head = student.template head<nn::blended_head<T>>();
    const auto* taught = teacher.template head<nn::blended_head<T>>();
    if (!head || !taught || mine.feature_width() != theirs.feature_width() || mine.classes != theirs.classes)
        raise<usage_error>("ref2021::take_head", "heads are ", head_name(mine), " (", mine.classes, ", ",
                           mine.feature_width(), ") and ", head_name(theirs), " (", theirs.classes, ", ",
                           theirs.feature_width(), "), expected two blended ones of the same classes and width");
    *head = *taught;
    unfreeze(*head);
}

/// Parameters of the public code's head that no gradient reaches, its query and key maps; nn::blended_head has none of them.
constexpr std::size_t dead_parameters(std::size_t features) { return 2 * (features * features + features); }
/// Multiply-accumulates that query and key maps cost for one window.
constexpr std::size_t dead_macs(std::size_t features) { return 2 * features * features; }

SMLDIST_NAMESPACE_END
} // namespace smldist::ref2021

#endif
