// SPDX-License-Identifier: BSD-3-Clause
// har import: weights from PyTorch.
#include <cmath>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"
#include "smldist/model/architecture.hpp"
#include "smldist/model/load.hpp"
#include "smldist/model/state_dict.hpp"

namespace {

using namespace har_tests;
using namespace smldist;

/// The arrays of tests/reference/make_torch.py.
const io::safetensors_file& reference() {
    static const auto file = io::safetensors_file::load(SMLDIST_REFERENCE_DIR "/torch.safetensors");
    return file;
}

tensor<float> array(const std::string& name) {
    const auto& t = reference().at(name);
    tensor<float> x(t.extents);
    io::copy_to(t, x.data(), x.size());
    return x;
}

/// Writes the weights of that type as a file, with further tensors.
void write_weights(const std::filesystem::path& file, const std::string& type,
                   std::vector<io::tensor_view> tensors = {}) {
    for (auto t : reference().tensors())
        if (t.name.starts_with(type + "/")) {
            t.name = t.name.substr(type.size() + 1);
            tensors.push_back(t);
        }
    io::write_file_atomically(file.string(), io::write_safetensors(tensors));
}

/// A folder with weights (f32), the network and the map of make_torch.py.
struct place : folder {
    place() {
        write_weights(path / "w.safetensors", "f32");
        auto c = model::preset("har_nano");
        c.preset.clear();
        c.backbone.rows = {model::parse_row("3,16,16,SE,RE,2,A"), model::parse_row("5,24,16,-,HS,2,A")};
        c.backbone.tail = 24;
        c.backbone.channels = 3;
        c.classes = 4;
        write(path / "net.json", model::to_json(c).dump());
        write(path / "names.map", "# theirs = ours\nfeatures.* = backbone.*\nclassifier.* = intuition.*\n");
    }
};

const std::string facts = " --window 32 --rate 50 --channels x,y,z --labels a,b,c,d ",
                  network = " --architecture net.json --map names.map ";

/// import refuses with that exit code and message, and writes no file.
void refuse(const folder& at, const std::string& arguments, const std::string& what, int code = 2) {
    CAPTURE(arguments);
    const auto r = run(at, "import --out refused.safetensors " + arguments);
    CHECK(r.code == code);
    CHECK_MESSAGE(has(r.err, what), r.err);
    CHECK_FALSE(std::filesystem::exists(at / "refused.safetensors"));
}

} // namespace

TEST_CASE("import makes a model file of PyTorch's weights in every float type, with PyTorch's logits") {
    const place at;
    const auto x = array("input");
    for (const std::string type : {"f32", "f16", "bf16"}) {
        CAPTURE(type);
        write_weights(at / "w.safetensors", type);
        const auto r = run(at, "import --json --torch w.safetensors --out " + type + ".safetensors" + network +
                                   facts + "--hop 8 --units g,g,g");
        REQUIRE_MESSAGE(r.code == 0, r.err);
        std::string shown = type;
        for (char& c : shown) c = static_cast<char>(c - (c >= 'a' ? 'a' - 'A' : 0));
        CHECK_MESSAGE(has(r.out, "loaded        features.stem.conv.weight = backbone.stem.conv.weight  " + shown +
                                     " (16, 3, 3)\n"),
                      r.out);
        CHECK(has(r.out, "wrote " + type + ".safetensors: "));
        const auto m = model::load<float>((at / (type + ".safetensors")).string());
        CHECK(r.last()["parameters"] == parameter_count(m.net));
        CHECK(r.last()["macs"] == model::trace(m.net, 32).macs());
        CHECK(m.facts.window == 32);
        CHECK(m.facts.hop == 8);
        CHECK(m.facts.rate_hz == 50);
        CHECK(m.facts.channels == std::vector<std::string>{"x", "y", "z"});
        CHECK(m.facts.units == std::vector<std::string>{"g", "g", "g"});
        CHECK(m.facts.labels == std::vector<std::string>{"a", "b", "c", "d"});
        CHECK(m.facts.normaliser.kind == normaliser_kind::none);
        const auto got = m.net(x).logits, want = array(type + ".logits");
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - want[i]) < 1e-5f);
    }
    // The program predicts with it.
    std::string csv = "x,y,z\n";
    for (std::size_t t = 0; t < 32; ++t)
        csv +=
            std::to_string(x[3 * t]) + "," + std::to_string(x[3 * t + 1]) + "," + std::to_string(x[3 * t + 2]) + "\n";
    write(at / "in.csv", csv);
    const auto said = run(at, "predict --json --model f32.safetensors --input in.csv");
    REQUIRE_MESSAGE(said.code == 0, said.err);
    const auto logits = array("f32.logits");
    std::size_t best = 0;
    for (std::size_t n = 1; n < 4; ++n)
        if (logits[n] > logits[best]) best = n;
    CHECK(said.last()["windows"][0]["label"] == std::string(1, static_cast<char>('a' + best)));
}

TEST_CASE("import takes a preset and its options from a configuration") {
    const place at;
    auto c = model::preset("har_nano");
    c.backbone.channels = 3;
    c.classes = 4;
    c.head = model::mlp_head{};
    const model::network<float> net(c, generator(5));
    model::save_state_dict((at / "nano.safetensors").string(), net);
    write(at / "facts.toml",
          "[import]\ntorch = \"nano.safetensors\"\npreset = \"har_nano\"\nhead = \"mlp\"\n"
          "window = 33\nrate = 12.5\nchannels = [\"x\", \"y\", \"z\"]\nlabels = [\"a\", \"b\", \"c\", "
          "\"d\"]\nmean = [1, -2, 0.5]\nsd = [2, 4, 0.5]\nout = \"m.safetensors\"\n");
    const auto r = run(at, "import --config facts.toml");
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const auto m = model::load<float>((at / "m.safetensors").string());
    CHECK(m.net.config.preset == "har_nano");
    CHECK(model::state_dict_bytes(m.net) == model::state_dict_bytes(net));
    CHECK(m.facts.hop == 16);
    CHECK(m.facts.normaliser == normaliser{normaliser_kind::zscore, {1, -2, 0.5f}, {0.5f, 0.25f, 2}, {}, {}});
    // Numbers on the command line, below zero too.
    REQUIRE(run(at, "import --config facts.toml --force --mean -1,2,3 --sd 1,1,1").code == 0);
    CHECK(model::load<float>((at / "m.safetensors").string()).facts.normaliser.offset ==
          std::vector<float>{-1, 2, 3});
    refuse(at, "--config facts.toml --mean 1,x,3", "--mean: value is \"x\", expected a number");
    refuse(at, "--config facts.toml --sd 1,0,3", "--sd: value is \"0\", expected a number, above 0");
}

TEST_CASE("import runs the self-test in the file") {
    const place at;
    const auto x = array("input"), logits = array("f32.logits");
    tensor<float> raw(shape{1, 32, 3});
    const float mean[3] = {1, -2, 0.5f}, sd[3] = {2, 4, 0.5f};
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = x[i] * sd[i % 3] + mean[i % 3];
    const std::string normal = "--mean 1,-2,0.5 --sd 2,4,0.5 ";
    const auto with = [&](const shape& in, const float* window, const shape& out, const float* row) {
        write_weights(at / "t.safetensors", "f32",
                      {io::view_of("selftest.input", in, window), io::view_of("selftest.output", out, row)});
    };
    const std::string given = "--torch t.safetensors" + network + facts;
    with({1, 32, 3}, raw.data(), {1, 4}, logits.data());
    const auto r = run(at, "import --out m.safetensors " + given + normal);
    REQUIRE_MESSAGE(r.code == 0, r.err);
    const auto b = io::read_bundle((at / "m.safetensors").string());
    tensor<float> kept(raw.shape());
    io::copy_to(b.file.at("selftest.input"), kept.data(), kept.size());
    CHECK(identical(kept, raw));
    refuse(at, given, "t.safetensors: selftest.output: the network gives logit 0 as", 4); // without the normaliser
    auto other = logits;
    other[2] += 0.01f;
    with({1, 32, 3}, raw.data(), {1, 4}, other.data());
    refuse(at, given + normal, "the network gives logit 2 as", 4);
    with({1, 32, 3}, raw.data(), {4}, logits.data());
    refuse(at, given + normal, "selftest.output: shape is (4), expected (1, 4)", 4);
    with({32, 3}, raw.data(), {1, 4}, logits.data());
    refuse(at, given + normal, "selftest.input: shape is (32, 3), expected (1, 32, 3)", 4);
}

TEST_CASE("import lists names that do not fit, and says what is missing") {
    const place at;
    const float two[2] = {1, 2};
    write_weights(at / "more.safetensors", "f32", {io::view_of("old\n", {2}, two)});
    const auto shown = [&](const std::string& arguments, const std::string& line) {
        const auto r = run(at, "import --out refused.safetensors " + arguments);
        CHECK(r.code == 4);
        CHECK_MESSAGE(has("\n" + r.out, line), r.out);
    };
    const std::string more = "--torch more.safetensors" + network + facts;
    refuse(at, more, "more.safetensors: import: file does not fit the network: unexpected (1): old\\x0A", 4);
    shown(more, "\nunexpected    old\\x0A\n");
    const std::string unnamed = "--torch w.safetensors --architecture net.json" + facts;
    refuse(at, unnamed, "missing (", 4);
    shown(unnamed, "\nmissing       backbone.stem.conv.weight\n");
    auto c = model::config_from_json(io::json::parse(contents(at / "net.json")));
    c.classes = 3;
    write(at / "three.json", model::to_json(c).dump());
    const std::string three = "--torch w.safetensors --architecture three.json --map names.map --window 32 --rate 50 "
                              "--channels x,y,z --labels a,b,c";
    refuse(at, three, "of another shape (2): classifier.weight is (4, 24), expected (3, 24)", 4);
    shown(three, "\nanother shape classifier.bias = intuition.bias  (4), expected (3)\n");
    write(at / "less.map", contents(at / "names.map") + "old* =\n");
    const auto left_out =
        run(at, "import --out m.safetensors --torch more.safetensors --architecture net.json --map less.map" + facts);
    CHECK_MESSAGE(left_out.code == 0, left_out.err);
}

TEST_CASE("import refuses options and files that do not fit") {
    const place at;
    const std::string all = "--torch w.safetensors" + network;
    refuse(at, network + facts, "--torch: value is missing");
    refuse(at, "--torch w.safetensors" + facts, "--preset: expected either a preset or --architecture");
    refuse(at, all + facts + "--preset har_nano", "--preset: expected either a preset or --architecture");
    refuse(at, all + "--rate 50 --channels x,y,z --labels a,b,c,d", "--window: value is 0");
    refuse(at, all + "--window 32 --channels x,y,z --labels a,b,c,d", "--rate: value is 0");
    refuse(at, all + "--window 32 --rate 50 --labels a,b,c,d", "--channels: number of names is 0");
    refuse(at, all + "--window 32 --rate 50 --channels x,y,z --labels a", "--labels: number of names is 1");
    refuse(at, all + facts + "--units g", "--units: number of values is 1, expected 3");
    refuse(at, all + facts + "--mean 1,2,3", "--sd: number of values is 0, expected 3");
    refuse(at, all + facts + "--sd 1,2,3", "--mean: number of values is 0, expected 3");
    refuse(at, all + "--window 32 --rate 50 --channels x,y --labels a,b,c,d",
           "--architecture: numbers of channels and classes are 3 and 4, expected 2 and 4");
    write(at / "bad.map", "features.* = backbone\n");
    refuse(at, "--torch w.safetensors --architecture net.json --map bad.map" + facts, "bad.map: line 1: rule is");
    refuse(at, "--torch w.safetensors --architecture net.json --map none.map" + facts, "none.map", 6);
    write(at / "bad.json", "{}");
    refuse(at, "--torch w.safetensors --architecture bad.json" + facts, "bad.json: ", 4);
    refuse(at, "--torch net.json" + network + facts, "safetensors: net.json: ", 4);
    refuse(at, "--torch none.safetensors" + network + facts, "none.safetensors", 6);
    const float nan[1] = {std::nanf("")};
    auto c = model::preset("har_nano");
    c.backbone.channels = 3;
    c.classes = 4;
    c.head = model::linear_head{};
    model::network<float> net(c, generator(5));
    net.backbone.stem.norm.weight.value[3] = nan[0];
    model::save_state_dict((at / "nan.safetensors").string(), net);
    refuse(at, "--torch nan.safetensors --preset har_nano" + facts,
           "nan.safetensors: model::load_state_dict: tensor \"backbone.stem.norm.weight\" has infinity or NaN", 4);

    CHECK(run(at, "import --out . " + all + facts).code == 2);
    CHECK(run(at, "import --out nowhere/m.safetensors " + all + facts).code == 6);
    write(at / "m.safetensors", "mine");
    const auto kept = run(at, "import --out m.safetensors " + all + facts);
    CHECK(kept.code == 2);
    CHECK_MESSAGE(has(kept.err, "--out: file m.safetensors exists"), kept.err);
    CHECK(contents(at / "m.safetensors") == "mine");
    CHECK(run(at, "import --force --out m.safetensors " + all + facts).code == 0);
    CHECK(contents(at / "m.safetensors") != "mine");
}
