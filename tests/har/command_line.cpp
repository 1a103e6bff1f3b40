// SPDX-License-Identifier: BSD-3-Clause
// Help, version, unknown words, and files that the system refuses.
#include <cstdlib>
#include <doctest/doctest.h>
#include <string>
#include <sys/wait.h>

#include "program.hpp"

namespace {

using namespace har_tests;

} // namespace

TEST_CASE("--version and --help print and end with exit code 0") {
    const folder at;
    const auto version = run(at, "--version");
    CHECK(version.code == 0);
    CHECK(version.out.find("smldist 0.") == 0);
    CHECK(version.out.find("bits)") != std::string::npos);
    CHECK(run(at, "--help").code == 0);
    CHECK(run(at, "distill --help").code == 0);
}

TEST_CASE("an unknown word or a value out of range ends har with exit code 2") {
    const folder at;
    CHECK(run(at, "").code == 2);
    CHECK(run(at, "train --preset har_nano --no-such-flag").code == 2);
    CHECK(run(at, "juggle").code == 2);
    const auto preset = run(at, "train --preset har_giant");
    CHECK(preset.code == 2);
    CHECK(has(preset.err, "har_giant"));
    CHECK(run(at, "train --preset har_nano --data imagenet=here").code == 2);
    CHECK(run(at, "train --preset har_nano --epochs many").code == 2);
    CHECK(run(at, "train --preset har_nano --lr -1").code == 2);
    CHECK(run(at, "distill --rule guess" + quick).code == 2);
    CHECK(run(at, "train --preset har_nano --optimiser adamx").code == 2);
    CHECK(run(at, "train --preset har_nano --schedule zigzag").code == 2);
    CHECK(run(at, "train --preset har_nano --mixup -1").code == 2);
    CHECK(run(at, "train --preset har_nano --swa -1").code == 2);
    CHECK(run(at, "distill --temperature 0" + quick).code == 2);
    const auto method = run(at, "distill --method crd" + quick);
    CHECK(method.code == 2);
    CHECK_MESSAGE(has(method.err, "\"crd\", expected smldist, hinton, fitnets"), method.err);
    CHECK(run(at, "distill --method sp --method-weight nan" + quick).code == 2);
    CHECK(run(at, "distill --method-weight 2" + quick).code == 2);
    CHECK(run(at, "distill --method sp --logit-norm zscore" + quick).code == 2);
    CHECK(run(at, "distill --logit-norm softmax" + quick).code == 2);
    CHECK(run(at, "summary --rows 3,64").code == 2);
    CHECK(run(at, "validate --seeds 0").code == 2);
    CHECK(run(at, "validate --folds -1").code == 2);
    CHECK(run(at, "validate --teacher t.safetensors").code == 2); // each fold trains its own
    CHECK(run(at, "summary --config missing.toml").code == 6);
}

TEST_CASE("a file or an output that the system refuses ends har with exit code 6") {
    const folder at;
    write(at.path / "file", "x");
    CHECK(run(at, "train --preset har_nano --epochs 1 --quiet --out file/below").code == 6);
    const std::string command = std::string("'") + SMLDIST_HAR + "' summary > /dev/full 2>/dev/null";
    CHECK(WEXITSTATUS(std::system(command.c_str())) == 6);
}
