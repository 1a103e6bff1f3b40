// SPDX-License-Identifier: BSD-3-Clause
// har train and distill --warm-start.
#include <cmath>
#include <csignal>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "program.hpp"
#include "running.hpp"
#include "smldist/io/safetensors_reader.hpp"
#include "smldist/io/safetensors_writer.hpp"

namespace {

using namespace har_tests;
namespace io = smldist::io;
namespace fs = std::filesystem;

std::vector<float> array(const fs::path& file, const std::string& name) {
    const auto f = io::safetensors_file::load(file.string());
    const auto& t = f.at(name);
    std::vector<float> x(t.extents.size());
    io::copy_to(t, x.data(), x.size());
    return x;
}

/// The largest difference of an array between two files.
float distance(const fs::path& a, const fs::path& b, const std::string& name) {
    const auto x = array(a, name), y = array(b, name);
    REQUIRE(x.size() == y.size());
    float most = 0;
    for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
    return most;
}

const std::string stem = "backbone.stem.conv.weight";

/// A folder with a small dataset and a network with a linear head, of seed 7, in old/model.safetensors.
struct with_old : small_set {
    with_old() { REQUIRE(run_in(*this, train + "--head linear --epochs 2 --seed 7 --quiet --out old").code == 0); }
    fs::path old() const { return path / "old/model.safetensors"; }
};
const std::string warm = "--warm-start old/model.safetensors ", still = "--epochs 1 --lr 1e-9 ";

} // namespace

TEST_CASE("train --warm-start begins with the weights that fit, and says which do not") {
    const with_old at;
    const auto same = run_in(at, train + still + warm + "--head linear --json --out same");
    REQUIRE_MESSAGE(same.code == 0, same.err);
    CHECK_MESSAGE(has(same.err, "model: begins with "), same.err);
    CHECK_MESSAGE(has(same.err, " tensors of old/model.safetensors\n"), same.err); // and nothing else
    REQUIRE(run_in(at, train + still + "--head linear --quiet --out random").code == 0);
    const auto at_end = [&](const std::string& run) { return at / (run + "/model.safetensors"); };
    for (const std::string& name : {stem, std::string("intuition.weight")}) {
        CHECK(distance(at_end("same"), at.old(), name) < 1e-6f);
        CHECK(distance(at_end("random"), at.old(), name) > 1e-2f);
    }
    const auto figures = same.last()["warm_start"];
    CHECK(figures["file"] == "old/model.safetensors");
    CHECK(figures["rest"] == "");
    CHECK(figures["sha256"].get<std::string>().size() == 64);
    const auto file = io::safetensors_file::load(at.old().string());
    CHECK(figures["tensors"] == file.tensors().size() - 2); // the self-test
    CHECK(has(contents(at / "same/config.toml"), "\nwarm-start=\"old/model.safetensors\"\n"));

    // Another head begins at random; the backbone is taken.
    const auto other = run_in(at, train + still + warm + "--out other");
    REQUIRE_MESSAGE(other.code == 0, other.err);
    CHECK_MESSAGE(has(other.err, "; missing ("), other.err);
    CHECK_MESSAGE(has(other.err, "memory.keys"), other.err);
    CHECK_MESSAGE(has(other.err, "unexpected (2): "), other.err);
    CHECK(distance(at_end("other"), at.old(), stem) < 1e-6f);

    // A file of other numbers, without what makes a model file: only the stem fits.
    const std::vector<float> numbers(array(at.old(), stem).size(), 0.25f);
    const io::tensor_view views[] = {io::view_of(stem, file.at(stem).extents, numbers.data()),
                                     io::view_of("intuition.bias", {1}, numbers.data())};
    io::write_file_atomically((at / "part.safetensors").string(), io::write_safetensors(views));
    const auto part = run_in(at, train + still + "--head linear --warm-start part.safetensors --out part");
    REQUIRE_MESSAGE(part.code == 0, part.err);
    CHECK_MESSAGE(has(part.err, "begins with 1 tensors of part.safetensors; missing ("), part.err);
    CHECK_MESSAGE(has(part.err, "of another shape (1): intuition.bias is (1), expected (6)"), part.err);
    CHECK(std::abs(array(at_end("part"), stem)[0] - 0.25f) < 1e-6f);
}

TEST_CASE("distill --warm-start is for the student, with and without its teacher") {
    const with_old at;
    const auto r = run_in(at, distill + still + warm + "--teacher-epochs 1 --baseline --out run");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    CHECK_MESSAGE(has(r.err, "student: begins with "), r.err);
    CHECK_MESSAGE(has(r.err, "student_alone: begins with "), r.err);
    CHECK_FALSE(has(r.err, "teacher: begins with"));
    for (const std::string name : {"student", "student_alone"})
        CHECK(distance(at / ("run/" + name + ".safetensors"), at.old(), stem) < 1e-6f);
    CHECK(distance(at / "run/teacher.safetensors", at.old(), stem) > 1e-2f);
}

TEST_CASE("a run with --warm-start goes on with the same bits, and not with another file") {
    const with_old at;
    const std::string command = train + warm + "--head linear --epochs 200 ";
    REQUIRE(run_in(at, command + "--quiet --out whole").code == 0);
    child c(at, command + "--out run");
    c.said("epoch 3/");
    c.send(SIGTERM);
    REQUIRE(c.wait() == 128 + SIGTERM);
    const std::string before = contents(at.old());
    REQUIRE(run_in(at, train + "--head linear --epochs 1 --quiet --force --out old").code == 0);
    REQUIRE(contents(at.old()) != before);
    const auto refused = run_in(at, "train --resume --quiet --out run");
    CHECK(refused.code == 2);
    CHECK_MESSAGE(has(refused.err, "configuration is \"# SHA-256 of --warm-start: "), refused.err);
    const auto without = run_in(at, "train --resume --quiet --out run --warm-start part.safetensors");
    CHECK(without.code == 2);
    CHECK_MESSAGE(has(without.err, "expected warm-start=\"old/model.safetensors\" as in"), without.err);
    write(at.old(), before);
    const auto rest = run_in(at, "train --resume --quiet --out run");
    REQUIRE_MESSAGE(rest.code == 0, rest.err);
    for (const std::string name : {"/model.safetensors", "/model.best.safetensors"})
        CHECK(contents(at / ("whole" + name)) == contents(at / ("run" + name)));
}

TEST_CASE("--warm-start refuses a file that is none or of which nothing fits; the folder is left alone") {
    const with_old at;
    const auto refused = [&](const std::string& file, const std::string& what, int code) {
        const auto r = run_in(at, train + "--epochs 1 --out none --warm-start " + file);
        CHECK(r.code == code);
        CHECK_MESSAGE(has(r.err, what), r.err);
        CHECK_FALSE(fs::exists(at / "none/model.safetensors"));
    };
    refused("missing.safetensors", "missing.safetensors", 6);
    write(at / "text.safetensors", "no weights");
    refused("text.safetensors", "text.safetensors: safetensors: ", 4);
    const float one[1] = {1};
    const io::tensor_view other[] = {io::view_of("weight", {1}, one)};
    io::write_file_atomically((at / "other.safetensors").string(), io::write_safetensors(other));
    refused("other.safetensors", "other.safetensors: no tensor fits the network model, expected some; missing (", 4);
    const float nan[2] = {1, std::nanf("")};
    const io::tensor_view broken[] = {io::view_of("memory.log_beta", {1}, nan + 1)};
    io::write_file_atomically((at / "nan.safetensors").string(), io::write_safetensors(broken));
    refused("nan.safetensors", "nan.safetensors: model::load_state_dict: tensor \"memory.log_beta\" has infinity", 4);
    CHECK(run_in(at, "validate --warm-start old/model.safetensors").code == 2); // whose people would be known to it
}
