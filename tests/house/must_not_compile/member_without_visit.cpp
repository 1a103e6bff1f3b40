// SPDX-License-Identifier: BSD-3-Clause
// MISUSE: a model's member must be a parameter, a buffer or a module with visit\(\)
#include "smldist/core/parameter.hpp"

struct scale {
    smldist::parameter<float> weight;
    int exponent = 1;
    static void visit(auto& self, auto&& member) {
        member("weight", self.weight);
#ifdef MISUSE
        member("exponent", self.exponent);
#endif
    }
};

std::size_t count(const scale& model) { return smldist::parameter_count(model); }
