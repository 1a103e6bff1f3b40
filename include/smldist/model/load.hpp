// SPDX-License-Identifier: BSD-3-Clause
/// Saving a model::network as a model file, and rebuilding it from one. model/file.hpp does it for any other network.
#ifndef SMLDIST_MODEL_LOAD_HPP
#define SMLDIST_MODEL_LOAD_HPP

#include <string>
#include <utility>

#include "smldist/model/architecture.hpp"
#include "smldist/model/file.hpp"
#include "smldist/model/network.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

/// The graph of a network for windows of so many samples, which of images are height times width.
template <class T, std::size_t Axes>
[[nodiscard]] graph trace(const basic_network<T, Axes>& net, std::size_t length, std::size_t batch = 1) {
    return smldist::trace(net, {batch, length, net.config.backbone.channels});
}

/// A network with what its file says of it.
template <class T, std::size_t Axes> struct basic_loaded {
    basic_network<T, Axes> net;
    io::model_facts facts;
};
template <class T, std::size_t Axes = 1> basic_loaded<T, Axes> load(io::bundle b);

/// The bytes of a model file, as to_bytes of model/file.hpp makes them of other networks; the architecture is filled here
/// too.
/// Throws     shape_error or usage_error when the facts do not fit the network, data_error as load: a weight or a logit of
///            the self-test that is not finite, a window, hop or rate of 0, reversed bounds, options out of range.
template <class T, std::size_t Axes>
io::byte_vector to_bytes(const basic_network<T, Axes>& net, const io::model_facts& facts,
                         const tensor<float>& window) {
    const std::size_t C = net.config.backbone.channels;
    if (facts.labels.size() != net.config.classes || facts.channels.size() != C)
        raise<usage_error>("model::to_bytes", "numbers of labels and channel names are ", facts.labels.size(),
                           " and ", facts.channels.size(), ", expected ", net.config.classes, " and ", C);
    io::byte_vector bytes = detail::unchecked_bytes<T>(net, facts, to_json(net.config), window);
    load<T, Axes>(io::read_bundle(io::byte_vector(bytes), io::load_options::unbounded()));
    return bytes;
}

/// Writes a model file: complete or not at all; an existing file is intact after an error.
/// Throws     io_error, and as to_bytes.
template <class T, std::size_t Axes>
void save(const std::string& path, const basic_network<T, Axes>& net, const io::model_facts& facts,
          const tensor<float>& window) {
    io::write_file_atomically(path, to_bytes(net, facts, window));
}

namespace detail {
/// Memory of a network of this configuration, whose elements are known to be few enough.
template <class T> std::size_t weight_bytes(const network_config& c) {
    std::size_t bytes = 0;
    for_each_size(c, [&](double n) { bytes += memory::footprint(static_cast<std::size_t>(n) * sizeof(T)); });
    return bytes;
}
} // namespace detail

/// Rebuilds a network from a model file and re-runs its self-test: load<T> a network of windows, load<T, 2> one of images.
///
/// Any bytes give a model or a typed error, within the memory and work of io::load_options; in double, both may be twice as
/// much.
/// Throws     data_error naming what is wrong: container, facts, images in place of windows or the reverse, a tensor that is
///            missing, left over or of another shape, labels out of range, logits of the self-test that differ by more than
///            io::selftest_tolerance says, more memory or work than the options allow.
template <class T, std::size_t Axes> basic_loaded<T, Axes> load(io::bundle b) {
    const network_config c = config_from_json(b.facts.architecture);
    if (c.backbone.axes() != Axes)
        raise<data_error>("model file", "architecture is of ", Axes == 1 ? "images" : "windows", ", expected ",
                          Axes == 1 ? "windows; load<T, 2> reads images" : "images; load<T> reads windows");
    if (b.facts.labels.size() != c.classes || b.facts.channels.size() != c.backbone.channels)
        raise<data_error>("model file", "numbers of labels and channels are ", b.facts.labels.size(), " and ",
                          b.facts.channels.size(), ", expected ", c.classes, " and ", c.backbone.channels);
    double elements = 0;
    for (const auto& t : b.file.tensors()) elements += double(t.extents.size());
    if (element_count(c) > elements)
        raise<data_error>("model file", "architecture needs ", element_count(c), " numbers, the file has ", elements);
    if constexpr (sizeof(T) > sizeof(float)) b.room.widen(sizeof(T) / sizeof(float));
    b.room.take(detail::weight_bytes<T>(c), "its weights");
    basic_loaded<T, Axes> out{basic_network<T, Axes>(c, generator(0)), {}};
    if (auto* m = out.net.memory();
        m && b.file.find("memory.log_mass")) // of a memory whose patterns represent several
        m->log_mass.value = tensor<T>(m->labels.shape());
    out.facts = detail::fill<T>(out.net, std::move(b));
    return out;
}

/// The same from a file on disk. Throws io_error when it cannot be read; data_error names the path.
template <class T, std::size_t Axes = 1>
basic_loaded<T, Axes> load(const std::string& path, io::load_options limits = {}) {
    io::byte_vector bytes = io::read_file(path);
    return detail::naming_file(path, [&] { return load<T, Axes>(io::read_bundle(std::move(bytes), limits)); });
}

SMLDIST_NAMESPACE_END
} // namespace smldist::model

#endif
