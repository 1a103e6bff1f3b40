// SPDX-License-Identifier: BSD-3-Clause
/// A program in the form of a network, so that a teacher can be compiled.
#ifndef SMLDIST_DEPLOY_NETWORK_HPP
#define SMLDIST_DEPLOY_NETWORK_HPP

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "smldist/core/error.hpp"
#include "smldist/core/outputs.hpp"
#include "smldist/core/parallel.hpp"
#include "smldist/core/tensor.hpp"
#include "smldist/graph/graph.hpp"
#include "smldist/runtime/program.hpp"

namespace smldist::deploy {
SMLDIST_NAMESPACE_BEGIN

/// Calls a program with tensors of any batch size, like a network in mode::eval, for example a teacher.
///
///     const deploy::network fast(deploy::compile(teacher, {.length = 128, .outputs = {"all"}}));
///     distill::distiller objective(fast, student, distill::calibrate(fast, train, normal), …);
///
/// Outputs that were not compiled stay empty. A call runs on the pool's threads, in memory that the calling thread keeps.
/// Throws     usage_error from the constructor without logits or for a stage without the stages before it, and from a
///            call in mode::train; shape_error for windows of another length.
class network {
public:
    explicit network(runtime::program p) : program_(std::move(p)) {
        outputs<int> known;
        for (const auto& o : program_.outputs())
            if (!at(known, o.name))
                raise<usage_error>(
                    "deploy::network", "output is ", o.name,
                    ", expected logits, feature, memory.scores, memory.retrieved or all stages before it");
        if (program_.find("logits") == program_.outputs().size())
            raise<usage_error>("deploy::network", "the program has no logits, expected them among its outputs");
    }
    /// Valid as long as this network.
    const runtime::program& program() const& { return program_; }
    const runtime::program& program() const&& = delete;

    outputs<tensor<float>> operator()(const tensor<float>& x, mode m = mode::eval) const {
        auto out = make<tensor<float>>(
            x.shape(), m, [](const runtime::output&, const shape& s) { return tensor<float>::uninitialized(s); });
        std::array<float*, most> to{};
        for (std::size_t i = 0; i < program_.outputs().size(); ++i)
            to[i] = at(out, program_.outputs()[i].name)->data();
        program_.run(x.data(), std::span<float* const>(to.data(), program_.outputs().size()), x.shape()[0],
                     threads());
        return out;
    }
    /// Nodes with the shapes of the outputs, which a distillation needs before it starts.
    outputs<symbol> operator()(const symbol& x, mode m = mode::eval) const {
        return make<symbol>(x.shape(), m, [&](const runtime::output& o, const shape& s) {
            return symbol::input(*x.owner, o.name, s);
        });
    }

private:
    static constexpr std::size_t most = stage_list<int>::capacity + 4;

    /// The member of that name; stages are appended in order. Null for another name.
    template <class X> static X* at(outputs<X>& out, std::string_view name) {
        if (name == "logits") return &out.logits;
        if (name == "feature") return &out.feature;
        if (name == "memory.scores") return &out.memory.scores;
        if (name == "memory.retrieved") return &out.memory.retrieved;
        if (!name.starts_with("stages.")) return nullptr;
        std::size_t i = 0;
        for (const char c : name.substr(7)) i = 10 * i + static_cast<std::size_t>(c - '0');
        if (i > out.stages.size() || i >= stage_list<int>::capacity) return nullptr;
        if (i == out.stages.size()) out.stages.push_back({});
        return &out.stages[i];
    }
    /// x by value: the shape of a symbol moves when nodes are added.
    template <class X, class F> outputs<X> make(shape x, mode m, F&& value) const {
        if (m == mode::train)
            raise<usage_error>("deploy::network", "mode is train, expected eval: programs do not learn");
        const std::size_t H = program_.height();
        const bool image = x.rank() == 4 && H != 0 && x[1] == H; // its width follows from the length
        if ((x.rank() != 3 && !image) || x.sample_rows() != program_.length() || x.back() != program_.channels())
            raise<shape_error>("deploy::network", "shape of x is ", x.text(), ", expected (B, ", program_.length(),
                               ", ", program_.channels(), ")", H == 0 ? "" : " or the same as images");
        outputs<X> out;
        for (const auto& o : program_.outputs()) {
            shape s{x[0]};
            for (const std::size_t e : o.extents) s.push_back(e);
            *at(out, o.name) = value(o, s);
        }
        return out;
    }

    runtime::program program_;
};

SMLDIST_NAMESPACE_END
} // namespace smldist::deploy

#endif
