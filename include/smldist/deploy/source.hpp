// SPDX-License-Identifier: BSD-3-Clause
/// The input of the compiler: a graph with the values of its tensors, and the options of the program.
#ifndef SMLDIST_DEPLOY_SOURCE_HPP
#define SMLDIST_DEPLOY_SOURCE_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/error.hpp"
#include "smldist/core/memory.hpp"
#include "smldist/deploy/options.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/runtime/program.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// A graph traced for one window, with the values of its parameters, buffers and constants. They are stored in `own`,
/// in the model or in the bytes of its file, which must exist until the program is made.
struct source {
    smldist::graph graph;
    std::vector<std::span<const float>> values = {}; ///< per node, empty for inputs and ops; labels as whole numbers
    std::vector<runtime::block> own = {};            ///< values that are not stored as floats elsewhere
    bool from_file = false;                          ///< an error in it is a data_error, otherwise a usage_error
    budget* room = nullptr;                          ///< budget of compiling; null: unlimited

    /// Allocates n values in `own`.
    SMLDIST_COLD float* allocate(std::size_t n) {
        if (room) room->take(n * sizeof(float) + 4 * memory::alignment, "its constants");
        return own.emplace_back(n).data();
    }
    /// Raises the error of a graph that cannot be compiled.
    template <class... P> [[noreturn]] void fail(const P&... parts) const {
        const message_part list[]{message_part(parts)...};
        fail_parts(list, sizeof...(P));
    }
    /// Fails unless `ok`, naming the node.
    SMLDIST_COLD void require(bool ok, std::size_t id, std::string_view what) const {
        if (!ok) fail("node ", id, " (", graph.nodes[id].name, "): ", what);
    }

private:
    [[noreturn]] SMLDIST_COLD SMLDIST_NOINLINE void fail_parts(const message_part* first, std::size_t n) const {
        if (from_file) raise_parts<data_error>("model file: graph", first, n);
        raise_parts<usage_error>("deploy::compile", first, n);
    }
};

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif
