// SPDX-License-Identifier: BSD-3-Clause
// Runs on a full disk or with too little memory.
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <sys/resource.h>

#include "program.hpp"
#include "running.hpp"

namespace {

using namespace har_tests;
namespace fs = std::filesystem;

std::function<void()> limited(int resource, rlim_t bytes) {
    return [=] {
        const rlimit limit{bytes, bytes};
        setrlimit(static_cast<decltype(RLIMIT_FSIZE)>(resource), &limit);
    };
}

} // namespace

TEST_CASE("a full disk ends a run with exit code 6 and leaves what was there before") {
    const small_set at;
    REQUIRE(run_in(at, train + "--epochs 3 --out run --quiet").code == 0);
    const auto before = files_in(at / "run");
    const auto model = before.at("model.safetensors").size();

    // No room for a model: neither in a new folder nor in place of an earlier run.
    const auto none = run_in(at, train + "--quiet --epochs 3 --out new", limited(RLIMIT_FSIZE, model / 2));
    CHECK(none.code == 6);
    CHECK_MESSAGE(has(none.err, "new/model.safetensors"), none.err);
    CHECK_FALSE(fs::exists(at / "new"));
    CHECK(run_in(at, train + "--quiet --epochs 3 --out run --force", limited(RLIMIT_FSIZE, model / 2)).code == 6);
    CHECK(files_in(at / "run") == before);
    // No room for anything: found before the data are looked for.
    const auto lock = run_in(at, train_on + "wisdm=nowhere --out new", limited(RLIMIT_FSIZE, 0));
    CHECK(lock.code == 6);
    CHECK_FALSE(fs::exists(at / "new"));

    // Room for the models but not for the logs of all epochs.
    const auto log = run_in(at, train + "--quiet --epochs 100000 --out log", limited(RLIMIT_FSIZE, model + 1000));
    CHECK(log.code == 6);
    CHECK_MESSAGE(has(log.err, "cannot write log/model.log.jsonl"), log.err);
    CHECK(check_complete(at, "log") == 2);
    for (const auto& name : names_in(at / "log")) CHECK_FALSE(has(name, ".tmp-"));
}

TEST_CASE("too little memory ends a run with exit code 1 and a message instead of a signal") {
    if (sanitized) {
        MESSAGE("not run: AddressSanitizer reserves more address space than any limit allows");
        return;
    }
    const small_set at;
    std::size_t done = 0, failed = 0;
    for (const rlim_t megabytes : {64u, 120u, 205u, 220u, 235u, 250u, 265u, 280u, 295u, 2000u}) {
        CAPTURE(megabytes);
        const auto r = run_in(at, "train --preset har_student --epochs 1 --threads 2 --quiet --force --out run",
                              limited(RLIMIT_AS, megabytes << 20));
        CHECK_MESSAGE((r.code == 0 || r.code == 1), r.code, " ", r.err);
        CHECK_MESSAGE((r.code == 0 || has(r.err, "har: memory is exhausted")), r.err);
        (r.code == 0 ? done : failed) += 1;
    }
    CHECK(done > 0);
    CHECK(failed > 0);
}
