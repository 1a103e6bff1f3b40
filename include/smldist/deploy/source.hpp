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
#include "smldist/core/normaliser.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/runtime/program.hpp"

namespace smldist::inline SMLDIST_ABI::deploy {

struct options {
    std::size_t batch = 1;    ///< windows of run(in, out)
    std::size_t length = 0;   ///< L, samples of a window; 0 for a model file: the file's
    std::size_t channels = 0; ///< C; 0: those of the model's configuration
    smldist::normaliser normaliser =
        {}; ///< applied to the input, which then has raw units; kind none: the input is normalised
    /// Names of the outputs, in any order: "logits", "feature", "stages.0"; "stages" and "memory" name all of them, "all"
    /// everything. Empty: only the logits. Ops that no output needs are not computed.
    std::vector<std::string> outputs = {};
};

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
        const smldist::detail::message_part list[]{smldist::detail::message_part(parts)...};
        fail_parts(list, sizeof...(P));
    }
    /// Fails unless `ok`, naming the node.
    SMLDIST_COLD void require(bool ok, std::size_t id, std::string_view what) const {
        if (!ok) fail("node ", id, " (", graph.nodes[id].name, "): ", what);
    }

private:
    [[noreturn]] SMLDIST_COLD SMLDIST_NOINLINE void fail_parts(const smldist::detail::message_part* first,
                                                               std::size_t n) const {
        if (from_file) smldist::detail::raise_parts<data_error>("model file: graph", first, n);
        smldist::detail::raise_parts<usage_error>("deploy::compile", first, n);
    }
};

} // namespace smldist::inline SMLDIST_ABI::deploy

#endif
