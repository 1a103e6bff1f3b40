// SPDX-License-Identifier: BSD-3-Clause
/// Weights from a plain safetensors file into any network, by name, and back: what state_dict and load_state_dict are in
/// PyTorch. docs/pytorch_weights.md is a worked example.
///
///     model::load_state_dict(net, "student.safetensors");                       // names and shapes must fit
///     const auto r = model::load_state_dict(net, "old.safetensors", {.strict = false}); // takes what fits
///     model::save_state_dict("for_pytorch.safetensors", net);
///
/// A network is any value with `visit`, a single layer too. Names are the dotted paths of core/parameter.hpp, which PyTorch
/// spells alike; shapes and layouts are PyTorch's: linear (out, in), conv1d (out, in / groups, kernel), batch-norm with
/// running_mean and running_var. model/file.hpp saves networks with all that a program needs to run them.
#ifndef SMLDIST_MODEL_STATE_DICT_HPP
#define SMLDIST_MODEL_STATE_DICT_HPP

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smldist/core/error.hpp"
#include "smldist/core/parameter.hpp"
#include "smldist/core/shape.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/safetensors.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

/// What names in a file are called here. A * stands for one or more characters, as few as possible; the k-th * of `path` is
/// what the k-th of `name` stood for: {"features.*", "backbone.*"}.
struct name_rule {
    std::string name; ///< in the file
    std::string path; ///< in the network; empty: tensors of such a name are left out

    friend bool operator==(const name_rule&, const name_rule&) = default;
};

/// Rules from text, one per line, "name = path"; what follows a # is a comment.
/// Throws     usage_error, with the number of the line, for a line without = or name, or with another number of * on the right.
[[nodiscard]] SMLDIST_FUNCTION std::vector<name_rule> parse_name_rules(std::string_view text);

struct state_dict_options {
    bool strict = true; ///< refuse a file unless names and shapes are exactly those of the network
    std::vector<name_rule> names =
        {}; ///< the first that fits a name gives its path; without one the path is the name
    /// Names in the file that count for nothing: PyTorch's batch counters, and the self-test of our model files.
    std::vector<std::string> ignore = {"num_batches_tracked", "*.num_batches_tracked", "selftest.*", "graph.*"};
};

/// A tensor of a file and the parameter or buffer of that path.
struct state_dict_entry {
    std::string name, path;
    io::dtype type;        ///< in the file
    shape extents, wanted; ///< in the file, and in the network
};

/// What load_state_dict did, in the order of the network; unexpected names in the order of the file.
struct state_dict_report {
    std::vector<state_dict_entry> loaded;
    std::vector<std::string> missing;         ///< paths for which the file has no tensor
    std::vector<std::string> unexpected;      ///< names in the file for which the network has no path
    std::vector<state_dict_entry> mismatched; ///< the shapes differ

    bool complete() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

/// "missing (2): a, b; unexpected (1): c; of another shape (1): d is (6, 8), expected (5, 8)", with at most so many names of
/// each; "" for a complete one.
[[nodiscard]] SMLDIST_FUNCTION std::string text(const state_dict_report& r, std::size_t most = 8);

namespace detail {

/// A parameter or buffer, and the tensor that it takes.
struct state_dict_target {
    std::string path;
    shape wanted;
    const io::tensor_view* from = nullptr;
};

/// Finds the tensor for each target. Throws as load_state_dict.
SMLDIST_FUNCTION state_dict_report match_state_dict(const io::safetensors_file& file, const state_dict_options& o,
                                                    std::span<state_dict_target> targets);
/// Gives tensors, which have paths, the names of the file.
SMLDIST_FUNCTION void rename_paths(std::vector<io::tensor_view>& tensors, const std::vector<name_rule>& names);

} // namespace detail

/// Copies the tensors of a safetensors file into the parameters and buffers of a network, by name. F64, F32, F16, BF16 and
/// integers are converted to the network's type. Frozen modules take weights too; what is frozen does not change.
///
/// Returns    what was taken; with `strict` all.
/// Throws     data_error when the file does not fit and `strict` is set, with the names; whenever a tensor that fits has
///            infinity, NaN or a number too large for the network's type. usage_error for rules of different numbers of *, and
///            for two names of one path. The network is as before after an error.
/// Source     torch.nn.Module.load_state_dict.
template <module_like M>
SMLDIST_COLD state_dict_report load_state_dict(M& net, const io::safetensors_file& file,
                                               const state_dict_options& o = {}) {
    std::vector<detail::state_dict_target> targets;
    walk(std::as_const(net), [&](const std::string& path, const auto& leaf) {
        targets.push_back({path, leaf.value.shape()});
    });
    state_dict_report report = detail::match_state_dict(file, o, targets);
    M loaded = net;
    auto target = targets.begin();
    for_each_leaf(loaded, [&](auto& leaf) {
        if (const io::tensor_view* from = (target++)->from) io::copy_to(*from, leaf.value.data(), leaf.value.size());
    });
    net = std::move(loaded);
    return report;
}

/// The same from a file on disk. Throws io_error when it cannot be read; data_error names the path.
template <module_like M>
SMLDIST_COLD state_dict_report load_state_dict(M& net, const std::string& path, const state_dict_options& o = {}) {
    const auto file = io::safetensors_file::load(path);
    try {
        return load_state_dict(net, file, o);
    } catch (const data_error& e) { throw data_error(path + ": " + e.what()); }
}

/// The bytes of a plain safetensors file with the parameters and buffers of a network. `names` are the rules with which
/// load_state_dict would read it, applied from path to name.
/// Throws     usage_error as load_state_dict.
template <module_like M>
[[nodiscard]] SMLDIST_COLD io::byte_vector state_dict_bytes(const M& net, const std::vector<name_rule>& names = {}) {
    std::vector<io::tensor_view> tensors;
    walk(net, [&](const std::string& path, const auto& leaf) {
        tensors.push_back(io::view_of(path, leaf.value.shape(), leaf.value.data()));
    });
    detail::rename_paths(tensors, names);
    return io::write_safetensors(tensors, {{"format", "pt"}}); // as the safetensors package for PyTorch writes
}

/// Writes that file: complete or not at all. Throws io_error, and as state_dict_bytes.
template <module_like M>
SMLDIST_COLD void save_state_dict(const std::string& path, const M& net, const std::vector<name_rule>& names = {}) {
    io::write_file_atomically(path, state_dict_bytes(net, names));
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model

#if SMLDIST_TRAIN_BODIES
#include "smldist/model/state_dict.ipp"
#endif

#endif
