// SPDX-License-Identifier: BSD-3-Clause
/// The functions of deploy/load.hpp, which includes this file; see SMLDIST_DEPLOY_BODIES.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smldist/core/budget.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/deploy/plan.hpp"
#include "smldist/graph/json.hpp"
#include "smldist/io/bundle.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

namespace detail {

/// The values of a tensor: floats in place in the file, others converted.
[[gnu::cold]] inline std::span<const float> values_of(const io::tensor_view& t, source& to) {
    if (const float* const values = io::in_place<float>(t)) return {values, t.extents.size()};
    const std::size_t n = t.extents.size();
    float* const own = to.allocate(n);
    io::copy_to(t, own, n);
    return {own, n};
}

/// The graph of a model file with the values of its tensors, each of which belongs to one node.
SMLDIST_COLD inline source read_source(const io::json& j, const io::safetensors_file& file, budget& room) {
    constexpr std::string_view what = "its graph";
    source s;
    s.from_file = true;
    s.room = &room;
    s.graph = read_graph(j, room);
    const auto& nodes = s.graph.nodes;
    room.take(nodes.size() * sizeof(std::span<const float>), what);
    // For each output its name and node here, and its name, shape and place in the program.
    for (const auto& [name, id] : s.graph.outputs)
        room.take(sizeof(runtime::output) + shape::max_rank * sizeof(std::size_t) + name.size() + 2 * sizeof(void*),
                  what);
    const budget::lease owners(room, file.tensors().size() * sizeof(std::size_t), what);
    s.values = std::vector<std::span<const float>>(nodes.size());
    std::vector<std::size_t> owner(file.tensors().size(), nodes.size()); // the node of each tensor
    for (std::size_t id = 0; id < nodes.size(); ++id) {
        if (nodes[id].tensor.empty()) continue;
        const io::tensor_view& t = file.at(nodes[id].tensor);
        if (!(t.extents == nodes[id].shape))
            raise<data_error>("model file: graph", "shape of ", t.name, " is ", nodes[id].shape.text(),
                              ", expected that of the tensor, ", t.extents.text());
        std::size_t& node = owner[static_cast<std::size_t>(&t - file.tensors().data())];
        if (node != nodes.size())
            raise<data_error>("model file: graph", "tensor ", t.name, " belongs to two nodes, expected one");
        node = id;
        s.values[id] = values_of(t, s);
    }
    return s;
}

/// The self-test of a file: a window in raw units and its logits.
struct self_test {
    std::vector<float> window, logits;

    self_test(const io::safetensors_file& file, budget& room)
        : window(read(file, io::selftest_input, room)), logits(read(file, io::selftest_output, room)) {}

    /// Throws data_error unless the program gives these logits, within io::selftest_tolerance.
    [[gnu::cold]] void run(const runtime::program& net, budget& room) const {
        const std::size_t N = net.outputs().back().size; // the logits
        if (window.size() != net.length() * net.channels() || logits.size() != N)
            raise<data_error>("model file", "sizes of the self-test are ", window.size(), " and ", logits.size(),
                              ", expected ", net.length() * net.channels(), " and ", N);
        std::vector<float> got(N);
        // Only one window runs; the rest of a larger arena is never touched.
        room.take(2 * window.size() * sizeof(float), "its self-test");
        room.take(net.arena_size() * sizeof(float) / net.slice(), "the values of its self-test");
        runtime::workspace w(net);
        net.run(window.data(), got.data(), 1, w);
        float largest = 1;
        bool close = true;
        for (const float v : logits) largest = std::max(largest, std::abs(v));
        const double tolerance = io::selftest_tolerance * double(largest);
        const auto distance = [&](std::size_t n) { return std::abs(double(got[n]) - double(logits[n])); };
        for (std::size_t n = 0; n < N; ++n) close = close && distance(n) <= tolerance;
        if (close) return;
        std::vector<double> moved(N, 0);
        std::vector<float> x, nudged(N);
        const std::uint64_t work = room.spent(); // including that of a run
        for (std::uint32_t round = 0; round < io::selftest_nudges; ++round) {
            room.spend(work, "its self-test");
            x = window;
            io::nudge(x, round);
            net.run(x.data(), nudged.data(), 1, w);
            for (std::size_t n = 0; n < N; ++n)
                moved[n] = std::max(moved[n], std::abs(double(nudged[n]) - double(got[n])));
        }
        for (std::size_t n = 0; n < N; ++n)
            if (!(distance(n) <= std::max(tolerance, io::amplified * moved[n])))
                raise<data_error>("model file", "self-test gives logit ", n, " as ", got[n], ", expected ",
                                  logits[n]);
    }

private:
    [[gnu::cold]] static std::vector<float> read(const io::safetensors_file& file, std::string_view name,
                                                 budget& room) {
        const io::tensor_view& t = file.at(name);
        room.take(t.extents.size() * sizeof(float), name);
        std::vector<float> values(t.extents.size());
        io::copy_to(t, values.data(), values.size());
        return values;
    }
};

} // namespace detail

SMLDIST_COLD loaded load(io::bundle b, options o) {
    if (o.length != 0 && o.length != b.facts.window)
        raise<usage_error>("deploy::load", "length is ", o.length, ", expected ", b.facts.window, " as in the file");
    if (o.height != 0 || o.width != 0)
        raise<usage_error>("deploy::load", "height and width are ", o.height, " and ", o.width,
                           ", expected 0: the file's network knows them");
    o.length = b.facts.window;
    o.channels = b.facts.channels.size();
    o.normaliser = b.facts.normaliser;
    const serial_scope serial;
    const detail::self_test test(b.file, b.room);
    loaded out{plan(detail::read_source(b.facts.graph, b.file, b.room), o), {}};
    b.room.give_back(b.file.memory());
    b.file = {};
    const std::size_t classes = out.net.outputs().back().size;
    if (classes != b.facts.labels.size())
        raise<data_error>("model file", "number of labels is ", b.facts.labels.size(), ", expected ", classes);
    test.run(out.net, b.room);
    out.facts = std::move(b.facts);
    return out;
}

SMLDIST_COLD loaded load(const std::string& path, options o, io::load_options limits) {
    io::byte_vector bytes = io::read_file(path);
#if defined(__cpp_exceptions)
    try {
        return load(io::read_bundle(std::move(bytes), limits), std::move(o));
    } catch (const data_error& e) { throw data_error(path + ": " + e.what()); }
#else
    return load(io::read_bundle(std::move(bytes), limits), std::move(o));
#endif
}

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy
