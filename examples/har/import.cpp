// SPDX-License-Identifier: BSD-3-Clause
/// import: a model file of weights that were trained in PyTorch.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"
#include "model_file.hpp"
#include "networks.hpp"
#include "output_file.hpp"
#include "smldist/core/printable.hpp"
#include "smldist/model/state_dict.hpp"

namespace har {

using namespace smldist;

namespace {

/// What the options say about windows. Throws usage_error for what is missing or does not fit together.
io::model_facts facts_of(const options& o) {
    io::model_facts f = o.facts;
    const std::size_t C = f.channels.size();
    if (f.window == 0) raise<usage_error>("--window", "value is 0, expected the number of samples in a window");
    if (!(f.rate_hz > 0)) raise<usage_error>("--rate", "value is 0, expected the sampling rate in Hz");
    if (C == 0) raise<usage_error>("--channels", "number of names is 0, expected one for each channel");
    if (f.labels.size() < 2)
        raise<usage_error>("--labels", "number of names is ", f.labels.size(),
                           ", expected one for each class, at least 2");
    const auto one_each = [C](const char* option, std::size_t n) {
        if (n != C) raise<usage_error>(option, "number of values is ", n, ", expected ", C, ", one for each channel");
    };
    if (!f.units.empty()) one_each("--units", f.units.size());
    if (f.hop == 0) f.hop = std::max<std::size_t>(1, f.window / 2);
    if (o.mean.empty() && o.sd.empty()) return f;
    one_each("--mean", o.mean.size());
    one_each("--sd", o.sd.size());
    f.normaliser.kind = normaliser_kind::zscore;
    for (std::size_t c = 0; c < C; ++c) {
        f.normaliser.offset.push_back(static_cast<float>(o.mean[c]));
        f.normaliser.scale.push_back(static_cast<float>(1 / o.sd[c]));
    }
    return f;
}

std::string text_in(const std::string& path) {
    const auto bytes = io::read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<model::name_rule> rules_in(const std::string& path) {
    if (path.empty()) return {};
    try {
        return model::parse_name_rules(text_in(path));
    } catch (const usage_error& e) { throw usage_error(path + ": " + e.what()); }
}

model::network_config network_of(const options& o, const io::model_facts& f) {
    const std::size_t C = f.channels.size(), N = f.labels.size();
    if (o.architecture.empty()) return architecture(o, o.preset, C, N);
    const auto c = naming_model(o.architecture,
                                [&] { return model::config_from_json(io::json::parse(text_in(o.architecture))); });
    if (c.backbone.channels != C || c.classes != N)
        raise<usage_error>("--architecture", "numbers of channels and classes are ", c.backbone.channels, " and ",
                           c.classes, ", expected ", C, " and ", N, ", those of --channels and --labels");
    return c;
}

/// A line for each name.
void list(const model::state_dict_report& r) {
    const auto line = [](const char* what, const std::string& names, const std::string& form) {
        std::printf("%-13s %s%s%s\n", what, printable(names).c_str(), form.empty() ? "" : "  ", form.c_str());
    };
    for (const auto& e : r.loaded)
        line("loaded", e.name == e.path ? e.path : e.name + " = " + e.path,
             std::string(io::name_of(e.type)) + " " + e.extents.text());
    for (const auto& path : r.missing) line("missing", path, "");
    for (const auto& name : r.unexpected) line("unexpected", name, "");
    for (const auto& e : r.mismatched)
        line("another shape", e.name == e.path ? e.path : e.name + " = " + e.path,
             e.extents.text() + ", expected " + e.wanted.text());
}

/// The self-test's array of that name in the file. Throws data_error for another shape; zeros where there is none.
tensor<float> array_of(const io::safetensors_file& file, std::string_view name, const shape& s) {
    tensor<float> x(s);
    const io::tensor_view* t = file.find(name);
    if (!t) return x;
    if (!(t->extents == s))
        raise<data_error>(name, "shape is ", t->extents.text(), ", expected ", s.text(),
                          ", one window and the numbers of its samples and channels, or one row of logits");
    io::copy_to(*t, x.data(), x.size());
    return x;
}

/// Throws data_error unless the network gives the logits in the file, if there are any.
void check_logits(const model::network<float>& net, const io::model_facts& f, const tensor<float>& window,
                  const io::safetensors_file& file) {
    if (!file.find(io::selftest_output)) return;
    const auto wanted = array_of(file, io::selftest_output, {1, f.labels.size()});
    const auto got = model::raw_logits<float>(net, f.normaliser, window);
    float largest = 1;
    for (const float v : wanted) largest = std::max(largest, std::abs(v));
    for (std::size_t n = 0; n < got.size(); ++n)
        if (!(std::abs(double(got[n]) - double(wanted[n])) <= io::selftest_tolerance * double(largest)))
            raise<data_error>(io::selftest_output, "the network gives logit ", n, " as ", got[n], ", expected ",
                              wanted[n],
                              ": layers, their order, --mean or --sd are not those of the PyTorch network");
}

} // namespace

void import_weights(const options& o) {
    check_output_file(o.out, o.force);
    const io::model_facts facts = facts_of(o);
    model::state_dict_options names;
    names.names = rules_in(o.map);
    names.strict = false; // all is listed first
    model::network<float> net(network_of(o, facts), generator(o.seed));
    const auto file = as_model(o.torch, [](const std::string& path) { return io::safetensors_file::load(path); });
    const auto report = naming_model(o.torch, [&] {
        auto r = model::load_state_dict(net, file, names);
        list(r);
        if (!r.complete()) raise<data_error>("import", "file does not fit the network: ", text(r));
        const auto window = array_of(file, io::selftest_input, {1, facts.window, facts.channels.size()});
        check_logits(net, facts, window, file);
        io::write_file_atomically(o.out, model::to_bytes(net, facts, window));
        return r;
    });
    const std::size_t parameters = parameter_count(net);
    std::printf("wrote %s: %zu tensors, %zu parameters\n", printable(o.out).c_str(), report.loaded.size(),
                parameters);
    if (!o.json) return;
    io::json j;
    j.set("file", o.out);
    j.set("tensors", report.loaded.size());
    j.set("parameters", parameters);
    j.set("macs", model::trace(net, facts.window).macs());
    std::printf("%s\n", j.dump().c_str());
}

} // namespace har
