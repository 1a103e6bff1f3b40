// SPDX-License-Identifier: BSD-3-Clause
/// Files of the network of small.hpp, genuine and forged, and that model::load refuses them.
#ifndef SMLDIST_TESTS_MODEL_LOAD_CHECK_HPP
#define SMLDIST_TESTS_MODEL_LOAD_CHECK_HPP

#include <doctest/doctest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "model/small.hpp"
#include "smldist/model/load.hpp"

/// A window of noise, for the self-test.
inline smldist::tensor<float> window() {
    smldist::tensor<float> w(smldist::shape{1, 32, 3});
    smldist::generator g(5);
    for (float& v : w) v = static_cast<float>(g.normal());
    return w;
}

/// The file of small() after edit(facts, tensors), with self-test and hash made anew.
template <class Edit> smldist::io::byte_vector forged(Edit edit) {
    using namespace smldist;
    const model::network<float> net(small(), generator(1));
    const auto b = io::read_bundle(model::to_bytes(net, facts(), window()));
    io::model_facts f = facts();
    f.architecture = b.facts.architecture;
    f.graph = b.facts.graph;
    std::vector<io::tensor_view> tensors = b.file.tensors();
    edit(f, tensors);
    return io::write_bundle(f, tensors);
}

/// model::load throws a data_error whose message contains `what`.
inline void refuse(smldist::io::byte_vector bytes, std::string_view what) {
    try {
        smldist::model::load<float>(smldist::io::read_bundle(std::move(bytes)));
        FAIL("expected a data_error about ", what);
    } catch (const smldist::data_error& e) {
        CHECK_MESSAGE(std::string_view(e.what()).find(what) != std::string_view::npos, e.what());
    }
}

#endif
