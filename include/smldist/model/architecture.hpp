// SPDX-License-Identifier: BSD-3-Clause
/// The configuration of a network as JSON, the `architecture` of its model file, and how much a network of it holds.
#ifndef SMLDIST_MODEL_ARCHITECTURE_HPP
#define SMLDIST_MODEL_ARCHITECTURE_HPP

#include <algorithm>
#include <cmath>
#include <variant>

#include "smldist/io/json.hpp"
#include "smldist/model/network.hpp"

namespace smldist::model {
SMLDIST_NAMESPACE_BEGIN

/// The configuration as the `architecture` of a model file.
[[nodiscard]] SMLDIST_FUNCTION io::json to_json(const network_config& c);

/// The inverse of to_json; reads files of version 0.1 too.
/// Throws     data_error for a missing or wrong member, an unknown type or a value out of range.
SMLDIST_FUNCTION network_config config_from_json(const io::json& j);

/// Calls f(n) for the tensors, parameters and buffers, of a network of this configuration: n elements each, known before
/// anything is allocated. In double, which no product of untrusted widths overflows.
template <class F> void for_each_size(const network_config& c, F&& f) {
    const backbone_config& b = c.backbone;
    const auto conv_norm = [&f, images = b.axes() == 2](double in, double out, double k) {
        f(in * out * (images ? k * k : k));
        for (int i = 0; i < 4; ++i) f(out);
    };
    conv_norm(double(b.channels), double(b.stem_width()), 3);
    double in = double(b.stem_width());
    for (const row& r : b.rows) {
        const double e = double(b.expanded_width(r)), o = double(b.out_width(r));
        if (e != in || b.form.always_expand) conv_norm(in, e, 1);
        conv_norm(1, e, double(r.kernel_size));
        conv_norm(e, o, 1);
        if (const double q = r.se ? double(b.squeezed_width(r)) : 0; q > 0) {
            f(e * q), f(q * e);
            if (b.form.se_bias) f(q), f(e);
        }
        in = o;
    }
    conv_norm(in, double(b.tail), 1);
    const double D = double(c.feature_width()), N = double(c.classes);
    if (c.projected > 0) {
        const double narrow = std::max(1.0, std::floor(D / 2));
        conv_norm(double(b.tail), narrow, 1);
        conv_norm(narrow, narrow, 1);
        conv_norm(narrow, D, 1);
    }
    for (const head_config& head : c.heads()) std::visit([&](const auto& h) { h.sizes(D, N, f); }, head);
    if (!c.candidates.empty()) f(double(c.candidates.size()));
}

/// Elements that a network of this configuration holds.
[[nodiscard]] SMLDIST_FUNCTION double element_count(const network_config& c);

SMLDIST_NAMESPACE_END
} // namespace smldist::model

#if SMLDIST_TRAIN_BODIES
#include "smldist/model/architecture.ipp"
#endif

#endif
