// SPDX-License-Identifier: BSD-3-Clause
/// har: train, distill, evaluate and use networks for human activity recognition from inertial sensors.
#include <csignal>
#include <cstdio>
#include <new>
#include <string>

#include "command_line.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "options.hpp"
#include "smldist/core/config.hpp"
#include "smldist/core/parallel.hpp"

namespace {

std::string version() {
    std::string v = "smldist " SMLDIST_VERSION_STRING;
    v += "\nSIMD      " SMLDIST_SIMD_NAME " (" + std::to_string(SMLDIST_SIMD_BITS) + " bits)";
#if defined(__clang__)
    v += "\ncompiler  clang " __clang_version__;
#else
    v += "\ncompiler  g++ " __VERSION__;
#endif
#if defined(__OPTIMIZE__)
    v += ", optimised";
#else
    v += ", NOT optimised: slow";
#endif
    return v + "\nthreads   " + std::to_string(smldist::threads());
}

/// Signals that ask a run to end set har::caught_signal. What the caller ignores stays ignored: nohup, background jobs.
void catch_signals() {
    for (const int s : {SIGHUP, SIGINT, SIGTERM})
        if (std::signal(s, SIG_IGN) != SIG_IGN)
            std::signal(s, [](int caught) {
                if (har::caught_signal == 0) har::caught_signal = caught;
            });
    for (const int s : {SIGPIPE, SIGXFSZ}) std::signal(s, SIG_IGN); // the write fails, which has its own exit code
}

template <class F> int guarded(F&& run) {
    const auto fail = [](int code, const std::exception& e) {
        std::fprintf(stderr, "har: %s\n", e.what());
        return code;
    };
    try {
        run();
        std::fflush(stdout);
        if (std::ferror(stdout) != 0 && har::caught_signal == 0) { // after SIGHUP there may be no terminal
            std::fprintf(stderr, "har: stdout: short write\n");
            return har::io_failure;
        }
        return har::caught_signal != 0 ? 128 + har::caught_signal : har::success;
    } catch (const std::bad_alloc&) {
        std::fputs("har: memory is exhausted; a smaller --batch or fewer --threads need less\n", stderr);
        return har::failure;
    } catch (const har::interrupted& e) {
        return fail(128 + har::caught_signal, e);
    } catch (const har::model_error& e) { return fail(har::bad_model, e); } catch (const smldist::data_error& e) {
        return fail(har::bad_data, e);
    } catch (const smldist::usage_error& e) { return fail(har::usage, e); } catch (const smldist::shape_error& e) {
        return fail(har::usage, e);
    } catch (const smldist::numeric_error& e) { return fail(har::diverged, e); } catch (const smldist::io_error& e) {
        return fail(har::io_failure, e);
    } catch (const std::exception& e) { return fail(har::failure, e); }
}

} // namespace

int main(int argc, char** argv) {
    catch_signals();
#if !defined(__OPTIMIZE__)
    std::fprintf(stderr, "har: built without optimisation: everything is far slower\n");
#endif
    return guarded([&] {
        har::options o;
        const std::string command = har::read_command_line(argc, argv, version(), o);
        if (command == "train") har::train(o);
        if (command == "distill" || command == "demo") har::distill(o);
        if (command == "evaluate") har::evaluate(o);
        if (command == "predict") o.stream ? har::predict_stream(o) : har::predict(o);
        if (command == "summary") har::summary(o);
    });
}
