// SPDX-License-Identifier: BSD-3-Clause
/// Checkpoints: the whole state of a training in one file, from which it goes on bit for bit.
///
///     train::training t(net, objective, train, validation, normal, options);
///     t.on_epoch = [&](const train::epoch_report&) { train::save_checkpoint("run.checkpoint", t); };
///     if (std::filesystem::exists("run.checkpoint")) train::load_checkpoint("run.checkpoint", t);
///     auto result = t.run();   // the network, the best one and the history are those of a run that was never interrupted
///
/// To end on a signal after the step in hand, save in `stop`:
///
///     t.stop = [&] { return asked_to_end && (train::save_checkpoint("run.checkpoint", t), true); };
///
/// A loop of one's own saves any type with visit_state; see train/archive.hpp.
///
/// Layout     A safetensors file with metadata format "smldist checkpoint", format_version, created_by, configuration and
///            sha256_of_buffer. Arrays: the settings on which the rest depends, the progress (epoch, step, sums of the epoch,
///            best score, reports), "network", "callbacks" (averages, the best network), "optimiser", "schedule", "random",
///            "objective", and within an epoch "good", the network after the last one. The optimiser is left out when no epoch
///            is to come.
#ifndef SMLDIST_TRAIN_CHECKPOINT_HPP
#define SMLDIST_TRAIN_CHECKPOINT_HPP

#include <string>
#include <string_view>
#include <utility>

#include "smldist/core/parameter.hpp"
#include "smldist/io/file.hpp"
#include "smldist/io/safetensors.hpp"
#include "smldist/train/archive.hpp"
#include "smldist/train/epochs.hpp"

namespace smldist::train {
SMLDIST_NAMESPACE_BEGIN

/// What has a state that can be saved: a training, or any type with visit_state.
template <class X>
concept resumable = has_state<X> || requires(X& x, archive& a) {
    x.checkpoint(a);
};

namespace detail {

/// The bytes of a checkpoint with what the archive has saved.
[[nodiscard]] SMLDIST_FUNCTION io::byte_vector checkpoint_bytes(const archive& a, std::string_view configuration);
/// Reads and checks everything but the state. Throws data_error for a damaged file, usage_error for another configuration.
[[nodiscard]] SMLDIST_FUNCTION io::safetensors_file read_checkpoint(io::byte_vector bytes,
                                                                    std::string_view configuration);

template <class X> void visit_all(X& x, archive& a) {
    if constexpr (requires { x.checkpoint(a); })
        x.checkpoint(a);
    else
        X::visit_state(x, a);
}

} // namespace detail

/// The bytes of a checkpoint of a training or of a type with visit_state. `configuration` is any text; a training that restores
/// the checkpoint must give the same.
template <resumable X>
[[nodiscard]] SMLDIST_COLD io::byte_vector checkpoint_bytes(X& x, std::string_view configuration = "") {
    archive a;
    detail::visit_all(x, a);
    return detail::checkpoint_bytes(a, configuration);
}

/// Restores x from the bytes of a checkpoint. For a training: it has been constructed as the saved one was, with the same
/// callbacks; its before_training has been called, and its next run() goes on where the checkpoint was made.
///
/// Throws     data_error for a damaged file, or one with other networks, objectives or callbacks, usage_error for another
///            configuration, other options or other windows. The network and the objective are then as before, and run()
///            begins anew.
template <resumable X>
SMLDIST_COLD void restore_checkpoint(X& x, io::byte_vector bytes, std::string_view configuration = "");

/// Saves a checkpoint of a training between two steps, to be called from on_step, stop and on_epoch, or of a type with
/// visit_state. The file is replaced atomically and made durable (io::write_file_atomically).
///
/// After `stop` has ended an epoch before its last step, an uninterrupted training has no such state: nothing is written, and
/// the checkpoint made before is the one to go on from.
///
/// Returns    whether it was written.
/// Throws     io_error, and an existing file is then intact.
template <resumable X>
SMLDIST_COLD bool save_checkpoint(const std::string& path, X& x, std::string_view configuration = "") {
    if constexpr (requires { x.resumable(); })
        if (!x.resumable()) return false;
    io::write_file_atomically(path, checkpoint_bytes(x, configuration));
    return true;
}

/// Restores x from a file. Errors: restore_checkpoint, naming the path; io_error when it cannot be read.
template <resumable X>
SMLDIST_COLD void load_checkpoint(const std::string& path, X& x, std::string_view configuration = "") {
    io::byte_vector bytes = io::read_file(path);
    try {
        restore_checkpoint(x, std::move(bytes), configuration);
    } catch (const data_error& e) { throw data_error(path + ": " + e.what()); } catch (const usage_error& e) {
        throw usage_error(path + ": " + e.what());
    }
}

template <resumable X>
SMLDIST_COLD void restore_checkpoint(X& x, io::byte_vector bytes, std::string_view configuration) {
    const io::safetensors_file file = detail::read_checkpoint(std::move(bytes), configuration);
    const auto visit_kept = [&x](archive& a) {
        if constexpr (requires { x.checkpoint_modules(a); })
            x.checkpoint_modules(a); // the rest begins anew
        else
            detail::visit_all(x, a);
    };
    archive kept;
    visit_kept(kept);
    io::byte_vector before = io::write_safetensors(kept.tensors());
    try {
        archive from(file);
        detail::visit_all(x, from);
        from.check_complete();
    } catch (...) {
        const auto old = io::safetensors_file::parse(std::move(before));
        archive back(old);
        visit_kept(back);
        throw;
    }
    if constexpr (requires { x.set_restored(); }) x.set_restored();
}

SMLDIST_NAMESPACE_END
} // namespace smldist::train

#if SMLDIST_TRAIN_BODIES
#include "smldist/train/checkpoint.ipp"
#endif

#endif
