// SPDX-License-Identifier: BSD-3-Clause
/// har: train, distill, evaluate and use networks for human activity recognition from inertial sensors.
#include <cstdio>
#include <string>

#include "command_line.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "options.hpp"
#include "signals.hpp"
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

} // namespace

int main(int argc, char** argv) {
    har::catch_signals();
#if !defined(__OPTIMIZE__)
    std::fprintf(stderr, "har: built without optimisation: everything is far slower\n");
#endif
    return har::exit_code_of([&] {
        har::options o;
        har::grid g;
        const std::string command = har::read_command_line(argc, argv, version(), o, g);
        if (o.threads > 0) smldist::set_threads(o.threads);
        if (command == "inspect") har::inspect(o);
        if (command == "features") har::features(o);
        if (command == "train") har::train(o);
        if (command == "distill" || command == "demo") har::distill(o);
        if (command == "validate") har::validate(o);
        if (command == "sweep") har::sweep(o, g);
        if (command == "collect") har::collect(o);
        if (command == "evaluate") har::evaluate(o);
        if (command == "predict") o.stream ? har::predict_stream(o) : har::predict(o);
        if (command == "import") har::import_weights(o);
        if (command == "summary") har::summary(o);
        if (command == "watch") har::watch(o);
    });
}
