// SPDX-License-Identifier: BSD-3-Clause
/// A small network and what its file says of it.
#ifndef SMLDIST_TESTS_MODEL_SMALL_HPP
#define SMLDIST_TESTS_MODEL_SMALL_HPP

#include "model/heads.hpp"
#include "smldist/io/bundle.hpp"
#include "smldist/model/network.hpp"

/// 3 channels, 4 classes, two blocks.
inline smldist::model::network_config small(smldist::model::head_config head = heads::memory) {
    smldist::model::network_config c;
    c.backbone.channels = 3;
    c.backbone.stem = 8;
    c.backbone.rows = {smldist::model::parse_row("3,16,8,SE,RE,2,A"), smldist::model::parse_row("5,8,8,-,HS,1,A")};
    c.backbone.tail = 16;
    c.classes = 4;
    c.head = head;
    return c;
}

/// Windows of 32 samples.
inline smldist::io::model_facts facts() {
    smldist::io::model_facts f;
    f.normaliser = {smldist::normaliser_kind::zscore, {0.1f, -0.2f, 1.0f / 3}, {1, 2, 3.3f}, {}, {}};
    f.window = 32;
    f.hop = 16;
    f.rate_hz = 50;
    f.channels = {"x", "y", "z"};
    f.units = {"g", "g", "g"};
    f.labels = {"a", "b", "c", "d"};
    f.seed = 7;
    return f;
}

#endif
