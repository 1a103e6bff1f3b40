// SPDX-License-Identifier: BSD-3-Clause
// What a model file may make the reader allocate and compute.
#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "io/forged.hpp"
#include "io/memory_limit.hpp"
#include "load_check.hpp"

using namespace smldist;

namespace {

/// A file of this configuration with a self-test of `window` samples, whose logits are zeros.
io::byte_vector with_window(model::network_config c, std::size_t window) {
    c.backbone.channels = 1;
    c.classes = 3;
    c.head = heads::linear;
    const model::network<float> net(c, generator(1));
    io::model_facts f;
    f.window = 8;
    f.hop = 1;
    f.rate_hz = 50;
    f.channels = {"x"};
    f.labels = {"a", "b", "c"};
    const auto b = io::read_bundle(model::to_bytes(net, f, tensor<float>(shape{1, 8, 1})));
    f.architecture = b.facts.architecture;
    f.graph = b.facts.graph;
    f.window = window;
    const std::vector<float> zeros(window);
    auto tensors = b.file.tensors();
    for (auto& t : tensors)
        if (t.name == io::selftest_input) t = io::view_of(t.name, {1, window, 1}, zeros.data());
    return io::write_bundle(f, tensors);
}

model::network_config one_row(std::size_t stem, const char* row) {
    model::network_config c;
    c.backbone.stem = stem;
    c.backbone.rows = {model::parse_row(row)};
    c.backbone.tail = 4;
    return c;
}

void refuse_within_promise(const std::string& name, const io::byte_vector& bytes, const std::string& what) {
    ::refuse_within_promise(name, bytes, what,
                            [](io::byte_vector b) { model::load<float>(io::read_bundle(std::move(b))); });
}

} // namespace

TEST_CASE("load: a self-test that needs much more memory or work than the file is refused before it runs") {
    refuse_within_promise("wide", with_window(one_row(4000, "1,4000,4,-,RE,1"), 20'000), "work with its self-test");
    refuse_within_promise("wider", with_window(one_row(10'000, "1,10000,4,-,RE,1"), 100'000),
                          "work with its self-test");
    // Little work, but values of 8 MB each.
    refuse_within_promise("long", with_window(one_row(128, "1,128,1,-,RE,1"), 32'768), "the values of its self-test");
    forged_graph g(8);
    refuse_within_promise("another graph", g.file(g.logits(0)), "\"type\" is missing");
    const auto frozen = [](std::size_t n, std::size_t length) {
        return forged([&](io::model_facts& f, auto&) {
            io::json::array names;
            for (std::size_t i = 0; i < n; ++i)
                names.emplace_back(std::string(length - std::to_string(i).size(), '0') + std::to_string(i));
            f.architecture.set("frozen", std::move(names));
        });
    };
    refuse_within_promise("many frozen modules", frozen(90'000, 17), "frozen module");
    refuse_within_promise("long names of frozen modules", frozen(2, std::size_t(7) << 20), "frozen module");
}

TEST_CASE("load: presets and long windows fit the default limit; an option raises it") {
    for (const auto& [name, length] :
         {std::pair("har_teacher", 4096), {"har_student", 8192}, {"mobilenet_v3_large", 512}}) {
        const std::string preset = name;
        CAPTURE(preset);
        auto c = model::preset(preset);
        c.backbone.channels = 3;
        c.classes = 4;
        const model::network<float> net(c, generator(1));
        auto f = facts();
        f.window = static_cast<std::size_t>(length);
        const auto bytes = model::to_bytes(net, f, tensor<float>(shape{1, f.window, 3}));
        memory::trim();
        const cost taken = measured([&] {
            const auto back = model::load<float>(io::read_bundle(io::byte_vector(bytes)));
            return identical(back.net.head<nn::linear<float>>()->weight.value,
                             net.head<nn::linear<float>>()->weight.value);
        });
        CHECK(taken.end == ending::as_wanted);
        CHECK_MESSAGE(keeps_promise(taken, 2 * bytes.size()), taken.seconds, " s, ", taken.bytes >> 10, " KiB");
        // In double the weights take twice as much.
        CHECK(model::load<double>(io::read_bundle(io::byte_vector(bytes))).net.config.preset == preset);
    }
    auto f = facts();
    f.window = 32'768;
    const auto path = (std::filesystem::temp_directory_path() / "smldist-load-long.safetensors").string();
    auto c = one_row(128, "1,128,1,-,RE,1");
    c.backbone.channels = 3;
    c.classes = 4;
    model::save(path, model::network<float>(c, generator(1)), f, tensor<float>(shape{1, f.window, 3}));
    memory::trim(); // blocks that the thread keeps would serve the self-test
    try {
        model::load<float>(path);
        FAIL("expected a data_error");
    } catch (const data_error& e) { CHECK(std::string(e.what()).starts_with(path + ": model file: memory with")); }
    CHECK(model::load<float>(path, {.memory = std::size_t(1) << 29}).facts.window == f.window);
    std::filesystem::remove(path);
}
