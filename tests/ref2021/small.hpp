// SPDX-License-Identifier: BSD-3-Clause
/// A small network in the form of the public code, and the arrays that PyTorch computed with it.
#ifndef SMLDIST_TESTS_REF2021_SMALL_HPP
#define SMLDIST_TESTS_REF2021_SMALL_HPP

#include <string>

#include "reference.hpp"
#include "smldist/model/network.hpp"
#include "smldist/ref2021/presets.hpp"

/// Array `name` of the file that tests/reference/make_ref2021.py writes.
inline smldist::tensor<double> array(const std::string& name) { return reference("ref2021.safetensors", name); }

inline smldist::model::network_config small() {
    using namespace smldist;
    model::network_config c;
    c.backbone.form = ref2021::form;
    c.backbone.channels = 5;
    for (const auto line : {"3,8,8,SE,SELU,2,A", "5,20,12,SE,HS,1,A", "3,24,16,-,SELU,1,A"})
        c.backbone.rows.push_back(model::parse_row(line));
    c.backbone.tail = 12;
    c.classes = 4;
    c.head = model::blended_head{};
    c.dropout = 0;
    return c;
}

#endif
