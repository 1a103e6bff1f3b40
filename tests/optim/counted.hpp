// SPDX-License-Identifier: BSD-3-Clause
/// A model with a parameter and two kinds of buffers.
#ifndef SMLDIST_TESTS_OPTIM_COUNTED_HPP
#define SMLDIST_TESTS_OPTIM_COUNTED_HPP

#include <cstdint>

#include "smldist/core/parameter.hpp"

/// A model with running statistics and labels.
struct counted {
    smldist::parameter<double> weight;
    smldist::buffer<double> running;
    smldist::buffer<std::int32_t> labels;

    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
        member("running", self.running);
        member("labels", self.labels);
    }
};

#endif
