// SPDX-License-Identifier: BSD-3-Clause
#include "smldist/model/state_dict.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "model/small.hpp"
#include "smldist/model/load.hpp"
#include "smldist/nn/linear.hpp"
#include "smldist/nn/norm.hpp"

using namespace smldist;

namespace {

using model::state_dict_options;

std::vector<io::tensor_view> reference() {
    static const auto file = io::safetensors_file::load(SMLDIST_REFERENCE_DIR "/torch.safetensors");
    return file.tensors();
}

/// The tensors of the reference whose names begin so, as a file of their own, without that beginning.
io::safetensors_file part(const std::string& prefix) {
    std::vector<io::tensor_view> tensors;
    for (auto t : reference())
        if (t.name.starts_with(prefix)) {
            t.name = t.name.substr(prefix.size());
            tensors.push_back(t);
        }
    return io::safetensors_file::parse(io::write_safetensors(tensors));
}

template <class T> tensor<T> array(const std::string& name) {
    for (const auto& t : reference())
        if (t.name == name) {
            tensor<T> x(t.extents);
            io::copy_to(t, x.data(), x.size());
            return x;
        }
    FAIL("no array ", name);
    return {};
}

io::safetensors_file file_of(const std::vector<io::tensor_view>& tensors) {
    return io::safetensors_file::parse(io::write_safetensors(tensors));
}
template <class M> io::safetensors_file file_of_net(const M& net, const std::vector<model::name_rule>& names = {}) {
    return io::safetensors_file::parse(model::state_dict_bytes(net, names));
}

/// The network of make_torch.py.
model::network_config config() {
    auto c = model::preset("har_nano");
    c.preset.clear();
    c.backbone.rows = {model::parse_row("3,16,16,SE,RE,2,A"), model::parse_row("5,24,16,-,HS,2,A")};
    c.backbone.tail = 24;
    c.backbone.channels = 3;
    c.classes = 4;
    c.head = model::linear_head{};
    return c;
}
const std::vector<model::name_rule> names{{"features.*", "backbone.*"}, {"classifier.*", "intuition.*"}};

template <class M> std::string bits(const M& net) {
    std::string all;
    walk(net, [&](const std::string& path, const auto& leaf) {
        all += path;
        all.append(reinterpret_cast<const char*>(leaf.value.data()), leaf.value.size() * sizeof(*leaf.value.data()));
    });
    return all;
}

/// load_state_dict throws an E with that message, and the network is as before.
template <class E, class M>
void refuse(M& net, const io::safetensors_file& file, const state_dict_options& o, const std::string& what) {
    const std::string before = bits(net);
    CHECK_THROWS_WITH_AS(model::load_state_dict(net, file, o), what.c_str(), E);
    CHECK(bits(net) == before);
}

nn::linear<float> layer(std::size_t in = 2, std::size_t out = 3) {
    generator g(1);
    return {in, out, g};
}

/// A parameter whose path is its name.
struct named {
    std::string name;
    parameter<float> p;
    static void visit(auto& self, auto&& member) { member(self.name, self.p); }
};

const float numbers[24] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

} // namespace

TEST_CASE_TEMPLATE("state_dict: weights of PyTorch in every float type give PyTorch's logits", T, float, double) {
    const auto x = array<T>("input");
    for (const std::string type : {"f32", "f16", "bf16"}) {
        CAPTURE(type);
        model::network<T> net(config(), generator(3));
        const auto report = model::load_state_dict(net, part(type + "/"), {.names = names});
        CHECK(report.complete());
        std::size_t leaves = 0;
        for_each_leaf(net, [&](const auto&) { ++leaves; });
        CHECK(report.loaded.size() == leaves);
        const auto got = net(x).logits, want = array<T>(type + ".logits");
        REQUIRE(got.shape() == want.shape());
        for (std::size_t i = 0; i < got.size(); ++i)
            CHECK(std::abs(double(got[i]) - double(want[i])) < (sizeof(T) == 8 ? 1e-12 : 1e-5));
    }
}

TEST_CASE("state_dict: a network is read back bit for bit, through other names too") {
    const model::network<float> net(config(), generator(1));
    model::network<float> back(config(), generator(2));
    REQUIRE(bits(net) != bits(back));
    CHECK(model::load_state_dict(back, file_of_net(net)).complete());
    CHECK(bits(back) == bits(net));

    const auto renamed = file_of_net(net, names);
    CHECK(renamed.metadata().at("format") == "pt");
    CHECK(renamed.find("features.stem.conv.weight") != nullptr);
    CHECK(renamed.find("classifier.bias") != nullptr);
    CHECK(renamed.find("backbone.stem.conv.weight") == nullptr);
    model::network<float> third(config(), generator(3));
    CHECK(model::load_state_dict(third, renamed, {.names = names}).complete());
    CHECK(bits(third) == bits(net));

    // int32 buffers of a memory, double, and a model file.
    const model::network<float> with_memory(small(), generator(4));
    model::network<double> wide(small(), generator(5));
    CHECK(model::load_state_dict(wide, file_of_net(with_memory)).complete());
    CHECK(wide.memory()->keys.value[3] == double(with_memory.memory()->keys.value[3]));
    model::network<float> narrow(small(), generator(6));
    const auto file =
        io::safetensors_file::parse(model::to_bytes(with_memory, facts(), tensor<float>(shape{1, 32, 3})));
    REQUIRE(file.find("selftest.input") != nullptr);
    CHECK(model::load_state_dict(narrow, file).complete());
    CHECK(bits(narrow) == bits(with_memory));
}

TEST_CASE("state_dict: files on disk are written and read, and errors name them") {
    const auto path = (std::filesystem::temp_directory_path() / "smldist-state-dict.safetensors").string();
    const auto net = layer();
    model::save_state_dict(path, net);
    auto back = layer();
    back.weight.value[0] = 9;
    CHECK(model::load_state_dict(back, path).complete());
    CHECK(bits(back) == bits(net));
    auto other = layer(4);
    try {
        model::load_state_dict(other, path);
        FAIL("expected a data_error");
    } catch (const data_error& e) {
        CHECK(std::string(e.what()) ==
              path + ": model::load_state_dict: file does not fit, expected the names and " +
                  "shapes of the network: of another shape (1): weight is (3, 2), expected " + "(3, 4)");
    }
    std::filesystem::remove(path);
    CHECK_THROWS_AS(model::load_state_dict(back, path), io_error);
    CHECK_THROWS_AS(model::save_state_dict("/nowhere/x.safetensors", net), io_error);
}

TEST_CASE("state_dict: a file that does not fit is refused with its names; without strict what fits is taken") {
    auto net = layer();
    const auto file = file_of({io::view_of("weight", {3, 2}, numbers), io::view_of("bias", {2}, numbers),
                               io::view_of("extra", {2}, numbers), io::view_of("gain\n", {1}, numbers)});
    refuse<data_error>(net, file, {},
                       "model::load_state_dict: file does not fit, expected the names and shapes of the network: "
                       "unexpected (2): extra, gain\\x0A; of another shape (1): bias is (2), expected (3)");
    const auto bias = net.bias.value;
    const auto report = model::load_state_dict(net, file, {.strict = false});
    CHECK(net.weight.value[5] == 6);
    CHECK(identical(net.bias.value, bias));
    REQUIRE(report.loaded.size() == 1);
    CHECK(report.loaded[0].path == "weight");
    CHECK(report.loaded[0].type == io::dtype::f32);
    CHECK(report.missing.empty());
    CHECK(report.unexpected == std::vector<std::string>{"extra", "gain\n"});
    REQUIRE(report.mismatched.size() == 1);
    CHECK(report.mismatched[0].extents == shape{2});
    CHECK(report.mismatched[0].wanted == shape{3});
    CHECK_FALSE(report.complete());

    refuse<data_error>(net, file_of({io::view_of("bias", {3}, numbers)}), {},
                       "model::load_state_dict: file does not fit, expected the names and shapes of the network: "
                       "missing (1): weight");
    // Many names: some of them, and the number of the rest.
    model::state_dict_report many;
    for (int i = 0; i < 12; ++i) many.missing.push_back("p" + std::to_string(i));
    CHECK(text(many) == "missing (12): p0, p1, p2, p3, p4, p5, p6, p7 and 4 more");
    CHECK(text(many, 1) == "missing (12): p0 and 11 more");
    CHECK(text(model::state_dict_report()) == "");
}

TEST_CASE("state_dict: the batch counters of PyTorch are left out; what is ignored can be chosen") {
    nn::batch_norm<float> norm(2);
    const std::int64_t count[1] = {100};
    std::vector<io::tensor_view> tensors;
    for (const char* name : {"weight", "bias", "running_mean", "running_var"})
        tensors.push_back(io::view_of(name, {2}, numbers));
    tensors.push_back(io::view_of("num_batches_tracked", {}, count));
    CHECK(model::load_state_dict(norm, file_of(tensors)).complete());
    CHECK(norm.running_var.value[1] == 2);
    refuse<data_error>(norm, file_of(tensors), {.ignore = {}},
                       "model::load_state_dict: file does not fit, expected the names and shapes of the network: "
                       "unexpected (1): num_batches_tracked");
    tensors.back().name = "old.head.weight";
    CHECK(model::load_state_dict(norm, file_of(tensors), {.ignore = {"old.*"}}).complete());
    CHECK(model::load_state_dict(norm, file_of(tensors), {.names = {{"old.*", ""}}}).complete());
}

TEST_CASE("state_dict: values that the network cannot hold are refused, strict or not") {
    auto net = layer();
    float infinite[6] = {1, 2, std::numeric_limits<float>::infinity()};
    double large[6] = {1, 1e300};
    const std::uint16_t f16[3] = {0x3C00, 0x7E00, 0}; // 1, NaN, 0
    for (const bool strict : {true, false}) {
        refuse<data_error>(net, file_of({io::view_of("weight", {3, 2}, infinite), io::view_of("bias", {3}, numbers)}),
                           {.strict = strict},
                           "model::load_state_dict: tensor \"weight\" has infinity or NaN, expected finite numbers");
        refuse<data_error>(net,
                           file_of({io::view_of("weight", {3, 2}, numbers),
                                    {"bias", io::dtype::f16, {3}, std::as_bytes(std::span(f16))}}),
                           {.strict = strict},
                           "model::load_state_dict: tensor \"bias\" has infinity or NaN, expected finite numbers");
        refuse<data_error>(net, file_of({io::view_of("weight", {3, 2}, large), io::view_of("bias", {3}, numbers)}),
                           {.strict = strict},
                           "safetensors: tensor \"weight\" has dtype F64 and shape (3, 2), expected values that fit "
                           "the type they are read as");
    }
    // What is not taken may hold anything; integers become floats.
    const std::int64_t whole[3] = {7, 8, 9};
    const auto report = model::load_state_dict(
        net, file_of({io::view_of("other", {3, 2}, infinite), io::view_of("bias", {3}, whole)}), {.strict = false});
    CHECK(report.loaded.size() == 1);
    CHECK(net.bias.value[2] == 9);
}

TEST_CASE("state_dict: rules of names") {
    using rules = std::vector<model::name_rule>;
    CHECK(model::parse_name_rules("") == rules{});
    CHECK(model::parse_name_rules("# map\n\n a.* =\tb.* # why\r\nx = y\nold.* =") ==
          rules{{"a.*", "b.*"}, {"x", "y"}, {"old.*", ""}});
    CHECK_THROWS_WITH_AS(model::parse_name_rules("a = b\nno rule"),
                         "line 2: rule is \"no rule\", expected \"name = path\"", usage_error);
    CHECK_THROWS_WITH_AS(model::parse_name_rules("a.*.* = b.*"),
                         "line 1: rule is \"a.*.* = b.*\", expected a name and as many * in the path as in the name",
                         usage_error);
    CHECK_THROWS_WITH_AS(model::parse_name_rules("= b"),
                         "line 1: rule is \" = b\", expected a name and as many * in the path as in the name",
                         usage_error);

    // What the name of a tensor becomes: it is loaded into a layer whose weight has that path.
    const auto fits = [](const std::string& name, const rules& r, const std::string& path) {
        named net{path, {}};
        net.p.value = tensor<float>(shape{1});
        const auto report =
            model::load_state_dict(net, file_of({io::view_of(name, {1}, numbers)}), {.strict = false, .names = r});
        return report.loaded.size() == 1;
    };
    CHECK(fits("a", {}, "a"));
    CHECK(fits("layers.0.weight", {{"layers.*.weight", "blocks.*.w"}}, "blocks.0.w"));
    CHECK(fits("l.10.c.0.x", {{"l.*.c.*.x", "b.*.*"}}, "b.10.0"));
    CHECK(fits("a.b.c", {{"*.*", "*/*"}}, "a/b.c")); // the first * is as short as can be
    CHECK(fits("aab", {{"a*b", "*"}}, "a"));
    CHECK(fits("abbb", {{"*b", "*"}}, "abb"));
    CHECK(fits("xyz", {{"**", "*-*"}}, "x-yz"));
    CHECK(fits("a.w", {{"a.*", "first.*"}, {"a.w", "second"}}, "first.w"));
    CHECK(fits("b.w", {{"a.*", "first.*"}}, "b.w"));
    CHECK(fits("module.w", {{"module.*", "*"}}, "w"));
    CHECK(fits("ab", {{"ab*", "x*"}}, "ab")); // a * stands for at least one character
    CHECK(fits("ab", {{"*ab", "x*"}}, "ab"));
    CHECK(fits("ab", {{"a*b", "x*"}}, "ab"));
    CHECK(fits("ab", {{"***", "***!"}}, "ab"));
    CHECK(fits("a.x.b", {{"a.*.x.b", "*"}}, "a.x.b"));

    auto net = layer();
    const auto file = file_of({io::view_of("weight", {3, 2}, numbers), io::view_of("w", {3, 2}, numbers),
                               io::view_of("bias", {3}, numbers)});
    refuse<usage_error>(
        net, file, {.strict = false, .names = {{"w", "weight"}}},
        "model::load_state_dict: \"w\" and \"weight\" both become \"weight\", expected rules that keep "
        "them apart");
    refuse<usage_error>(
        net, file, {.names = {{"w*", "weight"}}},
        "model::load_state_dict: rule is \"w* = weight\", expected a name and as many * in the path as "
        "in the name");
    CHECK_THROWS_WITH_AS(
        model::state_dict_bytes(net, {{"weight", "bias"}}),
        "model::save_state_dict: \"weight\" and \"bias\" both become \"weight\", expected rules that "
        "keep them apart",
        usage_error);
    CHECK_THROWS_AS(model::state_dict_bytes(net, {{"*", "bias"}}), usage_error);
}

TEST_CASE("state_dict: frozen modules take weights and stay frozen") {
    model::network<float> net(config(), generator(1));
    freeze(net.backbone);
    model::load_state_dict(net, part("f32/"), {.names = names});
    CHECK(is_frozen(net.backbone));
    CHECK_FALSE(is_frozen(net));
}
